"""Loads that are killed at a point: the database, the file, and the load until it happens."""

import re
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from loader.database import schema
from loader.database.connection import Database
from loader.errors import DatabaseUnavailableError
from loader.ledger.run_batches import RunBatches
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from tests.conformance.replay import extra_rows, read
from tests.support import failpoints
from tests.support.loads import (
    Loads,
    Outcome,
    assert_extras_match,
    load_file,
    outcome_of,
    workers_from_the_first_row,
)
from tests.support.people import State
from tests.support.proxy import Moment, Proxy
from tests.support.server import PrivateServer, fill, plain_engine, run

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

STATEMENT = re.compile(rb"...\x00\x03", re.DOTALL)
QUESTION = re.compile(rb"...\x00\x03(WITH|SELECT)(?=.*7275551).*vicidial_dnc", re.DOTALL)
STEP = re.compile(rb"...\x00\x03(CREATE|INSERT|LOAD|UPDATE|DELETE|SET @|COMMIT)", re.DOTALL)
ROWS = re.compile(rb'(?!...\x00\x03).*"(72755510|7275552|c\d"|v\d"|call )', re.DOTALL)
"""Packets: any statement, one that asks for the numbers of a file, one that changes something, and
rows that a file has."""

NAMES = {STATEMENT: "statement", QUESTION: "question", STEP: "step", ROWS: "rows"}

Loss = Literal["line", "line for good", "server", "server for good", "client"]


class Parallelism(NamedTuple):
    """How many processes check rows, and how many connections insert them."""

    workers: int = 1
    connections: int = 1
    """On InnoDB; MyISAM has one."""

    def __str__(self) -> str:
        return f"{self.workers} workers-{self.connections} connections"


class Crash(NamedTuple):
    """What is lost, when, in which load, at the how many-th packet; None: at each."""

    load: str
    loss: Loss
    moment: Moment
    packet: re.Pattern[bytes]
    nth: int | None
    parallelism: Parallelism = Parallelism()

    def __str__(self) -> str:
        words = [*self[:3], NAMES[self.packet], str(self.nth or "every")]
        return "-".join(words + [str(self.parallelism)] * (self.parallelism != Parallelism()))


# --- the loads ---

EXISTING = 3


def rows(*, extras: bool = True) -> list[dict[str, str]]:
    """Give two batches, each with new and with existing leads; of the first ones all is known.

    The server refuses what is bad, if it has the triggers: then the last but one is no duplicate.
    A mail address says who it is.
    """
    new = ["Ann", "bad", "Cid", "Eve", "Gus"]
    found = [{"phone_number": str(7_275_551_000 + n), "first_name": who, "city": f"city {n}"}
             for n, who in enumerate(new)]  # fmt: skip
    for n, row in enumerate(found[:3]):
        row |= {
            "vendor_lead_code": f"v{n}", "colour": f"c{n}", "callback_comments": f"call {n}",
            "multi_alt_phones": f"7275552001_1_a{n}!7275552002_1_b{n}",
            "add_to_hopper": "Y", "callback": "Y",
        }  # fmt: skip
    found[2]["colour"] = "bad"
    there = [
        {"phone_number": str(7_275_559_000 + n), "first_name": f"new {n}", "city": city}
        for n, city in enumerate(("x", "bad", "y"))
    ]
    duplicates = [found[1] | {"first_name": who, "callback": "N"} for who in ("Lee", "Max")]
    invalid = [found[3] | {"phone_number": "12"}]
    all_rows = [*found[:3], there[0], found[3], there[1], found[4], there[2], *duplicates, *invalid]
    if not extras:
        kept = ("phone_number", "first_name", "city", "vendor_lead_code")
        all_rows = [{name: row[name] for name in kept if name in row} for row in all_rows]
    return [row | {"email": f"p{n}@example.com"} for n, row in enumerate(all_rows)]


