import csv
import io
import re
from collections.abc import Iterator
from typing import Literal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loader.reading import records
from loader.reading.dialect import Grammar
from loader.reading.records import Chunk, read_chunks
from tests.support.call_count import calls

Row = tuple[int, list[str]]

BROKEN = "a quote is not closed, or text follows a closing quote: "


class Reader:
    """Text in memory, as a file gives it."""

    def __init__(self, text: str) -> None:
        self._bytes = io.BytesIO(text.encode())

    @property
    def position(self) -> int:
        return self._bytes.tell()

    def read(self, size: int) -> bytes:
        return self._bytes.read(size)


def chunks_of(
    text: str, grammar: Grammar, chunk_size: int = 1000, block_size: int = 1 << 20
) -> Iterator[Chunk]:
    columns = tuple(f"c{number}" for number in range(1, grammar.columns + 1))
    return read_chunks(
        Reader(text), grammar, columns, first_row=2, chunk_size=chunk_size, block_size=block_size
    )


def read(
    text: str,
    columns: int,
    delimiter: str = ",",
    *,
    short_rows: bool = False,
    chunk_size: int = 1000,
    block_size: int = 1 << 20,
) -> tuple[list[Row], list[tuple[int, str]]]:
    """Give (row_number, values) of the rows, (row_number, reason) of the rejected."""
    grammar = Grammar(delimiter, columns, short_rows=short_rows)
    chunks = list(chunks_of(text, grammar, chunk_size, block_size))
    rows = [
        row
        for chunk in chunks
        for row in zip(chunk.rows.index.tolist(), chunk.rows.to_numpy().tolist(), strict=True)
    ]
    rejected = [
        row
        for chunk in chunks
        for row in zip(chunk.rejected.index.tolist(), chunk.problems["reason"], strict=True)
    ]
    sizes = [len(chunk.rows) + len(chunk.rejected) for chunk in chunks]
    assert all(size == chunk_size for size in sizes[:-1])
    assert not sizes or 0 < sizes[-1] <= chunk_size
    return rows, rejected


# --- a plain reader, character by character, to hold ours against --------------------------------


def fields_of(record: str, delimiter: str) -> list[str] | None:
    """Give the values of a record without its line end; None: broken; IndexError: not closed."""
    values, at = [], 0
    while True:
        value = ""
        if record[at : at + 1] == '"':
            at += 1
            while record[at] != '"' or record[at + 1 : at + 2] == '"':
                value += record[at]
                at += 2 if record[at] == '"' else 1
            at += 1
            if at < len(record) and record[at] != delimiter:
                return None
        else:
            while at < len(record) and record[at] != delimiter:
                value += record[at]
                at += 1
        values.append(value)
        if at == len(record):
            return values
        at += 1


def reference(
    text: str, columns: int, delimiter: str, *, short_rows: bool
) -> tuple[list[Row], list[tuple[int, str]]]:
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)
    rows: list[Row] = []
    rejected: list[tuple[int, str]] = []

    def fits(values: list[str]) -> bool:
        return len(values) == columns or (short_rows and len(values) < columns)

    def take(at: int, number: int) -> int:
        """Take the record that starts at a line; give the line after it."""
        for end in range(at + 1, len(lines) + 1):
            try:
                values = fields_of("".join(lines[at:end]).rstrip("\r\n"), delimiter)
            except IndexError:  # not closed yet
                continue
            if values is None or (end > at + 1 and not fits(values)):
                break
            if fits(values):
                rows.append((number, values + [""] * (columns - len(values))))
                return end
            few = len(values) < columns
            rejected.append((number, "TOO_FEW_FIELDS" if few else "TOO_MANY_FIELDS"))
            return end
        rejected.append((number, "BROKEN_QUOTE"))
        return at + 1

    at, number = 0, 2
    while at < len(lines):
        at = take(at, number) if lines[at].strip("\r\n") else at + 1
        number += 1
    return rows, rejected


