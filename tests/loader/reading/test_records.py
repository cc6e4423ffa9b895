import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loader.reading import lines, records
from loader.reading.dialect import Grammar
from loader.reading.limits import DEFAULT_LIMITS, RowMeter
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

    @property
    def text_position(self) -> int:
        return self._bytes.tell()

    def western_lines(self, _start: int, _end: int) -> list[int]:
        return []

    def read(self, size: int) -> bytes:
        return self._bytes.read(size)


def chunks_of(
    text: str, grammar: Grammar, chunk_size: int = 1000, block_size: int = 1 << 20
) -> Iterator[Chunk]:
    columns = tuple(f"c{number}" for number in range(1, grammar.columns + 1))
    return read_chunks(
        Reader(text), grammar, columns, first_row=2, chunk_size=chunk_size, block_size=block_size,
        meter=RowMeter(DEFAULT_LIMITS, "a.csv"),
    )  # fmt: skip


def read(
    text: str,
    columns: int,
    delimiter: str = ",",
    *,
    short_rows: bool = False,
    phones: tuple[int, ...] = (),
    chunk_size: int = 1000,
    block_size: int = 1 << 20,
) -> tuple[list[Row], list[tuple[int, str]]]:
    """Give (row_number, values) of the rows, (row_number, reason) of the rejected."""
    grammar = Grammar(delimiter, columns, 1 if short_rows else None, phones)
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
    # Only a file of blank rows alone gives a chunk without a record, for their number.
    assert not sizes or 0 < sizes[-1] <= chunk_size or sizes == [0]
    return rows, rejected


# --- a plain reader, character by character, to hold ours against --------------------------------


BLANK = "[ \t\v\f\x1a\u00a0\u2000-\u200b\u202f\u3000\ufeff]*"


def is_blank(field: str) -> bool:
    return re.fullmatch(f'{BLANK}("{BLANK}"{BLANK})?', field) is not None


def fields_of(record: str, delimiter: str) -> tuple[list[str], list[str]] | None:
    """Give the values of a record without its line end, and their text in the file.

    None: broken; IndexError: not closed.
    """
    values, texts, at = [], [], 0
    while True:
        value, start = "", at
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
        texts.append(record[start:at])
        if at == len(record):
            return values, texts
        at += 1


def fields_before_the_open_quote(line: str, delimiter: str) -> int:
    ends = [at for at, letter in enumerate(line) if letter == delimiter and line[at + 1] == '"']
    for end in reversed(ends):
        try:
            if found := fields_of(line[:end], delimiter):
                return len(found[0]) + line.count(delimiter, end + 1)
        except IndexError:
            continue
    return line.count(delimiter)


@dataclass
class Reference:
    """The plain reader of a file."""

    columns: int
    delimiter: str
    short_rows: bool

    def values_of(self, record: str) -> list[str] | None:
        """Give the values without blank ones behind the last column; None: broken."""
        found = fields_of(record.rstrip("\r\n"), self.delimiter)
        if found is None:
            return None
        values, texts = found
        return values[: self.columns] if all(map(is_blank, texts[self.columns :])) else values

    def fits(self, values: list[str] | None) -> bool:
        return values is not None and (
            len(values) == self.columns or (self.short_rows and len(values) < self.columns)
        )

    def is_record(self, line: str) -> bool:
        try:
            return self.fits(self.values_of(line))
        except IndexError:
            return False

    def is_blank_line(self, line: str) -> bool:
        return all(map(is_blank, line.rstrip("\r\n").split(self.delimiter)))

    def swallows_records(self, lines: list[str]) -> bool:
        inside = [line for line in lines[1:] if not self.is_blank_line(line)]
        return (
            self.columns > 1
            and not self.short_rows
            and len(inside) > 1
            and all(map(self.is_record, inside))
            and fields_before_the_open_quote(lines[0], self.delimiter) + 1 == self.columns
        )

    def take(self, lines: list[str]) -> tuple[int, list[str] | str]:
        """Take the record at the start: how many lines it has, and its values or the reason."""
        for count in range(1, len(lines) + 1):
            try:
                values = self.values_of("".join(lines[:count]))
            except IndexError:  # not closed yet
                continue
            if values is None or (count > 1 and not self.fits(values)):
                break
            if count > 1 and self.swallows_records(lines[:count]):
                break
            if self.fits(values):
                return count, values + [""] * (self.columns - len(values))
            few = len(values) < self.columns
            return count, "TOO_FEW_FIELDS" if few else "TOO_MANY_FIELDS"
        return 1, "BROKEN_QUOTE"


