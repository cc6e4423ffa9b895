"""Archives that are killed at a point: the leads, the command, and the run until it happens."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import inspect, make_url

from jobs.cli.main import run as run_command
from loader.database import schema
from tests.support.proxy import Moment, Proxy
from tests.support.server import PrivateServer, numbers, plain_engine, run
from tests.support.statements import STATEMENT
from tests.support.warm import Warm
from tests.support.worked_leads import PROCESSED, insert_leads

LEADS, PROCESSED_LEADS, ARCHIVED_BEFORE = 31, 12, 900
CHILDREN = ("vicidial_list_alt_phones", "vicidial_callbacks", "custom_101", "custom_102")
TABLES = ("vicidial_list", *CHILDREN)
IS_PROCESSED = f"(SELECT lead_id FROM vicidial_list WHERE status IN {PROCESSED})"


WRITING = {
    "archive": ("CREATE", "ALTER", "INSERT", "UPDATE", "DELETE"),
    "dearchive": ("INSERT", "DELETE"),
}
"""What a way does that writes."""


class Crash(NamedTuple):
    """What is lost, when, on which way, at the how many-th statement of a kind; None: at each."""

    what: str
    moment: Moment
    way: str
    kind: str
    nth: int | None


class Dialer:
    """A database with worked leads and what belongs to them, that can be set back.

    Attributes:
        url: its address.
        archived: its rows by table, see `rows`, when the processed leads are archived.
        restored: likewise when they are back.
    """

    def __init__(self, server: PrivateServer, engine_name: str) -> None:
        self.url, self._as_it_was = server.new_database(), server.new_database()
        for url in (self.url, self._as_it_was):
            engine = plain_engine(url)
            schema.create_missing(engine, storage_engine=engine_name)
            engine.dispose()
            run(
                url,
                "CREATE TABLE custom_101 (lead_id INT UNSIGNED PRIMARY KEY NOT NULL,"
                f" colour VARCHAR(9), size DECIMAL(5,2)) CHARSET utf8mb3 ENGINE {engine_name}",
                "CREATE TABLE custom_102 LIKE custom_101",
            )
        insert_leads(self._as_it_was, LEADS, PROCESSED_LEADS)
        run(
            self._as_it_was,
            "INSERT INTO vicidial_list_alt_phones (lead_id, phone_number, alt_phone_note, active)"
            " SELECT lead_id, phone_number + seq, 'x ', 'Y' FROM vicidial_list"
            f" JOIN {numbers(2)}"
            " WHERE lead_id % 2",
            "INSERT INTO vicidial_callbacks (lead_id, list_id, status, modify_date)"
            " SELECT lead_id, list_id, 'INACTIVE', modify_date FROM vicidial_list"
            " WHERE lead_id % 3",
            *(
                f"INSERT INTO custom_{list_id} SELECT lead_id, IF(lead_id % 3, 'blue ', NULL), 1.5"
                f" FROM vicidial_list WHERE list_id = {list_id}"
                for list_id in (101, 102)
            ),
        )
        self.archived, self.restored = self._expected()
        run(
            self._as_it_was,
            # One archived long ago, and what an update is for: copies from an earlier time.
            "INSERT INTO vicidial_list_archive (lead_id, phone_number, status)"
            f" VALUES ({ARCHIVED_BEFORE}, '7275551212', 'OLD')",
            "INSERT INTO vicidial_list_archive SELECT * FROM vicidial_list"
            f" WHERE lead_id IN {IS_PROCESSED} ORDER BY lead_id LIMIT 4",
            "UPDATE vicidial_list_archive SET called_count = 99, first_name = UPPER(first_name)",
            # Or a kill of the server would have them repaired.
            "FLUSH TABLES",
        )
        kept = run(self._as_it_was, "SELECT * FROM vicidial_list_archive WHERE status = 'OLD'")
        for rows in (self.archived, self.restored):
            rows["vicidial_list_archive"] = sorted(
                [*rows.get("vicidial_list_archive", []), *map(repr, kept)]
            )

    def _expected(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        restored = rows(self._as_it_was)
        archived = {}
        for name in TABLES:
            for target, which in ((name, "NOT IN"), (f"{name}_archive", "IN")):
                found = run(
                    self._as_it_was,
                    f"SELECT * FROM {name} WHERE lead_id {which} {IS_PROCESSED}",
                )
                archived[target] = sorted(map(repr, found))
        assert all(archived.values())
        return archived, restored

    def set_back(self) -> None:
        """Undo everything; the archives of children are missing."""
        origin = make_url(self._as_it_was).database
        run(
            self.url,
            *(f"DROP TABLE IF EXISTS {name}_archive" for name in CHILDREN),
            *(
                statement
                for name in (*TABLES, "vicidial_list_archive")
                for statement in (
                    f"DELETE FROM {name}",
                    f"INSERT INTO {name} SELECT * FROM {origin}.{name}",
                )
            ),
        )


def rows(url: str) -> dict[str, list[str]]:
    """Give what is in the tables of leads and their archives; without those that are empty."""
    engine = plain_engine(url)
    there = set(inspect(engine).get_table_names())
    engine.dispose()
    names = there & {name + suffix for name in TABLES for suffix in ("", "_archive")}
    found = {name: sorted(map(repr, run(url, f"SELECT * FROM {name}"))) for name in names}
    return {name: values for name, values in found.items() if values}


def command(way: str, url: str, results: Path) -> list[str]:
    # Leads go there and back again.
    at_once = ["--leave-dearchived", "0"] if way == "archive" else []
    return [
        way, *at_once, "--statuses", ",".join(PROCESSED), "--with-children", "--chunk-size", "6",
        "--database", url, "--results", str(results), "--quiet",
    ]  # fmt: skip


def report_in(results: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((results / "summary.json").read_text("utf-8"))
    return report


def done(arguments: list[str]) -> dict[str, Any]:
    """Run the command to its end, in this process; give its report. No lead stayed."""
    report = ended(arguments)
    assert report["stayed"] == {}
    return report


def ended(arguments: list[str]) -> dict[str, Any]:
    """Run it likewise; leads that people work with may stay."""
    assert run_command(arguments) == 0
    report = report_in(Path(arguments[arguments.index("--results") + 1]))
    assert report["stopped"] == "done"
    return report


def counts(report: dict[str, Any]) -> list[int]:
    return [report[f"{step}_count"] for step in ("select", "insert", "update", "delete")]


def interrupted(
    crash: Crash, number: int, server: PrivateServer, proxy: Proxy, arguments: list[str]
) -> bool:
    """Run the command until the moment comes, and on if it can; tell whether it came."""
    came = threading.Event()
    at = {"moment": crash.moment, "containing": STATEMENT + crash.kind.encode(), "nth": number}

    def lose(loss: Callable[[], object]) -> None:
        proxy.at(action=lambda: (came.set(), loss()), loses=True, **at)

    if crash.what == "client":
        with Warm(*arguments) as client:
            lose(client.kill)
        assert came.is_set() or client.returncode == 0
    else:
        lose(server.kill if crash.what == "server" else came.set)
        ended(arguments)
    return came.is_set()
