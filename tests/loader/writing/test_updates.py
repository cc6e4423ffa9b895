"""Changes to existing leads: what is stored, what is told, and what others do in the meantime."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Engine,
    NullPool,
    create_engine,
    event,
    insert,
)

from loader.database.connection import Database
from loader.database.schema import create_missing, metadata
from loader.errors import DatabaseUnavailableError
from loader.options.load import LoadOptions
from loader.writing.changes import Updated
from loader.writing.updates import UPDATE_ROUNDS, LeadUpdater
from tests.support.proxy import Proxy
from tests.support.server import Server, fill, run

COLUMNS = list(metadata.tables["vicidial_list"].columns.keys())
EMPTY = LoadOptions(on_duplicate="update")
ALL = LoadOptions(on_duplicate="update", update_fields="all")
MOVE = LoadOptions(on_duplicate="move")
ON_SERVERS = pytest.mark.engines("myisam", "innodb")

Lead = dict[str, str | None]


def nothing(_seconds: float) -> None:
    """Wait for nobody."""


def nothing_to_do() -> None:
    """Do nothing."""


def stored(*leads: Lead) -> list[dict[str, Any]]:
    """Make existing leads, with ids from 1 on."""
    always = {"list_id": 999, "phone_code": "1", "modify_date": "2020-02-02 02:02:02"}
    return [always | {"phone_number": f"727555{n:04}"} | lead for n, lead in enumerate(leads)]


def rows(*given: Lead, ids: list[int] | None = None, list_id: int = 101) -> pd.DataFrame:
    """Make rows that are duplicates of the leads in `ids`, else of 1, 2, 3; from row 2 on."""
    frame = pd.DataFrame(list(given), index=pd.RangeIndex(2, len(given) + 2), dtype="str")
    return frame.assign(list_id=list_id, existing_lead_id=ids or range(1, len(given) + 1))


def held(url: str, *fields: str) -> list[Any]:
    """Give what all leads hold in some fields, of one as such."""
    columns = ", ".join(f"`{field}`" for field in fields)
    found = run(url, f"SELECT {columns} FROM vicidial_list ORDER BY lead_id")
    return [row[0] for row in found] if len(fields) == 1 else found


def updater_into(database: Database) -> LeadUpdater:
    return LeadUpdater(database, COLUMNS)


def update(
    url: str, leads: pd.DataFrame, options: LoadOptions = ALL, fields: list[str] | None = None
) -> Updated:
    database = Database(url, sleep=nothing)
    updated = updater_into(database).update(leads, options, fields or list(leads))
    database.engine.dispose()
    return updated


def told(changes: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Give changes as (row, lead_id, field, old, new)."""
    return [
        (*row[:3], *(None if pd.isna(value) else value for value in row[3:]))
        for row in changes.itertuples()
    ]


def undo(url: str | Engine, changes: pd.DataFrame) -> None:
    """Take changes back one by one, each of which must be found as it is told."""
    engine = create_engine(url, poolclass=NullPool) if isinstance(url, str) else url
    same, mark = ("IS", "?") if engine.dialect.name == "sqlite" else ("<=>", "%s")
    with engine.begin() as connection:
        if engine.dialect.name != "sqlite":
            # MySQL's default refuses 0000-00-00.
            connection.exec_driver_sql("SET SESSION sql_mode = ''")
        for _row, lead_id, field, old, new in told(changes):
            result = connection.exec_driver_sql(
                f"UPDATE vicidial_list SET `{field}` = {mark} "
                f"WHERE lead_id = {mark} AND `{field}` {same} {mark}",
                (old, lead_id, new),
            )
            assert result.rowcount == 1


@contextmanager
def recorded(
    url: str, hooks: dict[str, list[Callable[[], object]]] | None = None
) -> Iterator[tuple[Database, list[str]]]:
    """Give a database and the statements sent to it; before each with a text, do what comes.

    What comes before an UPDATE comes before SQLite keeps others out.
    """
    database, statements = Database(url, sleep=nothing), list[str]()
    first = {"UPDATE": "BEGIN"} if database.engine.dialect.name == "sqlite" else {}

    def note(*event_arguments: Any) -> None:
        statement = str(event_arguments[2])
        statements.append(statement)
        for text, actions in (hooks or {}).items():
            if statement.startswith(first.get(text, text)) and actions:
                actions.pop(0)()

    event.listen(database.engine, "before_cursor_execute", note)
    yield database, statements
    database.engine.dispose()
    assert not any((hooks or {}).values()), "a statement was never sent"


# --- what is stored ---

