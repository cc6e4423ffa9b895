"""What of a load goes through another dialer's API, and what needs a database."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from jobs.load.request import LoadRequest
from loader.api.add_lead import OPTIONS
from loader.dialer import Dialer
from loader.errors import UsageError, missing_extra_error
from loader.fields.full_name import NAME_PAIRS
from loader.fields.lead import NEVER_LOADED, field_of_name
from loader.options.load import LoadOptions
from loader.options.throttle import PaceOptions

NEEDS_DATABASE = (
    "on_duplicate", "update_fields", "duplicate_statuses", "duplicate_scope_archive",
    "duplicate_compare", "ambiguous_tz", "unstorable", "new_lead_url", "connections",
    "read_connections",
)  # fmt: skip
"""Options of a load that add_lead has no parameter for, and that cannot be decided here."""

NO_LABELS = {*OPTIONS, *NEVER_LOADED, "pass", "function", "responsetype", "remove_from_hopper"}
"""Names that mean something else to add_lead than a custom field."""

LABEL = re.compile("[A-Za-z0-9_]+")


def refuse_without_api(request: LoadRequest) -> None:
    """Refuse options that only a database could serve.

    Raises:
        UsageError: some are given.
        ConfigurationError: what is needed to call is not installed.
    """
    options = request.options
    given = options.model_dump(exclude_defaults=True)
    found = [name for name in NEEDS_DATABASE if name in given]
    if options.dnc_alt_phones and {options.dnc_check, options.campaign_dnc_check} != {"N"}:
        found.append("dnc_alt_phones")
    found += request.pace.model_dump(exclude_defaults=True, include=set(PaceOptions.model_fields))
    if request.report.check_dialable:
        found.append("check_dialable")
    if found:
        raise UsageError(
            f"{', '.join(found)}: the API of another dialer has nothing of the kind; leave "
            f"{'it' if len(found) == 1 else 'them'} out, or load into a database"
        )
    try:
        import loader.remote.calls  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise missing_extra_error("--target", "remote", "httpx2") from None


def with_columns_as_labels(dialer: Dialer, options: LoadOptions, columns: Sequence[str]) -> Dialer:
    """Let columns that are no field's be custom fields: the other dialer knows which there are."""
    named = [*columns, *options.map, *options.default, *options.force]
    labels = [
        name
        for name in dict.fromkeys(named)
        if LABEL.fullmatch(name)
        and name not in NO_LABELS
        and name not in NAME_PAIRS
        and field_of_name(name) is None
    ]
    return replace(dialer, custom_labels=pd.Series(labels, dtype="str"))