# --- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("a,b\nc,d\n", [(2, ["a", "b"]), (3, ["c", "d"])], id="lf"),
        pytest.param("a,b\r\nc,d\r\n", [(2, ["a", "b"]), (3, ["c", "d"])], id="crlf"),
        pytest.param("a,b\rc,d\r", [(2, ["a", "b"]), (3, ["c", "d"])], id="cr"),
        pytest.param(
            "a,b\nc,d\r\ne,f\rg,h",
            [(2, ["a", "b"]), (3, ["c", "d"]), (4, ["e", "f"]), (5, ["g", "h"])],
            id="mixed-line-ends-none-at-last",
        ),
        pytest.param('a,"b\nc"\nd,e\n', [(2, ["a", "b\nc"]), (3, ["d", "e"])], id="quoted-lf"),
        pytest.param(
            'a,"b\r\n\r\nc"\r\nd,e',
            [(2, ["a", "b\r\n\r\nc"]), (3, ["d", "e"])],
            id="quoted-crlf-and-blank-line",
        ),
        pytest.param('a,"b\rc"\nd,e', [(2, ["a", "b\rc"]), (3, ["d", "e"])], id="quoted-cr"),
        pytest.param('"a\n","\nb"\n', [(2, ["a\n", "\nb"])], id="quoted-lf-at-both-ends"),
        pytest.param('"a,1","b"\n', [(2, ["a,1", "b"])], id="quoted-delimiter"),
        pytest.param('"a ""b"" c",""""\n', [(2, ['a "b" c', '"'])], id="doubled-quotes"),
        pytest.param('"",""\n', [(2, ["", ""])], id="empty-quoted"),
        pytest.param(",\n,\n", [(2, ["", ""]), (3, ["", ""])], id="only-delimiters-is-a-row"),
        pytest.param(
            "\n\na,b\n\n\nc,d\n\n\n",
            [(4, ["a", "b"]), (7, ["c", "d"])],
            id="blank-lines-count-and-are-no-rows",
        ),
        pytest.param("\r\n\ra,b\r\n", [(4, ["a", "b"])], id="blank-lines-of-any-kind"),
        pytest.param(
            '5" pipe,Robert "Bob" Smith\n',
            [(2, ['5" pipe', 'Robert "Bob" Smith'])],
            id="quote-inside-unquoted-is-text",
        ),
        pytest.param('a, "b"\n', [(2, ["a", ' "b"'])], id="quote-after-blank-is-text"),
        pytest.param("  a ,\u00a0b\u00a0\n", [(2, ["  a ", "\u00a0b\u00a0"])], id="blanks-stay"),
        pytest.param(
            "NA,001\nnull,1.0\n-,TRUE\n",
            [(2, ["NA", "001"]), (3, ["null", "1.0"]), (4, ["-", "TRUE"])],
            id="nothing-inferred",
        ),
        pytest.param("\ufeffa,b\n", [(2, ["\ufeffa", "b"])], id="mark-of-a-later-line-is-data"),
        pytest.param(
            "a\u2028b\x0b,c\x0cd\x85\n",
            [(2, ["a\u2028b\x0b", "c\x0cd\x85"])],
            id="other-separators-are-data",
        ),
        pytest.param("a\\,b\n", [(2, ["a\\", "b"])], id="backslash-is-data"),
        pytest.param("", [], id="nothing"),
        pytest.param("\n\r\n\n", [], id="only-blank-lines"),
    ],
)
@pytest.mark.parametrize("block_size", [1, 2, 3, 5, 1 << 20])
def test_rows(text: str, rows: list[Row], block_size: int) -> None:
    assert read(text, columns=2, block_size=block_size) == (rows, [])


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("a\n\nb\n", [(2, ["a"]), (4, ["b"])], id="blank-line-is-no-row"),
        pytest.param('a\n""\nb\n', [(2, ["a"]), (3, [""]), (4, ["b"])], id="quoted-empty-is-a-row"),
        pytest.param('a\n \n"b\n"', [(2, ["a"]), (3, [" "]), (4, ["b\n"])], id="blank-value"),
    ],
)
def test_one_column(text: str, rows: list[Row]) -> None:
    assert read(text, columns=1) == (rows, [])


