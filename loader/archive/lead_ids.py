"""Parse the lead_ids to archive or to bring back, from texts, files and requests.

The messages are those of the Lead Archive API. Negative and very large numbers are integers, too;
there is no such lead.
"""

import codecs
import csv
import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from loader.api.lead_archive import DUPLICATE, NO_VALUE, NOT_FOUND, NOT_INTEGER, LeadIds
from loader.errors import LeadIdsError, NoSuchFileError, SourceFileError
from loader.files import read_to_end, read_whole

LARGEST = 256 << 20
"""Bytes of a file of lead_ids: more than twenty million."""

LONGEST_NAMED = 40
"""Digits of a lead_id that is named as it is."""

MOST_NAMED = 500
"""Ids that an error names at most."""

INTEGER = "^-?[0-9]+$"
SMALL_INTEGER = "^-?0*[0-9]{1,18}$"
"""Fits into 64 bits; tables count up to 4294967295."""

LINE_END = re.compile(r"\r\n|\r|\n")
VALUE = re.compile(r"[^\s,]+", re.ASCII)
FIRST_LINE = re.compile(r"(?:[ \t]*[\r\n])*(?P<header>[^\r\n]*)(?:\r\n|\r|\n|\Z)")
COLUMN = re.compile(
    r'(?:^|(?P<before>[,;|\t]))[ ]*(?P<quote>"?)lead_id(?P=quote)[ ]*(?:$|(?P<after>[,;|\t]))',
    re.IGNORECASE,
)
"""The column of a header, and what delimits it."""


@dataclass(frozen=True)
class _Given:
    """Values (large_string, none missing) in their order, and where the n-th one stands.

    `named`: errors show the values that are no integers. `advice` says how to give better ones.
    """

    values: pa.LargeStringArray | pa.ChunkedArray
    name: str
    where: Callable[[int], str]
    named: bool = False
    advice: str = ""

    def lead_ids(self) -> LeadIds:
        """Check the values, and read them."""
        integer = _mask(pc.match_substring_regex(self.values, INTEGER))
        if not integer.all():
            wrong = np.flatnonzero(~integer)
            texts = self._texts(wrong)
            # A wrong file may have names and addresses, which must not get into a log.
            named = self.named or all(re.fullmatch("[0-9.eE+-]*", text) for text in texts)
            lead_ids = tuple(dict.fromkeys(filter(None, texts))) if named else ()
            raise LeadIdsError(NOT_INTEGER, lead_ids, self.where(wrong[0]) + self.advice)
        if not len(self.values):
            raise LeadIdsError(NO_VALUE, where=self.name)
        small = _mask(pc.match_substring_regex(self.values, SMALL_INTEGER))
        lead_ids = self.values.filter(pa.array(small)).cast(pa.int64()).to_numpy().copy()
        ordered = np.sort(lead_ids)
        twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if twice.size:
            second = np.flatnonzero(small)[lead_ids == twice[0]][1]
            raise LeadIdsError(DUPLICATE, tuple(twice.tolist()), self.where(second))
        if not small.all():
            huge = np.flatnonzero(~small)
            endless = tuple(map(_as_named, self._texts(huge)))
            raise LeadIdsError(NOT_FOUND, endless, self.where(huge[0]))
        return np.asarray(lead_ids, dtype=np.int64)

    def _texts(self, positions: npt.NDArray[np.intp]) -> list[str]:
        texts: list[str] = self.values.take(pa.array(positions[:MOST_NAMED])).to_pylist()
        return texts


def _as_named(lead_id: str) -> int | str:
    """Name a number as it is, unless it is endless."""
    return int(lead_id) if len(lead_id) <= LONGEST_NAMED else f"{lead_id[:LONGEST_NAMED]}..."


def parse_lead_ids(text: str, name: str = "") -> LeadIds:
    """Read lead_ids from a text such as "1,2,3", separated by commas or blanks.

    Args:
        text: any number of ids.
        name: of the text, for messages.

    Returns:
        The ids (int64) in their order.

    Raises:
        LeadIdsError: one is no integer, there is none, or one occurs twice; as the API checks, in
            the same order, but without its limit of ids. Or one has more than 18 digits, so that
            it cannot exist.
    """
    # Characters that UTF-8 cannot encode are no integer in any case.
    text = text.encode("utf-8", "replace").decode()
    return _Given(_split(text), name, lambda _: name, named=True).lead_ids()


