"""That a batch is stored as it was sent is proven by the server, and only what differs is read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import event

from loader.database.connection import Database
from loader.database.schema import metadata
from loader.writing.batch import Inserted
from loader.writing.fingerprints import digests_of, parts_by_bytes
from loader.writing.leads import LeadInserter
from tests.support.proxy import Proxy
from tests.support.server import Server, run

COLUMNS = [*metadata.tables["vicidial_list"].columns.keys()]
PROOF, READING = "SHA2", "SELECT lead_id, CONCAT_WS"

pytestmark = pytest.mark.engines("myisam", "innodb")


def leads(*last_names: str, **columns: Any) -> pd.DataFrame:
    """Make leads that differ in last_name alone, from row 2 on."""
    fields = {"phone_code": "1", "phone_number": "7275550000", "last_name": list(last_names)}
    index = pd.RangeIndex(2, len(last_names) + 2)
    rows = pd.DataFrame(fields | columns, index=index, dtype="str")
    return rows.assign(list_id=101, gmt_offset_now=-5.0)


@contextmanager
def watched(
    url: str, before: dict[str, Callable[[], object]] | None = None
) -> Iterator[tuple[LeadInserter, list[str]]]:
    """Give an inserter and what it sends; `before` the first statement with a text, do this."""
    database, statements = Database(url, sleep=lambda _seconds: None), list[str]()
    once = dict(before or {})

    def note(*event_arguments: Any) -> None:
        statements.append(str(event_arguments[2]))
        for text in [text for text in once if text in statements[-1]]:
            once.pop(text)()

    event.listen(database.engine, "before_cursor_execute", note)
    yield LeadInserter(database, COLUMNS), statements
    database.engine.dispose()
    assert not once, "the statement was never sent"


def names(url: str) -> dict[int, str]:
    return dict(run(url, "SELECT lead_id, last_name FROM vicidial_list ORDER BY lead_id"))


def count_of(text: str, statements: list[str]) -> int:
    return sum(text in statement for statement in statements)


def insert(url: str, rows: pd.DataFrame) -> tuple[Inserted, list[str]]:
    with watched(url) as (inserter, statements):
        return inserter.insert(rows, "tester"), statements


def test_no_row_is_read_of_what_is_stored_as_it_was_sent(leads_url: str) -> None:
    odd = ("a", "a", "O'Brien", "back\\slash", "", " b ", '"', "%s", "line\nline", "ß")
    inserted, statements = insert(leads_url, leads(*odd))
    assert count_of(PROOF, statements) == 1
    assert not count_of(READING, statements)
    assert inserted.lead_ids.to_dict() == {row: row - 1 for row in range(2, 12)}
    assert not inserted.changed
    assert list(names(leads_url).values()) == [*odd]


def test_what_is_the_same_in_all_rows_is_sent_once(leads_url: str) -> None:
    odd = "O'Brien \\' %s \" ☎ß"
    rows = leads("a", "b", comments="no, I won't\\", city=odd)
    inserted, statements = insert(leads_url, rows)
    [sent] = [statement for statement in statements if "LOAD DATA" in statement]
    assert "SET" in sent
    assert "`comments` = 'no, I won''t\\\\'" in sent
    stored = run(leads_url, "SELECT last_name, comments, user, list_id FROM vicidial_list")
    assert stored == [(name, "no, I won't\\", "tester", 101) for name in "ab"]
    assert list(inserted.lead_ids) == [1, 2]


def test_a_batch_larger_than_a_packet_is_proven_part_by_part(
    leads_url: str, server: Server
) -> None:
    rows = leads(*map(str, range(1500)), comments="é" * 255, address1="x" * 100, city="é" * 50)
    before = server.execute("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    server.execute("SET GLOBAL max_allowed_packet = 1048576")
    try:
        inserted, statements = insert(leads_url, rows)
    finally:
        server.execute(f"SET GLOBAL max_allowed_packet = {before}")
    assert inserted.lead_ids.tolist() == list(range(1, 1501))
    [proof] = [statement for statement in statements if PROOF in statement]
    assert proof.count(PROOF) > 2
    assert not count_of(READING, statements)


CHANGE_ONE = "IF NEW.last_name = 'b' THEN SET NEW.last_name = 'B'; END IF"
CHANGE_ALL = "SET NEW.comments = 'ours'"
TO_NULL = "IF NEW.last_name = 'b' THEN SET NEW.comments = NULL; END IF"


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        pytest.param(CHANGE_ONE, (3,), id="one-row-in-the-middle"),
        pytest.param(CHANGE_ALL, (2, 3, 4), id="all-rows"),
        pytest.param(TO_NULL, (3,), id="null-for-an-empty-text"),
    ],
)
def test_rows_that_a_trigger_changes_are_found(
    leads_url: str, change: str, changed: tuple[int, ...]
) -> None:
    run(
        leads_url,
        f"CREATE TRIGGER change_it BEFORE INSERT ON vicidial_list FOR EACH ROW {change}",
    )
    inserted, statements = insert(leads_url, leads("a", "b", "c"))
    assert count_of(READING, statements) == 1
    assert inserted.changed == changed
    assert inserted.lead_ids.to_dict() == {2: 1, 3: 2, 4: 3}


def test_a_row_whose_value_the_column_cannot_hold_is_found(leads_url: str) -> None:
    run(leads_url, "ALTER TABLE vicidial_list MODIFY last_name VARCHAR(2)")
    inserted, _ = insert(leads_url, leads("aa", "bbb", "cc"))
    assert inserted.changed == (3,)
    assert [(each.sent, each.stored) for each in inserted.differences] == [("bbb", "bb")]


@pytest.mark.engines("myisam")
def test_rows_that_change_places_are_seen(leads_url: str) -> None:
    """Their texts have the same lengths: a sum of linear checksums would be the same."""

    def swap() -> None:
        run(
            leads_url,
            "UPDATE vicidial_list SET last_name = IF(last_name = 'ab', 'cd', 'ab') "
            "WHERE last_name <> 'x'",
        )

    with watched(leads_url, {PROOF: swap}) as (inserter, statements):
        inserted = inserter.insert(leads("ab", "x", "cd"), "tester")
    assert count_of(READING, statements) == 1
    # Each lead is of the row that had its place, whatever it holds by now.
    assert inserted.lead_ids.to_dict() == {2: 1, 3: 2, 4: 3}
    assert inserted.changed == (2, 4)


@pytest.mark.parametrize("others", [(2, 3, 5, 6), (2,), (8,)], ids=str)
def test_leads_of_others_in_the_range_are_none_of_ours(
    leads_url: str, server: Server, others: tuple[int, ...]
) -> None:
    """As of the other nodes of a cluster, whose lead_ids stand in between."""
    values = ", ".join(f"({lead_id}, 'other', '1', 101, NOW(), NOW())" for lead_id in others)
    columns = "lead_id, last_name, phone_number, list_id, entry_date, modify_date"
    into = f"INSERT INTO vicidial_list ({columns})"
    put_in = {PROOF: lambda: run(leads_url, f"{into} VALUES {values}")}
    server.execute("SET GLOBAL auto_increment_increment = 3")
    try:
        with watched(leads_url, put_in) as (inserter, statements):
            inserted = inserter.insert(leads("a", "b", "c"), "tester")
    finally:
        server.execute("SET GLOBAL auto_increment_increment = 1")
    assert inserted.lead_ids.to_dict() == {2: 1, 3: 4, 4: 7}
    assert not count_of(READING, statements)
    assert [names(leads_url)[each] for each in inserted.lead_ids] == ["a", "b", "c"]


@pytest.mark.parametrize("moment", ["cut_after", "cut_before"])
def test_a_connection_is_lost_between_the_proof_and_the_commit(
    leads_url: str, server: Server, moment: str
) -> None:
    with Proxy(server) as proxy:
        getattr(proxy, moment)(PROOF.encode() if moment == "cut_after" else b"COMMIT")
        with watched(proxy.via(leads_url)) as (inserter, statements):
            inserted = inserter.insert(leads("a", "b", "a"), "tester")
    assert count_of(PROOF, statements) >= 1
    expected = dict(zip(inserted.lead_ids, "aba", strict=True))
    assert names(leads_url) == expected
    assert not inserted.changed


def test_parts_hold_no_more_bytes_than_they_may() -> None:
    texts = pd.Series(["é" * 10, "a", "b" * 100, "", "c"], dtype="str")
    assert parts_by_bytes(texts, 25) == [2, 1, 2]
    assert parts_by_bytes(texts, 1000) == [5]
    assert len(digests_of(texts, [2, 1, 2])) == 3