def reference(
    text: str, columns: int, delimiter: str, *, short_rows: bool
) -> tuple[list[Row], list[tuple[int, str]]]:
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)
    plain = Reference(columns, delimiter, short_rows)
    rows: list[Row] = []
    rejected: list[tuple[int, str]] = []
    number = 2
    while lines:
        count = 1
        if not plain.is_blank_line(lines[0]):
            count, found = plain.take(lines)
            if isinstance(found, str):
                rejected.append((number, found))
            else:
                rows.append((number, found))
        lines = lines[count:]
        number += 1
    return rows, rejected


# --- tables --------------------------------------------------------------------------------------


@pytest.mark.sample(40)
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
        pytest.param('"",b\n', [(2, ["", "b"])], id="empty-quoted"),
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
        pytest.param('a\n""\nb\n', [(2, ["a"]), (4, ["b"])], id="quoted-empty-is-no-row"),
        pytest.param('a\n \n"b\n"', [(2, ["a"]), (4, ["b\n"])], id="blank-value-is-no-row"),
    ],
)
def test_one_column(text: str, rows: list[Row]) -> None:
    assert read(text, columns=1) == (rows, [])


@pytest.mark.parametrize(
    ("line", "reason", "details"),
    [
        pytest.param("a,b", "TOO_FEW_FIELDS", "2 fields instead of 3: a,b", id="too-few"),
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
        pytest.param("a|b|c|d|\n", ["a", "b", "c", "d"], id="one-more-blank"),
        pytest.param("a|b|c|d|e\n", None, id="one-more"),
    ],
)
def test_rows_of_a_layout_may_end_early(text: str, row: list[str] | None) -> None:
    rows, rejected = read(text, 4, "|", short_rows=True)
    assert [values for _, values in rows] == ([row] if row else [])
    assert len(rows) + len(rejected) == 1


def test_one_stray_quote_does_not_swallow_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_QUOTED_RECORD", 100)
    text = ['a,"b', *["c,d"] * 1000, 'e",f', "g,h"]
    rows, rejected = read("\n".join(text), columns=2, block_size=64)
    # Joined, the stray quotes would make one row of 1,002 lines; it is looked for over 100 bytes.
    assert rejected == [(2, "BROKEN_QUOTE")]
    assert len(rows) == 1002
    assert rows[-2:] == [(1003, ['e"', "f"]), (1004, ["g", "h"])]