ODD = (
    "O'Brien", '"quoted"', "a,b", "back\\slash", "last\\", "100%s %(x)s", "%", "\\N", "NULL", " ",
    "  blanks  ", "e\u0301\u00df", "\u200b", "'; DROP TABLE vicidial_list; --", "\\'", "'", "''",
    "\\\\", "0", "U", "\u0141\u00f3d\u017a", "UNION ALL SELECT", ") AS v",
)  # fmt: skip


def test_odd_values_are_stored_and_taken_back(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored(*({"city": text} for text in ODD[::-1]))})
    given_rows = rows(*({"city": text, "address1": text} for text in ODD))
    updated = update(database_url, given_rows)
    assert held(database_url, "city", "address1") == [(text, text) for text in ODD]
    assert not updated.changed
    undo(database_url, updated.changes)
    assert held(database_url, "city", "address1") == [(text, None) for text in ODD[::-1]]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (EMPTY, ["Rome", "Rome", "Oslo", "rome", "Rome ", " "]),
        (ALL, ["Rome", "Rome", "Rome", "Rome", "Rome", "Rome"]),
    ],
    ids=["empty", "all"],
)
def test_each_old_value_is_told_to_the_letter(
    database_url: str, options: LoadOptions, expected: list[str]
) -> None:
    cities = [None, "", "Oslo", "rome", "Rome ", " "]
    fill(database_url, {"vicidial_list": stored(*({"city": city} for city in cities))})
    updated = update(database_url, rows(*[{"city": "Rome"}] * 6), options)
    assert held(database_url, "city") == expected
    differ = [
        (number, old, new)
        for number, (old, new) in enumerate(zip(cities, expected, strict=True))
        if old != new
    ]
    assert told(updated.changes) == [(n + 2, n + 1, "city", old, new) for n, old, new in differ]
    assert set(updated.unchanged) == set(range(2, 8)) - set(updated.changes.index)


def test_numbers_and_dates(database_url: str) -> None:
    there = stored(
        {"rank": "0", "date_of_birth": "0000-00-00", "gender": "U", "email": None},
        {"rank": "7", "date_of_birth": "1980-02-00", "gender": "M", "email": None},
        {"rank": "0", "date_of_birth": None, "gender": None, "email": ""},
    )
    fill(database_url, {"vicidial_list": there})
    row: Lead = {"rank": "-5", "date_of_birth": "2000-02-29", "gender": "F", "email": "a@b.c"}
    updated = update(database_url, rows(row, row, row))
    assert not updated.changed
    values = "`rank`, date_of_birth, gender, email"
    text = "SELECT {} FROM vicidial_list ORDER BY lead_id"
    joined = f"CONCAT_WS('|', {values})"
    if database_url.startswith("sqlite"):
        joined = values.replace(",", " || '|' ||")
    assert run(database_url, text.format(joined)) == [("-5|2000-02-29|F|a@b.c",)] * 3
    assert [row[0] for row in told(updated.changes)] == [2] * 4 + [3] * 4 + [4] * 4
    assert [row[3] for row in told(updated.changes)] == [
        "U", "0000-00-00", None, "0", "M", "1980-02-00", None, "7", None, None, "", "0"
    ]  # fmt: skip
    undo(database_url, updated.changes)
    assert held(database_url, "rank", "gender", "email") == [
        (0, "U", None), (7, "M", None), (0, None, "")
    ]  # fmt: skip


def test_a_move_changes_the_list_alone(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({"city": "a"}, {"city": "b", "list_id": "101"})})
    updated = update(database_url, rows({"city": "x"}, {"city": "y"}), MOVE)
    assert held(database_url, "list_id", "city") == [(101, "a"), (101, "b")]
    assert told(updated.changes) == [(2, 1, "list_id", "999", "101")]
    assert updated.unchanged == (3,)
    undo(database_url, updated.changes)
    assert held(database_url, "list_id") == [999, 101]


def test_only_leads_that_change_are_written(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({"city": "a"}, {"city": "b"}, {"city": "c"})})
    update(database_url, rows({"city": "a"}, {"city": "x"}))
    modified = ["2020" in str(moment) for moment in held(database_url, "modify_date")]
    assert modified == [True, False, True]


def test_rows_may_come_in_any_order(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({}, {}, {})})
    leads = rows({"city": "c"}, {"city": "a"}, {"city": "b"}, ids=[3, 1, 2])
    updated = update(database_url, leads.iloc[[2, 0, 1]])
    assert held(database_url, "city") == ["a", "b", "c"]
    assert [row[:2] for row in told(updated.changes)] == [(2, 3), (3, 1), (4, 2)]


