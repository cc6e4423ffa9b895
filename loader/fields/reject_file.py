"""The columns that a reject file has beside those of its source."""

from collections.abc import Sequence

from loader.reasons import Reason

RESULT_COLUMNS = ("row_number", "reason", "reasons_all", "details", "add_lead")
"""What a reject file has beside the source's columns; when it is loaded again they say nothing."""

APART = "leadloader "
"""Put before the name of a result column where the source has one of that name."""


def result_columns(columns: Sequence[str]) -> dict[str, str]:
    """Give the names that our columns have in a reject file, by column; none in other files.

    They are the last, or, where somebody put columns in another order, those of these names. The
    files of earlier versions have no reasons_all.
    """
    for names in (RESULT_COLUMNS, tuple(n for n in RESULT_COLUMNS if n != "reasons_all")):
        last = {name: name.removeprefix(APART) for name in columns[-len(names) :]}
        if tuple(last.values()) == names:
            return last
        if {*names} <= {*columns}:
            return {name: name for name in names}
    return {}


UNREADABLE = (Reason.BROKEN_QUOTE, Reason.TOO_FEW_FIELDS, Reason.TOO_MANY_FIELDS)
