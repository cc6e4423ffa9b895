"""Excel and OpenDocument spreadsheets: the first sheet with data, as a CSV file."""

import csv
import datetime
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loader.errors import SourceFileError
from loader.reading.stored import StoredFile

LARGEST_EXACT = 1e15
"""A spreadsheet keeps 15 digits of a number; from here on some are lost."""


@contextmanager
def spreadsheet_as_csv(stored: StoredFile) -> Iterator[tuple[Path, str]]:
    """Yield a temporary CSV file (UTF-8, comma, all values quoted) and the name of the sheet.

    Row numbers stay those of the sheet: empty rows become blank lines. SourceFileError:
    python-calamine is missing, the file is damaged or has a password, or its sheets are empty.
    """
    # Always UTF-8, whatever the locale of the machine is.
    with tempfile.NamedTemporaryFile(
        "w", prefix="leadloader-", encoding="utf-8", newline=""
    ) as file:
        name, rows = _first_table(stored)
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        # Row by row: calamine has no columns, and a sheet has at most 1,048,576 rows.
        for row in rows:
            texts = [cell_text(value) for value in row]
            writer.writerow(texts if any(texts) else [])
        file.flush()
        yield Path(file.name), name


def _first_table(stored: StoredFile) -> tuple[str, Sequence[Sequence[object]]]:
    try:
        import python_calamine as calamine  # noqa: PLC0415  # an extra
    except ImportError:
        raise SourceFileError(
            f"{stored.name}: this is a spreadsheet; to load it,"
            " pip install leadloader[spreadsheet], or export it as CSV (UTF-8)"
        ) from None
    try:
        # Not from_path: it goes by the extension of the file name.
        with (
            stored.path.open("rb") as file,
            calamine.CalamineWorkbook.from_filelike(file) as workbook,
        ):
            for name in workbook.sheet_names:
                rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
                if any(cell != "" for row in rows for cell in row):
                    return name, rows
    except BaseException as exc:  # a panic of calamine is no Exception, and cannot be imported
        is_panic = type(exc).__name__ == "PanicException"
        if not is_panic and not isinstance(exc, calamine.CalamineError | OSError):
            raise
        raise SourceFileError(
            f"{stored.name}: the spreadsheet cannot be read ({exc}); is it damaged, or does it"
            " have a password? Save it again, or export it as CSV (UTF-8)"
        ) from None
    raise SourceFileError(f"{stored.name}: no sheet of the spreadsheet has data")


def cell_text(value: object) -> str:
    """Return a cell's value as the sheet shows it: 7275551212 without `.0`, 2024-01-31, TRUE.

    Numbers from LARGEST_EXACT on are given with an exponent.
    """
    match value:
        case bool():
            return str(value).upper()
        case float() if value.is_integer() and abs(value) < LARGEST_EXACT:
            return str(int(value))
        case float():
            return f"{value:.15G}"
        case datetime.datetime():
            return (
                value.isoformat(sep=" ") if value.time() != datetime.time() else f"{value:%Y-%m-%d}"
            )
        case datetime.date() | datetime.time():
            return value.isoformat()
        case _:
            return str(value)
