"""Dates and times are read as the dialer's server reads them."""

import contextlib
from collections.abc import Iterator

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from loader.frames.moments import ZERO, MomentKind, read_moments
from tests.conformance.reference_moments import read_moment, read_time
from tests.support.products import PRODUCT
from tests.support.server import Server

TYPES: dict[str, tuple[MomentKind, int]] = {
    "DATE": ("date", 0),
    "DATETIME": ("datetime", 0),
    "DATETIME(3)": ("datetime", 3),
    "TIMESTAMP": ("timestamp", 0),
    "TIME": ("time", 0),
    "TIME(2)": ("time", 2),
}


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection]:
    """Connect to a server that is as lax as the dialer's."""
    if not PRODUCT.is_mariadb:
        pytest.skip("odd texts are read as MariaDB reads them; MySQL reads some of them otherwise")
    engine = create_engine(server.new_database(), connect_args={"sql_mode": ""})
    with engine.connect() as connection, contextlib.closing(connection):
        connection.exec_driver_sql("SET time_zone = '+00:00'")
        columns = ", ".join(f"c{n} {name} NULL" for n, name in enumerate(TYPES))
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE moments (n INT, {columns})")
        yield connection
    engine.dispose()


def stored(connection: Connection, texts: list[str]) -> dict[str, list[str]]:
    """Store texts in a column of each type, and read what is there."""
    row = f"({', '.join(['%s'] * (len(TYPES) + 1))})"
    values = [value for n, text in enumerate(texts) for value in (n, *[text] * len(TYPES))]
    connection.exec_driver_sql("DELETE FROM moments")
    connection.exec_driver_sql(
        f"INSERT INTO moments VALUES {', '.join([row] * len(texts))}", tuple(values)
    )
    names = ", ".join(f"CAST(c{n} AS CHAR)" for n in range(len(TYPES)))
    rows = connection.exec_driver_sql(f"SELECT {names} FROM moments ORDER BY n").all()
    return {name: [str(row[n]) for row in rows] for n, name in enumerate(TYPES)}


def ours(texts: list[str], name: str) -> list[str]:
    kind, digits = TYPES[name]
    zero = ZERO[kind] + ("." + "0" * digits if digits else "")
    return read_moments(pd.Series(texts, dtype="str"), kind, digits).texts.fillna(zero).tolist()


def differences(connection: Connection, texts: list[str]) -> list[tuple[str, str, str, str]]:
    """Give the texts that we read otherwise than the server."""
    found = []
    for name, answers in stored(connection, texts).items():
        for text, mine, theirs in zip(texts, ours(texts, name), answers, strict=True):
            # Which timestamps there are is the server's business, and so is the sign of nothing.
            is_beyond = name == "TIMESTAMP" and not "1971" <= mine[:4] <= "2037"
            if mine.removeprefix("-") != theirs.removeprefix("-") and not is_beyond:
                found.append((name, text, mine, theirs))
    return found


FORMS = [
    "2027-01-02", "2027/01/02", "2027.01.02", "2027:01:02", "2027_1_2", "27-01-02", "70-1-1",
    "69-12-31", "00-01-02", "0-1-2", "1:2:3", "10:11:12", "270102", "20270102", "2027", "2027-01",
    "20270102101112", "270102101112", "20270102T101112", "20270102101112.5", "2027010210",
    "2027-01-02 10", "2027-01-02 10:11", "2027-01-02T10:11:12", "2027-01-02+10:11:12",
    "2027-01-02  10:11:12.987654321", "2027-01-02 10-11-12", "2027-01-02-10-11-12", " 2027-01-02 ",
    "+2027-01-02", "-2027-01-02", "2027-01-02 25:00:00", "2027-01-02 10:60", "2027-02-29",
    "2028-02-29", "2027-00-00", "2027-13-01", "0000-00-00", "0000-00-00 00:00:00", "", " ", "abc",
    "2027-01-02Z", "2027-01-02 10:11:12 PM", "2027--01-02", "01/02/2027", "13.05.27", "10000-01-01",
    "13:05", "13:05:00", "1:05 PM", "1305", "130559", "13:60", "838:59:59", "839:00:00", "-10:11",
    "1 10:11:12", "1 10", "34 22:59:59", "35 23:00:00", "10:11:12.5", "1.5", "1e5", "-1", "8385959",
]  # fmt: skip


