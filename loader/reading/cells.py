"""Sheets of a spreadsheet and their cells, as all readers of spreadsheets give them."""

from functools import cache
from typing import NamedTuple

import pandas as pd
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow, to_mask, to_series

PROBLEM = "\x1b"
"""Begins the text of a cell whose value is not known; no XML can hold this character."""

END = "\x02"
"""Ends the place of such a cell; the text that it shows follows."""


class Sheet(NamedTuple):
    """A sheet of a workbook."""

    name: str
    is_hidden: bool = False


class Row(NamedTuple):
    """A row with at least one cell; empty cells at its end are left out."""

    number: int
    """Its number in the sheet, from 1."""
    cells: list[str]


def shown_text(text: str) -> str:
    """Give what a cell shows, for a cell whose value is not known too."""
    return text.partition(END)[2] if text.startswith(PROBLEM) else text


def cell_name(row: int, column: int) -> str:
    """Name a cell as a spreadsheet does: AB7 for row 7, column 28."""
    letters = ""
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{letters}{row}"


def problem_cell(place: str, shown: str) -> str:
    """Give the text of a cell that shows an error such as #N/A.

    One with a formula that was not calculated shows nothing.
    """
    return f"{PROBLEM}{place}{END}{shown}"


def split_problems(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part the values of rows from the problems of their cells.

    Args:
        rows: str columns with texts of `problem_cell` among others.

    Returns:
        The rows with what these cells show; and the problems: index of the rows, which repeats,
        columns column (str, of the file), value (str, what the cell shows) and text (str, what is
        wrong, for people).
    """
    shown, found = {}, []
    for name in rows.columns:
        texts = to_arrow(rows[name])
        is_problem = pc.starts_with(texts, PROBLEM)
        if not pc.any(is_problem).as_py():
            continue
        pattern = f"(?s)^{PROBLEM}(?P<place>[^{END}]*){END}(?P<shown>.*)$"
        parts = pc.extract_regex(texts.filter(is_problem), pattern)
        places, values = (pc.struct_field(parts, part) for part in ("place", "shown"))
        mask = to_mask(is_problem, rows.index)
        value = to_series(values, rows.index[mask])
        shown[name] = rows[name].where(~mask, value.reindex(rows.index))
        what = ("shows " + value).where(value != "", "has a formula that was not calculated")
        text = "cell " + to_series(places, value.index) + f" ({name}) " + what
        found.append(pd.DataFrame({"column": name, "value": value, "text": text}, dtype="str"))
    if not found:
        return rows, no_problems()
    return rows.assign(**shown).astype("str"), pd.concat(found).sort_index(kind="stable")


@cache
def no_problems() -> pd.DataFrame:
    """Give the frame without a problem; it is one and the same, and not to be changed."""
    columns = {name: pd.Series([], dtype="str") for name in ("column", "value", "text")}
    return pd.DataFrame(columns, index=pd.Index([], dtype="int64", name="row_number"))
