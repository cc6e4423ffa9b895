"""The database rights that each job needs at least."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from loader.archive.tables import CHILDREN, HOLDERS, SUFFIX
from loader.checks.time_zones import tz_methods
from loader.dialer import ARCHIVE, CALLBACKS, HOPPER, LEADS, LISTS_TABLE
from loader.ledger import tables
from loader.ledger.keys import keys
from loader.options.archive import ArchiveOptions
from loader.options.duplicate_check import Scope
from loader.options.load import LoadOptions
from loader.queries.leads import URL_LOG, URLS
from loader.queries.users import USER_COLUMNS

CUSTOM_FIELDS = "vicidial_lists_fields"
CALL_TIMES = ("vicidial_call_times", "vicidial_state_call_times")
LEDGER = {
    tables.version.name: ("SELECT", "INSERT"),
    tables.runs.name: ("SELECT", "INSERT", "UPDATE"),
    tables.parts.name: ("SELECT", "INSERT"),
    tables.batches.name: ("SELECT", "INSERT", "UPDATE"),
    tables.changes.name: ("SELECT", "INSERT", "DELETE"),
}
"""What the loader does with its own tables."""
LEASES = {"leadloader_leases": ("SELECT", "INSERT", "UPDATE")}
"""Likewise, on a cluster."""
WITHOUT_INDEXES = 1
"""The version of a ledger whose tables the next one alters."""
MAKING = ("CREATE", "ALTER", "INSERT")
"""For a table that is made like another one; the server requires them together."""

ALWAYS_READ = (
    LEADS, LISTS_TABLE, "vicidial_campaigns", "vicidial_phone_codes", "vicidial_postal_codes",
    "vicidial_user_groups",
)  # fmt: skip

READ_IF_ON = {
    "dnc_check": ("vicidial_dnc",),
    "campaign_dnc_check": ("vicidial_campaign_dnc",),
    "duplicate_scope_archive": (ARCHIVE,),
    "nanpa_ac_prefix_check": ("vicidial_nanpa_prefix_codes",),
    "hopper_local_call_time_check": CALL_TIMES,
    "custom_fields": ("system_settings", CUSTOM_FIELDS),
}
"""Tables that an option other than N reads."""

NEEDED_IF_ON = {
    **READ_IF_ON,
    "list_exists_check": (LISTS_TABLE,),
    "usacan_areacode_check": ("vicidial_phone_codes",),
    "lookup_state": ("vicidial_phone_codes",),
}
"""Tables without which an option other than N can do nothing."""

NEEDED_BY_ZONES = {
    "POSTAL": "vicidial_postal_codes",
    "TZCODE": "vicidial_phone_codes",
    "NANPA": "vicidial_nanpa_prefix_codes",
}
"""Tables that a method of tz_method looks into."""

COMES_ALONG = {
    "multi_alt_phones": "vicidial_list_alt_phones",
    "add_to_hopper": HOPPER,
    "callback": CALLBACKS,
}
"""Tables that get rows through a field."""


class Right(NamedTuple):
    """A privilege on a table, or on one of its columns."""

    privilege: str
    table: str
    column: str = ""


Rights = frozenset[Right]


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the needs depend on: the tables of the database."""

    tables: frozenset[str] = frozenset()
    """Names of all that the account can see."""
    custom: tuple[str, ...] = ()
    """Names of the tables of custom fields, custom_<list_id>."""
    old_ledger: int = 0
    """The version of the ledger, if the next run brings it to a newer one; else 0."""
    is_node: bool = False
    """Whether the server is a node of a cluster, where locks are leases."""


def of_validate(options: LoadOptions, site: Site) -> Rights:
    """Give what a validation reads."""
    tables = {*ALWAYS_READ}
    for name, read in READ_IF_ON.items():
        if getattr(options, name) != "N":
            tables.update(read)
    if "NANPA" in options.tz_method.upper():
        tables.update(READ_IF_ON["nanpa_ac_prefix_check"])
    if options.custom_fields == "Y" or options.new_lead_url == "send":
        tables.update(site.custom)
    if options.new_lead_url == "send":
        tables.update((URLS, URL_LOG))
    tables.update(COMES_ALONG[name] for name in _coming_along(options))
    return rights(["SELECT"], tables) | {
        Right("SELECT", "vicidial_users", name) for name in USER_COLUMNS
    }


