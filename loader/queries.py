"""What is asked of the dialer's database about a chunk of leads: one statement a question."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from loader.collation import fold
from loader.database import Database
from loader.duplicate_rule import SEPARATOR
from loader.duplicates import DuplicateCheck, Kind, Scope
from loader.lookups import Dialer, Lookups
from loader.options import DncCheck, LoadOptions
from loader.rules import dnc_keys


def look_up(
    database: Database, leads: pd.DataFrame, options: LoadOptions, dialer: Dialer
) -> Lookups:
    """Ask what the rules need to know of a chunk: one statement for each question, not each row.

    Args:
        database: the dialer's.
        leads: columns list_id, phone_number, alt_phone, title (see `find_duplicates`).
        options: which checks are on.
        dialer: windows, lists and collation are read.

    Raises:
        DatabaseUnavailableError: no answer after all retries.
    """
    return database.read(
        lambda connection: _ChunkQuestions(connection, database, dialer).ask(leads, options)
    )


class _ChunkQuestions:
    """The questions about one chunk over one connection."""

    def __init__(self, connection: Connection, database: Database, dialer: Dialer) -> None:
        self.connection, self.is_sqlite, self.dialer = connection, database.is_sqlite, dialer

    def ask(self, leads: pd.DataFrame, options: LoadOptions) -> Lookups:
        phones = leads["phone_number"]
        dnc: pd.Index[str] = pd.Index([], dtype="str")
        campaign_dnc = dnc
        if options.dnc_check != "N":
            dnc = self.listed("vicidial_dnc", phones, options.dnc_check)
        if options.campaign_dnc_check != "N":
            campaign_dnc = self.listed(
                "vicidial_campaign_dnc", phones, options.campaign_dnc_check, dialer_campaign=True
            )
        kinds = dict.fromkeys(check.kind for check in options.duplicate_checks)
        return Lookups(
            dnc=dnc,
            campaign_dnc=campaign_dnc,
            existing={kind: self.existing(leads, kind, options.duplicate_checks) for kind in kinds},
        )

    def rows(self, statement: str, *values: Iterable[object]) -> list[tuple[Any, ...]]:
        """Run a statement whose `{}` each stand for a list of values."""
        marks = ["(SELECT value FROM json_each(?))" if self.is_sqlite else "%s"] * len(values)
        parameters = [
            json.dumps(list(value)) if self.is_sqlite else tuple(value) for value in values
        ]
        found = self.connection.exec_driver_sql(statement.format(*marks), tuple(parameters))
        return [tuple(row) for row in found]

    def text(self, column: str) -> str:
        """Name a text column so that it compares as the dialer's collation does."""
        return f"fold({column})" if self.is_sqlite else column

    def texts(self, values: "pd.Series[str]") -> list[str]:
        """Give the distinct texts to compare such a column with."""
        return (fold(values) if self.is_sqlite else values).unique().tolist()

    def listed(
        self,
        table: str,
        phones: "pd.Series[str]",
        check: DncCheck,
        *,
        dialer_campaign: bool = False,
    ) -> pd.Index:
        """Give those of the numbers and area codes that stand in a do-not-call table."""
        keys = dnc_keys(phones, check)
        if keys.empty:
            return pd.Index([], dtype="str")
        number = self.text("phone_number")
        statement = f"SELECT phone_number FROM {table} WHERE {number} IN {{}}"  # noqa: S608
        values: list[Iterable[object]] = [self.texts(keys)]
        if dialer_campaign:
            statement += f" AND {self.text('campaign_id')} IN {{}}"
            values.append(self.texts(pd.Series([self.dialer.dnc_campaign], dtype="str")))
        found = pd.Series([str(row[0]) for row in self.rows(statement, *values)], dtype="str")
        # Area codes may stand there as 727xxxxxxx.
        return pd.Index(fold(found))

    def existing(
        self, leads: pd.DataFrame, kind: Kind, checks: Sequence[DuplicateCheck]
    ) -> pd.DataFrame:
        """Find the existing leads that rows may be duplicates of, see `loader.lookups.EXISTING`."""
        checks = [check for check in checks if check.kind is kind]
        windows = sorted({check.days or 0 for check in checks})
        within, lists = self.within(leads, checks)
        first = ", ".join(self.first(days) for days in windows)
        parts = []
        for names, searched, matched in _SEARCHES[kind]:
            columns = ", ".join(self.text(name) for name in names)
            searches = [f"{self.text(column)} IN {{}}" for column, _ in searched]
            statement = (
                f"SELECT {columns}, list_id, {first} FROM vicidial_list "  # noqa: S608
                f"WHERE {' AND '.join(searches)}{within} GROUP BY {columns}, list_id"
            )
            values = [self.texts(leads[field]) for _, field in searched]
            if all(len(value) for value in values):
                parts.append(
                    self.frame(self.rows(statement, *values, *lists), names, windows, matched)
                )
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def within(
        self, leads: pd.DataFrame, checks: Sequence[DuplicateCheck]
    ) -> tuple[str, list[Iterable[object]]]:
        """Narrow a search to the lists that the checks can find anything in."""
        scopes = {check.scope for check in checks}
        if Scope.SYS in scopes:
            return "", []
        wanted = set(leads["list_id"].unique().tolist())
        if Scope.CAMP in scopes:
            of_lists = self.dialer.lists
            campaigns = fold(of_lists[of_lists.index.isin(wanted)])
            wanted |= set(of_lists.index[fold(of_lists).isin(campaigns)].tolist())
        return " AND list_id IN {}", [sorted(wanted)]

    def first(self, days: int) -> str:
        """Word the lowest lead_id within a window, whose start is exclusive."""
        if not days:
            return "MIN(lead_id)"
        since = f"{self.dialer.window_starts[days]:%Y-%m-%d %H:%M:%S}"
        return f"MIN(CASE WHEN entry_date > '{since}' THEN lead_id END)"

    def frame(
        self,
        rows: list[tuple[Any, ...]],
        names: Sequence[str],
        windows: Sequence[int],
        matched: str,
    ) -> pd.DataFrame:
        ids = [f"lead_id_{days}" for days in windows]
        frame = pd.DataFrame(rows, columns=[*names, "list_id", *ids])
        texts = [fold(frame[name].astype("str"), self.dialer.fold) for name in names]
        key = (
            texts[0].str.cat(pd.concat(texts[1:], axis=1), sep=SEPARATOR) if texts[1:] else texts[0]
        )
        found = frame[["list_id", *ids]].astype({"list_id": "uint64"} | dict.fromkeys(ids, "Int64"))
        return found.assign(key=key, matched=matched)


_SEARCHES: dict[Kind, tuple[tuple[tuple[str, ...], tuple[tuple[str, str], ...], str], ...]] = {
    Kind.PHONE: ((("phone_number",), (("phone_number", "phone_number"),), "PHONE"),),
    Kind.PHONEALT: (
        (("phone_number",), (("phone_number", "phone_number"),), "PHONE"),
        (("alt_phone",), (("alt_phone", "phone_number"),), "ALT"),
    ),
    Kind.TITLEALTPHONE: (
        (("title", "alt_phone"), (("alt_phone", "alt_phone"), ("title", "title")), "PHONE"),
    ),
    Kind.NAMEPHONE: (
        (("first_name", "last_name", "phone_number"), (("phone_number", "phone_number"),), "PHONE"),
    ),
}
"""For each kind its searches: the columns that make the key, those searched with the field of the
row that they are compared with, and what a hit is called."""
