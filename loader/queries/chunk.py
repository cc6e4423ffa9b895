"""What is asked of the dialer's database about a chunk of leads: one statement a question."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import pandas as pd
from sqlalchemy import Connection

from loader.checks.duplicates_existing import SEPARATOR, compared_numbers, compared_texts
from loader.checks.other_numbers import numbers_of
from loader.checks.rules import dnc_campaigns, dnc_forms
from loader.clock import moment_text
from loader.database.connection import Database
from loader.database.server_clock import existing_moments
from loader.database.weights import with_keys
from loader.dialer import ARCHIVE, LEADS, Column, Dialer, Lookups
from loader.feeds.feed import Feed, find_in_feeds
from loader.frames.collation import GENERAL, Collation, fold
from loader.options.duplicate_check import DuplicateCheck, Kind, Scope
from loader.options.load import LoadOptions
from loader.options.types import DncCheck
from loader.phones.forms import lead_numbers, number_forms


class _Search(NamedTuple):
    """A question for existing leads."""

    number: str
    """The column that has one of the forms of a row's number."""
    beside: tuple[str, ...] = ()
    """The columns that stand before it in the key, see `BESIDE`."""
    equal: tuple[str, ...] = ()
    """Those of them that are searched, too."""
    matched: str = "PHONE"
    """What a hit is called."""


_SEARCHES: dict[Kind, tuple[_Search, ...]] = {
    Kind.PHONE: (_Search("phone_number"),),
    Kind.PHONEALT: (_Search("phone_number"), _Search("alt_phone", matched="ALT")),
    # By the number alone the server would read all leads that leave alt_phone empty.
    Kind.TITLEALTPHONE: (_Search("alt_phone", ("title",), ("title",)),),
    Kind.NAMEPHONE: (_Search("phone_number", ("first_name", "last_name")),),
}


