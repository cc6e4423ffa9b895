"""Texts that are written to keep a program busy: each is read, or refused, in its own length.

A pattern that tries the same characters in several ways would take hours for such a text, and
an alarm ends the test.
"""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from loader.errors import SourceFileError
from loader.fields.full_name import NAME_PAIRS, split_full_names
from loader.fields.mapping import map_columns
from loader.fields.recognition import field_namer
from loader.phones.phone_codes import read_phone_codes
from loader.phones.readings import parse_every_phone
from loader.reading.dialect import Grammar
from loader.reading.header import LONGEST_NAME
from loader.reading.limits import MOST_COLUMNS
from loader.reading.number_format import number_format
from loader.reading.read_options import ReadOptions
from loader.reading.source import open_source
from loader.report.comparison import source_of
from loader.report.wording import mask_numbers

SIZE = 300_000
"""Steps of the square of it take minutes; those of `VALUE` are taken for a hundred texts."""

VALUE = 100_000

PIECES = (
    "a@.", "a@a.", "1-", "1 ", "(1)", "1,111,", "1e", "1 x", "ext ", "- ", " ", "\t", "#", "+1",
    "1+", "a1", "1a-", "8 ", "1/", "a", "A-", "1", "é", "_", ", jr", ",,", " ,", "and ", "(0)", "=",
    "--", "[", '"', '""', "'", "<!-- -->", "/**/", "\ufdfa",
)  # fmt: skip
"""Parts of texts that patterns for addresses, phone numbers, names and dates look at twice."""

LONGEST = 60
"""Seconds; what is not linear would take hours."""

ENDS = ("", "1", "!")


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    """End a test that does not end."""

    def end(_signal: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def hostile(size: int) -> Iterator[str]:
    """Give each piece repeated, with something at the end that makes a pattern try again."""
    for piece in PIECES:
        for end in ENDS:
            yield piece * (size // len(piece)) + end


def read(path: Path, content: bytes, **options: object) -> list[str]:
    """Read a file as a load does; give its columns, none if it is refused."""
    path.write_bytes(content)
    given = ReadOptions(**{"field_of": field_namer(), **options})  # type: ignore[arg-type]
    try:
        with open_source(str(path), given) as source:
            for _ in source.chunks():
                pass
            return list(source.columns)
    except SourceFileError:
        return []


@pytest.mark.sample(2)
@pytest.mark.parametrize("piece", PIECES)
def test_a_header_cell(tmp_path: Path, piece: str) -> None:
    cell = piece * (SIZE // len(piece.encode()))
    read(tmp_path / "in.csv", f"phone,{cell}!,x\n7275551212,a,b\n".encode())


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "content",
    [
        b"sep=" + b"," * SIZE + b"x",
        b"\r\n" * SIZE + b"phone\n7275551212\n",
        b"\r\n" * (SIZE // 2) + b"phone\n7275551212\n",
        b"/**/" * 512 + b"x\n" + b"a,b\n",
        b"<!---->" * 290 + b"<x\n",
        b"<?xml?>" * 290 + b"<x\n",
        b"phone," + b"," * (SIZE - 7) + b'"\n',
        b"phone" + b"," * 900 + b"\n7275551212" + b"," * SIZE + b'"\n' + b"1,2\n" * 9,
        b'a,"\n' * (SIZE // 4),
        b'"""",a\n' * (SIZE // 7),
        b"a,b,c\n" + b'x,"y' * (SIZE // 4),
        b"a,b,c\n" + b'"",""""a\n' * (SIZE // 9),
        b"\n".join(b"," * 30_000 for _ in range(30)) + b"\n",
        b"\n".join(b"a@b." * 8_000 for _ in range(30)) + b"\n",
    ],
    ids=lambda content: f"{content[:12]!r}",
)
@pytest.mark.parametrize("short_rows", ["reject", "fill"])
def test_the_start_of_a_file(tmp_path: Path, content: bytes, short_rows: str) -> None:
    read(tmp_path / "in.csv", content, short_rows=short_rows)


def test_a_record_of_many_lines_is_given_up_at_once() -> None:
    grammar = Grammar(",", MOST_COLUMNS, 1)
    assert not grammar.record.match(b"," * SIZE + b'"')
    assert not grammar.any_record.match(b"," * SIZE + b'"')


def test_the_name_of_a_column_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    name = "x" * LONGEST_NAME
    assert read(path, f"phone,{name}\n7275551212,\n".encode()) == ["phone", name]
    path.write_text(f"phone,{name}x\n7275551212,\n")
    for options in (ReadOptions(), ReadOptions(header=True)):
        with (
            pytest.raises(SourceFileError, match=r"1,001 characters in column 2.*at most 1,000"),
            open_source(str(path), options),
        ):
            pass


def test_names_of_columns_that_fill_no_field() -> None:
    names = ["phone", *(f"{n} " + "a1 " * 300 for n in range(MOST_COLUMNS - 1))]
    map_columns("in.csv", names, {})


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "function",
    [
        lambda texts: split_full_names(texts, NAME_PAIRS[0]),
        read_phone_codes,
        lambda texts: parse_every_phone(texts, pd.Series("US", texts.index, dtype="str")),
    ],
    ids=["full names", "phone codes", "phone numbers"],
)
def test_values_of_a_column(function: Callable[["pd.Series[str]"], object]) -> None:
    for text in hostile(VALUE):
        function(pd.Series([text, "1 " + text], dtype="str"))


@pytest.mark.parametrize(
    "function", [mask_numbers, lambda text: number_format(text).text(1.0)], ids=["masked", "format"]
)
def test_texts(function: Callable[[str], str]) -> None:
    for text in hostile(VALUE):
        function(text)


def test_names_of_files() -> None:
    for text in hostile(1000):
        source_of(text)