TABLES: dict[str, list[dict[str, Any]]] = {
    "system_settings": [{"custom_fields_enabled": "1"}],
    "vicidial_campaigns": [{"campaign_id": "TEST"}],
    "vicidial_lists": [{"list_id": n, "campaign_id": "TEST"} for n in (101, 102)],
    "vicidial_lists_fields": [{"list_id": 101, "field_label": "colour", "field_type": "TEXT"}],
    "custom_tables": [{"table": "custom_101", "columns": {"colour": "VARCHAR(20)"}}],
}
LEADS = [
    {
        "lead_id": 7 + n, "phone_number": str(7_275_559_000 + n), "first_name": "", "city": "old",
        "list_id": 102, "status": "NEW", "entry_date": "2026-11-01 10:00:00",
        "modify_date": "2026-11-01 10:00:00",
    }
    for n in range(EXISTING)
]  # fmt: skip
OPTIONS: dict[str, Any] = {
    "list_id": "101",
    "campaign_id": "TEST",
    "custom_fields": "Y",
    "callback_datetime": "2030-01-02",
    "duplicate_check": "DUPSYS",
    "dnc_check": "Y",
    "update_fields": "all",
    "batch_size": 4,
}
REFUSING = tuple(
    f"CREATE TRIGGER no_{event}_{table} BEFORE {event} ON {table} FOR EACH ROW"
    f" IF NEW.{column} = 'bad' THEN SIGNAL SQLSTATE '45000'; END IF"
    for event, table, column in (
        ("INSERT", "vicidial_list", "first_name"),
        ("INSERT", "custom_101", "colour"),
        ("UPDATE", "vicidial_list", "city"),
    )
)


class Kind(NamedTuple):
    """A load: what is to be done about existing leads, by which way, and whether rows are bad."""

    on_duplicate: str
    by_file: bool
    refuses: bool
    extras: bool = True


LOADS = {
    "plain": Kind("update", by_file=True, refuses=False, extras=False),
    "update": Kind("update", by_file=True, refuses=False),
    "move": Kind("move", by_file=False, refuses=False),
    "refused by file": Kind("move", by_file=True, refuses=True),
    "refused": Kind("update", by_file=False, refuses=True),
}
SET_BACK = (
    "vicidial_list", "vicidial_list_archive", "vicidial_dnc",
    "vicidial_list_alt_phones", "custom_101", "vicidial_hopper",
    "vicidial_callbacks", "leadloader_runs", "leadloader_batches", "leadloader_changes",
)  # fmt: skip
UNTOLD = ("entry_date", "modify_date", "last_local_call_time", "entry_time")
"""Columns that say when it was."""


class Ending(NamedTuple):
    """What there is when a load is complete."""

    state: State
    outcome: Outcome