@pytest.mark.engines("innodb")
def test_each_form_is_read_as_the_server_reads_it(connection: Connection, engine_name: str) -> None:
    assert differences(connection, FORMS) == []


NUMBERS = st.sampled_from(
    ("0", "00", "1", "01", "2", "09", "10", "12", "13", "28", "29", "30", "31", "32", "59", "60")
) | st.integers(0, 9999).map(str)
YEARS = st.sampled_from(("2024", "2027", "1999", "27", "70", "69", "00", "0", "9999")) | NUMBERS
MARKS = st.sampled_from(("-", "/", ".", ":", "_", "-", "-", ""))
APART = st.sampled_from((" ", " ", "T", "  ", "+", "-", ""))
ENDS = st.sampled_from(("", "", "", "", " ", ".5", ".123456789", "x", " PM", "Z"))


@st.composite
def dates(draw: st.DrawFn) -> str:
    """Give texts that are dates, or nearly."""
    mark, numbers = draw(MARKS), [draw(YEARS), draw(NUMBERS), draw(NUMBERS)]
    text = mark.join(numbers[: draw(st.sampled_from((3, 3, 3, 2, 1)))])
    if draw(st.booleans()):
        parts = draw(st.lists(NUMBERS, min_size=1, max_size=3))
        text += draw(APART) + draw(st.sampled_from((":", ":", "-", ""))).join(parts)
    return draw(st.sampled_from(("", "", "", " ", "+"))) + text + draw(ENDS)


@st.composite
def times(draw: st.DrawFn) -> str:
    """Give texts that are times, or nearly."""
    text = ":".join(draw(st.lists(NUMBERS, min_size=1, max_size=3)))
    days = draw(st.sampled_from(("", "", "", "1 ", "33 ", "40 ", "-", "+")))
    return days + text + draw(st.sampled_from(("", "", "", ".25", " ", " AM", "x")))


@pytest.mark.property
@pytest.mark.engines("innodb")
@given(texts=st.lists(dates(), min_size=1, max_size=50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_dates_are_read_as_the_server_reads_them(
    texts: list[str], connection: Connection, engine_name: str
) -> None:
    found = differences(connection, texts)
    assert [each for each in found if not each[0].startswith("TIME(") and each[0] != "TIME"] == []


@pytest.mark.property
@pytest.mark.engines("innodb")
@given(texts=st.lists(times(), min_size=1, max_size=50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_times_are_read_as_the_server_reads_them(
    texts: list[str], connection: Connection, engine_name: str
) -> None:
    assert differences(connection, texts) == []


@pytest.mark.property
@given(texts=st.lists(dates() | times(), max_size=20))
def test_dates_are_those_of_the_reference(texts: list[str]) -> None:
    found = read_moments(pd.Series(texts, dtype="str"), "datetime").texts
    assert [None if pd.isna(text) else text for text in found] == [read_moment(t) for t in texts]


@pytest.mark.parametrize(
    ("text", "kind", "is_partly"),
    [
        ("2027-01-02", "date", False),
        ("2027-01-02 10:11:12", "date", False),
        (" 2027-01-02 ", "date", False),
        ("2027-01-02 10:11 PM", "datetime", True),
        ("2027-01-02Z", "datetime", True),
        ("2027-01-02 10:11:12+01:00", "datetime", True),
        ("1:05 PM", "time", True),
        ("13:05", "time", False),
        ("abc", "date", False),
    ],
)
def test_what_is_understood_in_part(text: str, kind: MomentKind, is_partly: bool) -> None:
    assert read_moments(pd.Series([text]), kind).is_partly.tolist() == [is_partly]


@pytest.mark.parametrize("text", ["13:05", "1:05 PM", "130559", "2027-01-02 10:11", "-10:11", "x"])
def test_times_are_those_of_the_reference(text: str) -> None:
    found = read_moments(pd.Series([text]), "time").texts.tolist()
    assert [None if pd.isna(each) else each for each in found] == [read_time(text)]


def test_no_texts() -> None:
    for kind in ZERO:
        assert read_moments(pd.Series([], dtype="str"), kind).texts.empty  # type: ignore[arg-type]
