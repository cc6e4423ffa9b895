"""Notices as the words of the result files."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.findings import NOTICE_DETAILS, Notices
from loader.frames.arrow import gather, to_arrow, to_series
from loader.reasons import Notice

UNSAFE = r"[;\p{Cc}]"
"""In a detail a semicolon would end the notice, a line break the row."""


def notices_text(notices: Notices, rows: pd.Index) -> "pd.Series[str]":
    """Give the notices of each row in one text; empty where it has none.

    Args:
        notices: of the rows, and maybe of others.
        rows: row numbers, each once.
    """
    texts = notice_texts(notices[notices.index.isin(rows)])
    of_row = gather(to_arrow(texts).combine_chunks(), texts.index, rows)
    return to_series(pc.binary_join(of_row, pa.scalar("; ", pa.large_string())), rows)


def notice_texts(notices: Notices) -> "pd.Series[str]":
    """Give the text of each notice, by row number."""
    kinds = notices["notice"].reset_index(drop=True)
    texts = kinds.copy()
    for name in kinds.unique():
        places = kinds.index[kinds == name]
        texts[places] = _with_details(Notice[name], notices.iloc[places]).array
    return texts.set_axis(notices.index)


def _with_details(notice: Notice, notices: Notices) -> "pd.Series[str]":
    """Give the texts of notices of one kind."""
    details = join_details(notices, NOTICE_DETAILS.get(notice, ()))
    plain = to_series(pc.replace_substring_regex(to_arrow(details), UNSAFE, ","), details.index)
    return notice.value + (" " + plain).where(plain != "", "")


def join_details(frame: pd.DataFrame, names: Sequence[str]) -> "pd.Series[str]":
    """Give the details of each row in one text.

    Args:
        frame: notices or findings.
        names: of the details in their order; those that end in = are shown with their name.
    """
    texts = pd.Series("", index=frame.index, dtype="str")
    for name in names:
        values = frame.get(name.removesuffix("="))
        if values is not None:
            shown = " " + (name if name.endswith("=") else "") + values
            texts = texts + shown.fillna("")
    return texts.str.slice(1)