def test_leads_that_are_gone_are_told(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({}, {}, {})})
    run(database_url, "DELETE FROM vicidial_list WHERE lead_id <> 3")
    updated = update(database_url, rows({"city": "a"}, {"city": ""}, {"city": "c"}, {"city": "d"}))
    assert updated.gone == (2, 3, 5)
    assert told(updated.changes) == [(4, 3, "city", None, "c")]


def test_rows_without_anything_to_say(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({}, {})})
    assert update(database_url, rows({"city": ""}, {"city": ""})).unchanged == (2, 3)
    assert update(database_url, rows({"phone_number": "1"}, {})).unchanged == (2, 3)
    assert update(database_url, rows({"city": "a"}).iloc[:0]).changes.empty


def test_a_plan_is_what_happens_and_needs_no_rights(database_url: str, read_only_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({"city": "a"}, {"title": "Mr"}, {})})
    leads = rows({"city": "x", "title": "Dr"}, {"city": "y"}, {"city": ""}, {"city": "z"})
    leads = leads.fillna("")
    for options in (EMPTY, ALL, MOVE):
        database = Database(read_only_url, sleep=nothing)
        planned = updater_into(database).plan(leads, options, ["city", "title"])
        database.engine.dispose()
        assert planned.equals(update(database_url, leads, options, ["city", "title"]).changes)
        assert len(planned)
        undo(database_url, planned)


# --- many rows ---


@pytest.mark.parametrize("options", [EMPTY, ALL, MOVE], ids=["empty", "all", "move"])
def test_statements_do_not_depend_on_the_rows(database_url: str, options: LoadOptions) -> None:
    fill(database_url, {"vicidial_list": stored(*[{"city": "a"}] * 400)})
    counts = []
    for count, ids in ((1, [400]), (399, [*range(1, 400)])):
        given_rows = ({"city": f"b{count}", "title": str(n)} for n in ids)
        leads = rows(*given_rows, ids=ids, list_id=count)
        with recorded(database_url) as (database, statements):
            updated = updater_into(database).update(leads, options, ["city", "title"])
        assert updated.changes.index.nunique() == count
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 5


@ON_SERVERS
def test_a_batch_larger_than_a_packet_goes_in(leads_url: str, server: Server) -> None:
    fill(leads_url, {"vicidial_list": stored(*[{"comments": "a" * 255}] * 1500)})
    before = server.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    server.execute("SET GLOBAL max_allowed_packet = 1048576")
    try:
        updated = update(leads_url, rows(*[{"comments": "\u00e9" * 255, "city": "b"}] * 1500))
        small = update(leads_url, rows(*[{"gender": "F"}] * 1500))
    finally:
        server.execute(f"SET GLOBAL max_allowed_packet = {before}")
    assert len(updated.changes) == 3000
    assert len(small.changes) == 1500
    assert set(held(leads_url, "comments", "gender")) == {("\u00e9" * 255, "F")}


@pytest.mark.engines("innodb")
def test_other_leads_are_not_waited_for(leads_url: str) -> None:
    fill(leads_url, {"vicidial_list": stored({}, {}, {})})
    with (
        others_hold(leads_url, "UPDATE vicidial_list SET city = 'held' WHERE lead_id = 2"),
        recorded(leads_url) as (database, _),
    ):
        event.listen(database.engine, "connect", _never_wait)
        leads = rows({"city": "a"}, {"city": "c"}, ids=[1, 3])
        updated = updater_into(database).update(leads, ALL, ["city"])
    assert len(updated.changes) == 2


def _never_wait(connection: Any, _record: object) -> None:
    connection.cursor().execute("SET innodb_lock_wait_timeout = 0")


# --- what others do meanwhile ---


def test_what_others_fill_in_meanwhile_stays(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({}, {}, {"city": ""})})
    others = "UPDATE vicidial_list SET city = 'x' WHERE lead_id = 2"
    with recorded(database_url, {"UPDATE": [lambda: run(database_url, others)]}) as (
        database,
        _,
    ):
        leads = rows(*({"city": city, "title": "Dr"} for city in "abc"))
        updated = updater_into(database).update(leads, EMPTY, ["city", "title"])
    assert held(database_url, "city", "title") == [("a", "Dr"), ("x", "Dr"), ("c", "Dr")]
    assert told(updated.changes) == [
        (2, 1, "title", None, "Dr"),
        (2, 1, "city", None, "a"),
        (3, 2, "title", None, "Dr"),
        (4, 3, "title", None, "Dr"),
        (4, 3, "city", "", "c"),
    ]
    undo(database_url, updated.changes)
    assert held(database_url, "city", "title") == [(None, None), ("x", None), ("", None)]


