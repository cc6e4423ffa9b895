"""What somebody can choose: the lists and campaigns of the dialer that they may load into."""

from collections.abc import Sequence
from dataclasses import dataclass

from loader.database.connection import Database
from loader.dialer import Dialer
from loader.extras.custom_fields import labels_of
from loader.options.load import LoadOptions
from loader.queries.facts import read_dialer
from loader.queries.lists import read_lists

MOST_LISTS = 500
"""Lists that are proposed: those of the highest numbers."""


@dataclass(frozen=True)
class SiteChoices:
    """Lists, campaigns and custom fields."""

    lists: dict[str, str]
    """Names by list_id."""
    campaigns: dict[str, str]
    """Nothing more is said of them."""
    labels: Sequence[str]
    """Of custom fields, if the options load them."""


def read_choices(database: Database, options: LoadOptions) -> SiteChoices:
    """Read what the user of the options can choose.

    Raises:
        NotAllowedError: the user may not load.
        LoaderError: the database does not answer.
    """
    dialer = read_dialer(database, options)
    defined, allowed = {*dialer.lists.index}, dialer.permissions.lists
    ids = sorted(defined if allowed is None else defined & allowed, reverse=True)[:MOST_LISTS]
    found = read_lists(database, ids) or {}
    names = {str(list_id): found[list_id]["list_name"] for list_id in ids if list_id in found}
    return SiteChoices(names, _campaigns(dialer), sorted(labels_of(dialer)))


def _campaigns(dialer: Dialer) -> dict[str, str]:
    campaigns = dialer.campaigns
    return dict.fromkeys(sorted(campaigns["campaign_id"]), "") if len(campaigns) else {}
