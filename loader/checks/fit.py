"""Values that fit their column: cut to its width, and in characters that it can store."""

import codecs
from collections.abc import Mapping
from functools import cache

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.blanks import SEPARATOR, is_printable_ascii, join_lines, trim_texts
from loader.dialer import Column
from loader.fields.lead import WIDTHS
from loader.findings import (
    Findings,
    Notices,
    findings,
    join_frames,
    no_findings,
    no_notices,
    notices,
)
from loader.frames.arrow import to_arrow, to_mask, to_series
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.reasons import Reason

_CONTROL = r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
"""Control characters that separate nothing: those but `SEPARATORS`."""


def column_of(name: str, columns: Mapping[str, Column]) -> Column:
    """Give a column of vicidial_list; where it is not known, its usual width holds."""
    return columns.get(name, Column(width=WIDTHS[name]))


def fit_field(
    values: "pd.Series[str]", column: Column, options: LoadOptions
) -> tuple["pd.Series[str]", Findings, Notices]:
    """Take out control characters, replace unstorable ones, cut to the column's width.

    A line break or tab becomes a blank, but in a column that is made for several lines.

    Args:
        values: named as the field, trimmed if trim is Y; index row_number.
        column: what it has to fit into.
        options: trim is read, and unstorable: such rows are rejected, or get a notice.
    """
    index, name = values.index, str(values.name)
    texts = given = to_arrow(values)
    noticed, unfit = [no_notices()], no_findings()
    if not is_printable_ascii(texts):
        texts, of_controls = _without_controls(texts, index, name, column)
        if of_controls and options.trim == "Y":
            texts = trim_texts(texts)
        noticed += of_controls
        texts, rows = _replace_unstorable(texts, column.charset, index)
        if options.unstorable == "reject":
            unfit = findings(rows, Reason.UNSTORABLE_CHARACTERS, field=name)
        else:
            noticed.append(notices(rows, Notice.UNSTORABLE_REPLACED, field=name))
    if column.width is not None:
        long = pc.greater(pc.utf8_length(texts), column.width)
        if pc.any(long).as_py():
            texts = pc.utf8_slice_codeunits(texts, 0, column.width)
            texts = trim_texts(texts) if options.trim == "Y" else texts
            noticed.append(notices(index[to_mask(long, index)], Notice.VALUE_CUT, field=name))
    fitted = values if texts is given else to_series(texts, index)
    return fitted, unfit, join_frames(noticed)


def _without_controls(
    texts: pa.ChunkedArray, index: pd.Index, name: str, column: Column
) -> tuple[pa.ChunkedArray, list[Notices]]:
    """Put blanks in the place of line breaks and tabs, and drop other control characters."""
    noticed = []
    if not column.is_multiline:
        found = pc.match_substring_regex(texts, SEPARATOR)
        if pc.any(found).as_py():
            texts = join_lines(texts)
            rows = index[to_mask(found, index)]
            noticed.append(notices(rows, Notice.LINE_BREAKS_REPLACED, field=name))
    found = pc.match_substring_regex(texts, _CONTROL)
    if pc.any(found).as_py():
        texts = pc.replace_substring_regex(texts, _CONTROL, "")
        rows = index[to_mask(found, index)]
        noticed.append(notices(rows, Notice.CONTROL_CHARACTERS_DROPPED, field=name))
    return texts, noticed


def _replace_unstorable(
    texts: pa.ChunkedArray, charset: str | None, index: pd.Index
) -> tuple[pa.ChunkedArray, pd.Index]:
    pattern = unstorable_characters(charset)
    if pattern is None:
        return texts, index[:0]
    rows = index[to_mask(pc.match_substring_regex(texts, pattern), index)]
    return pc.replace_substring_regex(texts, pattern, "?") if len(rows) else texts, rows


CODECS = {
    "latin1": "cp1252",
    "latin2": "iso8859_2",
    "greek": "iso8859_7",
    "hebrew": "iso8859_8",
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "tis620": "iso8859_11",
    "ujis": "euc_jp",
}
"""Python's names of MySQL's character sets, where they differ."""


@cache
def unstorable_characters(charset: str | None) -> str | None:
    """Give a pattern of what a MySQL character set cannot hold; None: everything, or unknown."""
    if charset in {None, "utf8mb4", "utf16", "utf16le", "utf32", "binary"}:
        return None
    if charset in {"utf8", "utf8mb3", "ucs2"}:
        return r"[\x{10000}-\x{10FFFF}]"
    try:
        codec = codecs.lookup(CODECS.get(str(charset), str(charset)))
    except LookupError:
        return None
    good = "".join(
        f"\\x{{{code:X}}}"
        for code in range(0x10000)
        if not 0xD800 <= code < 0xE000 and codec.encode(chr(code), "ignore")[0]
    )
    return f"[^{good}]"
