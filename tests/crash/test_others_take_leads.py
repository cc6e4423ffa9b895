"""Leads that others delete between our copy and our delete.

What was deleted on request must not live on in the archive. The lead is not said to be moved by us,
and it is named.
"""

import contextlib
from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError

from loader.archive.departures import Departures
from loader.database.connection import Database
from tests.support.archives import ARCHIVE, LEADS, Moved, lead, make_archives, move, put, rows, sql
from tests.support.statements import just_before

ON_SERVERS = pytest.mark.engines("myisam", "innodb")
COPY = f"INSERT INTO {ARCHIVE} SELECT * FROM {LEADS} WHERE lead_id = 2"
REMOVED = {2: ("COPY_REMOVED", "")}


@pytest.fixture
def leads(database: Database) -> Database:
    make_archives(database)
    put(database, *map(lead, (1, 2, 3)))
    return database


def take(leads: Database, *before: str) -> Callable[[], None]:
    """Let somebody take lead 2, after other statements."""

    def taken() -> None:
        for statement in (*before, f"DELETE FROM {LEADS} WHERE lead_id = 2"):
            sql(leads, statement)

    return taken


def killing(leads: Database, action: Callable[[], None]) -> Callable[[], None]:
    """Let somebody do something, and end our connection."""

    def done() -> None:
        action()
        others = (
            "SELECT id FROM information_schema.processlist "
            "WHERE db = DATABASE() AND id <> CONNECTION_ID()"
        )
        for (session,) in sql(leads, others):
            with contextlib.suppress(DBAPIError):  # it has ended
                sql(leads, f"KILL {session}")

    return done


def check(leads: Database, moved: Moved, **counts: int) -> None:
    """Check that two leads were moved by us, and that one is nowhere."""
    assert (moved.lead_ids, moved.stayed) == ([1, 3], REMOVED)
    assert moved.counts._asdict() == {"update_count": 0, "select_count": 3, **counts}
    assert (set(rows(leads)), set(rows(leads, ARCHIVE))) == (set(), {1, 3})


@pytest.mark.parametrize("says_which", [True, False])
def test_between_copy_and_delete(
    leads: Database, says_which: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MySQL does not say which leads it deletes: they are looked for."""
    if not says_which:
        monkeypatch.setattr(leads.engine.dialect, "delete_returning", False)
    quote = leads.engine.dialect.identifier_preparer.initial_quote.replace("`", "")
    looking = f"SELECT {LEADS}.{quote}lead_id{quote} \nFROM {LEADS} \n"
    deleting = f"DELETE FROM {LEADS}" if says_which else looking
    with just_before(leads, deleting, take(leads)):
        moved = move(leads, {"statuses": "NA"})
    check(leads, moved, insert_count=2, delete_count=2)


def test_a_server_that_does_not_say_which(leads: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the very last moment it is not known which one; no lead is lost."""
    monkeypatch.setattr(leads.engine.dialect, "delete_returning", False)
    with just_before(leads, f"DELETE FROM {LEADS}", take(leads)):
        moved = move(leads, {"statuses": "NA"})
    assert (moved.counts.insert_count, moved.counts.delete_count) == (3, 2)
    assert (set(rows(leads)), set(rows(leads, ARCHIVE))) == (set(), {1, 2, 3})


def test_before_our_copy(leads: Database) -> None:
    """The dialer's own script ends where the archive has one of its leads; so it comes first."""
    with (
        just_before(leads, f"INSERT INTO {ARCHIVE}", lambda: sql(leads, COPY)),
        just_before(leads, f"DELETE FROM {LEADS}", take(leads)),
    ):
        moved = move(leads, {"statuses": "NA"})
    if leads.engine.dialect.delete_returning:
        assert (moved.lead_ids, moved.stayed) == ([1, 3], {2: ("COPY_LEFT", "")})
    else:  # in the very last moment it is not known which one
        assert (moved.lead_ids, moved.stayed) == ([1, 2, 3], {})
    assert moved.counts == (3, 2, 0, 2)
    assert (set(rows(leads)), set(rows(leads, ARCHIVE))) == (set(), {1, 2, 3})


def test_before_anything_was_copied(leads: Database) -> None:
    with just_before(leads, f"INSERT INTO {ARCHIVE}", take(leads)):
        moved = move(leads, {"statuses": "NA"})
    assert (moved.lead_ids, moved.stayed) == ([1, 3], {})
    assert (set(rows(leads)), set(rows(leads, ARCHIVE))) == (set(), {1, 3})


def test_a_copy_that_was_there_before(leads: Database) -> None:
    put(leads, lead(2), table=ARCHIVE)
    with just_before(leads, f"DELETE FROM {LEADS}", take(leads)):
        moved = move(leads, {"statuses": "NA"})
    assert (moved.lead_ids, moved.stayed) == ([1, 3], {})


@ON_SERVERS
def test_the_connection_is_lost_with_the_delete(leads: Database) -> None:
    with just_before(leads, f"DELETE FROM {LEADS}", killing(leads, take(leads))):
        moved = move(leads, {"statuses": "NA"})
    check(leads, moved, insert_count=2, delete_count=2)


@ON_SERVERS
def test_the_connection_is_lost_before_the_delete(leads: Database) -> None:
    with just_before(leads, f"INSERT INTO {ARCHIVE}", killing(leads, take(leads))):
        moved = move(leads, {"statuses": "NA"})
    assert (moved.lead_ids, moved.stayed) == ([1, 3], {})
    assert moved.counts == (3, 2, 0, 2)


def departed(asked: set[int], gone: set[int], left: set[int]) -> set[int]:
    departures = Departures(asked=asked)
    departures.attribute(gone, left)
    departures.attribute(gone, set())
    assert departures.ours | departures.by_others == gone
    return departures.by_others


@pytest.mark.parametrize(
    ("asked", "gone", "left", "by_others"),
    [
        ({1, 2, 3}, {1, 2, 3}, set(), set()),
        ({1, 2, 3}, {2}, {1, 3}, {2}),
        ({1, 2, 3}, {2, 3}, {1}, {2, 3}),
        ({1, 2, 3}, {1}, {2, 3}, set()),  # it may have been broken off
        (set(), {1, 2}, set(), {1, 2}),
        ({1, 3}, {1, 2, 3}, set(), {2}),
    ],
)
def test_who_took_what(
    asked: set[int], gone: set[int], left: set[int], by_others: set[int]
) -> None:
    assert departed(asked, gone, left) == by_others


@pytest.mark.parametrize("is_all", [True, False])
def test_what_an_answer_names_is_ours(is_all: bool) -> None:
    departures = Departures(asked={1, 2, 3})
    departures.answered(frozenset({1}), is_all=is_all)
    departures.attribute({1, 2}, set())
    assert departures.by_others == ({2} if is_all else set())
