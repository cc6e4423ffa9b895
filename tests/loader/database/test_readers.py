"""Questions over several connections: the same answers, whatever becomes of the others."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, make_url

from loader.database import short_reads
from loader.database.connection import Database
from loader.database.readers import Readers
from loader.database.short_reads import ShortReads
from loader.options.load import LoadOptions
from loader.queries.facts import read_dialer
from loader.queries.indexes import SYSTEM_DNC, among
from tests.support.products import PRODUCT
from tests.support.proxy import Proxy
from tests.support.server import Server, fill, run

ON_INNODB = pytest.mark.engines("innodb")
LISTED = [str(7_275_550_000 + 3 * n) for n in range(40)]
ASKED = [str(7_275_550_000 + n) for n in range(120)]
PART = b"VALUES" if PRODUCT.is_mariadb else b"phone_number IN"
"""What a statement has that asks for a range."""
REFUSED = "the server refuses a further connection"


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_reads, "A_CONNECTION", 2)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert readers() == []


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "reader"]


@pytest.fixture
def listed(database_url: str) -> str:
    """The address of a database with a do-not-call list."""
    fill(database_url, {SYSTEM_DNC: [{"phone_number": number} for number in LISTED]})
    return database_url


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url, sleep=lambda _seconds: None)
    yield database
    database.engine.dispose()


def ask(database: Database, at_once: int = 4, asked: list[str] = ASKED) -> list[str]:
    """Give those of some numbers that are listed, as the answers have them."""
    options = LoadOptions(dnc_check="Y")
    dialer = read_dialer(database, options)
    locks = dialer.access[SYSTEM_DNC].locks
    question = among(SYSTEM_DNC, "phone_number", dialer, "phone_number")
    rows = ShortReads(database, locks=locks, at_once=at_once).rows(question, asked)
    return [str(number) for (number,) in rows]


@pytest.fixture
def restricted(listed: str, server: Server) -> Callable[[int], str]:
    """Give the address for an account that may have so many connections at a time."""

    def make(most: int) -> str:
        address = server.new_account(listed)
        name = f"{make_url(address).username}@'%'"
        server.execute(f"GRANT ALL ON {make_url(address).database}.* TO {name}")
        change = "GRANT USAGE ON *.* TO" if PRODUCT.is_old else "ALTER USER"
        server.execute(f"{change} {name} WITH MAX_USER_CONNECTIONS {most}")
        return address

    return make


@pytest.mark.fuzz_rounds(50)
def test_the_answer_is_that_of_one_connection(database_url: str, fuzz_round: int) -> None:
    choose = random.Random(fuzz_round)  # noqa: S311 - not for secrets
    stored = choose.sample(ASKED, 60)
    run(database_url, f"DELETE FROM {SYSTEM_DNC}")
    fill(database_url, {SYSTEM_DNC: [{"phone_number": number} for number in stored]})
    with opened(database_url) as database:
        for count in (2, 3, 4, 16):
            asked = choose.sample(ASKED, choose.randrange(1, len(ASKED)))
            expected = sorted({*asked} & {*stored})
            for _ in range(3):
                found = ask(database, count, asked)
                assert sorted(found) == expected
                assert found == ask(database, count, asked)


@ON_INNODB
@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_there_are_as_many_connections_as_are_allowed(
    at_once: int, listed: str, server: Server
) -> None:
    with Proxy(server) as proxy, opened(proxy.via(listed)) as database:
        meet = threading.Barrier(at_once)

        def question(_connection: Connection) -> str:
            meet.wait(20)
            return "answer"

        assert database.read_all([question] * at_once, at_once) == ["answer"] * at_once
        assert proxy.connections == at_once
        ask(database, at_once)
        assert proxy.connections == at_once


@ON_INNODB
def test_few_values_are_asked_for_by_one_statement(
    listed: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_reads, "A_CONNECTION", len(ASKED))
    with Proxy(server) as proxy, opened(proxy.via(listed)) as database:
        assert ask(database) == LISTED
        assert proxy.connections == 1


@pytest.mark.engines("sqlite", "myisam")
def test_where_it_would_be_in_the_way_one_connection_reads(
    listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Readers, "_start", lambda _self, _parts, count: refuse(count))

    def refuse(count: int) -> None:
        assert count <= 0

    with opened(listed) as database:
        assert sorted(ask(database)) == LISTED


@ON_INNODB
def test_a_connection_more_than_the_account_may_have_is_done_without(
    restricted: Callable[[int], str], caplog: pytest.LogCaptureFixture
) -> None:
    with opened(restricted(2)) as database:
        for _ in range(5):
            assert ask(database) == LISTED
        assert database.waits == 0
    assert caplog.text.count(REFUSED) == 1


@ON_INNODB
def test_a_connection_that_is_needed_takes_the_place_of_a_reader(
    restricted: Callable[[int], str], caplog: pytest.LogCaptureFixture
) -> None:
    with opened(restricted(3)) as database:
        meet = threading.Barrier(3)
        database.read_all([lambda _connection: meet.wait(20)] * 3, 3)
        with database.connect(), opened_anew(database) as other:
            assert other.read(lambda it: it.exec_driver_sql("SELECT 1").scalar()) == 1
            assert other.waits == 1
        assert ask(database) == LISTED
    assert caplog.text.count(REFUSED) == 1


@contextmanager
def opened_anew(database: Database) -> Iterator[Database]:
    other = database.anew()
    yield other
    other.engine.dispose()


@ON_INNODB
def test_without_room_for_threads_one_connection_reads(
    listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with opened(listed) as database:
        assert ask(database) == LISTED


@ON_INNODB
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize("cut", [Proxy.cut_before, Proxy.cut_after], ids=["before", "after"])
def test_a_range_whose_connection_is_lost_is_asked_for_again(
    cut: Callable[..., None], nth: int, listed: str, server: Server
) -> None:
    with Proxy(server) as proxy, opened(proxy.via(listed)) as database:
        ask(database)
        cut(proxy, PART, nth)
        assert ask(database) == LISTED
        assert ask(database) == LISTED


@ON_INNODB
def test_a_range_that_is_refused_is_refused_for_all(listed: str) -> None:
    """Whoever asks for it first, the run's own connection raises it."""
    with opened(listed) as database:

        def wrong(_connection: Connection) -> str:
            raise ValueError("wrong")

        with pytest.raises(ValueError, match="wrong"):
            database.read_all([lambda _connection: "right", wrong], 2)
        assert ask(database) == LISTED


