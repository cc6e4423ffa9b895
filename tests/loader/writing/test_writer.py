"""The statements that send rows, for tables and columns of any name."""

from collections.abc import Iterator

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import NullPool, create_engine

from loader.database.adapter import Written
from loader.database.connection import Database
from loader.database.sql import STATEMENT_BYTES, by_statement, literals
from loader.errors import RowDataError
from loader.writing.writer import Writer
from tests.support.products import PRODUCT
from tests.support.server import Server

TABLE = "odd `table` 100%s"
COLUMNS = ["id", "a`b", "100% %s %(x)s", 'what\'s "this"?', ":colon", "rank"]
BY_FILE, BY_INSERT = "by file", "by INSERT"


def quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


@pytest.fixture(scope="module")
def three_ways(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Writer]]:
    """A table of odd names by each way."""
    path = tmp_path_factory.mktemp("ways") / "odd.sqlite"
    addresses = {
        BY_FILE: server.new_database(),
        BY_INSERT: server.new_database(),
        "SQLite": f"sqlite:///{path}",
    }
    columns = ", ".join(f"{quote(name)} TEXT" for name in COLUMNS[1:])
    for way, address in addresses.items():
        charset = "" if way == "SQLite" else "CHARACTER SET utf8mb4"
        with create_engine(address, poolclass=NullPool).begin() as connection:
            connection.exec_driver_sql(
                f"CREATE TABLE {quote(TABLE)} (id INTEGER PRIMARY KEY, {columns}) {charset}",
                execution_options={"no_parameters": True},
            )
    writers = {way: Writer(Database(address)) for way, address in addresses.items()}
    yield writers
    for writer in writers.values():
        writer.database.engine.dispose()


def frame(ids: list[int], texts: list[str]) -> pd.DataFrame:
    values = {"id": ids, **dict.fromkeys(COLUMNS[1:], texts)}
    return pd.DataFrame(values, columns=COLUMNS).astype("str")


def write(writer: Writer, way: str, rows: pd.DataFrame, *, first: bool = True) -> Written:
    with writer.database.connect() as connection:
        if first:
            connection.exec_driver_sql(
                f"DELETE FROM {quote(TABLE)}", execution_options={"no_parameters": True}
            )
        written = writer.write(connection, TABLE, rows, by_file=way == BY_FILE)
        connection.commit()
    return written


def stored(writer: Writer) -> list[tuple[object, ...]]:
    names = ", ".join(map(quote, COLUMNS))
    with writer.database.connect() as connection:
        found = connection.exec_driver_sql(
            f"SELECT {names} FROM {quote(TABLE)} ORDER BY id",
            execution_options={"no_parameters": True},
        )
        return [tuple(row) for row in found]


TEXTS = st.text(
    st.one_of(
        st.sampled_from("\\'\"%,\n\r\t ;#`NULL\u00e9\U0001f600"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=30,
)


@pytest.mark.property
@given(texts=st.lists(TEXTS, min_size=1, max_size=5))
def test_any_text_is_stored_as_it_is(three_ways: dict[str, Writer], texts: list[str]) -> None:
    ids = list(range(1, len(texts) + 1))
    for way, writer in three_ways.items():
        written = write(writer, way, frame(ids, texts))
        assert (written.rows, written.warnings) == (len(texts), 0)
        assert stored(writer) == [
            (number, *[text] * 5) for number, text in zip(ids, texts, strict=True)
        ]


@pytest.mark.parametrize(("way", "code"), [(BY_INSERT, 1062), ("SQLite", 19)])
def test_a_statement_says_what_the_server_refuses(
    three_ways: dict[str, Writer], way: str, code: int
) -> None:
    writer = three_ways[way]
    write(writer, way, frame([1, 2], ["a", "b"]))
    with pytest.raises(RowDataError) as refused:
        write(writer, way, frame([2], ["B"]), first=False)
    assert refused.value.code == code
    assert [row[1] for row in stored(writer)] == ["a", "b"]


def test_a_file_leaves_out_what_the_server_refuses(three_ways: dict[str, Writer]) -> None:
    writer = three_ways[BY_FILE]
    write(writer, BY_FILE, frame([1, 2], ["a", "b"]))
    written = write(writer, BY_FILE, frame([2, 3], ["B", "C"]), first=False)
    # MySQL 5.6 says nothing of a key that is there.
    assert (written.rows, written.warnings) == (1, 0 if PRODUCT.is_old else 1)
    assert [row[1] for row in stored(writer)] == ["a", "b", "C"]


@pytest.mark.parametrize("way", [BY_FILE, BY_INSERT])
def test_the_server_warns_of_what_it_stores_otherwise(
    three_ways: dict[str, Writer], way: str
) -> None:
    rows = frame([1, 2], ["a", "b"]).assign(id=["1", "2x"])
    assert write(three_ways[way], way, rows).warnings == 1


def test_statements_are_small_enough_and_nothing_is_lost() -> None:
    rows = pd.DataFrame({"a": ["é" * 100_000, "b", "c" * 300_000, "d", "e'\\"]}, dtype="str")
    parts = list(by_statement(literals(rows)))
    assert [text for part in parts for text in part][3:] == ["'d'", "'e''\\\\'"]
    assert len(parts) == 2
    assert all(len("".join(part).encode()) <= STATEMENT_BYTES for part in parts)
