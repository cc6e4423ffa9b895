"""Workbooks of the binary formats of Excel (xls, xlsb), by python-calamine.

It gives a number without the format of its cell, and nothing for an error or a formula that was not
calculated, so that cells are not all as they are shown: `LIMITS`.
"""

import datetime
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from loader.engines.workers import Ask, WorkerError, Workers, can_fork
from loader.errors import SourceFileError
from loader.installation import install_command
from loader.reading.cells import END, PROBLEM, Row, Sheet
from loader.reading.limits import DEFAULT_LIMITS, MB
from loader.reading.number_format import plain_number
from loader.reading.stored import StoredFile

CELL_SIZE = 32
"""Bytes that python-calamine takes for each cell of a sheet, up to the last row and column."""

BATCH_SIZE = 1_000_000
"""Characters and cells that come from the other process at once, or one row."""

LIMITS = (
    "of this old format number formats (ZIP code 00000), errors and formulas without a value are "
    "not seen: 02134 may come as 2134, #N/A as nothing; save it as .xlsx if it has any"
)


class OldWorkbook:
    """A workbook that is open; `sheets` in its order, sheets of charts left out.

    python-calamine makes room for all cells up to the last row and column of a sheet, and ends its
    process if there is none. So it works in a process of its own, whose memory has a limit.
    """

    def __init__(self, stored: StoredFile, stack: ExitStack) -> None:
        """Open it; `stack` closes what is opened.

        SourceFileError: python-calamine is missing; the file is damaged or has a password, or takes
        more memory than its limits allow.
        """
        try:
            import python_calamine as calamine  # noqa: PLC0415  # an extra
        except ImportError:
            raise SourceFileError(
                f"{stored.name}: this is a spreadsheet of an old format; to load it,"
                f" {install_command('spreadsheet')}, or save it as .xlsx or CSV (UTF-8)"
            ) from None
        self.has_problems = False
        self._reader, self._workers = _Reader(stored, calamine), None
        self._limits = stored.limits or DEFAULT_LIMITS
        if can_fork():
            most = self._limits.max_workbook_memory * MB
            self._workers = stack.enter_context(Workers(1, self._reader.work, _no_answer, most))
        self.sheets: tuple[Sheet, ...] = self._ask(OPEN)

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yield the rows that have a cell, in the order of the sheet.

        ExceededError: there are more than the limits of its file allow.
        """
        rows = self._ask(sheet.name)
        while rows:
            yield from rows
            rows = self._ask(MORE)

    def _ask(self, task: str | int) -> Any:
        if self._workers is None:
            return self._reader.work(task, _no_answer)
        try:
            self._workers.send(task)
            return self._workers.take()
        except (WorkerError, MemoryError):
            raise self._limits.memory_error() from None


OPEN, MORE = range(2)
"""What is asked for besides the rows of a sheet: the sheets, and more rows of the same sheet."""


def _no_answer(_question: Any) -> Any:
    raise NotImplementedError


class _Reader:
    """The workbook in the process that reads it."""

    def __init__(self, stored: StoredFile, calamine: Any) -> None:
        self._stored, self._calamine = stored, calamine
        self._limits = stored.limits or DEFAULT_LIMITS
        self._workbook: Any = None
        self._sheets: dict[str, Any] = {}
        self._rows: Iterator[Row] = iter(())
        self._memory = 0

    def work(self, task: str | int, _ask: Ask) -> tuple[Sheet, ...] | list[Row]:
        """Give the first rows of a sheet by its name, or what is asked for by `OPEN` or `MORE`.

        There are no more after an empty list of rows.
        """
        if task == OPEN:
            sheets: tuple[Sheet, ...] = self._read(self._open)
            return sheets
        if isinstance(task, str):
            self._rows = self._rows_of(self._read(lambda: self._sheet(task)))
        rows, size = list[Row](), 0
        for row in self._rows:
            rows.append(row)
            size += len(row.cells) + sum(map(len, row.cells))
            if size > BATCH_SIZE:
                break
        return rows

    def _open(self) -> tuple[Sheet, ...]:
        # Not from_path: it goes by the extension of the file name.
        with self._stored.open_raw() as file:
            self._workbook = self._calamine.CalamineWorkbook.from_filelike(file)
        visible = self._calamine.SheetVisibleEnum.Visible
        worksheet = self._calamine.SheetTypeEnum.WorkSheet
        return tuple(
            Sheet(it.name, it.visible != visible)
            for it in self._workbook.sheets_metadata
            if it.typ == worksheet
        )

    def _sheet(self, name: str) -> Any:
        """Read a sheet, or give the last one: the top is read first, and then all of it."""
        if name not in self._sheets:
            self._sheets.clear()
            sheet = self._workbook.get_sheet_by_name(name)
            self._memory += CELL_SIZE * sheet.total_height * sheet.total_width
            self._limits.check_memory(self._memory)
            self._sheets[name] = sheet
        return self._sheets[name]

    def _rows_of(self, sheet: Any) -> Iterator[Row]:
        for number, values in enumerate(sheet.iter_rows(), 1):
            while values and values[-1] == "":
                values.pop()
            cells = [cell_text(value) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                self._limits.check_columns(len(cells), f"row {number}")
                self._limits.check_field(max(map(len, cells)))
                self._limits.check_row(sum(map(len, cells)), f"row {number}")
                yield Row(number, cells)

    def _read(self, action: Any) -> Any:
        try:
            return action()
        except BaseException as exc:  # a panic of calamine is no Exception, and cannot be imported
            is_panic = type(exc).__name__ == "PanicException"
            if not is_panic and not isinstance(exc, self._calamine.CalamineError | OSError):
                raise
            raise SourceFileError(
                f"{self._stored.name}: the spreadsheet cannot be read ({exc}); is it damaged, or"
                " does it have a password? Save it again, or export it as CSV (UTF-8)"
            ) from None


def cell_text(value: object) -> str:
    """Return a cell's value as text: 7275551212 without `.0`, 2024-01-31, TRUE.

    Numbers from LARGEST_EXACT on are given with an exponent.
    """
    match value:
        case bool():
            return str(value).upper()
        case float():
            return plain_number(value)
        case datetime.datetime():
            return (
                value.isoformat(sep=" ") if value.time() != datetime.time() else f"{value:%Y-%m-%d}"
            )
        case datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
        case _:
            return str(value).replace(PROBLEM, "").replace(END, "")