@pytest.mark.parametrize("line", ['a,"b"x\n', 'a,""b\n', "a\n", "a,b,c\n"])
def test_no_row_that_cannot_be_read_is_looked_at_by_itself(line: str) -> None:
    def work(lines: int) -> int:
        return calls(lambda: list(chunks_of(line * lines, Grammar(",", 2), chunk_size=10_000)))

    work(10)
    assert work(2000) - work(1000) < 500


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "line",
    ['a,"b,c\n', 'x","y\n', 'a,b,"\n', '","\n', 'a"",""b\n', 'a,"\n"' + "," * 23 + "\n"],
)
@pytest.mark.parametrize("block_size", [1000, 1 << 20])
def test_work_is_linear_when_no_line_is_a_record(
    line: str, block_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []

    def split_lines(data: bytes, *, final: bool) -> lines.Lines:
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


def line_ends(value: str) -> int:
    return len(re.findall("\r\n|\r|\n", value))


def is_blank_row(values: list[str], delimiter: str) -> bool:
    return all(re.fullmatch(BLANK, value) and delimiter not in value for value in values)


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
    numbered = [row for row in enumerate(rows, start=2) if not is_blank_row(row[1], delimiter)]
    if any(sum(map(line_ends, row)) > 1 for row in rows):
        # Lines inside a value may be records: then they are read as such.
        assert found == reference(text, len(rows[0]), delimiter, short_rows=short_rows)
    else:
        assert found == (numbered, [])


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
    bad = {"few": "x", "many": "x," * columns + "x", "quote": 'x,"y' + ",z" * (columns - 2)}[broken]
    lines.insert(at, bad)
    found, rejected = read("\n".join(lines), columns, chunk_size=chunk_size, block_size=block_size)
    numbers = [number for number in range(2, len(lines) + 2) if number != at + 2]
    assert [number for number, _ in rejected] == [at + 2]
    assert found == list(zip(numbers, rows, strict=True))


@pytest.mark.property
@settings(deadline=None)
@given(
    text=st.one_of(
        st.text(st.sampled_from('ab,,,"""\n\n\r\ufeffé'), max_size=60),
        st.lists(
            st.sampled_from(
                [
                    "a,b\n",
                    'a,"b\n',
                    'a,b"\n',
                    "a,,\n",
                    ",\n",
                    "\n",
                    '"a\n',
                    'a",b\n',
                    "a\n",
                    '"",""\n',
                ]
            ),
            max_size=12,
        ).map("".join),
    ),
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


# --- stray quotes that close one another ----------------------------------------------------------

PHONE = "727555"


def leads(first: int, last: int, delimiter: str = ",") -> list[str]:
    return [f"{PHONE}{1000 + n}{delimiter}P{n}{delimiter}note {n}" for n in range(first, last)]


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    "swallowed",
    [
        pytest.param(['7275550001,Cy,"5 inch', '7275550002,Di,6"'], id="next-line"),
        pytest.param(['7275550001,Cy,"5 inch', *leads(0, 35), '7275550002,Di,6"'], id="far"),
        pytest.param(['7275550001,Cy,"5, inch', *leads(0, 2), '7275550002,Di,6"'], id="comma"),
        pytest.param(['7275550001,"Cy,note', *leads(0, 2), '7275550002,Di",note'], id="middle"),
        pytest.param(['"7275550001,Cy,note', *leads(0, 2), '7275550002",Di,note'], id="first"),
        pytest.param(
            ['7275550001,Cy,"5 inch', "", *leads(0, 2), '7275550002,,6"'], id="blank-line"
        ),
        pytest.param(
            ['7275550001,Cy,"5 inch', ",,", *leads(0, 2), '7275550002,,6"'], id="blank-row"
        ),
        pytest.param(['7275550001,Cy,"5"" inch', *leads(0, 2), '7275550002,,6"'], id="doubled"),
        pytest.param(
            ['7275550001,Cy,"5 inch', "+1 (727) 555-1000,,", '7275550002,Di,6"'], id="form"
        ),
        pytest.param(['7275550001,Cy,"5 inch', "7275550009,,,", '7275550002,Di,6"'], id="trailing"),
        pytest.param(
            ['7275550001,Cy,"5 inch', *leads(0, 4), ",no phone,", '7275550002,,6"'],
            id="one-without",
        ),
    ],
)
@pytest.mark.parametrize(("line_end", "delimiter"), [("\n", ","), ("\r\n", ";"), ("\r", "\t")])
@pytest.mark.parametrize("block_size", [37, 1 << 20])
def test_two_stray_quotes_cost_one_row(
    swallowed: list[str], line_end: str, delimiter: str, block_size: int
) -> None:
    lines = [*leads(100, 102), *swallowed, *leads(102, 104), *swallowed, *leads(104, 105)]
    text = line_end.join(line.replace(",", delimiter) for line in lines)
    found, rejected = read(text, 3, delimiter, phones=(0,), block_size=block_size, chunk_size=3)
    opening = [2 + at for at, line in enumerate(lines) if line == swallowed[0]]
    assert rejected == [(number, "BROKEN_QUOTE") for number in opening]
    numbers = [2 + at for at, line in enumerate(lines) if line.strip(",") and line != swallowed[0]]
    assert [number for number, _ in found] == numbers


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("12 Elm St\nTampa, FL\nUSA", id="address"),
        pytest.param("12 Elm St, Apt 4, Tampa\n14 Oak St, Apt 5, Tampa", id="as-many-commas"),
        pytest.param("likes:\ntea, milk, sugar\na, b, c", id="all-lines-with-as-many-commas"),
        pytest.param("call\n727-555-1212\nafter 5", id="number-on-a-line"),
        pytest.param("call 7275551212, not 7275551213, ever\nor mail", id="numbers-in-the-first"),
        pytest.param("they sent\nthis:\n7275551212,Bob,x\nmerge it\nthanks", id="quotes-one-row"),
        pytest.param("Log:\n2024-01-31 08:15, called, no\n2024-02-01 09:00,called,busy", id="log"),
        pytest.param("Family:\n813-555-1212, Bob, husband\n813-555-1313, Sue, sister", id="family"),
        pytest.param("seen\n1/31/2024 8:15,at,home\n2/1/2024 9:00,at,work", id="dates"),
        pytest.param("\n\n\n", id="line-ends"),
        pytest.param("a\n\nb, c\n", id="blank-lines"),
        pytest.param('said ""hi""\nand ""bye"", twice\n', id="quotes"),
        pytest.param(",\n,,\n,", id="delimiters"),
    ],
)
@pytest.mark.parametrize("column", [1, 2])
@pytest.mark.parametrize("block_size", [37, 1 << 20])
def test_a_value_over_several_lines_is_one_value(value: str, column: int, block_size: int) -> None:
    row = [f"{PHONE}0001", "Cy", "note"]
    row[column] = value.replace('""', '"')
    text = written([row] * 3, ",", csv.QUOTE_MINIMAL, "\n")
    found = read(text, 3, phones=(0,), block_size=block_size)
    assert found == ([(2, row), (3, row), (4, row)], [])


