"""Reading lead_ids from texts, files and requests."""

import csv
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.api.lead_archive import (
    DUPLICATE,
    NO_VALUE,
    NOT_FOUND,
    NOT_INTEGER,
    TOO_MANY,
    check_request,
)
from loader.archive.lead_ids import parse_lead_ids, read_lead_ids
from loader.errors import LeadIdsError, NoSuchFileError, SourceFileError

HUGE = 10**30
LOADED = 'row_number,lead_id,notices\n2,10,"TRUNCATED(city), x"\n3,11,\n'


def read(content: str | bytes) -> list[int]:
    data = content.encode() if isinstance(content, str) else content
    return read_lead_ids(io.BytesIO(data), "ids.txt").tolist()


def refused(content: str | bytes) -> LeadIdsError:
    with pytest.raises(LeadIdsError) as caught:
        read(content)
    return caught.value


@pytest.mark.parametrize(
    ("text", "lead_ids"),
    [
        ("1,2,3", [1, 2, 3]),
        ("3 1\t2", [3, 1, 2]),
        (" 1, 2 ,,3,\n", [1, 2, 3]),
        ("0", [0]),
        ("007", [7]),
        ("-1,-0", [-1, 0]),
        ("4294967296", [4294967296]),
        ("0" * 30 + "5", [5]),
        ("999999999999999999", [999999999999999999]),
    ],
)
def test_a_text(text: str, lead_ids: list[int]) -> None:
    parsed = parse_lead_ids(text)
    assert parsed.dtype == np.int64
    assert parsed.tolist() == lead_ids


@pytest.mark.parametrize(
    ("text", "message", "lead_ids"),
    [
        ("", NO_VALUE, ()),
        (" , \n", NO_VALUE, ()),
        ("1.0", NOT_INTEGER, ("1.0",)),
        ("1,abc,abc,2x", NOT_INTEGER, ("abc", "2x")),
        ('"0"', NOT_INTEGER, ('"0"',)),
        ("+1", NOT_INTEGER, ("+1",)),
        ("1e3", NOT_INTEGER, ("1e3",)),
        ("1_0", NOT_INTEGER, ("1_0",)),
        ("0x1", NOT_INTEGER, ("0x1",)),
        ("-", NOT_INTEGER, ("-",)),
        ("1;2", NOT_INTEGER, ("1;2",)),
        ("\u0663", NOT_INTEGER, ("\u0663",)),
        ("1\u00a02", NOT_INTEGER, ("1\u00a02",)),
        ("\udcff", NOT_INTEGER, ("?",)),
        ("7,3,3,7,3,1", DUPLICATE, (3, 7)),
        ("7,007", DUPLICATE, (7,)),
        (f"1,{HUGE}", NOT_FOUND, (HUGE,)),
        # The first check that fails is the one that is told.
        (f"1,1,x,{HUGE}", NOT_INTEGER, ("x",)),
        (f"1,1,{HUGE}", DUPLICATE, (1,)),
    ],
)
def test_a_text_that_is_refused(text: str, message: str, lead_ids: tuple[int | str, ...]) -> None:
    with pytest.raises(LeadIdsError) as caught:
        parse_lead_ids(text, "--lead-ids")
    assert (caught.value.message, caught.value.lead_ids) == (message, lead_ids)
    assert str(caught.value).startswith(f"--lead-ids: {message}")


def test_a_text_may_have_more_than_a_request() -> None:
    assert len(parse_lead_ids(",".join(map(str, range(12_345))))) == 12_345


@pytest.mark.parametrize(
    ("content", "lead_ids"),
    [
        ("1\n2\n3\n", [1, 2, 3]),
        ("1\r\n2\r\n\r\n3", [1, 2, 3]),
        ("1\r2\r3", [1, 2, 3]),
        ("1, 2\n3\t4\n", [1, 2, 3, 4]),
        ("\ufeff1\n2", [1, 2]),
        ("1\r\n2\r\n".encode("utf-16"), [1, 2]),
        ("\ufeff1\n2".encode("utf-16-be"), [1, 2]),
        (LOADED, [10, 11]),
        (LOADED.replace("\n", "\r\n"), [10, 11]),
        ("\ufeff" + LOADED, [10, 11]),
        ("\n\n" + LOADED, [10, 11]),
        (LOADED.replace(",", "\t").replace("\tx", ",x"), [10, 11]),
        ("lead_id,why,details\n10,CHANGED,\n", [10]),
        ("a;LEAD_ID\nx;10\n", [10]),
        ('a | "lead_id" \nx| 10 \n', [10]),
        ('"lead_id"\n"10"\n', [10]),
        ("lead_id\n10\n\n11", [10, 11]),
        ("same,same,lead_id\n1,2,10", [10]),
        (b"name,lead_id\nJos\xe9,10\n", [10]),
        ('lead_id,notes\n10,"two\nlines"\n11,', [10, 11]),
    ],
    ids=repr,
)
def test_a_file(content: str | bytes, lead_ids: list[int]) -> None:
    assert read(content) == lead_ids


