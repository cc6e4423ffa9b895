"""What the stages say of rows: small frames over the row numbers that they concern."""

from functools import cache

import pandas as pd
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow, to_series
from loader.reasons import Notice, Reason

Findings = pd.DataFrame
"""Rejections. Index row_number; columns reason, details, answer, answer_tail (str), and
lead_id and duplicate_row (Int64): the existing lead, or the earlier row of the file, that the
row is a duplicate of. add_lead's line is answer + lead_id + answer_tail."""

Notices = pd.DataFrame
"""Index row_number (may repeat); columns notice and details (str)."""

FINDING_TYPES = {
    "reason": "str",
    "details": "str",
    "answer": "str",
    "answer_tail": "str",
    "lead_id": "Int64",
    "duplicate_row": "Int64",
}


def findings(
    rows: pd.Index,
    reason: Reason,
    details: "pd.Series[str] | str",
    answered: "pd.Series[str] | str",
) -> Findings:
    """Reject rows for a reason.

    Args:
        rows: their row numbers.
        reason: why.
        details: what a person needs to know beyond the reason.
        answered: what follows add_lead's sentence, fields joined by `|`; a series over at least
            `rows`.
    """
    if rows.empty:
        return no_findings()
    answer = f"ERROR: add_lead {reason.answer} - " + answered if reason.answer else ""
    values = {"reason": reason.value, "details": details, "answer": answer, "answer_tail": ""}
    frame = pd.DataFrame(values, index=rows)
    return frame.reindex(columns=list(FINDING_TYPES)).astype(FINDING_TYPES)


@cache
def no_findings() -> Findings:
    """Give the frame that rejects nothing; it is one and the same, and not to be changed."""
    return pd.DataFrame({}, index=pd.Index([], dtype="int64"), columns=list(FINDING_TYPES)).astype(
        FINDING_TYPES
    )


def notices(rows: pd.Index, notice: Notice, details: "pd.Series[str] | str") -> Notices:
    """Say the same thing of several rows."""
    if rows.empty:
        return no_notices()
    said = pd.DataFrame({"notice": notice.value, "details": details}, index=rows).astype("str")
    # Semicolons part the notices of a row, see `in_words`; a line break would part its lines.
    plain = pc.replace_substring_regex(to_arrow(said["details"]), r"[;\p{Cc}]", ",")
    return said.assign(details=to_series(plain, rows))


@cache
def no_notices() -> Notices:
    """Give the frame that says nothing; it is one and the same, and not to be changed."""
    nothing = pd.Index([], dtype="int64")
    return pd.DataFrame({"notice": "", "details": ""}, index=nothing).astype("str")


def to_text(said: Notices, rows: pd.Index) -> "pd.Series[str]":
    """Give the notices of each row in one text, in the order of `said`; empty where it has none."""
    said = said[said.index.isin(rows)]
    words = said["notice"] + (" " + said["details"]).where(said["details"] != "", "")
    # Round by round instead of a join for each row: no row has more than a few notices.
    nth = words.groupby(level=0).cumcount()
    told = pd.Series("", index=rows, dtype="str")
    for number in range(int(nth.max()) + 1 if len(nth) else 0):
        of_number = words[nth == number]
        told.loc[of_number.index] += ("; " if number else "") + of_number
    return told
