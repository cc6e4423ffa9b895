"""The rows of vicidial_list that new leads become."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa

from loader.clock import moment_text
from loader.fields.lead import DEFAULT_VALUES, LEAD_FIELDS
from loader.frames.arrow import (
    arrays_of,
    arrow_behind,
    same_text,
    to_arrow,
    two_decimals,
    whole_numbers,
)

NUMBERS: Mapping[str, "Callable[[pd.Series[Any]], pd.Series[str]]"] = {
    "list_id": whole_numbers,
    "gmt_offset_now": two_decimals,
}
"""How the fields that are numbers are written."""


def as_stored(
    leads: pd.DataFrame, columns: Collection[str], user: str, now: datetime
) -> dict[str, pa.ChunkedArray]:
    """Complete leads to rows of vicidial_list.

    Args:
        leads: list_id (int64), gmt_offset_now (float64), phone_code, phone_number and any other
            field (str); index row_number.
        columns: those that the table has; an older one may lack some.
        user: in whose name they are loaded.
        now: the server's clock.

    Returns:
        Text columns in the table's names.
    """
    moment = moment_text(now)
    always = {"entry_date": moment, "modify_date": moment, "last_local_call_time": moment}
    always["user"] = user
    given = arrays_of(leads)
    same = cache(lambda text: same_text(text, len(leads)))
    stored: dict[str, pa.ChunkedArray] = {}
    for name in filter(columns.__contains__, (*LEAD_FIELDS, *always)):
        if write := NUMBERS.get(name):
            stored[name] = to_arrow(write(leads[name]))
        elif name in given and name not in always:
            stored[name] = arrow_behind(given[name])
        else:
            stored[name] = same(always.get(name, DEFAULT_VALUES.get(name, "")))
    return stored