@pytest.mark.parametrize(
    ("line", "reason", "details"),
    [
        pytest.param("a,b", "TOO_FEW_FIELDS", "2 fields instead of 3: a,b", id="too-few"),
        pytest.param(" ", "TOO_FEW_FIELDS", "1 field instead of 3:  ", id="only-a-blank"),
        pytest.param("a,b,c,d", "TOO_MANY_FIELDS", "4 fields instead of 3: a,b,c,d", id="too-many"),
        pytest.param('a,"b,c,d', "BROKEN_QUOTE", BROKEN + 'a,"b,c,d', id="stray-opening-quote"),
        pytest.param('a,b,"', "BROKEN_QUOTE", BROKEN + 'a,b,"', id="quote-at-the-end"),
        pytest.param(
            'a,"b"x,c', "BROKEN_QUOTE", BROKEN + 'a,"b"x,c', id="text-after-closing-quote"
        ),
        pytest.param(
            'a,"b" ,c', "BROKEN_QUOTE", BROKEN + 'a,"b" ,c', id="blank-after-closing-quote"
        ),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("block_size", [1, 7, 1 << 20])
def test_broken_row_is_rejected_by_itself(
    line: str, reason: str, details: str, line_end: str, block_size: int
) -> None:
    good = [f"x{number},y,z" for number in range(6)]
    text = line_end.join([*good[:3], line, *good[3:], ""])
    (chunk,) = chunks_of(text, Grammar(",", 3), block_size=block_size)
    assert chunk.rows["c1"].to_dict() == {2: "x0", 3: "x1", 4: "x2", 6: "x3", 7: "x4", 8: "x5"}
    assert chunk.problems.to_dict("index") == {5: {"reason": reason, "details": details}}


@pytest.mark.parametrize(
    ("line", "values"),
    [
        pytest.param('a,"b ""x"""', ["a", 'b "x"', ""], id="too-few"),
        pytest.param("a,b,c,d,e", ["a", "b", "c,d,e"], id="too-many"),
        pytest.param('a,"b,c', ["a", '"b', "c"], id="broken-quote"),
        pytest.param('a,"b,c,d,e', ["a", '"b', "c,d,e"], id="broken-quote-and-too-many"),
    ],
)
def test_values_of_a_rejected_row_are_kept_as_far_as_it_can_be_split(
    line: str, values: list[str]
) -> None:
    (chunk,) = chunks_of(f"{line}\n", Grammar(",", 3))
    assert chunk.rejected[["c1", "c2", "c3"]].to_numpy().tolist() == [values]


def test_details_of_a_long_line_are_cut() -> None:
    (chunk,) = chunks_of("é" * 600 + "\n", Grammar(",", 2))
    assert chunk.problems.loc[2, "details"] == "1 field instead of 2: " + "é" * 500


def test_frames_have_the_promised_types() -> None:
    (chunk,) = chunks_of("a,b\nc\n", Grammar(",", 2))
    for frame, names in (
        (chunk.rows, ["c1", "c2"]),
        (chunk.rejected, ["c1", "c2"]),
        (chunk.problems, ["reason", "details"]),
    ):
        assert frame.columns.tolist() == names
        assert frame.dtypes.map(str).tolist() == ["str"] * len(names)
        assert (frame.index.name, str(frame.index.dtype)) == ("row_number", "int64")
    (chunk,) = chunks_of("a,b\n", Grammar(",", 2))
    assert chunk.rejected.dtypes.map(str).tolist() == ["str"] * 2
    assert (chunk.rejected.index.name, str(chunk.rejected.index.dtype)) == ("row_number", "int64")


@pytest.mark.parametrize(
    ("text", "row"),
    [
        pytest.param("a|b", ["a", "b", "", ""], id="two-of-four"),
        pytest.param("a", ["a", "", "", ""], id="one-of-four"),
        pytest.param('"a|"1"|b', None, id="broken-is-still-broken"),
        pytest.param('"a|""1"|b|c\r\n', ['a|"1', "b", "c", ""], id="quoted-delimiter-counts-not"),
        pytest.param('5"|"|"|b\r', ['5"', "|", "b", ""], id="literal-quote"),
        pytest.param('"a\n|\n"|b\n', ["a\n|\n", "b", "", ""], id="quoted-line-ends"),
        pytest.param("a|b|c|d\n", ["a", "b", "c", "d"], id="complete"),
        pytest.param("a|b|c|d|\n", None, id="one-more"),
    ],
)
def test_rows_of_a_layout_may_end_early(text: str, row: list[str] | None) -> None:
    rows, rejected = read(text, 4, "|", short_rows=True)
    assert [values for _, values in rows] == ([row] if row else [])
    assert len(rows) + len(rejected) == 1


def test_one_stray_quote_does_not_swallow_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LONGEST_QUOTED_RECORD", 100)
    lines = ['a,"b', *["c,d"] * 1000, 'e",f', "g,h"]
    rows, rejected = read("\n".join(lines), columns=2, block_size=64)
    # Joined, the stray quotes would make one row of 1,002 lines; it is looked for over 100 bytes.
    assert rejected == [(2, "BROKEN_QUOTE")]
    assert len(rows) == 1002
    assert rows[-2:] == [(1003, ['e"', "f"]), (1004, ["g", "h"])]


@pytest.mark.parametrize(
    "line",
    ['a,"b,c\n', 'x","y\n', 'a,b,"\n', '","\n', 'a"",""b\n', 'a,"\n"' + "," * 23 + "\n"],
)
@pytest.mark.parametrize("block_size", [1000, 1 << 20])
def test_work_is_linear_when_no_line_is_a_record(
    line: str, block_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []

    def split_lines(data: bytes, *, final: bool) -> records.Lines:
        looked_at.append(len(data))
        return parse_split_lines(data, final=final)

    parse_split_lines = records.split_lines
    monkeypatch.setattr(records, "split_lines", split_lines)

    def work(text: str) -> int:
        looked_at.clear()
        return calls(lambda: list(chunks_of(text, Grammar(",", 25), block_size=block_size)))

    few, many = line * 1000, line * 10_000
    assert work(many) < 12 * work(few)
    # What waits for the end of a quote doubles, and is looked at once more at the end of the file.
    assert sum(looked_at) <= 4 * len(many)


def test_a_line_longer_than_the_block() -> None:
    long = "x" * 100_000
    text = f'{long},1\n"{long}\n{long}",2\n'
    assert read(text, 2, block_size=1000) == (
        [(2, [long, "1"]), (3, [f"{long}\n{long}", "2"])],
        [],
    )


@pytest.mark.parametrize("columns", [2, 500, 1000])
def test_wide_rows(columns: int) -> None:
    values = [f"v{number}" for number in range(columns)]
    text = ",".join(values) + "\n" + ",".join(values[1:]) + "\n"
    assert read(text, columns) == ([(2, values)], [(3, "TOO_FEW_FIELDS")])


def test_chunks_hold_as_many_records_as_asked_for() -> None:
    text = "".join("a\n" if number % 3 == 0 else "a,b\n" for number in range(10))
    chunks = list(chunks_of(text, Grammar(",", 2), chunk_size=4, block_size=5))
    assert [(chunk.rows.index.tolist(), chunk.rejected.index.tolist()) for chunk in chunks] == [
        ([3, 4], [2, 5]),
        ([6, 7, 9], [8]),
        ([10], [11]),
    ]
    assert [chunk.bytes_read for chunk in chunks][-1] == len(text)


# --- properties ----------------------------------------------------------------------------------

QUOTINGS: list[Literal[0, 1]] = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL]
DELIMITERS = st.sampled_from([",", "\t", "|", ";"])
BLOCK_SIZES = st.one_of(st.integers(1, 64), st.just(1 << 20))
CHUNK_SIZES = st.integers(1, 7)
VALUES = st.text(
    st.one_of(
        st.sampled_from('a1,;|\t"\r\n \u00a0é'),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=8,
)


def written(rows: list[list[str]], delimiter: str, quoting: Literal[0, 1], line_end: str) -> str:
    """Write as csv.writer does, with both line ends always quoted (Python 3.11 forgets one)."""
    parts = []
    for row in rows:
        target = io.StringIO()
        csv.writer(target, delimiter=delimiter, quoting=quoting, lineterminator="\r\n").writerow(
            row
        )
        parts.append(target.getvalue().removesuffix("\r\n") + line_end)
    return "".join(parts)


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[str] = VALUES) -> list[list[str]]:
    columns = draw(st.integers(1, 4))
    return draw(
        st.lists(st.lists(values, min_size=columns, max_size=columns), min_size=1, max_size=12)
    )


@pytest.mark.property
@given(
    rows=tables(),
    delimiter=DELIMITERS,
    quoting=st.sampled_from(QUOTINGS),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    final_line_end=st.booleans(),
    short_rows=st.booleans(),
    chunk_size=CHUNK_SIZES,
    block_size=BLOCK_SIZES,
)
def test_what_csv_writes_is_read_back(
    *,
    rows: list[list[str]],
    delimiter: str,
    quoting: Literal[0, 1],
    line_end: str,
    final_line_end: bool,
    short_rows: bool,
    chunk_size: int,
    block_size: int,
) -> None:
    text = written(rows, delimiter, quoting, line_end)
    if not final_line_end:
        text = text.removesuffix(line_end)
    found = read(
        text,
        len(rows[0]),
        delimiter,
        short_rows=short_rows,
        chunk_size=chunk_size,
        block_size=block_size,
    )
    assert found == (list(enumerate(rows, start=2)), [])


@pytest.mark.property
@given(
    # No value starts with a quote or a delimiter: with such a one in a later line, a stray quote
    # makes a record over several lines that nobody can tell from a real one.
    rows=tables(st.just("") | st.text('ab ,"é', max_size=5).map("v".__add__)),
    at=st.integers(0, 100),
    broken=st.sampled_from(["few", "many", "quote"]),
    chunk_size=CHUNK_SIZES,
    block_size=BLOCK_SIZES,
)
def test_one_broken_line_costs_one_row(
    rows: list[list[str]], at: int, broken: str, chunk_size: int, block_size: int
) -> None:
    rows = [["x", "y", *row] for row in rows]
    columns = len(rows[0])
    lines = written(rows, ",", csv.QUOTE_MINIMAL, "\n").splitlines()
    at %= len(lines) + 1
    bad = {"few": "x", "many": "x," * columns, "quote": 'x,"y' + ",z" * (columns - 2)}[broken]
    lines.insert(at, bad)
    found, rejected = read("\n".join(lines), columns, chunk_size=chunk_size, block_size=block_size)
    numbers = [number for number in range(2, len(lines) + 2) if number != at + 2]
    assert [number for number, _ in rejected] == [at + 2]
    assert found == list(zip(numbers, rows, strict=True))


@pytest.mark.property
@settings(deadline=None)
@given(
    text=st.text(st.sampled_from('ab,,,"""\n\n\r\ufeffé'), max_size=60),
    columns=st.integers(1, 4),
    short_rows=st.booleans(),
    chunk_size=CHUNK_SIZES,
    block_size=BLOCK_SIZES,
)
@example('a,"b\r', 2, False, 1, 6)
@example('"\n\n"\n', 1, True, 1, 2)
def test_any_text_is_read_as_a_plain_reader_reads_it(
    text: str, columns: int, short_rows: bool, chunk_size: int, block_size: int
) -> None:
    found = read(text, columns, short_rows=short_rows, chunk_size=chunk_size, block_size=block_size)
    assert found == reference(text, columns, ",", short_rows=short_rows)


def test_a_disagreement_with_the_parser_is_our_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    one_row = pa.table({"c1": ["a"], "c2": ["b"]})
    monkeypatch.setattr("loader.reading.records.csv.read_csv", lambda *_: one_row)
    with pytest.raises(RuntimeError, match="2 records were found and 1 parsed"):
        read("a,b\nc,d\n", 2)


def test_no_value_is_missing() -> None:
    (chunk,) = chunks_of("NA,\nNaN,null\n", Grammar(",", 2))
    assert not chunk.rows.isna().any(axis=None)
    assert isinstance(chunk.rows, pd.DataFrame)
