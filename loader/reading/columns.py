"""The columns of a file: their names, and how many there may be."""

from collections.abc import Sequence
from itertools import count

from loader.errors import SourceFileError
from loader.reading.header import mask_values, refuse_header
from loader.reading.limits import ExceededError, Limits
from loader.reading.top_rows import Row


def unique_names(names: list[str]) -> tuple[str, ...]:
    """Make names unique and not empty: `column 5` for an empty, `Notes (2)` for a repeated one."""
    used: set[str] = set()
    unique = []
    for position, value in enumerate(names, start=1):
        name = value if value.strip() else f"column {position}"
        numbered = (f"{name} ({number})" for number in count(2))
        unique_name = name if name not in used else next(n for n in numbered if n not in used)
        used.add(unique_name)
        unique.append(unique_name)
    return tuple(unique)


def named_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Give the columns that are named by hand; those that are not used, `-`, have a number."""
    return unique_names(["" if name == "-" else name for name in names])


def refuse_other_count(
    first_record: Row, columns: Sequence[str], name: str, *, may_be_short: bool
) -> None:
    """Refuse a file whose first row has another number of fields than are named.

    Empty ones more at its end do not count, and with `may_be_short` it may have fewer.

    Raises:
        SourceFileError: it has, or it is a header.
    """
    refuse_header(first_record, [it for it in columns if it != "-"], name, "--columns")
    values = first_record.values
    found = len(values)
    while found > len(columns) and not values[found - 1].strip():
        found -= 1
    if found > len(columns) or (found < len(columns) and not may_be_short):
        raise SourceFileError(
            f"{name}: row {first_record.row_number}, the first, has {found} fields, but --columns"
            f" names {len(columns)}; name each column, by - one that is not used:"
            f" {mask_values(values)}"
        )


def refuse_many_columns(columns: int, limits: Limits, name: str) -> None:
    """Raise SourceFileError: there are more columns than the limit."""
    try:
        limits.check_columns(columns)
    except ExceededError as error:
        raise SourceFileError(f"{name}: {error}") from None


def refuse_more_columns(width: int, columns: Sequence[str], name: str) -> None:
    """Raise SourceFileError: rows of a sheet are wider than the columns that are named."""
    if width > len(columns):
        raise SourceFileError(
            f"{name} has rows with {width} cells, but {len(columns)} columns are named; name each"
            " column, by - one that is not used"
        )