@pytest.mark.parametrize(
    ("old", "theirs"),
    [("a", "A"), ("a", "a "), ("a", ""), ("a", None), ("", None), (None, ""), ("\u00e4", "a")],
)
def test_what_others_change_meanwhile_is_the_old_value(
    database_url: str, old: str | None, theirs: str | None
) -> None:
    fill(database_url, {"vicidial_list": stored({"city": old}, {"city": old})})
    value = "NULL" if theirs is None else f"'{theirs}'"
    others = f"UPDATE vicidial_list SET city = {value} WHERE lead_id = 2"
    with recorded(database_url, {"UPDATE": [lambda: run(database_url, others)]}) as (
        database,
        _,
    ):
        leads = rows({"city": "x"}, {"city": "x"})
        updated = updater_into(database).update(leads, ALL, ["city"])
    assert told(updated.changes) == [(2, 1, "city", old, "x"), (3, 2, "city", theirs, "x")]
    assert held(database_url, "city") == ["x", "x"]


def test_the_dialer_may_go_on_with_the_lead(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({"status": "NEW"})})
    call = "UPDATE vicidial_list SET status = 'SALE', called_count = 1 WHERE lead_id = 1"
    with recorded(database_url, {"UPDATE": [lambda: run(database_url, call)]}) as (
        database,
        statements,
    ):
        updater_into(database).update(rows({"city": "x"}), ALL, ["city"])
    assert held(database_url, "city", "status", "called_count") == [("x", "SALE", 1)]
    assert sum(statement.startswith("UPDATE") for statement in statements) == 1


@pytest.mark.parametrize("options", [EMPTY, ALL], ids=["empty", "all"])
def test_what_others_write_just_as_we_would_is_theirs(
    database_url: str, options: LoadOptions
) -> None:
    fill(database_url, {"vicidial_list": stored({}, {}, {})})
    others = (
        "UPDATE vicidial_list SET city = 'a' WHERE lead_id = 1",
        "UPDATE vicidial_list SET city = 'b', title = 'Dr' WHERE lead_id = 2",
    )
    with recorded(database_url, {"UPDATE": [lambda: run(database_url, *others)]}) as (
        database,
        _,
    ):
        leads = rows(*({"city": city, "title": "Dr"} for city in "abc"))
        updated = updater_into(database).update(leads, options, ["city", "title"])
    assert told(updated.changes) == [
        (2, 1, "title", None, "Dr"), (4, 3, "title", None, "Dr"), (4, 3, "city", None, "c")
    ]  # fmt: skip
    assert updated.unchanged == (3,)
    assert held(database_url, "city", "title") == [("a", "Dr"), ("b", "Dr"), ("c", "Dr")]


def test_a_lead_that_is_taken_away_meanwhile_is_gone(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({}, {}, {})})
    take = "DELETE FROM vicidial_list WHERE lead_id = 2"
    with recorded(database_url, {"UPDATE": [lambda: run(database_url, take)]}) as (database, _):
        leads = rows({"city": "a"}, {"city": "b"}, {"city": "c"})
        updated = updater_into(database).update(leads, ALL, ["city"])
    assert updated.gone == (3,)
    assert [row[0] for row in told(updated.changes)] == [2, 4]
    assert held(database_url, "lead_id") == [1, 3]


def test_a_lead_that_never_keeps_still_is_told(database_url: str) -> None:
    fill(database_url, {"vicidial_list": stored({"city": "a"}, {"city": "a"})})

    def others(nth: int) -> Callable[[], object]:
        change = f"UPDATE vicidial_list SET city = 'x{nth}' WHERE lead_id = 1"
        return lambda: run(database_url, change)

    with recorded(database_url, {"UPDATE": [others(nth) for nth in range(UPDATE_ROUNDS)]}) as (
        database,
        _,
    ):
        updated = updater_into(database).update(rows({"city": "b"}, {"city": "b"}), ALL, ["city"])
    assert updated.contended == (2,)
    assert told(updated.changes) == [(3, 2, "city", "a", "b")]
    assert held(database_url, "city") == [f"x{UPDATE_ROUNDS - 1}", "b"]


@pytest.mark.engines("myisam")
@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        ("UPDATE vicidial_list SET title = 'x' WHERE lead_id = 1", ("title", "city")),
        ("DELETE FROM vicidial_list WHERE lead_id = 1", ("title", "city")),
    ],
)
def test_what_others_do_before_it_is_read_back(
    leads_url: str, theirs: str, expected: tuple[str, ...]
) -> None:
    fill(leads_url, {"vicidial_list": stored({}, {"title": "Mr", "city": "q"})})
    hooks = {"SELECT": [nothing_to_do, lambda: run(leads_url, theirs)]}
    with recorded(leads_url, hooks) as (database, _):
        leads = rows({"title": "", "city": "b"}, {"title": "Dr", "city": "b"})
        updated = updater_into(database).update(leads, ALL, ["title", "city"])
    # That of the first lead's title is not ours, of the city is.
    assert told(updated.changes) == [
        (2, 1, "city", None, "b"), (3, 2, "title", "Mr", "Dr"), (3, 2, "city", "q", "b")
    ]  # fmt: skip
    assert not updated.changed


