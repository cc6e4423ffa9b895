"""Spreadsheets: which sheet is read, where its header is, and its rows as a CSV file."""

import csv
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Protocol
from xml.parsers import expat

from loader.errors import FULL_CODES, LIMIT_CODES, SourceFileError, UsageError
from loader.files import temporary_file
from loader.reading.cells import Row, Sheet, shown_text
from loader.reading.header import (
    TOP_ROWS,
    FieldOf,
    KnownHeader,
    find_known_header,
    header_difference,
    is_lead,
    refuse_leads_above,
    rows_above,
)
from loader.reading.limits import DEFAULT_LIMITS, ExceededError
from loader.reading.ods import OdsWorkbook
from loader.reading.old_workbook import LIMITS, OldWorkbook
from loader.reading.stored import StoredFile
from loader.reading.xlsx import XlsxWorkbook
from loader.reading.zip_file import open_zip

ALL = "all"
"""The name of no sheet: all that people see."""

SHEET_COLUMNS = ("sheet", "sheet_row")
"""Columns that rows of several sheets have before their own: where a row stands."""

DAMAGE = (
    zipfile.BadZipFile, expat.ExpatError, zlib.error, EOFError, OSError, KeyError, ValueError,
    IndexError, UnicodeError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What the readers raise for a damaged file; RuntimeError is zipfile's for a password."""


class Workbook(Protocol):
    """A spreadsheet that is open."""

    sheets: tuple[Sheet, ...]
    has_problems: bool
    """Whether rows that were read have cells whose value is not known."""

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yield the rows that have a cell, in the order of the sheet; each call reads anew."""


@dataclass(frozen=True, kw_only=True)
class SheetOptions:
    """Which sheet is read, and how its header is known.

    `sheet`: its name, its number from 1, or `ALL`; None: the one that has data.
    `skip_rows`: rows at the top that are no header, None: those above a header that is known.
    `has_header`: the first row names the columns. `field_of`: gives the field that a column of some
    name fills, "" if none is known.
    """

    sheet: str | None = None
    skip_rows: int | None = None
    has_header: bool = True
    field_of: FieldOf = lambda _column: ""


@dataclass(frozen=True)
class SheetTable:
    """The rows of a sheet, or of several, as a CSV file: UTF-8, comma, all values quoted.

    `path` has the data rows alone; empty rows of the sheet are blank lines. The first line is row
    `first_row`. Of several sheets, rows begin with values for the columns `place`: the name of the
    sheet and the row in it; else `place` is empty. `header` are the texts of the header, None
    without one. `width` is the number of columns, `place` left out, of the widest row or the
    header; narrower rows lack values at their end. `problems`: there are cells whose value is not
    known, see `loader.reading.cells`. `remarks` say what was left out.
    """

    path: Path
    format: str
    sheet: str
    place: tuple[str, ...]
    header: tuple[str, ...] | None
    first_row: int
    width: int
    problems: bool
    remarks: tuple[str, ...]


@contextmanager
def spreadsheet_as_csv(stored: StoredFile, options: SheetOptions) -> Iterator[SheetTable]:
    """Write the rows of the sheets that are meant into a temporary CSV file.

    Row numbers are those of the sheet. Of several sheets, the rows of each are numbered from the
    last row of the sheet before on.

    Raises:
        SourceFileError: the file is damaged or has a password, no sheet has data, several have and
            none is named, or their headers differ.
        UsageError: there is no such sheet.
    """
    with ExitStack() as stack:
        with _translate_damage(stored):
            table = _write_table(stored, options, stack)
        yield table


def _write_table(stored: StoredFile, options: SheetOptions, stack: ExitStack) -> SheetTable:
    with ExitStack() as reading:
        workbook, kind = _open_workbook(stored, reading)
        top = TOP_ROWS + (options.skip_rows or 0)
        tops = {it.name: list(islice(workbook.rows(it), top)) for it in workbook.sheets}
        choice = _Choice(stored.name, workbook.sheets, tops, options)
        sheets, remarks = choice.sheets()
        if isinstance(workbook, OldWorkbook):
            remarks.append(LIMITS)
        writer = _TableWriter(stored, stack, choice, with_place=options.sheet == ALL)
        for sheet in sheets:
            remarks += choice.title_remark(sheet)
            writer.write(sheet, workbook.rows(sheet))
    return writer.table(kind, ", ".join(it.name for it in sheets), workbook, tuple(remarks))


@contextmanager
def _translate_damage(stored: StoredFile) -> Iterator[None]:
    try:
        yield
    except ExceededError as exc:
        raise SourceFileError(f"{stored.name}: {exc}") from None
    except DAMAGE as exc:
        if isinstance(exc, OSError) and exc.errno in FULL_CODES | LIMIT_CODES:
            raise
        raise SourceFileError(
            f"{stored.name}: the spreadsheet cannot be read ({exc}); is it damaged, or does it"
            " have a password? Save it again, or export it as CSV (UTF-8)"
        ) from None


def _open_workbook(stored: StoredFile, stack: ExitStack) -> tuple[Workbook, str]:
    """Open a spreadsheet; give its format, too, as its files are called."""
    file, limits = stack.enter_context(stored.open_raw()), stored.limits or DEFAULT_LIMITS
    if not zipfile.is_zipfile(file):
        file.seek(0)
        return OldWorkbook(stored, stack), "xls"
    with open_zip(file) as archive:
        names = {name.lower() for name in archive.namelist()}
    file.seek(0)
    if "content.xml" in names:
        return OdsWorkbook(file, stack, limits), "ods"
    if "xl/workbook.bin" in names:
        return OldWorkbook(stored, stack), "xlsb"
    return XlsxWorkbook(file, stack, limits), "xlsm" if "xl/vbaproject.bin" in names else "xlsx"


class _Choice:
    """Which sheets are read, by their first rows."""

    def __init__(
        self,
        name: str,
        sheets: Sequence[Sheet],
        tops: dict[str, list[Row]],
        options: SheetOptions,
    ) -> None:
        self.name, self._sheets, self._tops, self._options = name, sheets, tops, options

    def sheets(self) -> tuple[list[Sheet], list[str]]:
        """Give the sheets to read, and what to say of the others."""
        asked = self._options.sheet
        if asked is not None and asked != ALL:
            return [self._named(asked)], []
        filled = [it for it in self._sheets if self._tops[it.name]]
        visible = [it for it in filled if not it.is_hidden]
        hidden = [it for it in filled if it.is_hidden]
        if not visible:
            why = f"; hidden: {_quoted(hidden)}; name one by --sheet to load it" if hidden else ""
            raise SourceFileError(f"{self.name}: no sheet of the spreadsheet has data{why}")
        known = [it for it in visible if self.header_row(it)[1]]
        found = known or visible
        others = [it for it in visible if it not in found]
        unknown = [it for it in others if self._has_leads(it)]
        if asked is None and len(found) + len(unknown) > 1:
            sheets = [it for it in visible if it in found or it in unknown]
            raise SourceFileError(
                f"{self.name}: the spreadsheet has {len(sheets)} sheets with data,"
                f" {_joined(sheets)}; say which by --sheet {_shell(found[0].name)}"
                + (", or --sheet all" if not unknown else "")
            )
        if unknown:
            raise SourceFileError(
                f"{self.name}: sheet {_quoted(unknown)} has phone numbers, but no known header;"
                " give it the same header as the others, or load the sheets one by one, by --sheet"
            )
        remarks = [f"sheet {_quoted([it])} was not read: it has no known header" for it in others]
        remarks += [f"sheet {_quoted([it])} was not read: it is hidden" for it in hidden]
        return found, remarks

    def header_row(self, sheet: Sheet) -> tuple[Row | None, bool]:
        """Find the row of the header, None if there is none, and whether it is known."""
        if not self._options.has_header:
            return None, False
        rows, found = self._top(sheet), self._known_header(sheet)
        return (rows[found.position if found else 0] if rows else None), found is not None

    def title_remark(self, sheet: Sheet) -> list[str]:
        """Say which rows above a header that was found below them are not read.

        SourceFileError: there is a lead among them.
        """
        header, _ = self.header_row(sheet)
        if header is None or self._options.skip_rows is not None:
            return []
        rows, found = self._top(sheet), self._known_header(sheet)
        if found and found.lead_above is not None:
            place = f"{self.name}: sheet {_quoted([sheet])}"
            refuse_leads_above(header.number, rows[found.lead_above].number, place)
        remark = rows_above(rows[0].number, header.number)
        return [f"sheet {_quoted([sheet])}: {remark}"] if remark else []

    def _has_leads(self, sheet: Sheet) -> bool:
        return any(is_lead([*map(shown_text, row.cells)]) for row in self._tops[sheet.name])

    def _known_header(self, sheet: Sheet) -> KnownHeader | None:
        texts = [[*map(shown_text, row.cells)] for row in self._top(sheet)]
        if self._options.skip_rows is not None:
            texts = texts[:1]
        return find_known_header(texts, self._options.field_of)

    def _top(self, sheet: Sheet) -> list[Row]:
        """Give the first rows, without those that are to be skipped."""
        skipped = self._options.skip_rows or 0
        return [row for row in self._tops[sheet.name] if row.number > skipped]

    def first_data_row(self, sheet: Sheet) -> int:
        """Give the number of the first row that may hold data."""
        header, _ = self.header_row(sheet)
        return header.number + 1 if header else (self._options.skip_rows or 0) + 1

    def _named(self, asked: str) -> Sheet:
        by_name = {it.name: it for it in self._sheets}
        folded = {it.name.strip().casefold(): it for it in reversed(self._sheets)}
        sheet = by_name.get(asked) or folded.get(asked.strip().casefold())
        if sheet is None and asked.isdecimal() and 0 < int(asked) <= len(self._sheets):
            sheet = self._sheets[int(asked) - 1]
        if sheet is None:
            raise UsageError(
                f"--sheet {asked}: {self.name} has no such sheet; it has {_listed(self._sheets)}"
            )
        if not self._tops[sheet.name]:
            raise SourceFileError(f"{self.name}: sheet {_quoted([sheet])} has no data")
        return sheet


class _TableWriter:
    """Writes the rows of sheets one below the other."""

    def __init__(
        self, stored: StoredFile, stack: ExitStack, choice: _Choice, *, with_place: bool
    ) -> None:
        # Always UTF-8, whatever the locale of the machine is.
        file = temporary_file("w", encoding="utf-8", newline="")
        self._file: IO[str] = stack.enter_context(file)
        self._csv = csv.writer(self._file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self._choice, self._with_place = choice, with_place
        self._header: tuple[str, ...] | None = None
        self._first_sheet = ""
        self._first_row = self._next_row = 0
        self._width = 0
        self._stored, self._written = stored, 0

    def write(self, sheet: Sheet, rows: Iterator[Row]) -> None:
        """Write the data rows of a sheet.

        SourceFileError: its header is another than that of the first sheet.
        """
        header, _ = self._choice.header_row(sheet)
        texts = tuple(map(shown_text, header.cells)) if header else None
        first, offset = self._choice.first_data_row(sheet), 0
        if not self._first_row:
            self._first_row = self._next_row = first
            self._header, self._first_sheet = texts, sheet.name
            self._width = len(texts or ())
        else:
            offset = self._next_row - 1
            self._refuse_other_header(sheet, texts)
        # Row by row: a sheet has no columns, and at most 1,048,576 rows.
        for row in rows:
            if row.number >= first:
                self._write_row(sheet, row, offset)

    def _write_row(self, sheet: Sheet, row: Row, offset: int) -> None:
        number, cells = row.number + offset, row.cells
        self._written += self._file.write("\n" * (number - self._next_row))
        self._next_row = number + 1
        if len(cells) < self._width:
            cells = cells + [""] * (self._width - len(cells))
        self._width = len(cells)
        values = [sheet.name, str(row.number), *cells] if self._with_place else cells
        self._written += self._csv.writerow(values)
        if self._stored.limits:
            # A few bytes of a sheet may stand for many cells.
            self._stored.limits.check_unpacked(self._written, self._stored.size, self._stored.name)

    def _refuse_other_header(self, sheet: Sheet, texts: tuple[str, ...] | None) -> None:
        if difference := header_difference(self._header or (), texts or ()):
            raise SourceFileError(
                f"{self._choice.name}: sheet {_quoted([sheet])} has another header than"
                f" '{self._first_sheet}' ({difference}); load them one by one, by --sheet"
            )

    def table(
        self, kind: str, sheet: str, workbook: Workbook, remarks: tuple[str, ...]
    ) -> SheetTable:
        """Give what was written."""
        self._file.flush()
        header, width = self._header, self._width
        if header is not None:
            header = (*header, *[""] * (width - len(header)))
        return SheetTable(
            Path(self._file.name), kind, sheet, self._place_columns(), header, self._first_row,
            width, workbook.has_problems, remarks,
        )  # fmt: skip

    def _place_columns(self) -> tuple[str, ...]:
        if not self._with_place:
            return ()
        taken = set(self._header or ())
        return tuple(f"leadloader {n}" if n in taken else n for n in SHEET_COLUMNS)


def _quoted(sheets: Sequence[Sheet]) -> str:
    return ", ".join(f"'{sheet.name}'" for sheet in sheets)


def _joined(sheets: Sequence[Sheet]) -> str:
    *names, last = (sheet.name for sheet in sheets)
    return f"{', '.join(names)} and {last}"


def _listed(sheets: Sequence[Sheet]) -> str:
    return ", ".join(f"'{it.name}'{' (hidden)' * it.is_hidden}" for it in sheets)


def _shell(name: str) -> str:
    return name if re.fullmatch(r"[\w.-]+", name) else f'"{name}"'
