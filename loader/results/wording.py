"""Findings and notices as the words of the result files."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.findings import FINDING_DETAILS, NOTICE_DETAILS, Findings, Notices
from loader.frames.arrow import gather, to_arrow, to_series
from loader.reasons import Notice, Reason
from loader.results.all_reasons import applying_reasons

UNSAFE = r"[;\p{Cc}]"
"""In a detail a semicolon would end the notice, a line break the row."""


def reason_names(findings: Findings) -> "pd.Series[str]":
    """Give the name of each finding's reason, with that of the feed behind a colon."""
    return findings["reason"] + (":" + findings["feed"]).fillna("")


def finding_texts(findings: Findings) -> "tuple[pd.Series[str], ...]":
    """Give reason, reasons_all, details and add_lead as rejected.csv has them, by row number.

    Args:
        findings: with column reason_bits (uint64), see `ReasonBits`.
    """
    names = reason_names(findings)
    all_names = _reasons_all(findings, names)
    return names, all_names, finding_details(findings), add_lead_answers(findings)


def finding_details(findings: Findings) -> "pd.Series[str]":
    """Give the details of each finding, by row number."""
    row, lead = (findings[name].astype("str") for name in ("duplicate_row", "lead_id"))
    names = ("row_number=", "lead_id=", *FINDING_DETAILS)
    return join_details(findings.assign(row_number=row, lead_id=lead), names)


def add_lead_answers(findings: Findings) -> "pd.Series[str]":
    """Give the line that add_lead prints for each finding, by row number; empty: it has none."""
    sentences = {r.value: f"ERROR: add_lead {r.answer} - " if r.answer else "" for r in Reason}
    sentence = findings["reason"].map(sentences).astype("str")
    lead_id = findings["lead_id"].astype("str").fillna("")
    return sentence + findings["answer"] + lead_id + findings["answer_tail"]


def _reasons_all(findings: Findings, names: "pd.Series[str]") -> "pd.Series[str]":
    """Name all reasons that apply to each row, joined by `|`, the first one first."""
    kinds = findings[["reason_bits", "reason"]].assign(name=names)
    distinct = kinds.drop_duplicates()
    texts = [
        # A feed may be called anything.
        "|".join([name.replace("|", "/"), *applying_reasons(bits, Reason[reason])[1:]])
        for bits, reason, name in distinct.itertuples(index=False)
    ]
    all_named = kinds.merge(distinct.assign(text=texts), how="left")["text"]
    return all_named.set_axis(findings.index).astype("str")


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
            detail = " " + (name if name.endswith("=") else "") + values
            texts = texts + detail.fillna("")
    return texts.str.slice(1)