def test_lines_inside_a_value_that_have_all_fields_of_a_wide_record_are_records() -> None:
    lines = ['Ann,1,a,b,"c', "Bob,,a,b,c", "Cy,,a,b,c", 'Di,,a,b,c"', "Ed,1,a,b,c"]
    found, rejected = read("\n".join(lines), 5, phones=(1,))
    assert [number for number, _ in found] == [3, 4, 5, 6]
    assert rejected == [(2, "BROKEN_QUOTE")]


def test_records_with_another_number_than_the_phones_are_records() -> None:
    lines = ['7275550001,,a,"3 foot', *(f",727555000{n},b,y" for n in (2, 3)), ',7275550004,d,5"']
    found, rejected = read("\n".join(lines), 4, phones=(0, 1))
    assert [number for number, _ in found] == [3, 4, 5]
    assert rejected == [(2, "BROKEN_QUOTE")]


def test_numbers_that_look_like_the_beginning_of_a_date() -> None:
    lines = ['06.12.34.56.70,a,"3 foot', *(f"06.12.34.56.7{n},b,y" for n in (1, 2))]
    found, rejected = read("\n".join([*lines, '06.12.34.56.73,c,5"']), 3, phones=(0,))
    assert [number for number, _ in found] == [3, 4, 5]
    assert rejected == [(2, "BROKEN_QUOTE")]


def test_two_records_among_other_lines_are_records() -> None:
    lines = ['7275550001,a,"3 foot', ",b,y", ",c,z", "7275550004,d,w", ",f,t", '7275550005,e,5"']
    found, rejected = read("\n".join(lines), 3, phones=(0,))
    assert [number for number, _ in found] == [3, 4, 5, 6, 7]
    assert rejected == [(2, "BROKEN_QUOTE")]


def test_short_rows_between_two_stray_quotes_are_rows() -> None:
    lines = ['7275550001,a,l,Tampa,"3 foot', "7275550002,b,l,y", "7275550003,c,l,z"]
    found, rejected = read("\n".join([*lines, '7275550004,d,l,Tampa,5"']), 5, phones=(0,))
    assert [number for number, _ in found] == [5]
    assert rejected == [(2, "BROKEN_QUOTE"), (3, "TOO_FEW_FIELDS"), (4, "TOO_FEW_FIELDS")]


def test_a_quote_that_is_never_closed_costs_one_row() -> None:
    text = "\n".join([*leads(0, 2), '7275550001,Cy,"5 inch', *leads(2, 5)])
    found, rejected = read(text, 3, phones=(0,), block_size=20)
    assert [number for number, _ in found] == [2, 3, 5, 6, 7]
    assert rejected == [(4, "BROKEN_QUOTE")]


def test_stray_quotes_in_a_column_of_numbers() -> None:
    text = '7275550001\n"7275550002\n7275550003\n7275550004"\n7275550005\n'
    found, rejected = read(text, 1, phones=(0,))
    assert [number for number, _ in found] == [2, 4, 5, 6]
    assert rejected == [(3, "BROKEN_QUOTE")]