@pytest.mark.parametrize(
    ("content", "message", "lead_ids", "where"),
    [
        ("", NO_VALUE, (), "ids.txt"),
        ("\n\n", NO_VALUE, (), "ids.txt"),
        ("lead_id", NO_VALUE, (), "ids.txt"),
        ("row_number,lead_id,notices\r\n\r\n", NO_VALUE, (), "ids.txt"),
        ("1\n2 1.0\n1.5,7\n", NOT_INTEGER, ("1.0", "1.5"), "line 2 (of a table, "),
        ("1\r\n\r\n2,,x,3\r\n", NOT_INTEGER, (), "line 3 (of a table, "),
        ("1\n2\n\n1\n", DUPLICATE, (1,), "line 4"),
        (f"{HUGE}\n5\n5", DUPLICATE, (5,), "line 3"),
        (f"5\n{HUGE}", NOT_FOUND, (HUGE,), "line 2"),
        ("row_number,lead_id,notices\n2,,\n3,,\n", NOT_INTEGER, (), "line 2, whose lead_id is"),
        ('notes,lead_id\n\n"a\nb",1\n,1.0', NOT_INTEGER, ("1.0",), "line 5"),
        ("a\tlead_id\r\n\t7\r\n\t8\r\n\t7\r\n", DUPLICATE, (7,), "line 4"),
        (b"lead_id,name\n1,\n1\xff,\n", NOT_INTEGER, (), "line 3"),
    ],
    ids=repr,
)
def test_a_file_that_is_refused(
    content: str | bytes, message: str, lead_ids: tuple[int | str, ...], where: str
) -> None:
    error = refused(content)
    assert (error.message, error.lead_ids) == (message, lead_ids)
    assert error.where.startswith("ids.txt")
    assert where in error.where
    assert str(error).startswith(f"{error.where}: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\0\0", "ids.txt is no text"),
        ("lead_id,name\n1,x\n\n2,Bob,y\n", "line 4 has 3 fields, and the header 2"),
        ("lead_id,name\n1\n", "line 2 has 1 fields, and the header 2"),
        ('lead_id,name\n1,"Bob\n2,x\n', "a quote is not closed"),
        ("lead_id,Lead_ID\n1,2\n", "several columns lead_id"),
    ],
)
def test_a_broken_file(content: str | bytes, message: str) -> None:
    with pytest.raises(SourceFileError, match=re.escape(message)) as caught:
        read(content)
    assert "Bob" not in str(caught.value)


def test_a_wrong_file_is_not_shown() -> None:
    error = refused("8005551234,Bob,1 Main St\n8005551235,Alice,\n")
    assert "Bob" not in str(error)
    assert "line 1 (of a table, a column has to be named lead_id)" in str(error)


def test_a_file_of_any_size_names_some_that_are_wrong() -> None:
    error = refused("1.5\n" * 3 + "\n".join(f"{n}.5" for n in range(2000)))
    assert len(error.lead_ids) <= 500


def test_a_path_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ids"
    path.write_text("5\n6\n")
    assert read_lead_ids(path).tolist() == read_lead_ids(str(path)).tolist() == [5, 6]
    with path.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert read_lead_ids("-").tolist() == [5, 6]
        with pytest.raises(LeadIdsError, match="standard input: lead_ids must contain"):
            read_lead_ids("-")


def test_standard_input_has_the_limit_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loader.archive.lead_ids.LARGEST", 2 << 20)
    path = tmp_path / "ids"
    path.write_bytes(b"1\n" * (1 << 20))
    with path.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(LeadIdsError, match="duplicate"):
            read_lead_ids("-")
    with Path("/dev/zero").open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(NoSuchFileError, match="standard input: it is larger than 2 MB"):
            read_lead_ids("-")


