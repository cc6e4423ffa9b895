"""Two loads at the same time: each sees at its turn what the other one has inserted."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from loader.database import locks
from loader.database.connection import Database
from tests.support.loads import Loads, leads
from tests.support.server import run

NUMBER, OTHER = "7275551001", "7275551002"
NEW_LEAD = "INSERT INTO vicidial_list (phone_number, alt_phone, title, list_id, entry_date) VALUES "


@contextmanager
def in_its_turn(url: str) -> Iterator[Any]:
    """Insert a lead as a load does in its turn; give what commits, and ends the turn."""
    database = Database(url)
    with ExitStack() as turn:
        connection = turn.enter_context(database.connect())
        turn.enter_context(locks.turn(database, connection, "insert"))
        connection.exec_driver_sql(f"{NEW_LEAD}('{OTHER}', '{NUMBER}', 'MR', 101, NOW())")

        def end() -> None:
            connection.commit()
            turn.close()

        yield end
    database.engine.dispose()


@pytest.mark.engines("innodb")
@pytest.mark.parametrize("check", ["DUPPHONEALTSYS", "DUPTITLEALTPHONESYS"])
def test_leads_that_are_committed_after_later_ones_are_seen(
    check: str,
    database: Database,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They have lower lead_ids than others that are there when the table is read."""
    wait = locks._wait_for_turn
    row = {"phone_number": NUMBER, "alt_phone": NUMBER, "title": "MR", "list_id": "101"}
    with in_its_turn(database_url) as end:
        run(database_url, f"{NEW_LEAD}('7275551999', '', '', 101, NOW())")

        def waiting(connection: Connection, lock: str, name: str, tries: int) -> None:
            if name == "insert":
                end()
            wait(connection, lock, name, tries)

        monkeypatch.setattr(locks, "_wait_for_turn", waiting)
        loaded = Loads(tmp_path).load([row], database, duplicate_check=check)
    assert loaded.summary.rejected == 1
    assert len(leads(database, "lead_id")) == 2