class Dialer:
    """A database with some leads that can be set back, and what an undisturbed load makes of it."""

    def __init__(
        self, server: PrivateServer, engine_name: str, name: str, parallelism: Parallelism,
        folder: Path,
    ) -> None:  # fmt: skip
        self.server, self.kind, self.folder = server, LOADS[name], folder
        self.url = server.new_database()
        engine = plain_engine(self.url)
        schema.create_missing(engine, storage_engine=engine_name)
        engine.dispose()
        fill(self.url, TABLES)
        if self.kind.refuses:
            for trigger in REFUSING:
                run(self.url, trigger)
        self.rows = rows(extras=self.kind.extras)
        self.path = Loads(folder).file(self.rows)
        self.connections = parallelism.connections if engine_name == "innodb" else 1
        about = {"on_duplicate": self.kind.on_duplicate, "connections": self.connections}
        self.options = OPTIONS | about | {"workers": 1}
        self.set_back([name for name in SET_BACK if not name.startswith("leadloader_")])
        self.load(self.url, folder / "undisturbed")
        if parallelism.workers > 1:
            self.options |= {"workers": parallelism.workers, "chunk_size": 3}
        self.expected = self.account(folder / "undisturbed")
        self.whole = Ending(State.of(self.url), outcome_of(folder / "undisturbed"))

    def set_back(self, tables: Iterable[str] = SET_BACK) -> None:
        """Undo everything."""
        self.server.execute(f"SET GLOBAL local_infile = {int(self.kind.by_file)}")
        run(self.url, *(f"DELETE FROM {name}" for name in tables))
        fill(self.url, {"vicidial_list": LEADS})
        # Or a kill of the server would have them repaired.
        run(self.url, "FLUSH TABLES")

    def start(self) -> None:
        """Start the server, if it was killed, as it was."""
        if not self.server.is_running:
            self.server.start(f"--local-infile={int(self.kind.by_file)}")

    def load(self, url: str, results: Path, sleep: Callable[[float], object] = time.sleep) -> None:
        """Load in this process."""
        database = Database(url, sleep=lambda seconds: (sleep(seconds), None)[1])
        try:
            options = LoadOptions(**self.options)
            with workers_from_the_first_row():
                load_file(self.path, options, database, results, report=ReportOptions())
        finally:
            database.engine.dispose()

    def account(self, results: Path) -> dict[str, Any]:
        """Give all that tables, results and ledger hold, but for times and names of runs.

        Whatever has a number is told by its place among its like: a transaction that is rolled
        back leaves a gap.
        """
        database, outcome = Database(self.url), outcome_of(results)
        try:
            assert_extras_match(outcome, database)
            assert_in_ledger(Ledger.open(database, results), outcome)
            # Which of several batches has the lower lead_ids, nobody knows.
            order = "lead_id" if self.connections == 1 else "email, lead_id"
            stored = read(database, f"SELECT * FROM vicidial_list ORDER BY {order}")
            tables = {"vicidial_list": stored, **extra_rows(database)}
        finally:
            database.engine.dispose()
        rows = placed(tables)
        if self.connections > 1:
            rows = {name: sorted(of_table, key=repr) for name, of_table in rows.items()}
        return {"tables": rows, "results": told(outcome, placing(tables))}


def placing(tables: dict[str, list[dict[str, Any]]]) -> Callable[[str], str]:
    """Give what puts places instead of numbers into a text."""
    keys = {"lead_id": "vicidial_list", "hopper_id": "vicidial_hopper"}
    keys |= {"callback_id": "vicidial_callbacks"}
    places = {
        f"{key}={row[key]}": f"{key}=#{place}"
        for key, table in keys.items()
        for place, row in enumerate(tables.get(table, []))
    }

    def place(text: str) -> str:
        # The dialer's answer to a duplicate ends with |phone_number|lead_id|list_id.
        named = re.sub(r"\|(\d+)(?=\|\d+$)", r"|lead_id=\1", text)
        return re.sub(r"\w+_id=\d+", lambda it: places.get(it[0], it[0]), named)

    return place