def read_lead_ids(source: str | Path | BinaryIO, name: str = "") -> LeadIds:
    """Read lead_ids from a file, `-` or a stream.

    It has ids, separated by commas, blanks or line ends; or it is a table (delimited by , ; | or a
    tab) with a column lead_id, such as the loaded.csv and stayed.csv of results.
    An empty lead_id in a table is an error: the loaded.csv of a validation has no leads.

    Args:
        source: its path, `-` for standard input, or a stream of bytes. UTF-8 or UTF-16.
        name: for messages; the path, or standard input, if not given.

    Returns:
        The ids (int64) in their order.

    Raises:
        LeadIdsError: as `parse_lead_ids`; `where` says the line.
        NoSuchFileError: there is no such file, it cannot be read, or is larger than `LARGEST`.
        SourceFileError: it is no text, or a table with broken rows.
    """
    path = source if isinstance(source, str | Path) and str(source) != "-" else None
    name = name or ("standard input" if path is None else str(path))
    try:
        if path is not None:
            content = read_whole(Path(path), LARGEST)
        elif isinstance(source, str | Path):
            content = read_to_end(sys.stdin.buffer, LARGEST)
        else:
            content = source.read()
    except OSError as error:
        raise NoSuchFileError(f"{name}: {error.strerror}") from None
    text = _decoded(content, name)
    first = FIRST_LINE.match(text)
    column = COLUMN.search(first["header"]) if first else None
    if first and column:
        delimiter = column["before"] or column["after"] or ","
        return _Table(text, name, delimiter, first).given().lead_ids()
    advice = " (of a table, a column has to be named lead_id)"
    return _Given(_split(text), name, partial(_where, text, name), advice=advice).lead_ids()


def _mask(mask: pa.BooleanArray | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=bool)


def _decoded(content: bytes, name: str) -> str:
    utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # Other columns may have any encoding; a lead_id with a broken character is no integer.
    text = content.decode("utf-16" if utf_16 else "utf-8-sig", "replace")
    if "\0" in text:
        raise SourceFileError(
            f"{name} is no text; give lead_ids as text or CSV, unpacked, in UTF-8"
        )
    return text


def _split(text: str) -> pa.LargeStringArray:
    whole = pa.array([text.replace(",", " ")], pa.large_string())
    values = pc.ascii_split_whitespace(whole).flatten()
    return values.filter(pc.not_equal(values, ""))


def _where(text: str, name: str, n: int) -> str:
    value = next(islice(VALUE.finditer(text), n, None))
    line = 1 + len(LINE_END.findall(text, 0, value.start()))
    return f"{name}, line {line}"


@dataclass(frozen=True)
class _Table:
    """A text of rows that have a field lead_id."""

    text: str
    name: str
    delimiter: str
    first: re.Match[str]

    def given(self) -> _Given:
        """Give the column lead_id."""
        names = next(csv.reader([self.first["header"]], delimiter=self.delimiter))
        columns = [n for n, name in enumerate(names) if name.strip(' "').lower() == "lead_id"]
        if len(columns) != 1:
            raise SourceFileError(f"{self.name}: the header has several columns lead_id")
        if self.text.count('"') % 2:
            raise SourceFileError(
                f"{self.name}: a quote is not closed; close it, or double the quotes inside a value"
            )
        values = self._values(len(names), str(columns[0]))
        return _Given(values, self.name, lambda n: self._where(n, values[n].as_py()))

    def _values(self, columns: int, column: str) -> pa.ChunkedArray:
        rows = self.text[self.first.end() :]
        if not rows.strip("\r\n"):
            return pa.chunked_array([], pa.large_string())
        try:
            table = pyarrow.csv.read_csv(
                io.BytesIO(rows.encode("utf-8", "replace")),
                # Numbers as names: those of the header need not be unique.
                pyarrow.csv.ReadOptions(
                    column_names=[str(n) for n in range(columns)], block_size=1 << 24
                ),
                pyarrow.csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                pyarrow.csv.ConvertOptions(
                    include_columns=[column], column_types={column: pa.large_string()}
                ),
            )
        except pa.ArrowInvalid:
            # Its message would quote the row.
            raise SourceFileError(self._broken(columns)) from None
        return pc.ascii_trim_whitespace(table[column])

    def _where(self, n: int, value: str) -> str:
        line, _ = next(islice(self._records(), n, None), ("?", []))
        empty = "" if value else ", whose lead_id is empty"
        return f"{self.name}, line {line}{empty}"

    def _broken(self, columns: int) -> str:
        for line, fields in self._records():
            if len(fields) != columns:
                return (
                    f"{self.name}: line {line} has {len(fields)} fields, and the header {columns}; "
                    "correct it, or give a file of lead_ids alone"
                )
        return f"{self.name} cannot be read as a table; give a file of lead_ids alone"

    def _records(self) -> Iterator[tuple[int | str, list[str]]]:
        """Read the rows that are not blank once more, each with its (last) line."""
        header, rows = self.first[0], io.StringIO(self.text[self.first.end() :], newline="")
        reader = csv.reader(rows, delimiter=self.delimiter)
        # It refuses fields that are longer than Arrow's may be.
        with suppress(csv.Error):
            for fields in filter(None, reader):
                yield len(LINE_END.findall(header)) + reader.line_num, fields