def tables_of(options: LoadOptions, fields: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Give the tables without which an option or a field of the rows could not be heeded.

    Args:
        options: of the load.
        fields: that the rows have, or the options give a value.

    Returns:
        The tables, by the name of the option or the field.
    """
    found = {n: NEEDED_IF_ON[n] for n in NEEDED_IF_ON if getattr(options, n) != "N"}
    found |= {n: (COMES_ALONG[n],) for n in COMES_ALONG if n in fields}
    if Scope.CAMP in {check.scope for check in options.duplicate_checks}:
        found["duplicate_check"] = (LISTS_TABLE,)
    if options.new_lead_url == "send":
        found["new_lead_url"] = (URLS, URL_LOG)
    methods = tz_methods(options.tz_method)
    zones = tuple(NEEDED_BY_ZONES[n] for n in NEEDED_BY_ZONES if n in methods)
    return found | ({"tz_method": zones} if zones else {})


def of_import(options: LoadOptions, site: Site, *, check_dialable: bool = False) -> Rights:
    """Give what an import reads and writes, its ledger among it."""
    needs = of_validate(options, site) | of_ledger(site)
    needs |= of_insert(options, _coming_along(options)) | of_custom_fields(options, site.custom)
    if check_dialable:
        needs |= rights(["SELECT"], CALL_TIMES)
    return needs


def of_calls(options: LoadOptions, site: Site) -> Rights:
    """Give what calls of add_lead read and write, the passwords of users among it."""
    needs = of_validate(options, site) | rights(["SELECT"], ["vicidial_users", "system_settings"])
    needs |= of_insert(options, _coming_along(options))
    return needs | of_custom_fields(options, site.custom)


def of_keys(site: Site) -> Rights:
    """Give what the keys of the service need, and the making of one."""
    needs = rights(["SELECT", "INSERT", "UPDATE"], [keys.name])
    return needs if keys.name in site.tables else needs | rights(["CREATE"], [keys.name])


def of_custom_fields(options: LoadOptions, tables: Collection[str]) -> Rights:
    """Give what an import writes to tables of custom fields."""
    return rights(["INSERT", "DELETE"] * (options.custom_fields == "Y"), tables)


def of_insert(options: LoadOptions, fields: Collection[str]) -> Rights:
    """Give what an import writes, custom fields and its ledger apart; `fields`: see `tables_of`."""
    coming = [name for name in COMES_ALONG if name in fields]
    needs = rights(["INSERT"], [LEADS])
    needs |= rights(["INSERT"], (COMES_ALONG[name] for name in coming))
    # A lead whose callback or custom fields are refused is set back.
    if options.on_duplicate != "reject" or options.custom_fields == "Y" or "callback" in coming:
        needs |= rights(["UPDATE"], [LEADS])
    if options.new_lead_url == "send":
        needs |= rights(["INSERT", "UPDATE"], [URL_LOG])
    return needs


def _coming_along(options: LoadOptions) -> list[str]:
    """Give the fields of `COMES_ALONG` that the options or the file can fill."""
    filled = {*options.default, *options.force, *options.map}
    return [n for n in COMES_ALONG if n in filled or getattr(options, n, "N") == "Y"]


def of_archive(options: ArchiveOptions, site: Site) -> Rights:
    """Give what archiving reads and writes; a dry run reads only."""
    needs = rights(["SELECT"], [LISTS_TABLE, *HOLDERS, *_naming_custom(options)])
    for name in _of_leads(options, site):
        archive = name + SUFFIX
        is_there = archive in site.tables
        needs |= rights(["SELECT"], [name, archive])
        if options.dry_run:
            continue
        needs |= rights(["INSERT"] * options.insert + ["UPDATE"] * options.update, [archive])
        # The copy of a lead that stays after all is deleted, too.
        needs |= rights(["DELETE"] * options.delete, [name, archive])
        needs |= rights(MAKING * (options.create_tables and not is_there), [archive])
    return needs


def of_dearchive(options: ArchiveOptions, site: Site) -> Rights:
    """Give what dearchiving reads and writes; a dry run reads only."""
    needs = rights(["SELECT"], [LISTS_TABLE, *_naming_custom(options)])
    for name in _of_leads(options, site):
        archive = name + SUFFIX
        needs |= rights(["SELECT"], [name, archive])
        if archive not in site.tables:
            # If it is missing, rights on it can only be granted together with this one.
            needs |= rights(["CREATE"], [archive])
        if not options.dry_run:
            needs |= rights(["INSERT"] * options.insert + ["DELETE"] * options.delete, [name])
            needs |= rights(["DELETE"] * options.delete, [archive])
    return needs


def of_undo(options: ArchiveOptions, site: Site) -> Rights:
    """Give what an undo and the undo of an undo read and write."""
    taking = options.model_copy(
        update={"insert": True, "update": True, "delete": True, "with_children": True}
    )
    needs = of_archive(taking, site) | of_ledger(site) | of_dearchive(taking, site)
    return needs | rights(["DELETE"], [HOPPER]) | rights(["UPDATE"], [LEADS])


def of_new_lists() -> Rights:
    """Give what it takes to make lists."""
    return rights(["SELECT", "INSERT", "DELETE"], [LISTS_TABLE])


def of_ledger(site: Site) -> Rights:
    """Give what the loader does with its own tables."""
    own = LEDGER | LEASES if site.is_node else LEDGER
    needs = rights(["CREATE"], own.keys() - site.tables)
    if site.old_ledger:
        needs |= rights(["UPDATE"], [tables.version.name])
    if site.old_ledger == WITHOUT_INDEXES:
        needs |= rights(["ALTER"], [tables.runs.name, tables.batches.name])
    return needs.union(*(rights(own[name], [name]) for name in own))


def rights(privileges: Iterable[str], tables: Iterable[str]) -> Rights:
    """Give each privilege on each table."""
    named = [*tables]
    return frozenset(Right(privilege, table) for privilege in privileges for table in named)


def _of_leads(options: ArchiveOptions, site: Site) -> list[str]:
    """Give the tables whose rows are moved."""
    return [LEADS, *([*CHILDREN, *site.custom] if options.with_children else [])]


def _naming_custom(options: ArchiveOptions) -> list[str]:
    """Give the table that names the custom tables: an account sees only those it has a right on."""
    return [CUSTOM_FIELDS] if options.with_children else []