def placed(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Give rows with places instead of numbers, and without times."""
    places = {row["lead_id"]: f"#{place}" for place, row in enumerate(tables["vicidial_list"])}
    left_out = {*UNTOLD, "alt_phone_id", "hopper_id", "callback_id"}
    return {
        table: [
            {name: row[name] for name in row if name not in left_out}
            | {"lead_id": places[row["lead_id"]]}
            | ({} if table == "vicidial_list" else {"modify_date": ""})
            for row in found
        ]
        for table, found in tables.items()
    }


def told(outcome: Outcome, place: Callable[[str], str]) -> dict[str, Any]:
    """Give what the results say, however many processes checked the rows."""
    left_out: dict[str, Any] = dict.fromkeys(
        ("run", "began", "ended", "seconds", "results", "lead_ids", "database"), True
    ) | {"options": {"workers", "chunk_size"}}
    return {
        "summary": outcome.summary.model_dump(exclude=left_out),
        "loaded": {
            row: place(f"lead_id={of['lead_id']} {of['notices']}")
            for row, of in outcome.loaded.items()
        },
        "rejected": {
            row: {name: place(value) for name, value in of.items()}
            for row, of in outcome.rejected.items()
        },
        "changes": [
            (row, place(f"lead_id={lead}"), *rest) for row, lead, *rest in outcome.changes()
        ],
    }


def assert_in_ledger(ledger: Ledger, outcome: Outcome) -> None:
    """The ledger has one run, which is done, and what the results say of it."""
    [record] = ledger.runs()
    counts = (record.rows_read, record.loaded, record.rejected)
    summary = outcome.summary
    assert (record.run, record.state) == (summary.run, "done")
    assert counts == (summary.rows_read, summary.loaded, summary.rejected)
    new = {
        int(lead.row_number): int(lead.lead_id)
        for leads in RunBatches(ledger, record.run).new_leads()
        for lead in leads.itertuples()
    }
    changed = {row for row in outcome.loaded if "EXISTING" in outcome.loaded[row]["notices"]}
    assert new == {row: of for row, of in outcome.lead_ids.items() if row not in changed}
    assert not [*RunBatches(ledger, record.run).sent_leads()]
    ids = sorted(new.values())
    assert [n for first, last in summary.lead_ids for n in range(first, last + 1)] == ids
    changes = [
        (int(change.row_number), int(change.lead_id), change.field, change.old, change.new)
        for changes in RunBatches(ledger, record.run).changes()
        for change in changes.astype(object).where(changes.notna(), None).itertuples()
    ]
    assert sorted(map(repr, changes)) == sorted(map(repr, outcome.changes()))


LoadDialers = Callable[[str, str, Parallelism], Dialer]
"""Gives the dialer of an engine and a load."""


class Point:
    """One moment in one load: what happens there, and the load itself until then.

    Where the load goes on by itself, `work` is done while it waits.
    """

    def __init__(
        self,
        dialer: Dialer,
        proxy: Proxy,
        results: Path,
        work: Callable[[], object] = lambda: None,
    ) -> None:
        self.work = work
        self.dialer, self.server, self.proxy, self.results = dialer, dialer.server, proxy, results
        self.url = proxy.via(dialer.url)
        self.came = threading.Event()

    def at(self, crash: Crash, number: int, loss: Callable[[], object]) -> None:
        """Let it happen at a packet, which loses its connection too."""
        action = lambda: (self.came.set(), loss())  # noqa: E731 - a name would say no more
        self.proxy.at(crash.moment, crash.packet, action, nth=number, loses=True)

    def reached(self, crash: Crash, number: int) -> bool:
        """Load until it happens, and on if that is possible; tell whether it happened."""
        if crash.loss == "client":
            self._load_in_child(crash, number)
        else:
            self._load_here(crash, number)
        return self.came.is_set()

    def _load_in_child(self, crash: Crash, number: int) -> None:
        children: Queue[BaseProcess] = Queue()
        self.at(crash, number, lambda: children.get().kill())
        child = failpoints.start(self.url, self.dialer.path, self.dialer.options, self.results)
        children.put(child)
        child.join()
        assert child.exitcode == (-signal.SIGKILL if self.came.is_set() else 0)

    def _load_here(self, crash: Crash, number: int) -> None:
        sleeps: dict[Loss, Callable[[float], object]] = {
            "line": lambda _: self.work(),
            "line for good": lambda _: self.proxy.close(),
            "server": lambda _: (self.dialer.start(), self.work()),
            "server for good": lambda _: None,
        }
        kills = crash.loss.startswith("server")
        self.at(crash, number, self.server.kill if kills else lambda: None)
        # The lock of the run is waited for by a clock that no test winds.
        with suppress(DatabaseUnavailableError):
            self.dialer.load(self.url, self.results, sleeps[crash.loss])
