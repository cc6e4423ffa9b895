"""What holds for a whole run and is not as one might expect, in words."""

import re
from collections.abc import Collection, Sequence

from loader.checks.defaults import Defaults
from loader.checks.time_zones import tz_methods, zone_remarks
from loader.dialer import Dialer
from loader.extras.custom_fields import labels_of
from loader.extras.hopper import priority
from loader.feeds.feed import Feed, feed_remarks
from loader.fields.lead import CUSTOM_PREFIX, WIDTHS, normalize_name, usual_names
from loader.fields.mapping import ColumnMapping
from loader.options.duplicate_check import Kind
from loader.options.load import LoadOptions

COMPARED = {
    Kind.TITLEALTPHONE: {"title", "alt_phone"},
    Kind.NAMEPHONE: {"first_name", "last_name"},
}
"""What the duplicate checks compare beside the number."""
SEARCHED = COMPARED | {Kind.PHONEALT: {"alt_phone"}}
"""What they search existing leads by, beside the number."""

STORED = (*WIDTHS, "gender", "date_of_birth", "rank", "entry_list_id")
"""The fields that are columns of every newer vicidial_list, and may be missing in an older one."""


def remarks(
    options: LoadOptions, dialer: Dialer, mapping: ColumnMapping, feeds: Sequence[Feed]
) -> list[str]:
    """Say it for a summary."""
    fields = Defaults(options, mapping.fields, labels_of(dialer)).fields
    said = feed_remarks(feeds)
    if not dialer.knows_leads:
        said.append(
            "without a database only the file itself was looked at" + checks_off_remark(options)
        )
    said += zone_remarks(options, dialer)
    if options.campaign_dnc_check != "N" and not campaign_is_named(options, mapping):
        said.append(
            "campaign_dnc_check without campaign_id looks only at numbers that are listed for no "
            "campaign"
        )
    if "callback" in fields and not campaign_is_named(options, mapping):
        said.append("callback without campaign_id schedules nothing")
    for kind in dict.fromkeys(check.kind for check in options.duplicate_checks):
        missing = sorted(COMPARED.get(kind, set()) - set(fields))
        if missing:
            said.append(
                f"DUP{kind.value} compares {' and '.join(missing)}, which no column of the file "
                "fills: empty equals empty"
            )
    said += lacking_fields(dialer, fields) + lacking_facts(options, dialer)
    said += (
        idle(options)
        + fallbacks(options, mapping)
        + alike(dialer, mapping)
        + custom_fields_remark(mapping)
    )
    return said + read_otherwise(options, fields)


def campaign_is_named(options: LoadOptions, mapping: ColumnMapping) -> bool:
    """Say whether rows can have a campaign."""
    return bool(options.campaign_id) or "campaign_id" in {
        *mapping.fields,
        *options.default,
        *options.force,
    }


def idle(options: LoadOptions) -> list[str]:
    """Name options that do nothing without another one."""
    needs = {"duplicate_check": (
        "duplicate_statuses", "duplicate_scope_archive", "on_duplicate", "keep",
    ), "feed": ("feed_max_age",)}  # fmt: skip
    defaults = LoadOptions()
    said = [
        f"{name} does nothing without {needed}"
        for needed, names in needs.items()
        for name in names
        if not getattr(options, needed) and getattr(options, name) != getattr(defaults, name)
    ]
    if options.update_fields == "all" and options.on_duplicate != "update":
        said.append("update_fields does nothing without on_duplicate update")
    return said


def fallbacks(options: LoadOptions, mapping: ColumnMapping) -> list[str]:
    """Name the fallbacks that can give no number."""
    missing = [name for name in options.invalid_phone_fallback if name not in mapping.fields]
    return [f"invalid_phone_fallback: no column of the file fills {name}" for name in missing]


def alike(dialer: Dialer, mapping: ColumnMapping) -> list[str]:
    """Name columns that were not loaded and are almost named as a custom field."""
    missing = [name for name in labels_of(dialer) if CUSTOM_PREFIX + name not in mapping.fields]
    labels = {normalize_name(name): name for name in missing}
    return [
        f"column {column!r} was not loaded; for the custom field say --map "
        f'{labels[normalize_name(column)]}="{column}"'
        for column in mapping.unmapped
        if normalize_name(column) in labels
    ]


def custom_fields_remark(mapping: ColumnMapping) -> list[str]:
    """Name columns that custom fields took, and that would have filled a field of the lead."""
    return [
        f"column {column!r} fills the custom field; for {field} too say --map {field}={column!r}"
        for name, column in mapping.fields.items()
        if name.startswith(CUSTOM_PREFIX)
        for field, names in usual_names().items()
        if field not in mapping.fields and normalize_name(column) in map(normalize_name, names)
    ]


def lacking_fields(dialer: Dialer, fields: Collection[str]) -> list[str]:
    """Name the fields that rows have and an older vicidial_list has no column for."""
    if not dialer.columns:
        return []
    missing = [name for name in fields if name in STORED and name not in dialer.columns]
    return [f"vicidial_list has no column {name}: it is not stored" for name in missing]


def lacking_facts(options: LoadOptions, dialer: Dialer) -> list[str]:
    """Name the columns that older small tables lack, where the options make them matter."""
    methods = tz_methods(options.tz_method)
    by_call_times = options.hopper_local_call_time_check == "Y"
    matters = {
        "vicidial_phone_codes.tz_code": "TZCODE" in methods,
        "vicidial_postal_codes": "POSTAL" in methods,
        "vicidial_nanpa_prefix_codes.GMT_offset": "NANPA" in methods,
        "vicidial_nanpa_prefix_codes.DST": "NANPA" in methods,
        "vicidial_users": not dialer.users.empty,
        "vicidial_campaigns.use_other_campaign_dnc": options.campaign_dnc_check != "N",
        "vicidial_campaigns.local_call_time": by_call_times,
        "vicidial_lists.local_call_time": by_call_times,
    }
    said = []
    for missing in dialer.missing:
        table, _, column = missing.partition(".")
        if matters.get(missing, matters.get(table, True)):
            so = "is not checked" if table == "vicidial_users" else "counts as empty"
            said.append(f"{table} has no column {column}: it {so}")
    return said


def read_otherwise(options: LoadOptions, fields: Collection[str]) -> list[str]:
    """Name values for the whole run that count as something else than they say."""
    said = [
        f"callback_type {given!r} counts as ANYONE"
        for given in _for_the_run("callback_type", options, fields)
        if given not in {"USERONLY", "ANYONE"}
    ]
    return said + [
        f"hopper_priority {given!r} counts as {priority(given)}"
        for given in _for_the_run("hopper_priority", options, fields)
        if not re.fullmatch("[+-]?0*[0-9]{1,2}", given)
    ]


def _for_the_run(name: str, options: LoadOptions, fields: Collection[str]) -> list[str]:
    """Give the values that rows of the run may get for a field, if they have the field."""
    given = (getattr(options, name), options.default.get(name), options.force.get(name))
    return [value for value in dict.fromkeys(given) if value and name in fields]


def checks_off_remark(options: LoadOptions) -> str:
    """Name the checks that were asked for and need a database."""
    names = (
        "list_exists_check", "usacan_areacode_check", "nanpa_ac_prefix_check", "dnc_check",
        "campaign_dnc_check", "custom_fields", "add_to_hopper", "callback", "lookup_state",
        "duplicate_scope_archive",
    )  # fmt: skip
    missing = [name for name in names if getattr(options, name) != "N"]
    return f"; not done: {', '.join(missing)}" if missing else ""
