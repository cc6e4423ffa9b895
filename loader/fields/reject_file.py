"""The columns that a reject file has in addition to those of its source."""

import codecs
import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from loader.files import open_regular
from loader.reasons import Reason

RESULT_COLUMNS = ("row_number", "reason", "reasons_all", "details", "add_lead")
"""The columns that are added to those of the source; they are ignored when it is loaded again."""

CLASH_PREFIX = "leadloader "
"""Prefix of the name of a result column where the source has a column of that name."""

LONGEST_HEADER = 1 << 20
"""In bytes."""


def result_columns(columns: Sequence[str]) -> dict[str, str]:
    """Find the result columns of a reject file: RESULT_COLUMNS by column; empty for other files.

    They are the last columns or, if somebody reordered them, those of these names. The files of
    earlier versions have no reasons_all.
    """
    for names in (RESULT_COLUMNS, tuple(n for n in RESULT_COLUMNS if n != "reasons_all")):
        last = {name: name.removeprefix(CLASH_PREFIX) for name in columns[-len(names) :]}
        if tuple(last.values()) == names:
            return last
        if {*names} <= {*columns}:
            return {name: name for name in names}
    return {}


def is_reject_file(path: Path, *, follow_links: bool = True) -> bool:
    """Say whether a file is the rejected.csv of an earlier load, as it was written.

    Its mark are its last columns. One that a spreadsheet program has saved with other delimiters
    is read like any other file.
    """
    try:
        with open_regular(path, follow_links=follow_links) as file:
            first = file.readline(LONGEST_HEADER)
    except OSError:
        return False
    try:
        # Names of columns that are not UTF-8 are the source's; the last ones are our own.
        columns = next(csv.reader([first.decode("utf-8-sig", "replace")], strict=True), [])
    except csv.Error:
        return False
    return bool(result_columns(columns))


def is_utf8(path: Path, *, follow_links: bool = True) -> bool:
    """Say whether a file is UTF-8 to its end."""
    with open_regular(path, follow_links=follow_links) as file:
        pieces = iter(partial(file.read, LONGEST_HEADER), b"")
        try:
            for _ in codecs.iterdecode(pieces, "utf-8"):
                pass
        except UnicodeDecodeError:
            return False
    return True


UNREADABLE = (
    Reason.BROKEN_QUOTE,
    Reason.TOO_FEW_FIELDS,
    Reason.TOO_MANY_FIELDS,
    Reason.CELL_WITHOUT_VALUE,
)
"""Reasons of records whose values could not be read."""
