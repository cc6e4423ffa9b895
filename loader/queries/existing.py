"""The existing leads that rows may be duplicates of.

A column with an index is asked for the numbers of a chunk. Without one, each such question would
read the whole table: its leads are read once then, see `LeadScan`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from loader.checks.duplicates_existing import SEPARATOR
from loader.clock import moment_text
from loader.database.connection import Database
from loader.database.locks import writing_turn
from loader.database.short_reads import Rows, ShortReads
from loader.database.sql import quote_identifier
from loader.database.weights import with_keys
from loader.dialer import ARCHIVE, Access, Dialer
from loader.frames.arrow import are_equal, keep
from loader.frames.collation import GENERAL, fold
from loader.options.duplicate_check import DuplicateCheck, Kind, Scope
from loader.options.load import LoadOptions
from loader.queries.indexes import Search, among
from loader.queries.lead_scan import LeadScan

Ids = npt.NDArray[np.int64]

Where = tuple[Kind, Search, str]
"""The kind of duplicate check, one of its searches, and the table that is searched."""

IsOwn = Callable[[Ids], npt.NDArray[np.bool_]]
"""Says which lead_ids are those of leads that do not count."""

FEW = 5_000
"""Leads of lists that are read whole for each chunk."""


class ExistingLeads:
    """One search of one kind of duplicate check in one table, for all chunks of a run."""

    def __init__(
        self,
        database: Database,
        options: LoadOptions,
        dialer: Dialer,
        where: Where,
        folder: Path | None = None,
        before: "ExistingLeads | None" = None,
        *,
        asked_again: bool = False,
    ) -> None:
        """Take what decides about the questions, and a folder for what is kept on disk.

        Where the same was asked `before`, each lead counts by itself, and of leads without an index
        only those that came since are read. What is asked before has to be `asked_again` then.
        """
        self._database, self._dialer, self._options = database, dialer, options
        self._kind, self._search, self._table = where
        self._access = dialer.access.get(self._table, Access())
        self._reads = ShortReads(
            database, locks=self._access.locks, at_once=options.read_connections
        )
        self._checks = [check for check in options.duplicate_checks if check.kind is self._kind]
        self._windows = sorted({check.days or 0 for check in self._checks})
        self._collated = database.adapter.collated
        self._by_lead = before is not None
        self._scan = LeadScan(
            table=self._table,
            index=(self._access.indexes or {}).get("lead_id"),
            reads=self._reads,
            read=self._read_range,
            keyed=self._keyed,
            lead_ids=self._lead_ids,
            folder=folder,
        )
        self._asked_again = asked_again
        self.first_seen: int | None = None
        """All questions that read the table know its leads up to this one; None: none did."""
        if before is not None and before.first_seen is not None:
            self._scan.begin_behind(before.first_seen)

    def find(
        self, leads: pd.DataFrame, forms: "pd.Series[str]", is_own: IsOwn | None = None
    ) -> pd.DataFrame:
        """Find the leads that rows may be duplicates of, see `Lookups.existing`.

        Args:
            leads: see `loader.checks.duplicates.KEYED`.
            forms: of the numbers that they are compared by, by row number.
            is_own: says which leads do not count; only if the same was asked before.
        """
        parts = [part for part in self._parts(leads, forms) if len(part)]
        return self._named(parts, is_own) if parts else self._nothing

    def find_among(
        self, leads: pd.DataFrame, forms: "pd.Series[str]", lead_ids: Ids
    ) -> pd.DataFrame:
        """Find those of some leads that rows may be duplicates of, likewise."""
        statement = self._select(["lead_id IN {}"])
        wanted = np.unique(lead_ids).tolist()
        found = self._keyed(self._reads.rows(statement, wanted, *self._statuses))
        return self._named([found[found["key"].isin(self._asked(leads, forms))]])

    def _named(self, parts: list[pd.DataFrame], is_own: IsOwn | None = None) -> pd.DataFrame:
        found = pd.concat(parts, ignore_index=True)
        if self._by_lead:
            lead_ids = found.pop("lead_id").to_numpy(np.int64)
            found = found if is_own is None else found[~is_own(lead_ids)]
        return found.assign(matched=self._search.matched, archived=self._table == ARCHIVE)

    def _parts(self, leads: pd.DataFrame, forms: "pd.Series[str]") -> Iterator[pd.DataFrame]:
        number = self._search.number
        if self._access.finds(number):
            # One value may stand for most of the table.
            may_be_most = self._search.may_be_empty and self._access.locks
            empty = are_equal(forms, "") if may_be_most else np.zeros(len(forms), dtype=bool)
            yield self._with_numbers(leads, keep(~empty, forms))
            if not empty.any():
                return
            forms = forms[empty]
        asked, lists = self._asked(leads, forms), self._lists(leads)
        few = self._of_few(lists) if lists else None
        if few is None:
            yield self._find_in_all(asked)
        else:
            found = self._keyed(few)
            yield found[found["key"].isin(asked)]

    def _find_in_all(self, asked: "pd.Series[str]") -> pd.DataFrame:
        """Find leads by reading the table, see `LeadScan.find`."""
        with self._reads.alone():
            if self._asked_again and self.first_seen is None:
                self.first_seen = self._highest()
        return self._scan.find(asked)

    def _highest(self) -> int:
        """Give the highest lead_id while no load inserts: its leads may have lower ones."""
        statement = f"SELECT COALESCE(MAX(lead_id), -1) FROM {self._table}"  # noqa: S608 - our own names

        def ask(connection: Connection) -> int:
            with writing_turn(self._database, connection, "insert"):
                highest = int(connection.exec_driver_sql(statement).scalar_one())
                connection.commit()
                return highest

        return self._database.read(ask)

    def _with_numbers(self, leads: pd.DataFrame, forms: "pd.Series[str]") -> pd.DataFrame:
        """Ask for the leads that have one of the numbers."""
        conditions = [f"{self._collated(column)} IN {{}}" for column in self._search.equal]
        equal = [self._texts(leads[name]) for name in self._search.equal]
        wanted: list[Sequence[object]] = [self._texts(forms), *equal]
        if lists := self._lists(leads):
            conditions.append("list_id IN {}")
            wanted.append(lists)
        names, group = self._selected
        question = among(
            self._table, self._search.number, self._dialer, names,
            *conditions, *self._of_status, group=group,
        )  # fmt: skip
        return self._keyed(self._reads.rows(question, *wanted, *self._statuses))

    def _of_few(self, lists: Sequence[int]) -> Rows | None:
        """Read all leads of lists that have few; None: they have more."""
        index = (self._access.indexes or {}).get("list_id")
        if index is None:
            return None
        hint = f"FORCE INDEX ({quote_identifier(index)})"
        some = f"SELECT 1 FROM {self._table} {hint} WHERE list_id IN {{}} LIMIT {FEW + 1}"  # noqa: S608 - our own names
        counted = f"SELECT COUNT(*) FROM ({some}) AS leads"  # noqa: S608 - likewise
        statement = self._select(["list_id IN {}", self._scanned], hint)

        def read(connection: Connection) -> tuple[Rows | None, int]:
            [(count,)] = self._reads.select(connection, counted, lists)
            if count > FEW:
                return None, 0
            return self._reads.select(connection, statement, lists, *self._statuses), count

        return self._reads.read(read)

    def _read_range(self, connection: Connection, condition: str, hint: str) -> Rows:
        """Read the leads of a range, for `LeadScan`."""
        statement = self._select([condition, self._scanned], hint)
        return self._reads.select(connection, statement, *self._statuses)

    @property
    def _scanned(self) -> str:
        """Word which leads rows can ask for, where not by an index of their number."""
        number = self._collated(self._search.number)
        if not self._search.may_be_empty:
            return f"{number} <> ''"
        return (
            f"{number} = ''" if self._access.finds(self._search.number) else f"{number} IS NOT NULL"
        )

    @property
    def _statuses(self) -> list[Iterable[object]]:
        """Give the values of the last condition, if there are statuses that count."""
        statuses = self._options.duplicate_statuses
        return [self._texts(pd.Series(statuses, dtype="str"))] if statuses else []

    @property
    def _of_status(self) -> list[str]:
        """Word the last condition, see `_statuses`."""
        return [f"{self._collated('status')} IN {{}}"] if self._options.duplicate_statuses else []

    @property
    def _selected(self) -> tuple[str, str]:
        """Word what is read of leads, and what groups them: all that matters but their lead_id."""
        key = (self._collated(name) for name in (*self._search.beside, self._search.number))
        by_lead = ["lead_id"] if self._by_lead else []
        group = ", ".join([*key, "list_id", "phone_code", *by_lead])
        return ", ".join([group, *map(self._first, self._windows)]), group

    def _select(self, conditions: Sequence[str], hint: str = "") -> str:
        """Word a question for leads."""
        names, group = self._selected
        where = " AND ".join([*conditions, *self._of_status])
        return f"SELECT {names} FROM {self._table} {hint} WHERE {where} GROUP BY {group}"  # noqa: S608 - our own names

    def _first(self, days: int) -> str:
        """Word the lowest lead_id within a window, whose start is exclusive."""
        if not days:
            return "MIN(lead_id)"
        since = moment_text(self._dialer.window_starts[days])
        return f"MIN(CASE WHEN entry_date > '{since}' THEN lead_id END)"

    def _lists(self, leads: pd.DataFrame) -> list[int]:
        """Give the lists that the checks can find anything in; none: all."""
        return lists_searched(leads, self._checks, self._dialer)

    def _texts(self, values: "pd.Series[str]") -> list[str]:
        """Give the distinct texts to compare such a column with."""
        return self._database.adapter.fold(values).unique().tolist()

    @property
    def _lead_ids(self) -> list[str]:
        by_lead = ["lead_id"] if self._by_lead else []
        return [*by_lead, *(f"lead_id_{days}" for days in self._windows)]

    def _keyed(self, rows: Rows) -> pd.DataFrame:
        """Give the rows of a question with a key in the place of the texts that are compared."""
        return self._frame(rows) if rows else self._no_rows

    @cached_property
    def _no_rows(self) -> pd.DataFrame:
        """The frame without rows; it costs as much as any, and is not to be changed."""
        return self._frame([])

    @cached_property
    def _nothing(self) -> pd.DataFrame:
        """What is found if no lead is; likewise."""
        return self._named([self._no_rows])

    def _frame(self, rows: Rows) -> pd.DataFrame:
        names = [*self._search.beside, self._search.number]
        frame = pd.DataFrame(rows, columns=[*names, "list_id", "phone_code", *self._lead_ids])
        kinds = {"list_id": "uint64"} | dict.fromkeys([*names, "phone_code"], "str")
        frame = frame.astype(kinds | dict.fromkeys(self._lead_ids, "Int64"))
        return frame.drop(columns=names).assign(key=self._keys([frame[name] for name in names]))

    def _asked(self, leads: pd.DataFrame, forms: "pd.Series[str]") -> "pd.Series[str]":
        """Give the distinct keys that rows ask for."""
        texts = [leads[name].loc[forms.index] for name in self._search.beside]
        asked = self._keys([each.reset_index(drop=True) for each in (*texts, forms)])
        return asked.drop_duplicates()

    def _keys(self, texts: "Sequence[pd.Series[str]]") -> "pd.Series[str]":
        """Make keys of the texts that leads are compared by."""
        of_kind = self._dialer.compares.get(self._kind, GENERAL)
        collation = self._database.read(lambda it: with_keys(it, texts, of_kind))
        first, *others = [fold(each, collation) for each in texts]
        return first.str.cat(pd.concat(others, axis=1), sep=SEPARATOR) if others else first


def lists_searched(
    leads: pd.DataFrame, checks: Sequence[DuplicateCheck], dialer: Dialer
) -> list[int]:
    """Give the lists that checks can find anything in; none: all."""
    scopes = {check.scope for check in checks}
    if Scope.SYS in scopes:
        return []
    wanted = set(leads["list_id"].unique().tolist())
    if Scope.CAMP in scopes:
        of_lists = dialer.list_scopes.dropna()
        campaigns = of_lists[of_lists.index.isin(wanted)]
        wanted |= set(of_lists.index[of_lists.isin(campaigns)].tolist())
    return sorted(wanted)
