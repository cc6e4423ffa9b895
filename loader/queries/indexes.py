"""The columns that look-ups search, and the indexes that are missing for it."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection

from loader.archive.tables import CHILDREN, SUFFIX
from loader.database.adapter import Among
from loader.database.catalogue import keeps_writes_out, read_indexes
from loader.database.sql import quote_identifier
from loader.dialer import ARCHIVE, LEADS, Access, Dialer
from loader.options.archive import ArchiveOptions
from loader.options.duplicate_check import Kind
from loader.options.load import LoadOptions
from loader.queries.leads import URL_LOG

DNC_TABLES = SYSTEM_DNC, CAMPAIGN_DNC = "vicidial_dnc", "vicidial_campaign_dnc"


class Search(NamedTuple):
    """A question for existing leads."""

    number: str
    """The column that has one of the forms of a row's number."""
    beside: tuple[str, ...] = ()
    """The columns that stand before it in the key, see `BESIDE`."""
    equal: tuple[str, ...] = ()
    """Those of them that are searched, too."""
    matched: str = "PHONE"
    """What a hit is called."""
    may_be_empty: bool = False
    """Rows may ask for an empty number, which most leads may have."""


SEARCHES: dict[Kind, tuple[Search, ...]] = {
    Kind.PHONE: (Search("phone_number"),),
    Kind.PHONEALT: (Search("phone_number"), Search("alt_phone", matched="ALT")),
    Kind.TITLEALTPHONE: (Search("alt_phone", ("title",), ("title",), may_be_empty=True),),
    Kind.NAMEPHONE: (Search("phone_number", ("first_name", "last_name")),),
}


class LookUp(NamedTuple):
    """A column that rows of a table are looked for by."""

    asked_by: str
    """The check, option or job, as it is called."""
    table: str
    column: str

    @property
    def statement(self) -> str:
        """Word what makes an index for it."""
        return f"ALTER TABLE {quote_identifier(self.table)} ADD INDEX (`{self.column}`)"


def of_load(options: LoadOptions) -> list[LookUp]:
    """Give the look-ups of a load."""
    tables = tables_of_leads(options)
    found = [
        LookUp(f"DUP{kind}", table, search.number)
        for kind in dict.fromkeys(check.kind for check in options.duplicate_checks)
        for search in SEARCHES[kind]
        for table in tables
    ]
    if options.dnc_check != "N":
        found.append(LookUp("dnc_check", SYSTEM_DNC, "phone_number"))
    if options.campaign_dnc_check != "N":
        found.append(LookUp("campaign_dnc_check", CAMPAIGN_DNC, "phone_number"))
    if options.new_lead_url == "send":
        found.append(LookUp("new_lead_url", URL_LOG, "uniqueid"))
    return found


def of_move(job: str, options: ArchiveOptions) -> list[LookUp]:
    """Give the look-ups of a job that moves leads to the archive or back."""
    tables = [LEADS, ARCHIVE]
    if options.with_children:
        tables += [name + suffix for name in CHILDREN for suffix in ("", SUFFIX)]
    found = [LookUp(job, table, "lead_id") for table in tables]
    if job != "archive":
        found.append(LookUp(job, LEADS, "phone_number"))  # of leads that were loaded anew
    return found


def tables_of_leads(options: LoadOptions) -> list[str]:
    """Name the tables in which duplicates are looked for."""
    return [LEADS] if options.duplicate_scope_archive == "N" else [LEADS, ARCHIVE]


def searched_tables(options: LoadOptions) -> set[str]:
    """Name the tables that the look-ups of a load read."""
    return {LEADS, *(each.table for each in of_load(options))}


def read_access(
    connection: Connection,
    tables: Iterable[str],
    collations: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> dict[str, Access]:
    """Read how existing tables are searched; `collations` are those of columns, by table."""
    return {
        name: Access(
            indexes=read_indexes(connection, name),
            locks=keeps_writes_out(connection, name),
            collations=collations.get(name, {}),
        )
        for name in tables
    }


def among(
    table: str, column: str, dialer: Dialer, names: str, *conditions: str, group: str = ""
) -> Among:
    """Make a question for rows by a text column, see `Among`."""
    access = dialer.access.get(table, Access())
    index = (access.indexes or {}).get(column)
    collation = access.collations.get(column)
    return Among(
        names=names, table=table, column=column, index=index, collation=collation,
        conditions=conditions, group=group,
    )  # fmt: skip


def without_index(look_ups: Iterable[LookUp], access: Mapping[str, Access]) -> list[LookUp]:
    """Give the look-ups that have to read the whole table, the first of each column."""
    found: dict[tuple[str, str], LookUp] = {}
    for each in look_ups:
        if not access.get(each.table, Access()).finds(each.column):
            found.setdefault((each.table, each.column), each)
    return list(found.values())
