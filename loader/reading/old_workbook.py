"""Workbooks of the binary formats of Excel (xls, xlsb), by python-calamine.

It gives a number without the format of its cell, and nothing for an error or a formula that was not
calculated, so that cells are not all as they are shown: `LIMITS`.
"""

import datetime
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO

from loader.errors import SourceFileError
from loader.reading.cells import END, PROBLEM, Row, Sheet
from loader.reading.number_format import plain_number

LIMITS = (
    "of this old format number formats (ZIP code 00000), errors and formulas without a value are "
    "not seen: 02134 may come as 2134, #N/A as nothing; save it as .xlsx if it has any"
)


class OldWorkbook:
    """A workbook that is open; `sheets` in its order, sheets of charts left out."""

    def __init__(self, file: BinaryIO, stack: ExitStack, name: str) -> None:
        """Open it; `name` is for messages, `stack` closes what is opened.

        SourceFileError: python-calamine is missing, the file is damaged or has a password.
        """
        try:
            import python_calamine as calamine  # noqa: PLC0415  # an extra
        except ImportError:
            raise SourceFileError(
                f"{name}: this is a spreadsheet of an old format; to load it,"
                " pip install leadloader[spreadsheet], or save it as .xlsx or CSV (UTF-8)"
            ) from None
        self.has_problems = False
        self._calamine, self._name = calamine, name
        self._workbook: Any = self._read(
            # Not from_path: it goes by the extension of the file name.
            lambda: stack.enter_context(calamine.CalamineWorkbook.from_filelike(file))
        )
        visible, worksheet = calamine.SheetVisibleEnum.Visible, calamine.SheetTypeEnum.WorkSheet
        self.sheets = tuple(
            Sheet(it.name, it.visible != visible)
            for it in self._workbook.sheets_metadata
            if it.typ == worksheet
        )

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yield the rows that have a cell, in the order of the sheet."""
        rows = self._read(
            lambda: self._workbook.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
        )
        for number, values in enumerate(rows, 1):
            cells = [cell_text(value) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield Row(number, cells)

    def _read(self, action: Any) -> Any:
        try:
            return action()
        except BaseException as exc:  # a panic of calamine is no Exception, and cannot be imported
            is_panic = type(exc).__name__ == "PanicException"
            if not is_panic and not isinstance(exc, self._calamine.CalamineError | OSError):
                raise
            raise SourceFileError(
                f"{self._name}: the spreadsheet cannot be read ({exc}); is it damaged, or does it"
                " have a password? Save it again, or export it as CSV (UTF-8)"
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
