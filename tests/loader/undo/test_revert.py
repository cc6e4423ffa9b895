"""Changes of existing leads are put back where they still are as the run made them."""

from typing import Any

import pandas as pd
import pytest

from loader.database.connection import Database
from loader.database.schema import metadata
from loader.undo.revert import Reverter
from tests.support.archives import ARCHIVE, LEADS, lead, put, sql
from tests.support.statements import just_before

COLUMNS = metadata.tables[LEADS].columns.keys()
Change = tuple[int, str, str | None, str | None]


def changes(*made: Change) -> pd.DataFrame:
    """Give changes as the ledger does: lead_id, field, old, new."""
    types = {"lead_id": "int64", "field": "str", "old": "str", "new": "str"}
    frame = pd.DataFrame(made, columns=list(types)).astype(types)
    return frame.assign(row_number=frame["lead_id"] + 1)


def reverter(database: Database) -> Reverter:
    return Reverter(database, COLUMNS, {LEADS, ARCHIVE})


def stayed(frame: pd.DataFrame) -> dict[tuple[int, str], tuple[str, str]]:
    return {(row.lead_id, row.fields): (row.why, row.details) for row in frame.itertuples()}


def reverted(frame: pd.DataFrame) -> set[tuple[int, str]]:
    return set(zip(frame["lead_id"], frame["field"], strict=True))


def values(database: Database, *names: str) -> list[tuple[Any, ...]]:
    return sql(database, f"SELECT lead_id, {', '.join(names)} FROM {LEADS} ORDER BY 1")


VALUES: dict[str, tuple[str | None, str | None]] = {
    "text": ("before", "after"),
    "null": (None, "after"),
    "empty": ("", "after"),
    "was emptied": ("before", ""),
    "letters": ("Łee \\ 'x' \"y\" 50% :a", "ä\n?"),
    "case": ("lee", "LEE"),
    "blank": ("lee", "lee "),
}


@pytest.mark.parametrize(("old", "new"), VALUES.values(), ids=VALUES)
def test_a_field_is_put_back(database: Database, old: str | None, new: str | None) -> None:
    put(database, lead(1, comments=new), lead(2, comments=new))
    made, undo = changes((1, "comments", old, new)), reverter(database)
    assert reverted(undo.read_changes(made).reverted) == {(1, "comments")}
    assert values(database, "comments") == [(1, new), (2, new)]
    undo.revert(made)
    assert values(database, "comments") == [(1, old), (2, new)]
    for _ in range(2):
        now = undo.read_changes(made, is_done=True)
        assert (reverted(now.reverted), stayed(now.stayed)) == ({(1, "comments")}, {})
        undo.revert(made)
    assert values(database, "comments") == [(1, old), (2, new)]


def test_each_field_is_looked_at_by_itself(database: Database) -> None:
    put(database, lead(1, city="Ghent", owner="x", title=None), lead(2, list_id=102))
    put(database, lead(4), table=ARCHIVE)
    made = changes(
        (1, "city", "", "Ghent"), (1, "owner", "", "mine"), (1, "title", "Mr", "Dr"),
        (2, "list_id", "101", "102"), (3, "city", "a", "b"), (4, "city", "a", "b"),
    )  # fmt: skip
    undo = reverter(database)
    expected = {
        (1, "owner,title"): ("CHANGED", ""), (3, "city"): ("GONE", ""),
        (4, "city"): ("ARCHIVED", ""),
    }  # fmt: skip
    before = undo.read_changes(made)
    undo.revert(made)
    after = undo.read_changes(made, is_done=True)
    for now in (before, after):
        assert reverted(now.reverted) == {(1, "city"), (2, "list_id")}
        assert stayed(now.stayed) == expected
    assert values(database, "city", "owner", "title", "list_id")[0] == (1, "", "x", None, 101)
    assert values(database, "list_id")[1] == (2, 101)


def test_a_change_between_look_and_statement_stays(database: Database) -> None:
    put(database, lead(1, city="new", owner="new"), lead(2, city="new"))
    made = changes((1, "city", "old", "new"), (1, "owner", "old", "new"), (2, "city", "old", "new"))
    undo = reverter(database)
    change = f"UPDATE {LEADS} SET city = 'vip' WHERE lead_id = 1"
    kind = "BEGIN IMMEDIATE" if database.engine.dialect.name == "sqlite" else "UPDATE (SELECT"
    with just_before(database, kind, lambda: sql(database, change)):
        undo.revert(made)
    assert values(database, "city", "owner") == [(1, "vip", "old"), (2, "old", "")]
    assert stayed(undo.read_changes(made, is_done=True).stayed) == {(1, "city"): ("CHANGED", "")}


@pytest.mark.engines("myisam", "innodb")
def test_what_the_server_refuses_is_told(leads_database: Database) -> None:
    put(leads_database, *(lead(n, city="new") for n in (1, 2, 3)))
    with leads_database.connect() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER keep BEFORE UPDATE ON {LEADS} FOR EACH ROW IF NEW.lead_id = 2 THEN "
            "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 5001; END IF"
        )
    made = changes(*((n, "city", "old", "new") for n in (1, 2, 3)))
    undo = reverter(leads_database)
    undo.revert(made)
    assert values(leads_database, "city") == [(1, "old"), (2, "new"), (3, "old")]
    assert stayed(undo.read_changes(made, is_done=True).stayed) == {
        (2, "city"): ("REFUSED", "error 5001")
    }


def test_a_batch_that_changed_nothing(database: Database) -> None:
    undo = reverter(database)
    undo.revert(changes())
    now = undo.read_changes(changes())
    assert (len(now.reverted), len(now.stayed)) == (0, 0)


def test_a_column_that_is_not_there_any_more(database: Database) -> None:
    put(database, lead(1, city="new"))
    made, undo = changes((1, "colour", "a", "b"), (1, "city", "old", "new")), reverter(database)
    undo.revert(made)
    now = undo.read_changes(made, is_done=True)
    assert reverted(now.reverted) == {(1, "city")}
    assert stayed(now.stayed) == {(1, "colour"): ("CHANGED", "")}