# --- what the server refuses or changes ---

NO_BAD = {
    "sqlite": (
        "CREATE TRIGGER no_bad BEFORE UPDATE ON vicidial_list WHEN NEW.city LIKE 'bad%' "
        "BEGIN SELECT RAISE(ABORT, 'Smith'); END",
        19,
    ),
    "server": (
        "CREATE TRIGGER no_bad BEFORE UPDATE ON vicidial_list FOR EACH ROW IF NEW.city LIKE "
        "'bad%' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Smith'; END IF",
        1644,
    ),
}


@pytest.mark.parametrize(
    ("count", "bad"), [(1, [0]), (3, [0]), (3, [1, 2]), (8, [0, 3, 4, 7])], ids=str
)
def test_a_refused_change_is_found_and_the_rest_happens(
    leads_url: str, engine_name: str, count: int, bad: list[int]
) -> None:
    refusal, code = NO_BAD.get(engine_name, NO_BAD["server"])
    fill(leads_url, {"vicidial_list": stored(*({"city": str(n)} for n in range(count)))})
    run(leads_url, refusal)
    leads = rows(*({"city": "bad" if n in bad else f"good{n}"} for n in range(count)))
    updated = update(leads_url, leads)
    assert updated.refused == {n + 2: code for n in bad}
    assert told(updated.changes) == [
        (n + 2, n + 1, "city", str(n), f"good{n}") for n in range(count) if n not in bad
    ]
    expected = [str(n) if n in bad else f"good{n}" for n in range(count)]
    assert held(leads_url, "city") == expected


@ON_SERVERS
def test_a_key_of_the_site_refuses_one_of_two(leads_url: str) -> None:
    fill(leads_url, {"vicidial_list": stored({"city": "a"}, {"city": "b"}, {"city": "c"})})
    run(leads_url, "ALTER TABLE vicidial_list ADD UNIQUE KEY once (city)")
    updated = update(leads_url, rows({"city": "x"}, {"city": "x"}, {"city": "y"}))
    assert updated.refused == {3: 1062}
    assert held(leads_url, "city") == ["x", "b", "y"]


@ON_SERVERS
def test_what_a_trigger_changes_is_told_as_it_is_stored(leads_url: str) -> None:
    fill(leads_url, {"vicidial_list": stored({"city": "q"}, {"title": "Mr"}, {"city": "X"})})
    run(
        leads_url,
        "CREATE TRIGGER change_it BEFORE UPDATE ON vicidial_list FOR EACH ROW "
        "SET NEW.city = UPPER(NEW.city), NEW.title = OLD.title",
    )
    leads = rows({"city": "a", "title": "Dr"}, {"city": "", "title": "Dr"}, {"city": "x"})
    updated = update(leads_url, leads.fillna(""), fields=["city", "title"])
    assert told(updated.changes) == [(2, 1, "city", "q", "A")]
    assert sorted(updated.changed) == [2, 3, 4]
    assert sorted(updated.unchanged) == [3, 4]
    assert held(leads_url, "city", "title") == [("A", None), (None, "Mr"), ("X", None)]
    run(leads_url, "DROP TRIGGER change_it")
    undo(leads_url, updated.changes)
    assert held(leads_url, "city") == ["q", None, "X"]


@ON_SERVERS
def test_columns_of_different_character_sets(leads_url: str) -> None:
    run(
        leads_url,
        "ALTER TABLE vicidial_list MODIFY last_name VARCHAR(30) CHARACTER SET latin1, "
        "MODIFY first_name VARCHAR(30) CHARACTER SET latin2, MODIFY owner CHAR(20), "
        "MODIFY city VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, "
        "MODIFY comments TEXT CHARACTER SET utf8mb3 COLLATE utf8mb3_bin, "
        "MODIFY vendor_lead_code INT",
    )
    old: Lead = {
        "last_name": "M\u00fcller\u20ac", "first_name": "\u0141ucja", "owner": "a b",
        "city": "\U0001f600 \u0141\u00f3d\u017a", "comments": "\u03a9", "vendor_lead_code": "5",
    }  # fmt: skip
    new: Lead = {
        "last_name": "Muller\u20ac", "first_name": "\u0142ucja", "owner": "A b",
        "city": "\U0001f601 \u0141\u00f3d\u017a", "comments": "\u03c9", "vendor_lead_code": "12",
    }  # fmt: skip
    fill(leads_url, {"vicidial_list": stored(old, {})})
    before = held(leads_url, *old)
    updated = update(leads_url, rows(new, new))
    assert not updated.changed
    assert [row[3:] for row in told(updated.changes) if row[0] == 2] == [
        (old[name], new[name]) for name in sorted(old, key=COLUMNS.index)
    ]
    assert set(held(leads_url, *new)) == {(*list(new.values())[:-1], 12)}
    undo(leads_url, updated.changes)
    assert held(leads_url, *old) == before