@pytest.mark.parametrize("name", ["none", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(NoSuchFileError, match=re.escape(str(tmp_path))):
        read_lead_ids(tmp_path / name)


def test_many_ids() -> None:
    many = np.random.default_rng(4).permutation(300_000)
    assert read("\n".join(map(str, many))) == many.tolist()
    assert refused("\n".join(map(str, many)) + "\n17").lead_ids == (17,)


@pytest.mark.parametrize("count", [1, 499, 500])
def test_a_request(count: int) -> None:
    checked = check_request(list(range(count)))
    assert checked.dtype == np.int64
    assert checked.tolist() == check_request(checked).tolist() == list(range(count))


@pytest.mark.parametrize(
    ("values", "message", "lead_ids"),
    [
        (["0"], NOT_INTEGER, ("0",)),
        (
            [1, 1.0, True, None, [2], {"a": 1}, "x", "x"],
            NOT_INTEGER,
            ("1.0", "true", "null", "[2]", '{"a": 1}', "x"),
        ),
        ([], NO_VALUE, ()),
        (range(501), TOO_MANY, ()),
        ([0, 0], DUPLICATE, (0,)),
        ([3, 1, 3, 1, 3], DUPLICATE, (3, 1)),
        ([-1, HUGE, 2**63, -(2**63) - 1], NOT_FOUND, (HUGE, 2**63, -(2**63) - 1)),
        # The first check that fails is the one that is told.
        (["x", *range(501), 0], NOT_INTEGER, ("x",)),
        ([*range(501), 0], TOO_MANY, ()),
        ([1, 1, HUGE], DUPLICATE, (1,)),
    ],
)
def test_a_request_that_is_refused(
    values: Any, message: str, lead_ids: tuple[int | str, ...]
) -> None:
    with pytest.raises(LeadIdsError) as caught:
        check_request(values)
    assert (caught.value.message, caught.value.lead_ids) == (message, lead_ids)


def test_any_whole_number_of_64_bits_passes() -> None:
    edges = [-(2**63) + 1, -1, 2**32, 2**63 - 1]
    assert check_request(edges).tolist() == edges


def plainly(values: list[str]) -> list[int] | tuple[str, tuple[int | str, ...]]:
    """Read the values one by one."""
    wrong = [value for value in values if not re.fullmatch("-?[0-9]+", value)]
    whole = [int(value) for value in values if value not in wrong]
    # Beyond 18 digits nothing is there, and nothing is twice.
    lead_ids = [value for value in whole if abs(value) < 10**18]
    huge = [value for value in whole if abs(value) >= 10**18]
    twice = [value for value, count in Counter(lead_ids).items() if count > 1]
    if wrong:
        return NOT_INTEGER, tuple(dict.fromkeys(wrong))
    if not values:
        return NO_VALUE, ()
    if twice:
        return DUPLICATE, tuple(sorted(twice))
    return (NOT_FOUND, tuple(huge)) if huge else lead_ids


def ours(read: Any) -> list[int] | tuple[str, tuple[int | str, ...]]:
    try:
        return read().tolist()
    except LeadIdsError as error:
        return error.message, error.lead_ids


NUMBERS = st.integers(-3, 40).map(str) | st.integers(0, 2**32).map(str)


@pytest.mark.property
@given(st.text("012-,x. \t\r\n\v\f") | st.text())
def test_any_text_is_read_as_a_plain_parser_does(text: str) -> None:
    values = re.split(r"[ \t\r\n\v\f,]+", text.encode("utf-8", "replace").decode())
    assert ours(lambda: parse_lead_ids(text)) == plainly([value for value in values if value])


@pytest.mark.property
@given(
    st.lists(NUMBERS | st.text("12.", min_size=1), max_size=12),
    st.sampled_from(["\n", "\r\n", ",", " ", ", ", "\r"]),
)
def test_the_line_is_that_of_the_first_at_fault(values: list[str], separator: str) -> None:
    content = separator.join(values)
    found = ours(lambda: read_lead_ids(io.BytesIO(content.encode())))
    assert found == plainly(values)
    if found[:1] == (NOT_INTEGER,):
        wrong = next(n for n, value in enumerate(values) if not re.fullmatch("-?[0-9]+", value))
        line = 1 + (wrong if separator in {"\n", "\r\n", "\r"} else 0)
        assert f", line {line} " in refused(content).where


@pytest.mark.property
@given(
    st.lists(st.tuples(NUMBERS | st.text("12.", min_size=1), st.text("ab\",;\t\r\n'")), max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_is_read_as_a_plain_parser_does(
    rows: list[tuple[str, str]], delimiter: str, line_end: str
) -> None:
    table = io.StringIO(newline="")
    writer = csv.writer(table, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerows([("notes", "lead_id"), *((notes, value) for value, notes in rows)])
    found = ours(lambda: read_lead_ids(io.BytesIO(table.getvalue().encode())))
    assert found == plainly([value for value, _ in rows])