@ON_INNODB
def test_ctrl_c_ends_the_reads_of_others_at_once(listed: str, server: Server) -> None:
    with Proxy(server) as proxy, opened(proxy.via(listed)) as database:
        stalled = threading.Event()
        proxy.at("before", b"SLEEP", stalled.set)

        def long(connection: Connection) -> None:
            if threading.current_thread() is not threading.main_thread():
                connection.exec_driver_sql("SELECT SLEEP(1000)")
            assert stalled.wait(20)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            database.read_all([long, long], 2)
        assert readers() == []
        assert ask(database) == LISTED


@ON_INNODB
def test_all_read_at_the_server_that_the_run_has(listed: str, server: Server) -> None:
    """It left the first one, at which connections still wait."""
    with Proxy(server) as first, Proxy(server) as second:
        url = make_url(listed)
        places = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
        address = f"mysql://{url.username}:{url.password}@{places}/{url.database}?ssl_mode=disabled"
        with opened(address) as database:
            meet = threading.Barrier(2)
            database.read_all([lambda _connection: meet.wait(20)] * 2, 2)
            assert (first.connections, second.connections) == (2, 0)
            database.adapter._servers._places.reverse()  # type: ignore[attr-defined]
            database.read(Connection.invalidate)
            database.read_all([lambda _connection: meet.wait(20)] * 2, 2)
            assert (first.connections, second.connections) == (2, 2)


@ON_INNODB
def test_questions_of_several_threads_have_the_same_connections(
    listed: str, server: Server
) -> None:
    with Proxy(server) as proxy, opened(proxy.via(listed)) as database:
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: ask(database, 2), range(12)))
        assert answers == [LISTED] * 12
        assert proxy.connections == 2


@ON_INNODB
def test_in_a_transaction_all_see_what_others_have_committed(listed: str) -> None:
    """As a batch does at its turn: nothing that it asks for is its own."""
    with opened(listed) as database, database.connect() as writing:
        writing.exec_driver_sql("SELECT GET_LOCK('turn', 0)")
        run(listed, f"INSERT INTO {SYSTEM_DNC} VALUES ('7275550001')")
        with database.asked_by(writing):
            assert sorted(ask(database)) == sorted([*LISTED, "7275550001"])