# --- lost connections ---


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


@ON_SERVERS
@pytest.mark.parametrize("twice", [False, True], ids=["once", "and at the next look"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("statement", [b"SELECT lead_id", b"STRAIGHT_JOIN", b"COMMIT"], ids=str)
def test_each_change_happens_once_when_the_connection_is_lost(
    database_url: str, proxy: Proxy, statement: bytes, moment: str, *, twice: bool
) -> None:
    fill(database_url, {"vicidial_list": stored({"city": "", "title": "Mr"}, {"city": "b"}, {})})
    database = Database(proxy.via(database_url), sleep=nothing)
    leads = rows(*({"city": city, "title": "Dr"} for city in "xbz"))
    planned = updater_into(database).plan(leads, ALL, ["city", "title"])
    getattr(proxy, f"cut_{moment}")(statement)
    if twice:
        proxy.cut_after(b"SELECT lead_id", nth=2)
    updater = updater_into(database)
    updated = updater.update(leads, ALL, ["city", "title"])
    database.engine.dispose()
    assert updated.changes.equals(planned)
    assert updater.last == updated
    assert updated.in_doubt.empty
    assert held(database_url, "city", "title") == [("x", "Dr"), ("b", "Dr"), ("z", "Dr")]
    assert proxy.connections == 2 + twice
    undo(database_url, updated.changes)
    assert held(database_url, "city", "title") == [("", "Mr"), ("b", None), (None, None)]


@ON_SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
def test_others_go_on_with_leads_while_the_connection_is_lost(
    database_url: str, proxy: Proxy, engine_name: str, moment: str
) -> None:
    fill(database_url, {"vicidial_list": stored(*[{"city": "a", "title": "Mr"}] * 3)})
    theirs = (
        "UPDATE vicidial_list SET title = 'Ms' WHERE lead_id = 1",
        "DELETE FROM vicidial_list WHERE lead_id = 2",
        "UPDATE vicidial_list SET city = 'x' WHERE lead_id = 3",
    )
    actions = iter([lambda: run(database_url, *theirs)])
    # Between the attempts.
    database = Database(
        proxy.via(database_url), sleep=lambda _seconds: next(actions, nothing_to_do)()
    )
    updater = updater_into(database)
    updater.plan(rows({"city": "x"}), ALL, ["city"])
    getattr(proxy, f"cut_{moment}")(b"STRAIGHT_JOIN")
    leads = rows(*[{"city": "x", "title": "Dr"}] * 3)
    updated = updater.update(leads, ALL, ["city", "title"])
    database.engine.dispose()
    assert updated.gone == (3,)
    of_last = [(4, 3, "title", "Mr", "Dr")]
    if moment == "after" and engine_name == "myisam":
        of_last.append((4, 3, "city", "a", "x"))
        # Ours was there, then theirs: theirs stays.
        assert told(updated.changes) == [
            (2, 1, "title", "Mr", "Dr"), (2, 1, "city", "a", "x"), *of_last
        ]  # fmt: skip
        assert held(database_url, "title", "city") == [("Ms", "x"), ("Dr", "x")]
    else:
        assert told(updated.changes) == [
            (2, 1, "title", "Ms", "Dr"), (2, 1, "city", "a", "x"), *of_last
        ]  # fmt: skip
        assert held(database_url, "title", "city") == [("Dr", "x"), ("Dr", "x")]


@ON_SERVERS
def test_what_is_known_when_the_database_stays_away(
    database_url: str, proxy: Proxy, engine_name: str
) -> None:
    fill(database_url, {"vicidial_list": stored({"city": "a"}, {"city": "b"}, {"city": "x"})})
    run(database_url, "DELETE FROM vicidial_list WHERE lead_id = 2")
    actions = iter([proxy.close])
    database = Database(
        proxy.via(database_url), sleep=lambda _seconds: next(actions, nothing_to_do)()
    )
    updater = updater_into(database)
    proxy.cut_after(b"STRAIGHT_JOIN")
    with pytest.raises(DatabaseUnavailableError):
        updater.update(rows(*[{"city": "x"}] * 3), ALL, ["city"])
    database.engine.dispose()
    assert updater.last.gone == (3,)
    assert updater.last.unchanged == (4,)
    assert updater.last.changes.empty
    assert told(updater.last.in_doubt) == [(2, 1, "city", "a", "x")]
    assert held(database_url, "city") == ["x" if engine_name == "myisam" else "a", "x"]


@pytest.mark.parametrize("moment", ["UPDATE", "SELECT", "commit"])
def test_an_interrupted_update_says_what_it_did(
    database_url: str, engine_name: str, moment: str
) -> None:
    fill(database_url, {"vicidial_list": stored({"city": "a"}, {"city": "b"})})

    def interrupt() -> None:
        raise KeyboardInterrupt

    hooks = {"SELECT": [nothing_to_do, interrupt], "UPDATE": [interrupt]}
    with recorded(database_url, {k: v for k, v in hooks.items() if k == moment}) as (database, _):
        if moment == "commit":
            event.listen(database.engine, "commit", lambda _connection: interrupt(), once=True)
        updater = updater_into(database)
        with pytest.raises(KeyboardInterrupt):
            updater.update(rows({"city": "x"}, {"city": "y"}), ALL, ["city"])
    happened = engine_name == "myisam" and moment != "UPDATE"
    assert [row[-1] for row in told(updater.last.changes)] == ["x", "y"] * happened
    assert held(database_url, "city") == (["x", "y"] if happened else ["a", "b"])
    assert updater.last.in_doubt.empty


@contextmanager
def others_hold(url: str, statement: str) -> Iterator[Any]:
    """Hold a lock over a connection of another program."""
    with closing(create_engine(url, poolclass=NullPool).raw_connection()) as connection:
        connection.cursor().execute(statement)
        yield connection.cursor()


GATE = (
    "CREATE TRIGGER gate BEFORE UPDATE ON vicidial_list FOR EACH ROW "
    "IF OLD.lead_id = 2 AND @is_first THEN "
    "SET @waited = GET_LOCK('gate', 20) + RELEASE_LOCK('gate'); END IF"
)


@pytest.mark.engines("myisam")
def test_a_statement_that_outlives_its_connection_changes_nothing_behind_our_back(
    leads_url: str, proxy: Proxy, server: Server
) -> None:
    fill(leads_url, {"vicidial_list": stored(*[{"city": "a"}] * 3)})
    run(leads_url, GATE)
    database = Database(proxy.via(leads_url), sleep=nothing)
    first = iter("1")

    def mark_first(connection: Any, _record: object) -> None:
        connection.cursor().execute(f"SET @is_first = {next(first, '0')}")

    def cut_at_the_gate() -> None:
        waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"
        wait_until(lambda: server.execute(waiting)[0][0])
        proxy.cut()

    event.listen(database.engine, "connect", mark_first)
    thread = threading.Thread(target=cut_at_the_gate)
    with others_hold(leads_url, "SELECT GET_LOCK('gate', 0)"):
        thread.start()
        updated = updater_into(database).update(rows(*[{"city": "x"}] * 3), ALL, ["city"])
    thread.join()
    database.engine.dispose()
    assert told(updated.changes) == [(n + 1, n, "city", "a", "x") for n in (1, 2, 3)]
    run(leads_url, "DROP TRIGGER gate")
    undo(leads_url, updated.changes)


def wait_until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline, "never reached"


@pytest.mark.engines("innodb")
def test_the_victim_of_a_deadlock_tries_again(leads_url: str, server: Server) -> None:
    fill(leads_url, {"vicidial_list": stored(*[{"city": "a"}] * 60)})
    # Who has changed less is the victim.
    theirs = "UPDATE vicidial_list SET city = 'b', title = 'Ms' WHERE lead_id > 1"
    with others_hold(leads_url, theirs) as other, recorded(leads_url) as (database, statements):

        def close_the_circle() -> None:
            status = "SHOW ENGINE INNODB STATUS"
            wait_until(lambda: "LOCK WAIT" in server.execute(status)[0][2])
            other.execute("UPDATE vicidial_list SET city = 'c' WHERE lead_id = 1")
            other.execute("COMMIT")

        thread = threading.Thread(target=close_the_circle)
        thread.start()
        leads = rows({"city": "x"}, {"city": "y"}, ids=[1, 60])
        updated = updater_into(database).update(leads, ALL, ["city"])
        thread.join()
    assert told(updated.changes) == [(2, 1, "city", "c", "x"), (3, 60, "city", "b", "y")]
    assert [held(leads_url, "city")[n] for n in (0, 1, 59)] == ["x", "b", "y"]
    assert sum(statement.startswith("UPDATE") for statement in statements) == 2


# --- against a reference ---

FIELDS = ("title", "city", "gender", "rank", "date_of_birth")
OLD = st.fixed_dictionaries(
    {
        "title": st.sampled_from([None, "", "Mr", "mr", "\u00e4", " "]),
        "city": st.one_of(st.none(), st.text("ab '\\%\u00e9\u03a9,", max_size=3)),
        "gender": st.sampled_from([None, "U", "M", "F"]),
        "rank": st.sampled_from(["0", "7", "-3"]),
        "date_of_birth": st.sampled_from([None, "0000-00-00", "1980-02-00"]),
        "list_id": st.sampled_from(["101", "999"]),
    }
)
NEW = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["", "Mr", "MR", "a", "\u00e4"]),
        "city": st.text("ab '\\%\u00e9\u03a9,", max_size=3),
        "gender": st.sampled_from(["U", "M", "F"]),
        "rank": st.sampled_from(["0", "7", "12"]),
        "date_of_birth": st.sampled_from(["0000-00-00", "2000-02-29"]),
    }
)
NOTHING = {"title": "", "city": "", "gender": "U", "rank": "0", "date_of_birth": "0000-00-00"}


