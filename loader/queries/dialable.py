"""Which leads the dialer can call: counts of new leads, and the rules of their lists."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection

from loader.checks.dialable import CAMPAIGNS, KINDS, LIST_COLUMNS, find_obstacles
from loader.database.connection import Database
from loader.database.server_clock import read_clock
from loader.dialer import LEADS, LISTS_TABLE, Dialer
from loader.frames.ranges import Range, consecutive
from loader.obstacles import Obstacle
from loader.options.load import LoadOptions
from loader.queries.facts import CALL_TIMES_TABLE, STATE_CALL_TIMES_TABLE, DialerReader
from loader.results.summary import Dialable


def by_list(
    kinds: pd.DataFrame, obstacles: "pd.Series[str]", lists: pd.DataFrame
) -> list[Dialable]:
    """Add up the leads of each list.

    Args:
        kinds: list_id (int64) and leads (int64): how many are of the kind.
        obstacles: as from `find_obstacles`.
        lists: column campaign_id (str) by list_id.
    """
    counts = kinds["leads"].groupby([kinds["list_id"], obstacles.rename("obstacle")]).sum()
    table = counts.unstack(fill_value=0)
    return [
        Dialable(
            list_id=list_id,
            campaign_id=str(lists["campaign_id"].get(list_id, "")),
            leads=sum(of_list.values()),
            dialable=of_list.get("", 0),
            obstacles={o.value: of_list[o] for o in Obstacle if of_list.get(o)},
        )
        for list_id, of_list in zip(table.index.tolist(), table.to_dict("records"), strict=True)
    ]


MOST_LEADS = 20_000
MOST_RANGES = 500
"""The limits of one statement."""

HOPPER_OPTIONS = LoadOptions(hopper_local_call_time_check="Y")
"""Those with which the dialer's call times are read."""

UNLIMITED = {"active": "Y", "dial_statuses": None}
"""Values of missing columns; others are ""."""


class CallRules:
    """What decides whether leads are called: lists, campaigns and call times, as they are now.

    Attributes:
        dialer: the clock, and what `loader.checks.call_times.callable_now` reads.
        lists: columns of `loader.checks.dialable.LIST_COLUMNS` (str) by list_id.
        campaigns: columns of `loader.checks.dialable.CAMPAIGNS` (str) by folded campaign_id.
        missing: columns that the database lacks and that therefore keep no lead from being called.
    """

    def __init__(self, database: Database) -> None:
        """Read them.

        Raises:
            ConfigurationError: a table cannot be read.
        """
        self._database = database
        database.read(self._read)

    def _read(self, connection: Connection) -> None:
        reader = DialerReader(connection, self._database, HOPPER_OPTIONS)
        self.dialer = _call_times(reader)
        lists = reader.frame(LISTS_TABLE, "list_id", *LIST_COLUMNS)
        self.lists = lists.set_index(pd.Index(lists["list_id"].astype("int64"), name=None))
        self.campaigns = reader.campaigns(CAMPAIGNS)
        self.missing = [
            n for n in reader.missing if n.partition(".")[2] in {*LIST_COLUMNS, *CAMPAIGNS}
        ]
        for name in self.missing:
            table, _, column = name.partition(".")
            frame = self.lists if table == LISTS_TABLE else self.campaigns
            frame[column] = UNLIMITED.get(column, "")

    def count_dialable(
        self, leads: Sequence[Range], without_zone: npt.NDArray[np.int64]
    ) -> list[Dialable]:
        """Count by list the leads that can be called now, and the others by obstacle.

        Args:
            leads: their lead_ids; those that have left vicidial_list do not count.
            without_zone: lead_ids for which no time zone was found.
        """
        parts = [
            self._kinds(ranges).assign(zone_known=known)
            for ids in _chunks(leads)
            for known in (True, False)
            for ranges in _ranges(ids[np.isin(ids, without_zone) != known])
        ]
        if not parts:
            return []
        kinds = pd.concat(parts, ignore_index=True)
        obstacles = find_obstacles(kinds, self.dialer, self.lists, self.campaigns)
        return by_list(kinds, obstacles, self.lists)

    def _kinds(self, ranges: Sequence[Range]) -> pd.DataFrame:
        """Count leads by what decides whether they are called."""
        within = " OR ".join(f"lead_id BETWEEN {first} AND {last}" for first, last in ranges)
        names = [name for name in KINDS if name != "zone_known"]
        statement = (
            f"SELECT {', '.join(names)}, COUNT(*) FROM vicidial_list "  # noqa: S608 - our own names
            f"WHERE {within} GROUP BY {', '.join(names)}"
        )
        rows = self._database.read(lambda c: c.exec_driver_sql(statement).all())
        kinds = pd.DataFrame([tuple(row) for row in rows], columns=[*names, "leads"])
        texts = dict.fromkeys(("status", "called_since_last_reset", "state"), "str")
        kinds[list(texts)] = kinds[list(texts)].fillna("")
        return kinds.astype(
            {"list_id": "int64", "gmt_offset_now": "float64", "leads": "int64", **texts}
        )


def with_call_times(dialer: Dialer, database: Database) -> Dialer:
    """Add to a dialer what `loader.checks.call_times.callable_now` reads.

    Raises:
        ConfigurationError: a table cannot be read.
    """

    def read(connection: Connection) -> Dialer:
        tables = {CALL_TIMES_TABLE, STATE_CALL_TIMES_TABLE}
        reader = DialerReader(connection, database, HOPPER_OPTIONS, tables)
        return replace(
            dialer, call_times=reader.call_times(), state_call_times=reader.state_call_times()
        )

    return dialer if len(dialer.call_times) else database.read(read)


def _call_times(reader: DialerReader) -> Dialer:
    lists = reader.lists()
    return Dialer(
        clock=read_clock(reader.connection),
        columns=reader.columns.get(LEADS, {}),
        lists=lists["campaign_id"],
        list_call_times=reader.of_campaigns(lists)["local_call_time"],
        campaigns=reader.campaigns(),
        call_times=reader.call_times(),
        state_call_times=reader.state_call_times(),
    )


def _chunks(ranges: Sequence[Range]) -> Iterator[npt.NDArray[np.int64]]:
    """Give the lead_ids of ranges in chunks."""
    waiting: list[npt.NDArray[np.int64]] = []
    count = 0
    for first, last in ranges:
        for start in range(first, last + 1, MOST_LEADS):
            ids = np.arange(start, min(start + MOST_LEADS, last + 1), dtype=np.int64)
            waiting.append(ids)
            count += len(ids)
            if count >= MOST_LEADS or len(waiting) >= MOST_RANGES:
                yield np.concatenate(waiting)
                waiting, count = [], 0
    if waiting:
        yield np.concatenate(waiting)


def _ranges(ids: npt.NDArray[np.int64]) -> Iterator[list[Range]]:
    """Give ascending lead_ids as chunks of ranges."""
    ranges = consecutive(ids)
    for start in range(0, len(ranges), MOST_RANGES):
        yield ranges[start : start + MOST_RANGES]
