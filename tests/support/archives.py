"""Leads in vicidial_list and its archive: made, moved and compared by the tests of archiving."""

from typing import Any

import numpy as np

from loader.archive.archiver import Archiver
from loader.archive.outcome import ChunkResult, Counts
from loader.archive.selection import Ids, Leads
from loader.database.connection import Database
from loader.options.archive import ArchiveOptions, ArchiveRule
from tests.support.server import fill, run

LEADS, ARCHIVE = "vicidial_list", "vicidial_list_archive"

Row = dict[str, Any]


def lead(lead_id: int, **values: Any) -> Row:
    """Return a lead that was called; its texts differ from those of other leads."""
    row = {
        "lead_id": lead_id, "entry_date": "2026-03-01 10:00:00",
        "modify_date": "2026-04-01 10:00:00", "status": "NA", "user": "6666",
        "vendor_lead_code": f"v{lead_id}", "source_id": "s", "list_id": 101,
        "gmt_offset_now": "-5.00", "called_since_last_reset": "Y", "phone_code": "1",
        "phone_number": str(7_275_000_000 + lead_id), "first_name": f"Ann{lead_id}",
        "last_name": "Özil", "comments": None, "called_count": 3,
        "last_local_call_time": "2026-04-01 10:00:00", "rank": 1, "owner": "",
        "entry_list_id": 0,
    }  # fmt: skip
    return row | values


def put(database: Database, *leads: Row, table: str = LEADS) -> None:
    """Insert leads as they are."""
    fill(database.engine, {table: list(leads)})


def put_many(database: Database, count: int) -> None:
    """Insert leads 1 to `count`, up to 100,000, by one statement that every engine knows."""
    digits = "SELECT 0 AS d" + "".join(f" UNION ALL SELECT {digit}" for digit in range(1, 10))
    places = ", ".join(f"({digits}) AS p{place}" for place in range(5))
    number = " + ".join(f"p{place}.d * {10**place}" for place in range(5))
    sql(
        database,
        f"INSERT INTO {LEADS} (lead_id, phone_number, status, list_id, comments, `rank`) "
        f"SELECT n, 7275000000 + n, 'NA', 101, 'called ', n % 7 FROM "
        f"(SELECT {number} + 1 AS n FROM {places}) AS numbers WHERE n <= {count}",
    )


def rows(
    database: Database, table: str = LEADS, key: str = "lead_id"
) -> dict[int, tuple[Any, ...]]:
    """Read a whole table, by its key."""
    url = database.engine.url.render_as_string(hide_password=False)
    return {row[0]: tuple(map(str, row)) for row in run(url, f"SELECT * FROM {table} ORDER BY 1")}


def sql(database: Database, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement and give its rows."""
    return run(database.engine.url.render_as_string(hide_password=False), statement)


def archiver(
    database: Database,
    rule: dict[str, Any] | None = None,
    direction: Any = "archive",
    **options: Any,
) -> Archiver:
    """Make an archiver of a rule, or of given leads."""
    given = None if rule is None else ArchiveRule(**rule)
    return Archiver(database, ArchiveOptions(**options), given, direction)


def ids(*lead_ids: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(lead_ids, np.int64)


def make_archives(database: Database, **options: Any) -> list[str]:
    """Make the archives that are missing, as every run does before it moves anything."""
    mover = archiver(database, **options)
    mover.leads(ids())
    return mover.tables.made


def take(leads: Leads, at_most: int = 500) -> Ids:
    """Return the next lead_ids; none: there are no more."""
    while not len((taken := leads.take(at_most)).lead_ids) and not taken.finished:
        pass
    return taken.lead_ids


class Moved:
    """The results of all chunks of a run."""

    def __init__(self, mover: Archiver, leads: Leads, chunk: int = 500) -> None:
        self.chunks: list[ChunkResult] = []
        self.stayed: dict[int, tuple[str, str]] = {}
        while True:
            taken = leads.take(chunk)
            self._note(taken.stayed)
            if taken.finished:
                break
            if len(taken.lead_ids):
                result = mover.move(taken.lead_ids)
                self.chunks.append(result)
                self._note(result.stayed)
        self.lead_ids = [int(lead_id) for result in self.chunks for lead_id in result.moved]
        self.counts = Counts()
        for result in self.chunks:
            self.counts = self.counts.plus(result.counts)
        self.children: dict[str, Counts] = {}
        for result in self.chunks:
            for name, counts in result.children.items():
                self.children[name] = self.children.get(name, Counts()).plus(counts)

    def _note(self, stayed: Any) -> None:
        for row in stayed.itertuples(index=False):
            assert row.lead_id not in self.stayed
            self.stayed[int(row.lead_id)] = (row.why, row.details)


def move(
    database: Database,
    which: dict[str, Any] | list[int],
    direction: Any = "archive",
    chunk: int = 500,
    **options: Any,
) -> Moved:
    """Archive leads by a rule, or given ones, or bring them back."""
    given = None if isinstance(which, dict) else ids(*which)
    mover = archiver(database, which if given is None else None, direction, **options)
    return Moved(mover, mover.leads(given), chunk)
