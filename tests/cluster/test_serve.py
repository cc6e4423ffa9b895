"""Services on several nodes of a cluster: each sees what the others have written."""

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from loader.database.connection import Database
from loader.ledger.keys import RIGHTS, KeyStore
from tests.cluster.loads import cut_leases, is_asked, locked, wait_for
from tests.crash.callers import Caller, call_and_kill
from tests.jobs.serve.calls_at_once import CALL, at_once, check_one_is_in
from tests.jobs.serve.serving import PAGE, add_lead, serving, settings_of
from tests.support.archives import lead, put
from tests.support.cluster import Cluster
from tests.support.server import run
from tests.support.service import USER, Service, add_user

pytestmark = pytest.mark.cluster


@pytest.fixture
def dialer(leads: str) -> str:
    """The address of a dialer that has a user."""
    add_user(leads)
    return leads


@pytest.fixture
def services(
    dialer: str, through: Callable[..., Database], tmp_path: Path
) -> Iterator[list[httpx2.Client]]:
    """A service on each of two nodes."""
    settings = settings_of(tmp_path)
    with serving(settings, through(0)) as one, serving(settings, through(1)) as two:
        yield [one, two]


def test_the_same_lead_at_two_nodes_at_once(
    services: list[httpx2.Client], through: Callable[..., Database]
) -> None:
    check_one_is_in(at_once(services, [CALL] * 20), through(2))


def test_a_lead_is_a_duplicate_at_the_other_node_at_once(
    services: list[httpx2.Client], cluster: Cluster, dialer: str
) -> None:
    for number, (first, second) in enumerate([services, services[::-1]] * 10):
        call = {"phone_number": f"72755510{number:02}", "duplicate_check": "DUPSYS"}
        [added, *_] = add_lead(first, **call)
        lead_id = added.split("|")[3]
        [refused, *_] = add_lead(second, **call)
        assert refused.startswith("ERROR: add_lead DUPLICATE PHONE NUMBER IN SYSTEM")
        assert lead_id in refused.split("|")
    assert cluster.same(dialer, "SELECT COUNT(*) FROM vicidial_list") == [(20,)]


def test_a_node_that_lags_is_waited_for(
    services: list[httpx2.Client], cluster: Cluster, dialer: str
) -> None:
    """What another node has committed is not stored there yet, and yet it counts."""
    call = {"phone_number": "7275551111", "duplicate_check": "DUPSYS"}
    answers: list[str] = []
    second = threading.Thread(target=lambda: answers.extend(add_lead(services[1], **call)))
    with locked(cluster.nodes[1], dialer, "vicidial_list"):
        [added, *_] = add_lead(services[0], **call)
        before = run(cluster.address(dialer, 1), "SELECT COUNT(*) FROM vicidial_list")
        second.start()
        wait_for(lambda: is_asked(cluster.nodes[1]))
        assert not answers
    second.join()
    assert before == [(0,)]
    assert added.startswith("SUCCESS")
    assert answers[0].startswith("ERROR: add_lead DUPLICATE PHONE NUMBER IN SYSTEM")


def test_a_key_and_its_leads_are_known_to_all_nodes(
    dialer: str, through: Callable[..., Database], tmp_path: Path
) -> None:
    put(through(0), *(lead(number) for number in (1, 2, 3)))
    headers = {"Authorization": f"Key={KeyStore.open(through(0), tmp_path).make('k', RIGHTS)}"}
    steps = {"insert_leads": True, "delete_leads": True}
    there = {**steps, "update_leads": True, "lead_ids": [1, 2, 3]}
    back = {**steps, "lead_ids": [1, 3]}
    settings = settings_of(tmp_path)
    with serving(settings, through(1)) as one, serving(settings, through(2)) as two:
        archived = one.post("/vicidial/leads/archive", json=there, headers=headers)
        assert (archived.status_code, archived.json()["delete_count"]) == (200, 3)
        restored = two.post("/vicidial/leads/dearchive", json=back, headers=headers)
        assert (restored.status_code, restored.json()["delete_count"]) == (200, 2)
        asked = {**USER, "function": "lead_dearchive", "lead_id": "2"}
        assert "SUCCESS" in one.get(PAGE, params=asked).text
    assert run(dialer, "SELECT lead_id FROM vicidial_list ORDER BY 1") == [(1,), (2,), (3,)]


CALLS = 120


def test_every_number_is_in_once_whatever_is_killed(
    cluster: Cluster, dialer: str, tmp_path: Path
) -> None:
    """Each number is sent to services on two nodes; one service is killed, and one node."""
    first = Service(cluster.address(dialer, 0, 1, 2), tmp_path / "first")
    second = Service(cluster.address(dialer, 1, 2), tmp_path / "second")

    def restart() -> None:
        first.kill()
        cut_leases(cluster.address(dialer, 1))
        first.start()

    kills: Iterator[Callable[[], None]] = itertools.cycle([restart, cluster.nodes[0].kill])
    numbers = range(2_000_000, 2_000_000 + CALLS)
    ways = [(service.port, iter(numbers)) for service in (first, second)]
    callers = [Caller(port, each) for port, each in ways for _ in range(8)]
    try:
        asyncio.run(call_and_kill(callers, [CALLS // 2, CALLS], kills))
        assert (first.stop(), second.stop()) == (0, 0)
    finally:
        first.kill()
        second.kill()
    cluster.heal()
    rows = cluster.same(dialer, "SELECT phone_number, lead_id FROM vicidial_list ORDER BY 1")
    assert [phone for phone, _ in rows] == [f"727{number}" for number in numbers]
    stored = dict(rows)
    for caller in callers:
        assert (caller.added | caller.existing).items() <= stored.items()
    added = Counter(phone for caller in callers for phone in caller.added)
    assert max(added.values()) == 1
