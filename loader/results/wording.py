"""Findings and notices as the words of the result files."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.findings import FINDING_DETAILS, NOTICE_DETAILS, Findings, Notices
from loader.frames.arrow import gather, join_texts, to_arrow, to_series
from loader.notices import Notice
from loader.reasons import Reason
from loader.results.all_reasons import applying_reasons

UNSAFE = r"[;\p{Cc}]"
"""In a detail a semicolon would end the notice, a line break the row."""


def reason_names(findings: Findings) -> "pd.Series[str]":
    """Give the name of each finding's reason, with that of the feed behind a colon."""
    return findings["reason"] + (":" + findings["feed"]).fillna("")


Describe = Callable[["pd.Series[str]"], "pd.Series[str]"]
"""Says of rows of the file, which may be null, where they are; given their numbers."""


def finding_texts(
    findings: Findings, describe_rows: Describe = lambda rows: rows
) -> "tuple[pd.Series[str], ...]":
    """Give reason, reasons_all, details and add_lead as rejected.csv has them, by row number.

    The findings have column reason_bits (uint64), see `ReasonBits`.
    """
    names = reason_names(findings)
    all_names = _reasons_all(findings, names)
    details = finding_details(findings, describe_rows)
    return names, all_names, details, add_lead_answers(findings)


def finding_details(
    findings: Findings, describe_rows: Describe = lambda rows: rows
) -> "pd.Series[str]":
    """Give the details of each finding, by row number."""
    row, lead = (findings[name].astype("str") for name in ("duplicate_row", "lead_id"))
    row = describe_rows(row)
    names = ("row_number=", "lead_id=", *FINDING_DETAILS)
    details = _joined(findings.assign(row_number=row, lead_id=lead), names)
    return to_series(pc.utf8_slice_codeunits(details, 1), findings.index)


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
    """Give the notices of each row (each once in `rows`) in one text; empty where it has none."""
    texts = notice_texts(notices[notices.index.isin(rows)])
    of_row = gather(to_arrow(texts).combine_chunks(), texts.index, rows)
    return to_series(pc.binary_join(of_row, _scalar("; ")), rows)


def notice_texts(notices: Notices) -> "pd.Series[str]":
    """Give the text of each notice, by row number."""
    if notices.empty:
        return notices["notice"]
    kinds, names = pd.factorize(notices["notice"])
    places = [np.flatnonzero(kinds == kind) for kind in range(len(names))]
    texts = [
        chunk
        for name, places_of_kind in zip(names, places, strict=True)
        for chunk in _with_details(Notice[name], notices.iloc[places_of_kind]).chunks
    ]
    in_order = pa.chunked_array(texts).take(pa.array(np.argsort(np.concatenate(places))))
    return to_series(in_order, notices.index)


def _with_details(notice: Notice, notices: Notices) -> pa.ChunkedArray:
    """Give the texts of notices of one kind."""
    details = _joined(notices, NOTICE_DETAILS.get(notice, ()))
    if details is None:
        return pa.chunked_array([pa.array([notice.value] * len(notices), pa.large_string())])
    plain = pc.replace_substring_regex(details, UNSAFE, ",")
    # A notice whose only detail is empty has no blank behind it.
    plain = pc.if_else(pc.equal(plain, " "), _scalar(""), plain)
    return join_texts([_scalar(notice.value), plain], "")


def _joined(frame: pd.DataFrame, names: Sequence[str]) -> pa.ChunkedArray | None:
    """Give the details of each row in one text, with a blank before each; None: there are none.

    Of the names, which are in the order of the details, those that end in = are shown.
    """
    parts = [
        pc.fill_null(join_texts([_scalar(f" {label}"), to_arrow(values)], ""), "")
        for name in names
        if (values := frame.get(name.removesuffix("="))) is not None
        for label in [name if name.endswith("=") else ""]
    ]
    return join_texts(parts, "") if parts else None


def _scalar(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())