class ChunkQueries:
    """Asks what the checks of one run need to know about a chunk of leads.

    Each method asks with a number of statements that does not depend on the number of rows. Without
    a database, nothing is known but the feeds.
    """

    def __init__(
        self,
        database: Database | None,
        options: LoadOptions,
        dialer: Dialer,
        feeds: Sequence[Feed] = (),
    ) -> None:
        """Take what is asked, and what decides about the questions.

        Args:
            database: the dialer's.
            options: what is checked.
            dialer: clock, windows, lists, campaigns and collation are read.
            feeds: numbers that must not be called either.
        """
        self._database, self._feeds = database, feeds
        self._options, self._dialer = options, dialer
        if database is not None:
            self._adapter = database.adapter
            self._collated = database.adapter.collated

    def do_not_call(self, leads: pd.DataFrame) -> Lookups:
        """Ask which numbers must not be called: one statement for each of the two lists.

        Args:
            leads: dnc_campaign_id if campaign_dnc_check is on, and what `lead_numbers` and
                `numbers_of` read (str).

        Returns:
            dnc, campaign_dnc, feeds and other_feeds.
        """
        if not self._feeds and (self._database is None or self._asks_no_list):
            return Lookups()
        numbers, others = lead_numbers(leads), numbers_of(leads, self._options)
        in_feeds = find_in_feeds(numbers, self._feeds)
        others_in_feeds = find_in_feeds(others, self._feeds)
        if self._database is None or leads.empty or self._asks_no_list:
            return Lookups(feeds=in_feeds, other_feeds=others_in_feeds)
        # Nothing but the forms counts here, not whose numbers they are.
        asked = pd.concat([numbers, others], ignore_index=True) if len(others) else numbers
        return self._database.read(
            lambda connection: Lookups(
                dnc=self._on_system_list(connection, asked),
                campaign_dnc=self._on_campaign_lists(connection, asked, leads),
                feeds=in_feeds,
                other_feeds=others_in_feeds,
            )
        )

    @property
    def asks_database(self) -> bool:
        """Whether `do_not_call` needs the database, which only this process may use."""
        return self._database is not None and not self._asks_no_list

    @property
    def _asks_no_list(self) -> bool:
        """Whether no do-not-call list of the dialer counts."""
        return self._options.dnc_check == self._options.campaign_dnc_check == "N"

    def existing_leads(self, leads: pd.DataFrame) -> Lookups:
        """Ask for the existing leads that rows may be duplicates of.

        That is one statement for each search of each kind of check; two with the archive. Texts
        that need it are asked about by one more, see `loader.frames.collation`.

        Args:
            leads: columns `loader.checks.duplicates.KEYED`.

        Returns:
            existing and compares.
        """
        kinds = dict.fromkeys(check.kind for check in self._options.duplicate_checks)
        if self._database is None or leads.empty or not kinds:
            return Lookups()
        return self._database.read(
            lambda connection: Lookups(
                existing={kind: self._existing(connection, leads, kind) for kind in kinds},
                compares=self._compares(connection, leads),
            )
        )

    def text_keys(self, leads: pd.DataFrame) -> Lookups:
        """Ask for compares alone, see `existing_leads`."""
        if self._database is None or leads.empty:
            return Lookups()
        return self._database.read(
            lambda connection: Lookups(compares=self._compares(connection, leads))
        )

    def _compares(self, connection: Connection, leads: pd.DataFrame) -> dict[Kind, Collation]:
        """Give how texts compare, with their keys, by kind of check."""
        return {
            kind: with_keys(
                connection, compared_texts(leads, kind, self._options, collation), collation
            )
            for kind, collation in self._dialer.compares.items()
        }

    def days_ahead(self, days: Sequence[int]) -> Lookups:
        """Ask for days_ahead, see `existing_moments`; each is before the year 10000."""
        if self._database is None or not days:
            return Lookups()
        moments = [self._dialer.clock.now + timedelta(days=number) for number in days]
        found = self._database.read(lambda connection: existing_moments(connection, moments))
        return Lookups(days_ahead=dict(zip(days, found, strict=True)))

    def _rows(
        self, connection: Connection, statement: str, *values: Iterable[object]
    ) -> list[tuple[Any, ...]]:
        """Run a statement whose `{}` each stand for a list of values, none of them empty."""
        marks = [self._adapter.list_mark] * len(values)
        parameters = map(self._adapter.list_value, values)
        found = connection.exec_driver_sql(statement.format(*marks), tuple(parameters))
        return [tuple(row) for row in found]

    def _texts(self, values: "pd.Series[str]") -> list[str]:
        """Give the distinct texts to compare such a column with."""
        return self._adapter.fold(values).unique().tolist()

    def _on_system_list(self, connection: Connection, numbers: pd.DataFrame) -> "pd.Index[str]":
        """Give those of the forms of numbers and area codes that are in vicidial_dnc."""
        check = self._options.dnc_check
        if check == "N":
            return pd.Index([], dtype="str")
        number = self._collated("phone_number")
        statement = f"SELECT phone_number FROM vicidial_dnc WHERE {number} IN {{}}"  # noqa: S608 - our own names
        asked = self._forms(numbers, check)
        found = self._rows(connection, statement, asked)
        listed = pd.Series([str(row[0]) for row in found], dtype="str")
        return pd.Index(self._as_asked(connection, "vicidial_dnc", listed, asked).dropna())

    def _on_campaign_lists(
        self, connection: Connection, numbers: pd.DataFrame, leads: pd.DataFrame
    ) -> "pd.Index[str]":
        """Give, behind the campaign, those that are in vicidial_campaign_dnc for some row's."""
        check = self._options.campaign_dnc_check
        if check == "N":
            return pd.Index([], dtype="str")
        campaigns = self._texts(dnc_campaigns(leads["dnc_campaign_id"], self._dialer))
        number, campaign = map(self._collated, ("phone_number", "campaign_id"))
        statement = (
            "SELECT campaign_id, phone_number FROM vicidial_campaign_dnc "  # noqa: S608 - likewise
            f"WHERE {number} IN {{}} AND {campaign} IN {{}}"
        )
        asked = self._forms(numbers, check)
        found = self._rows(connection, statement, asked, campaigns)
        listed = pd.DataFrame(found, columns=["campaign_id", "phone_number"], dtype="str")
        table = "vicidial_campaign_dnc"
        names = self._as_asked(connection, table, listed["campaign_id"], campaigns)
        forms = self._as_asked(connection, table, listed["phone_number"], asked)
        return pd.Index((fold(names) + "|" + forms).dropna())

    def _as_asked(
        self, connection: Connection, table: str, listed: "pd.Series[str]", asked: list[str]
    ) -> "pd.Series[str]":
        """Turn what a do-not-call list has into the equal texts that it was asked for.

        Area codes may stand there as 727xxxxxxx, and numbers with blanks behind them.
        """
        columns, texts = self._dialer.tables.get(table, {}), pd.Series(asked, dtype="str")
        column = columns.get(str(listed.name or "phone_number"), Column())
        collation = with_keys(connection, [listed, texts], column.collation)
        by_key = texts.set_axis(pd.Index(fold(texts, collation)))
        return fold(listed, collation).map(by_key[~by_key.index.duplicated()]).astype("str")

    def _forms(self, numbers: pd.DataFrame, check: DncCheck) -> list[str]:
        """Give the distinct texts to look for in a do-not-call list."""
        return dnc_forms(numbers, check, self._options).unique().tolist()

    def _existing(self, connection: Connection, leads: pd.DataFrame, kind: Kind) -> pd.DataFrame:
        """Find the existing leads that rows may be duplicates of, see `Lookups.existing`."""
        checks = [check for check in self._options.duplicate_checks if check.kind is kind]
        windows = sorted({check.days or 0 for check in checks})
        conditions, values = self._counting(leads, checks)
        tables = [LEADS] if self._options.duplicate_scope_archive == "N" else [LEADS, ARCHIVE]
        parts = []
        numbers = compared_numbers(leads, kind, self._options)
        forms = number_forms(numbers, as_stored=self._options.one_form)["form"]
        for search in _SEARCHES[kind]:
            columns = (search.number, *search.equal)
            compared = [f"{self._collated(column)} IN {{}}" for column in columns]
            wanted = [self._texts(forms), *(self._texts(leads[name]) for name in search.equal)]
            key = ", ".join(self._collated(name) for name in (*search.beside, search.number))
            group = f"{key}, list_id, phone_code"
            first = ", ".join(self._first(days) for days in windows)
            for table in tables:
                statement = (
                    f"SELECT {group}, {first} FROM {table} "  # noqa: S608 - our own names
                    f"WHERE {' AND '.join([*compared, *conditions])} GROUP BY {group}"
                )
                rows = self._rows(connection, statement, *wanted, *values)
                frame = self._frame(rows, search, windows)
                names = [*search.beside, search.number]
                texts = self._key(connection, frame[names].astype("str"), kind)
                found = frame.drop(columns=names)
                parts.append(found.assign(key=texts, archived=table == ARCHIVE))
        return pd.concat(parts, ignore_index=True)

    def _counting(
        self, leads: pd.DataFrame, checks: Sequence[DuplicateCheck]
    ) -> tuple[list[str], list[Iterable[object]]]:
        """Narrow searches to the leads that count: conditions, and the values for their `{}`."""
        conditions: list[str] = []
        values: list[Iterable[object]] = []
        if lists := self._lists(leads, checks):
            conditions.append("list_id IN {}")
            values.append(lists)
        if statuses := self._options.duplicate_statuses:
            conditions.append(f"{self._collated('status')} IN {{}}")
            values.append(self._texts(pd.Series(statuses, dtype="str")))
        return conditions, values

    def _lists(self, leads: pd.DataFrame, checks: Sequence[DuplicateCheck]) -> list[int]:
        """Give the lists that the checks can find anything in; none: all."""
        scopes = {check.scope for check in checks}
        if Scope.SYS in scopes:
            return []
        wanted = set(leads["list_id"].unique().tolist())
        if Scope.CAMP in scopes:
            of_lists = self._dialer.list_scopes.dropna()
            campaigns = of_lists[of_lists.index.isin(wanted)]
            wanted |= set(of_lists.index[of_lists.isin(campaigns)].tolist())
        return sorted(wanted)

    def _first(self, days: int) -> str:
        """Word the lowest lead_id within a window, whose start is exclusive."""
        if not days:
            return "MIN(lead_id)"
        since = moment_text(self._dialer.window_starts[days])
        return f"MIN(CASE WHEN entry_date > '{since}' THEN lead_id END)"

    def _frame(
        self, rows: list[tuple[Any, ...]], search: _Search, windows: Sequence[int]
    ) -> pd.DataFrame:
        """Turn the rows of a search into existing leads."""
        ids, names = [f"lead_id_{days}" for days in windows], [*search.beside, search.number]
        frame = pd.DataFrame(rows, columns=[*names, "list_id", "phone_code", *ids])
        kinds = {"list_id": "uint64", "phone_code": "str"} | dict.fromkeys(ids, "Int64")
        return frame.astype(kinds).assign(matched=search.matched)

    def _key(self, connection: Connection, columns: pd.DataFrame, kind: Kind) -> "pd.Series[str]":
        """Make the keys of existing leads of the texts that they are compared by."""
        given = [columns[name] for name in columns]
        collation = with_keys(connection, given, self._dialer.compares.get(kind, GENERAL))
        first, *others = [fold(texts, collation) for texts in given]
        return first.str.cat(pd.concat(others, axis=1), sep=SEPARATOR) if others else first


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
    """
    table, ids = ARCHIVE if archived else LEADS, lead_ids.tolist()
    mark, value = database.adapter.list_mark, database.adapter.list_value(ids)
    statement = f"SELECT lead_id, entry_date FROM {table} WHERE lead_id IN {mark}"  # noqa: S608 - our own names
    rows = database.read(lambda c: c.exec_driver_sql(statement, (value,)).all())
    # SQLite keeps any text; a zone behind the time is none of the dialer's.
    dates = [None if date is None else str(date)[:19] for _, date in rows]
    moments = pd.to_datetime(pd.Series(dates, dtype="str"), format="ISO8601", errors="coerce")
    return moments.set_axis(pd.Index([int(number) for number, _ in rows], dtype="int64"))
