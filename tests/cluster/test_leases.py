"""Locks that all nodes of a cluster know."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loader.database import leases
from loader.database.connection import Database
from loader.database.leases import Lease
from loader.database.locks import is_held, lock, turn
from loader.errors import BusyError, TransientDatabaseError
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger
from tests.support.cluster import Cluster
from tests.support.server import run

pytestmark = pytest.mark.cluster


def test_a_lock_holds_on_all_nodes(through: Callable[..., Database]) -> None:
    one, two = through(0), through(1)
    with lock(one, "night", "a night is under way"):
        assert is_held(two, "night")
        with (
            pytest.raises(BusyError, match=r"a night is under way already, by process [0-9]+ on "),
            lock(two, "night", "a night is under way"),
        ):
            pass
        with lock(two, "another", "another job runs"):
            pass
    assert not is_held(two, "night")
    with lock(two, "night", "a night is under way"):
        pass


def test_who_is_late_can_commit_nothing(
    through: Callable[..., Database], leads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One node stands still while another process takes the lease over."""
    monkeypatch.setattr(leases, "LASTS", 1)
    one, two = through(0), through(1)
    lease = Lease("work")
    one.read(lease.take)
    change = "INSERT INTO vicidial_list (phone_number) VALUES ('1')"

    def commit_late() -> None:
        with one.connect() as late:
            lease.confirm(late)
            late.exec_driver_sql(change)
            with leases.hold(two, "work", "somebody works"):
                late.commit()

    with pytest.raises(TransientDatabaseError):
        commit_late()
    with pytest.raises(TransientDatabaseError), one.connect() as later:
        lease.confirm(later)
    assert run(leads, "SELECT COUNT(*) FROM vicidial_list") == [(0,)]


def test_a_commit_on_a_lost_node_is_refused_by_the_fence(
    through: Callable[..., Database], leads: str, tmp_path: Path
) -> None:
    """No node can end the session of another one."""
    one, two = through(0), through(1)
    ledger = Ledger.open(two, tmp_path)
    ledger.insert(RunRecord(run="run", job="import", began=datetime.now(UTC), owner="we"))

    def commit_late() -> None:
        with one.connect() as late:
            ledger.refuse_other_owner(late, "run", "we")
            late.exec_driver_sql("INSERT INTO vicidial_list (phone_number) VALUES ('1')")
            ledger.fence("run", "we")
            late.commit()

    with pytest.raises(TransientDatabaseError):
        commit_late()
    assert run(leads, "SELECT COUNT(*) FROM vicidial_list") == [(0,)]


def test_turns_are_taken_by_one_after_the_other(
    through: Callable[..., Database], leads: str, cluster: Cluster
) -> None:
    run(leads, "INSERT INTO vicidial_list (phone_number, called_count) VALUES ('1', 0)")

    def count(database: Database) -> None:
        for _ in range(10):
            with database.connect() as connection, turn(database, connection, "count", 30):
                asked = "SELECT called_count FROM vicidial_list"
                now = connection.exec_driver_sql(asked).scalar_one()
                connection.exec_driver_sql(f"UPDATE vicidial_list SET called_count = {now + 1}")
                connection.commit()

    workers = [threading.Thread(target=count, args=(through(number),)) for number in (0, 1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert cluster.same(leads, "SELECT called_count FROM vicidial_list") == [(30,)]
