"""The lists that the rows of a run go to, and a campaign that the dialer does not have."""

from collections.abc import Mapping

from loader.database.connection import Database
from loader.dialer import Dialer
from loader.errors import ConfigurationError, LoaderError
from loader.fields.mapping import ColumnMapping
from loader.options.load import LoadOptions
from loader.options.suggestion import did_you_mean
from loader.queries.lists import read_lists
from loader.results.summary import LoadedList

DNC_CHECKS = ("dnc_check", "campaign_dnc_check")
CHECKS = ("duplicate_check", *DNC_CHECKS)
"""What is said of a run if it is off."""


def checks_off(options: LoadOptions, *, has_database: bool) -> list[str]:
    """Name the checks that the options leave off, or that were not made without a database."""
    return [
        name
        for name in CHECKS
        if getattr(options, name) in {"", "N"} or (name in DNC_CHECKS and not has_database)
    ]


def names_no_list(options: LoadOptions, mapping: ColumnMapping) -> bool:
    """Say whether neither the options nor any column name a list, so that all rows go to 999."""
    named = {*mapping.fields, *options.default, *options.force}
    return not (options.list_id or options.force_list_id or "list_id" in named)


def refuse_unknown_campaign(options: LoadOptions, dialer: Dialer) -> None:
    """Refuse a campaign that the dialer does not have: its checks would find nothing.

    Raises:
        ConfigurationError: there are campaigns, and none of that name.
    """
    if options.one_form:
        return  # add_lead lets it stand
    known = [*dialer.campaigns["campaign_id"]] if "campaign_id" in dialer.campaigns else []
    names = {name.casefold() for name in known}
    for table in ({"campaign_id": options.campaign_id}, options.default, options.force):
        given = table.get("campaign_id", "")
        if given and names and given.casefold() not in names:
            raise ConfigurationError(
                f"campaign_id: the dialer has no campaign {given!r}{did_you_mean(given, known)}"
            )


def loaded_lists(leads: Mapping[str, int], database: Database | None) -> list[LoadedList]:
    """Describe the lists of loaded leads, that with the most leads first.

    Args:
        leads: how many, by list_id.
        database: the dialer's, if it may be asked.
    """
    found = None
    if database is not None:
        try:
            found = read_lists(database, [int(list_id) for list_id in leads])
        except LoaderError:
            found = None  # the leads are loaded; of their lists it is said that no more is known
    lists = []
    for list_id, count in sorted(leads.items(), key=lambda each: (-each[1], int(each[0]))):
        known = (found or {}).get(int(list_id), {})
        is_defined = None if found is None else int(list_id) in found
        lists.append(LoadedList(list_id=int(list_id), leads=count, is_defined=is_defined, **known))
    return lists
