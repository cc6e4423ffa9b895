"""OpenDocument spreadsheets (ods), read row by row: cells as they are shown.

Rules: OpenDocument 1.3 part 3, 9.1 (tables), 6.1.2 (white space), 19.385 (value types). The text of
a cell is what the program that wrote the file showed.
"""

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import BinaryIO

from loader.reading.cells import PROBLEM, Row, Sheet, cell_name, problem_cell
from loader.reading.limits import Limits, check_sheets, refuse_row
from loader.reading.number_format import plain_number
from loader.reading.xml_stream import MOST_ELEMENTS, parse_xml, read_elements
from loader.reading.zip_file import open_zip

_ERROR = re.compile(r"#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)|Err:\d+")
_AMOUNT = re.compile(r"[+-]?\d{1,3}([.,' \xa0\u202f\u2019]\d{3})+")
_DURATION = re.compile(r"-?PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,]\d+)?S)?")
_BREAKS = {"tab": "\t", "line-break": "\n"}
_NO_VALUE = frozenset({"annotation", "frame", "custom-shape", "shapes", "detective"})
"""Elements in a cell whose text is not the cell's."""


class OdsWorkbook:
    """A spreadsheet that is open; `sheets` in its order."""

    def __init__(self, file: BinaryIO, stack: ExitStack, limits: Limits) -> None:
        """Read the names of the sheets; `stack` closes what is opened.

        zipfile.BadZipFile, expat.ExpatError, KeyError, ValueError: the file is damaged.
        """
        self.has_problems, self._limits = False, limits
        self._archive = stack.enter_context(open_zip(file))
        manifest = "META-INF/manifest.xml"
        if manifest in self._archive.namelist():
            with self._archive.open(manifest) as stream:
                elements = read_elements(stream)
            if any(name == "encryption-data" for name, _ in elements.found):
                raise zipfile.BadZipFile("it has a password")
        names = _SheetNames()
        with self._archive.open("content.xml") as stream:
            for _ in parse_xml(stream, names):
                pass
        self.sheets = tuple(names.sheets)

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yield the rows that have a cell, in the order of the sheet."""
        reader = _TableReader(sheet.name, self._limits)
        with self._archive.open("content.xml") as stream:
            for _ in parse_xml(stream, reader):
                self.has_problems |= reader.has_problems
                yield from reader.take()


class _SheetNames:
    """Listens to content.xml for the names of the sheets, and which of them are hidden."""

    def __init__(self) -> None:
        self.sheets: list[Sheet] = []
        self._open = [""]
        self._style, self._hidden = "", set[str]()

    @property
    def depth(self) -> int:
        return len(self._open)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        if name == "style":
            self._style = attributes.get("style:name", "")
        elif name == "table-properties" and attributes.get("table:display") == "false":
            self._hidden.add(self._style)
            if len(self._hidden) > MOST_ELEMENTS:
                raise ValueError(f"it has more than {MOST_ELEMENTS:,} hidden styles")
        elif name == "table" and self._open[-1] == "spreadsheet":
            is_hidden = attributes.get("table:style-name") in self._hidden
            self.sheets.append(Sheet(attributes["table:name"], is_hidden))
            check_sheets(len(self.sheets))
        self._open.append(name)

    def end(self, _name: str) -> None:
        """Take the end of an element."""
        self._open.pop()

    def text(self, text: str) -> None:
        """Take a piece of text."""


class _TableReader:
    """Listens to content.xml for one sheet, and has the rows that were heard to their end."""

    def __init__(self, name: str, limits: Limits) -> None:
        self._name, self._open, self._limits = name, [""], limits
        self._is_inside = False
        self._rows: list[Row] = []
        self._row_number = 0
        self._row_copies = self._skipped = 0
        self._cells: list[str] = []
        self._blanks = 0
        self._cell: dict[str, str] | None = None
        self._lines: list[str] = []
        self._paragraphs = self._length = self._size = self._held = 0
        self.has_problems = False

    @property
    def depth(self) -> int:
        return len(self._open)

    def take(self) -> list[Row]:
        rows, self._rows, self._held = self._rows, [], 0
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        if name == "table" and self._open[-1] == "spreadsheet":
            self._is_inside = attributes["table:name"] == self._name
        self._open.append(name)
        if not self._is_inside:
            return
        if self._cell is not None:
            self._start_in_cell(name, attributes)
        elif name == "table-row":
            self._cells, self._blanks, self._size = [], 0, 0
            self._row_copies = int(attributes.get("table:number-rows-repeated", "1"))
        elif name in {"table-cell", "covered-table-cell"}:
            self._cell, self._lines, self._paragraphs = attributes, [], 0
            self._length = 0

    def _start_in_cell(self, name: str, attributes: dict[str, str]) -> None:
        if name in _NO_VALUE:
            self._skipped += 1
        elif self._skipped:
            return
        elif name == "p":
            self._lines.append("\n" if self._paragraphs else "")
            self._paragraphs += 1
        elif name == "s":
            blanks = int(attributes.get("text:c", "1"))
            self._limits.check_field(blanks)
            self._lines.append(" " * blanks)
            self._refuse_large()
        elif name in _BREAKS:
            self._lines.append(_BREAKS[name])

    def end(self, name: str) -> None:
        """Take the end of an element."""
        self._open.pop()
        if not self._is_inside:
            return
        if self._cell is not None and name in _NO_VALUE:
            self._skipped -= 1
        elif self._cell is not None and name in {"table-cell", "covered-table-cell"}:
            self._end_of_cell(self._cell)
            self._cell = None
        elif name == "table-row":
            self._end_of_row()
        elif name == "table" and self._open[-1] == "spreadsheet":
            self._is_inside = False

    def text(self, text: str) -> None:
        """Take a piece of text."""
        if self._cell is not None and self._paragraphs and not self._skipped:
            self._lines.append(text)
            self._refuse_large()

    def _refuse_large(self) -> None:
        self._length += len(self._lines[-1])
        self._limits.check_field(self._length)

    def _end_of_cell(self, cell: dict[str, str]) -> None:
        copies = int(cell.get("table:number-columns-repeated", "1"))
        place = cell_name(self._row_number + 1, len(self._cells) + self._blanks + 1)
        text = _cell_text(cell, "".join(self._lines), place)
        if text:
            columns = len(self._cells) + self._blanks + copies
            self._limits.check_columns(columns, f"row {self._row_number + 1}")
            self._size += len(text) * copies
            self._limits.check_row(self._size, f"row {self._row_number + 1}")
            self.has_problems |= text.startswith(PROBLEM)
            self._cells += [""] * self._blanks + [text] * copies
            self._blanks = 0
        else:
            # Of the thousands at the end of a row nothing is kept.
            self._blanks += copies

    def _end_of_row(self) -> None:
        if self._cells:
            refuse_row(self._row_number + self._row_copies)
            numbers = range(self._row_number + 1, self._row_number + self._row_copies + 1)
            self._rows += [Row(number, self._cells) for number in numbers]
            # Rows that are repeated have the same texts in memory.
            self._held += self._size
            self._limits.check_at_once(self._held, f"row {self._row_number + 1}")
        self._row_number += self._row_copies


def _cell_text(cell: dict[str, str], text: str, place: str) -> str:
    """Give the text of a cell by its attributes and the text that it shows."""
    kind = cell.get("office:value-type", "")
    has_formula = "table:formula" in cell
    is_error = cell.get("calcext:value-type") == "error" or (has_formula and _ERROR.fullmatch(text))
    if is_error or (has_formula and not kind and not text):
        return problem_cell(place, text)
    read = _READERS.get(kind)
    return read(cell, text) if read else text


def _number_text(cell: dict[str, str], text: str) -> str:
    """Give the text if it shows all digits of the number and marks no amount; else the number."""
    number = plain_number(float(cell["office:value"]))
    digits = re.sub(r"\D", "", text).lstrip("0") or "0"
    is_mask = number.isdigit() and digits == number and not _AMOUNT.fullmatch(text)
    return text if is_mask else number


def _currency_text(cell: dict[str, str], _text: str) -> str:
    return plain_number(float(cell["office:value"]))


def _percent_text(cell: dict[str, str], _text: str) -> str:
    value = float(cell["office:value"]) * 100
    return f"{plain_number(float(f'{value:.15G}'))}%"


def _date_text(cell: dict[str, str], text: str) -> str:
    day, _, time = cell["office:date-value"].partition("T")
    shows_time = ":" in text or not text
    return f"{day} {time}" if shows_time and time.strip("0:.") else day


def _time_text(cell: dict[str, str], _text: str) -> str:
    found = _DURATION.fullmatch(cell["office:time-value"])
    if found is None:
        raise ValueError(f"{cell['office:time-value']!r} is no time")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return f"{hours:02}:{minutes:02}:{seconds:02}"


_READERS: dict[str, Callable[[dict[str, str], str], str]] = {
    "float": _number_text,
    "currency": _currency_text,
    "percentage": _percent_text,
    "date": _date_text,
    "time": _time_text,
    "boolean": lambda cell, _text: cell["office:boolean-value"].upper(),
    "string": lambda cell, text: cell.get("office:string-value", text),
}
"""By the type of a cell's value."""