def referred(old: Lead, new: Lead, options: LoadOptions, fields: list[str]) -> Lead:
    """Say what a lead holds afterwards, field by field."""
    if options is MOVE:
        return old | {"list_id": "101"}
    after = dict(old)
    for name in fields:
        says_nothing = old[name] in {None, "", NOTHING[name]}
        if new[name] not in {"", NOTHING[name]} and (options is ALL or says_nothing):
            after[name] = new[name]
    return after


@pytest.fixture(scope="session")
def everywhere(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[LeadUpdater]]:
    """A table on each engine, for all examples of the property."""
    addresses = {
        "MyISAM": server.new_database(),
        "InnoDB": server.new_database(),
        "SQLite": f"sqlite:///{tmp_path_factory.mktemp('update') / 'leads.sqlite'}",
    }
    for engine_name, address in addresses.items():
        engine = create_engine(address, poolclass=NullPool)
        create_missing(engine, storage_engine=engine_name)
    databases = [Database(address, sleep=nothing) for address in addresses.values()]
    yield [updater_into(database) for database in databases]
    for database in databases:
        database.engine.dispose()


def as_texts(updater: LeadUpdater) -> list[Lead]:
    names = [*FIELDS, "list_id"]
    text = (
        "CAST({} AS CHAR)"
        if updater.database.engine.dialect.name == "sqlite"
        else "CONVERT({} USING utf8mb4)"
    )
    shown = ", ".join(text.format(f"`{name}`") for name in names)
    query = f"SELECT {shown} FROM vicidial_list ORDER BY lead_id"
    with updater.database.connect() as connection:
        found = connection.exec_driver_sql(query).all()
    return [dict(zip(names, row, strict=True)) for row in found]


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(st.tuples(OLD, NEW), min_size=1, max_size=5),
    bystanders=st.lists(OLD, max_size=2),
    options=st.sampled_from([EMPTY, ALL, MOVE]),
    fields=st.lists(st.sampled_from(FIELDS), unique=True),
    data=st.data(),
)
def test_all_engines_do_as_a_plain_loop_would(
    everywhere: list[LeadUpdater],
    pairs: list[tuple[Lead, Lead]],
    bystanders: list[Lead],
    options: LoadOptions,
    fields: list[str],
    data: st.DataObject,
) -> None:
    olds = [old for old, _ in pairs] + bystanders
    expected = [referred(old, new, options, fields) for old, new in pairs] + bystanders
    order = data.draw(st.permutations(range(len(pairs))))
    for updater in everywhere:
        engine = updater.database.engine
        table = metadata.tables["vicidial_list"]
        with engine.begin() as connection:
            connection.execute(table.delete())
            there = [{"lead_id": n} | lead for n, lead in enumerate(stored(*olds), 1)]
            connection.execute(insert(table), there)
        leads = rows(*(new for _, new in pairs)).iloc[order]
        updated = updater.update(leads, options, fields)
        assert as_texts(updater) == expected
        differ = [n + 2 for n, old in enumerate(olds) if old != expected[n]]
        assert updated.changes.index.unique().tolist() == differ
        assert sorted([*differ, *updated.unchanged]) == list(range(2, len(pairs) + 2))
        undo(engine, updated.changes)
        assert as_texts(updater) == olds
