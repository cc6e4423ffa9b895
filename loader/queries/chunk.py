"""What is asked of the dialer's database about a chunk of leads: one statement a question."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import Connection

from loader.checks.duplicates import SEPARATOR
from loader.checks.rules import dnc_campaigns, dnc_keys
from loader.clock import moment_text
from loader.database.connection import Database
from loader.database.server_clock import existing_moments
from loader.dialer import ARCHIVE, LEADS, Dialer, Lookups
from loader.frames.collation import fold
from loader.options.duplicate_check import DuplicateCheck, Kind, Scope
from loader.options.load import LoadOptions


def look_up_dnc(
    database: Database, leads: pd.DataFrame, options: LoadOptions, dialer: Dialer
) -> Lookups:
    """Ask for do-not-call lists: one statement for each of the two kinds, not each row.

    Args:
        database: the dialer's.
        leads: columns phone_number and campaign_id (str).
        options: dnc_check and campaign_dnc_check are read.
        dialer: campaigns are read.

    Raises:
        DatabaseUnavailableError: no answer after all retries.
    """
    return database.read(
        lambda connection: _Questions(connection, database, leads, options, dialer).dnc()
    )


def look_up_duplicates(
    database: Database, leads: pd.DataFrame, options: LoadOptions, dialer: Dialer
) -> Lookups:
    """Ask for existing leads: one statement for each search, not each row; two with the archive.

    Args:
        database: the dialer's.
        leads: columns list_id, phone_number, alt_phone, title (see `find_duplicates`).
        options: duplicate_check, duplicate_statuses and duplicate_scope_archive are read.
        dialer: windows, lists and collation are read.

    Raises:
        DatabaseUnavailableError: no answer after all retries.
    """
    return database.read(
        lambda connection: _Questions(connection, database, leads, options, dialer).duplicates()
    )


def look_up_days_ahead(database: Database, dialer: Dialer, days: Sequence[int]) -> Lookups:
    """Ask which moments lie so many days after the dialer's now, see `existing_moments`.

    Args:
        database: the dialer's.
        dialer: its clock is read.
        days: how many, each so few that the moment is before the year 10000.

    Raises:
        DatabaseUnavailableError: no answer after all retries.
    """
    moments = [dialer.clock.now + timedelta(days=number) for number in days]
    found = database.read(lambda connection: existing_moments(connection, moments))
    return Lookups(days_ahead=dict(zip(days, found, strict=True)))


def look_up_entry_dates(
    database: Database, lead_ids: "pd.Series[int]", *, archived: bool
) -> "pd.Series[pd.Timestamp]":
    """Ask when leads were entered, in one statement.

    Args:
        database: the dialer's.
        lead_ids: distinct, at least one.
        archived: they are in vicidial_list_archive.

    Returns:
        entry_date (datetime64, NaT for none) by lead_id, of those that are there.

    Raises:
        DatabaseUnavailableError: no answer after all retries.
    """
    table, ids = ARCHIVE if archived else LEADS, lead_ids.tolist()
    mark, value = database.adapter.list_mark, database.adapter.list_value(ids)
    statement = f"SELECT lead_id, entry_date FROM {table} WHERE lead_id IN {mark}"  # noqa: S608 - our own names
    rows = database.read(lambda c: c.exec_driver_sql(statement, (value,)).all())
    # SQLite keeps any text; a zone behind the time is none of the dialer's.
    dates = [None if date is None else str(date)[:19] for _, date in rows]
    moments = pd.to_datetime(pd.Series(dates, dtype="str"), format="ISO8601", errors="coerce")
    return moments.set_axis(pd.Index([int(number) for number, _ in rows], dtype="int64"))


class _Search(NamedTuple):
    """A question for existing leads."""

    key: tuple[str, ...]
    """The columns that make the key."""
    compared: Mapping[str, str]
    """The columns that are searched, each with the field of the row that it is compared with."""
    matched: str
    """What a hit is called."""


_BY_PHONE = {"phone_number": "phone_number"}
_SEARCHES: dict[Kind, tuple[_Search, ...]] = {
    Kind.PHONE: (_Search(("phone_number",), _BY_PHONE, "PHONE"),),
    Kind.PHONEALT: (
        _Search(("phone_number",), _BY_PHONE, "PHONE"),
        _Search(("alt_phone",), {"alt_phone": "phone_number"}, "ALT"),
    ),
    Kind.TITLEALTPHONE: (
        _Search(("title", "alt_phone"), {"alt_phone": "alt_phone", "title": "title"}, "PHONE"),
    ),
    Kind.NAMEPHONE: (_Search(("first_name", "last_name", "phone_number"), _BY_PHONE, "PHONE"),),
}


class _Questions:
    """The questions about one chunk over one connection."""

    def __init__(
        self,
        connection: Connection,
        database: Database,
        leads: pd.DataFrame,
        options: LoadOptions,
        dialer: Dialer,
    ) -> None:
        self.connection, self.adapter = connection, database.adapter
        self.leads, self.options, self.dialer = leads, options, dialer

    def dnc(self) -> Lookups:
        """Ask for the numbers that may not be called; without leads, nothing."""
        if self.leads.empty:
            return Lookups()
        return Lookups(dnc=self.on_system_list(), campaign_dnc=self.on_campaign_lists())

    def duplicates(self) -> Lookups:
        """Ask for existing leads, once for each kind of check; without leads, nothing."""
        kinds = dict.fromkeys(check.kind for check in self.options.duplicate_checks)
        if self.leads.empty:
            return Lookups()
        return Lookups(existing={kind: self.existing(kind) for kind in kinds})

    def rows(self, statement: str, *values: Iterable[object]) -> list[tuple[Any, ...]]:
        """Run a statement whose `{}` each stand for a list of values, none of them empty."""
        marks = [self.adapter.list_mark] * len(values)
        parameters = map(self.adapter.list_value, values)
        found = self.connection.exec_driver_sql(statement.format(*marks), tuple(parameters))
        return [tuple(row) for row in found]

    def text(self, column: str) -> str:
        """Name a text column so that it compares as the dialer's collation does."""
        return self.adapter.collated(column)

    def texts(self, values: "pd.Series[str]") -> list[str]:
        """Give the distinct texts to compare such a column with."""
        return self.adapter.fold(values).unique().tolist()

    def on_system_list(self) -> "pd.Index[str]":
        """Give those of the numbers and area codes that are in vicidial_dnc."""
        check = self.options.dnc_check
        if check == "N":
            return pd.Index([], dtype="str")
        keys = self.texts(dnc_keys(self.leads["phone_number"], check))
        number = self.text("phone_number")
        found = self.rows(f"SELECT phone_number FROM vicidial_dnc WHERE {number} IN {{}}", keys)  # noqa: S608 - our own names
        # Area codes may stand there as 727xxxxxxx.
        return pd.Index(fold(pd.Series([str(row[0]) for row in found], dtype="str")))

    def on_campaign_lists(self) -> "pd.Index[str]":
        """Give, behind the campaign, those that are in vicidial_campaign_dnc for some row's."""
        check = self.options.campaign_dnc_check
        if check == "N":
            return pd.Index([], dtype="str")
        keys = self.texts(dnc_keys(self.leads["phone_number"], check))
        campaigns = self.texts(dnc_campaigns(self.leads["campaign_id"], self.dialer))
        statement = (
            "SELECT campaign_id, phone_number FROM vicidial_campaign_dnc "  # noqa: S608 - likewise
            f"WHERE {self.text('phone_number')} IN {{}} AND {self.text('campaign_id')} IN {{}}"
        )
        found = self.rows(statement, keys, campaigns)
        listed = pd.DataFrame(found, columns=["campaign_id", "phone_number"], dtype="str")
        return pd.Index(fold(listed["campaign_id"]) + "|" + fold(listed["phone_number"]))

    def existing(self, kind: Kind) -> pd.DataFrame:
        """Find the existing leads that rows may be duplicates of, see `EXISTING_COLUMNS`."""
        checks = [check for check in self.options.duplicate_checks if check.kind is kind]
        windows = sorted({check.days or 0 for check in checks})
        conditions, values = self.counting(checks)
        tables = [LEADS] if self.options.duplicate_scope_archive == "N" else [LEADS, ARCHIVE]
        parts = []
        for search in _SEARCHES[kind]:
            compared = [f"{self.text(column)} IN {{}}" for column in search.compared]
            wanted = [self.texts(self.leads[field]) for field in search.compared.values()]
            key = ", ".join(self.text(column) for column in search.key)
            first = ", ".join(self.first(days) for days in windows)
            for table in tables:
                statement = (
                    f"SELECT {key}, list_id, {first} FROM {table} "  # noqa: S608 - our own names
                    f"WHERE {' AND '.join([*compared, *conditions])} GROUP BY {key}, list_id"
                )
                rows = self.rows(statement, *wanted, *values)
                parts.append(self.frame(rows, search, windows).assign(archived=table == ARCHIVE))
        return pd.concat(parts, ignore_index=True)

    def counting(
        self, checks: Sequence[DuplicateCheck]
    ) -> tuple[list[str], list[Iterable[object]]]:
        """Narrow searches to the leads that count: conditions, and the values for their `{}`."""
        conditions: list[str] = []
        values: list[Iterable[object]] = []
        if lists := self.lists(checks):
            conditions.append("list_id IN {}")
            values.append(lists)
        if statuses := self.options.duplicate_statuses:
            conditions.append(f"{self.text('status')} IN {{}}")
            values.append(self.texts(pd.Series(statuses, dtype="str")))
        return conditions, values

    def lists(self, checks: Sequence[DuplicateCheck]) -> list[int]:
        """Give the lists that the checks can find anything in; none: all."""
        scopes = {check.scope for check in checks}
        if Scope.SYS in scopes:
            return []
        wanted = set(self.leads["list_id"].unique().tolist())
        if Scope.CAMP in scopes:
            of_lists = self.dialer.lists
            campaigns = fold(of_lists[of_lists.index.isin(wanted)])
            wanted |= set(of_lists.index[fold(of_lists).isin(campaigns)].tolist())
        return sorted(wanted)

    def first(self, days: int) -> str:
        """Word the lowest lead_id within a window, whose start is exclusive."""
        if not days:
            return "MIN(lead_id)"
        since = moment_text(self.dialer.window_starts[days])
        return f"MIN(CASE WHEN entry_date > '{since}' THEN lead_id END)"

    def frame(
        self, rows: list[tuple[Any, ...]], search: _Search, windows: Sequence[int]
    ) -> pd.DataFrame:
        """Turn the rows of a search into existing leads, their key folded as the server does."""
        ids = [f"lead_id_{days}" for days in windows]
        frame = pd.DataFrame(rows, columns=[*search.key, "list_id", *ids])
        texts = [fold(frame[name].astype("str"), self.dialer.fold) for name in search.key]
        key = (
            texts[0].str.cat(pd.concat(texts[1:], axis=1), sep=SEPARATOR) if texts[1:] else texts[0]
        )
        found = frame[["list_id", *ids]].astype({"list_id": "uint64"} | dict.fromkeys(ids, "Int64"))
        return found.assign(key=key, matched=search.matched)


@dataclass(frozen=True)
class Questions:
    """Asks the dialer's database about chunks; without a database nothing is known."""

    database: Database | None
    options: LoadOptions
    dialer: Dialer

    def dnc(self, leads: pd.DataFrame) -> Lookups:
        """Ask which numbers must not be called."""
        if self.database is None:
            return Lookups()
        return look_up_dnc(self.database, leads, self.options, self.dialer)

    def duplicates(self, leads: pd.DataFrame) -> Lookups:
        """Ask for the existing leads that rows may be duplicates of."""
        if self.database is None:
            return Lookups()
        return look_up_duplicates(self.database, leads, self.options, self.dialer)

    def days_ahead(self, days: Sequence[int]) -> Lookups:
        """Ask which moments lie so many days ahead."""
        if self.database is None or not days:
            return Lookups()
        return look_up_days_ahead(self.database, self.dialer, days)
