"""Remarks of a summary: what holds for the whole run and may be unexpected."""

from collections.abc import Collection, Sequence

from loader.checks.defaults import Defaults
from loader.checks.time_zones import tz_methods, zone_remarks
from loader.dialer import ARCHIVE, LEADS, Dialer
from loader.extras.custom_fields import labels_of
from loader.feeds.feed import Feed, feed_remarks
from loader.fields.lead import CUSTOM_PREFIX, WIDTHS, normalize_name, usual_names
from loader.fields.mapping import ColumnMapping
from loader.options.duplicate_check import Kind
from loader.options.load import LoadOptions
from loader.queries.indexes import LookUp, of_load, without_index

COMPARED = {
    Kind.TITLEALTPHONE: {"title", "alt_phone"},
    Kind.NAMEPHONE: {"first_name", "last_name"},
}
"""The fields that duplicate checks compare in addition to the number."""
SEARCHED = COMPARED | {Kind.PHONEALT: {"alt_phone"}}
"""The columns by which they search existing leads, in addition to the number."""

STORED = (*WIDTHS, "gender", "date_of_birth", "rank", "entry_list_id")
"""Fields that are columns of every newer vicidial_list; an older one may lack some."""


def remarks(
    options: LoadOptions,
    dialer: Dialer,
    mapping: ColumnMapping,
    feeds: Sequence[Feed],
    *,
    sent_to: str = "",
) -> list[str]:
    """Give the remarks for a summary.

    `sent_to` is the dialer through whose API the rows go.
    """
    fields = Defaults(options, mapping.fields, labels_of(dialer)).fields
    found = feed_remarks(feeds)
    if sent_to:
        found.append(
            f"the rows go through the API of {sent_to}, whose answers decide about existing leads, "
            "do-not-call lists, time zones and what comes with a lead"
        )
    elif not dialer.knows_leads:
        found.append(
            "without a database only the file itself was looked at" + checks_off_remark(options)
        )
    found += zone_remarks(options, dialer)
    checks_campaigns = options.campaign_dnc_check != "N" and options.one_form
    if checks_campaigns and not campaign_is_named(options, mapping):
        found.append(
            "campaign_dnc_check without campaign_id looks only at numbers that are listed for no "
            "campaign"
        )
    if "callback" in fields and not campaign_is_named(options, mapping):
        found.append("callback without campaign_id schedules nothing")
    for kind in dict.fromkeys(check.kind for check in options.duplicate_checks):
        missing = sorted(COMPARED.get(kind, set()) - set(fields))
        if missing:
            found.append(
                f"DUP{kind.value} compares {' and '.join(missing)}, which no column of the file "
                "fills: empty equals empty"
            )
    found += lacking_fields(dialer, fields) + lacking_facts(options, dialer)
    found += lacking_indexes(options, dialer)
    found += without_effect(options) + unfilled_fallbacks(options, mapping)
    found += [
        f"{name}: the file has no column {column!r}, which is optional"
        for name, column in mapping.missing.items()
    ]
    found += similar_names(dialer, mapping) + custom_fields_remark(mapping)
    return found + proposals(mapping)


def campaign_is_named(options: LoadOptions, mapping: ColumnMapping) -> bool:
    """Say whether rows can have a campaign."""
    fields = {*mapping.fields, *options.default, *options.force}
    return bool(options.campaign_id) or "campaign_id" in fields


def without_effect(options: LoadOptions) -> list[str]:
    """Name options that have no effect without another one."""
    needs = {"duplicate_check": (
        "duplicate_statuses", "duplicate_scope_archive", "on_duplicate", "keep",
    ), "feed": ("feed_max_age", "feed_encoding")}  # fmt: skip
    defaults = LoadOptions()
    found = [
        f"{name} does nothing without {needed}"
        for needed, names in needs.items()
        for name in names
        if not getattr(options, needed) and getattr(options, name) != getattr(defaults, name)
    ]
    if options.update_fields == "all" and options.on_duplicate != "update":
        found.append("update_fields does nothing without on_duplicate update")
    return found


def unfilled_fallbacks(options: LoadOptions, mapping: ColumnMapping) -> list[str]:
    """Name the fallbacks that no column fills."""
    missing = [name for name in options.invalid_phone_fallback if name not in mapping.fields]
    return [f"invalid_phone_fallback: no column of the file fills {name}" for name in missing]


def similar_names(dialer: Dialer, mapping: ColumnMapping) -> list[str]:
    """Name columns that were not loaded and are named almost like a custom field."""
    labels = {
        normalize_name(n): n for n in labels_of(dialer) if CUSTOM_PREFIX + n not in mapping.fields
    }
    return [
        f"column {column!r} was not loaded; for the custom field say --map "
        f'{labels[normalize_name(column)]}="{column}"'
        for column in mapping.unmapped
        if normalize_name(column) in labels
    ]


def proposals(mapping: ColumnMapping) -> list[str]:
    """Name the field that a column which was not loaded is probably meant for."""
    return [
        f'column {column!r} is not known: did you mean {field}? --map {field}="{column}"'
        for column, field in mapping.proposals.items()
    ]


def custom_fields_remark(mapping: ColumnMapping) -> list[str]:
    """Name columns that fill a custom field and could also fill a field of the lead."""
    return [
        f"column {column!r} fills the custom field; for {field} too say --map {field}={column!r}"
        for name, column in mapping.fields.items()
        if name.startswith(CUSTOM_PREFIX)
        for field, names in usual_names().items()
        if field not in mapping.fields and normalize_name(column) in map(normalize_name, names)
    ]


def lacking_fields(dialer: Dialer, fields: Collection[str]) -> list[str]:
    """Name the fields of rows for which an older vicidial_list has no column."""
    if not dialer.columns:
        return []
    missing = [name for name in fields if name in STORED and name not in dialer.columns]
    return [f"vicidial_list has no column {name}: it is not stored" for name in missing]


def lacking_facts(options: LoadOptions, dialer: Dialer) -> list[str]:
    """Name the columns that older tables lack and that the options need."""
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
    found = []
    for missing in dialer.missing:
        table, _, column = missing.partition(".")
        if matters.get(missing, matters.get(table, True)):
            consequence = "is not checked" if table == "vicidial_users" else "counts as empty"
            found.append(f"{table} has no column {column}: it {consequence}")
    return found


def lacking_indexes(options: LoadOptions, dialer: Dialer) -> list[str]:
    """Name the columns that look-ups search and that have no index, and the statements for one."""
    return [index_remark(each) for each in without_index(of_load(options), dialer.access)]


def index_remark(look_up: LookUp) -> str:
    """Say what a missing index costs, and which statement makes it."""
    asked_by, table, column = look_up
    cost = "all its leads are read" if table in {LEADS, ARCHIVE} else "it is read whole each time"
    return (
        f"{asked_by}: {table} has no index of {column}, so {cost}; to make one: {look_up.statement}"
    )


def checks_off_remark(options: LoadOptions) -> str:
    """Name the requested checks that need a database."""
    names = (
        "list_exists_check", "usacan_areacode_check", "nanpa_ac_prefix_check", "dnc_check",
        "campaign_dnc_check", "custom_fields", "add_to_hopper", "callback", "lookup_state",
        "duplicate_scope_archive",
    )  # fmt: skip
    missing = [name for name in names if getattr(options, name) != "N"]
    return f"; not done: {', '.join(missing)}" if missing else ""