def test_stray_quotes_in_the_dialers_layout() -> None:
    start = "A{0},web,101,1,727555000{0},Mr,"
    lines = [start.format(1) + '"Al', start.format(2) + "Bo,,Ray", start.format(3) + 'Cy"']
    found, rejected = read("\n".join(lines), 27, short_rows=True, phones=(4,))
    assert [number for number, _ in found] == [3, 4]
    assert rejected == [(2, "BROKEN_QUOTE")]


# --- rows without a value, and fields behind the last column --------------------------------------

BLANK_ROWS = [
    ",,", ",", "  ", "\t", '"",""', '"","",""', '"","","",""', ", ,", '" "," "," "', "\u00a0",
    "\u3000,\u200b,", "\x1a", ",,,,,,,,,,", '"" , ""', " , , ", '""', "\x0c", "\ufeff",
]  # fmt: skip


@pytest.mark.parametrize("blank", BLANK_ROWS)
@pytest.mark.parametrize(("line_end", "block_size"), [("\n", 1), ("\r\n", 7), ("\r", 1 << 20)])
def test_rows_without_a_value(blank: str, line_end: str, block_size: int) -> None:
    lines = [blank, "a,b,c", blank, "", blank, 'd,"e\nf",g', blank]
    chunks = list(
        chunks_of(line_end.join(lines), Grammar(",", 3), chunk_size=1, block_size=block_size)
    )
    assert [chunk.rows.index.tolist() for chunk in chunks] == [[3], [7]]
    assert [len(chunk.rejected) for chunk in chunks] == [0, 0]
    assert sum(chunk.blank_rows for chunk in chunks) == 4


def test_a_file_of_nothing_but_blank_rows() -> None:
    (chunk,) = chunks_of(",,\n,,\n\n", Grammar(",", 3))
    assert (len(chunk.rows), len(chunk.rejected), chunk.blank_rows) == (0, 0, 2)


def test_blank_lines_inside_a_value_are_no_rows() -> None:
    text = 'a,"b\n,\n \nc"\n'
    assert read(text, 2) == ([(2, ["a", "b\n,\n \nc"])], [])
    assert [chunk.blank_rows for chunk in chunks_of(text, Grammar(",", 2))] == [0]


@pytest.mark.parametrize(
    "surplus", [",", ",,", ", ", ',""', ',"",""', ',"  "', ",,,,,,,,,", ",\u00a0", ",\t"]
)
@pytest.mark.parametrize(("line_end", "block_size"), [("\n", 1), ("\r\n", 7), ("\r", 1 << 20)])
@pytest.mark.parametrize("last", ["", "end"])
def test_blank_fields_behind_the_last_column(
    surplus: str, line_end: str, last: str, block_size: int
) -> None:
    lines = [f"a,b{surplus}", "c,d", f',"e,\n,f"{surplus}', f'"g,",{surplus}', f"h,i{surplus}"]
    text = line_end.join(lines) + (line_end if last else "")
    assert read(text, 2, block_size=block_size) == (
        [(2, ["a", "b"]), (3, ["c", "d"]), (4, ["", "e,\n,f"]), (5, ["g,", ""]), (6, ["h", "i"])],
        [],
    )


@pytest.mark.parametrize("line", ["a,b,c", "a,b,,c", "a,b,c,", 'a,b,"c"', "a,b,0"])
def test_a_value_behind_the_last_column_is_a_field_too_many(line: str) -> None:
    assert read(f"x,y\n{line}\n", 2) == ([(2, ["x", "y"])], [(3, "TOO_MANY_FIELDS")])


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("a,b", ["a", "b", "", ""]),
        ("a,b,", ["a", "b", "", ""]),
        ("a,b,,,,", ["a", "b", "", ""]),
        ("a,b,c", ["a", "b", "c", ""]),
        ('a,"b\nb",,,', ["a", "b\nb", "", ""]),
        ('a,"b\nb"', ["a", "b\nb", "", ""]),
        ("a", None),
        ("a,b,c,d,e", None),
    ],
)
def test_the_last_columns_may_be_absent(line: str, values: list[str] | None) -> None:
    (chunk,) = chunks_of(f"{line}\n", Grammar(",", 4, fewest=2))
    assert chunk.rows.to_numpy().tolist() == ([values] if values else [])
    assert len(chunk.rejected) == (not values)
