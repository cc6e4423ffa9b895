"""The times at which callbacks are asked for: NOW, xDAYS, a date, or a date and a time."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow
from loader.frames.moments import read_moments

NOW = "NOW"

MOST_DAYS = 2_900_000
"""Until 2058 a date so many days ahead lies before the year 10000, where the dates of databases
end; more are no date."""


def is_now(sent: "pd.Series[str]") -> "pd.Series[bool]":
    """Say which texts (str) mean the present."""
    return sent.str.strip() == NOW


def read_days(sent: "pd.Series[str]") -> "pd.Series[int]":
    """Read xDAYS: all digits before it, as add_lead; Int64, null where there is no number."""
    found = pc.extract_regex(to_arrow(sent), r"(?i)^(?P<before>.*?)DAYS")
    digits = pc.replace_substring_regex(pc.struct_field(found, "before"), r"[^0-9]", "")
    short = pc.extract_regex(digits, r"^0*(?P<days>[0-9]{1,7})$")
    days = pc.cast(pc.struct_field(short, "days"), pa.int64())
    return pd.Series(
        pc.if_else(pc.less_equal(days, MOST_DAYS), days, None), index=sent.index, dtype="Int64"
    )


def read_dates(sent: "pd.Series[str]") -> "pd.Series[str]":
    """Read a date, or a date and a time, in any form that the database reads; empty: it is none.

    A birthday may be known by its year alone; a call needs a day. What is understood only in part,
    such as 10:00 PM, is none either.
    """
    moments = read_moments(sent, "datetime")
    is_day = ~moments.texts.str.contains("-00", regex=False, na=True) & ~moments.is_partly
    return moments.texts.where(is_day, "")


def is_callback_time(text: str) -> bool:
    """Say whether a single text is a time of a callback, by the same rules."""
    sent = pd.Series([text], dtype="str")
    found = is_now(sent) | read_days(sent).notna() | (read_dates(sent) != "")
    return bool(found.all())
