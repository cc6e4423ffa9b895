"""Values that fit their column: cut to its width, and in characters that it can store."""

import codecs
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.dialer import Column
from loader.findings import Findings, Notices, findings, no_findings, no_notices, notices
from loader.frames.arrow import to_arrow, to_mask, to_series
from loader.options.load import LoadOptions
from loader.reasons import Notice, Reason


def fit_field(
    values: "pd.Series[str]", column: Column, options: LoadOptions
) -> tuple["pd.Series[str]", Findings, Notices]:
    """Take out control characters, replace unstorable ones, cut to the column's width.

    Args:
        values: named as the field; index row_number.
        column: what it has to fit into.
        options: unstorable is read: such rows are rejected, or get a notice.
    """
    index, name = values.index, str(values.name)
    texts, noticed, unfit = to_arrow(values), [no_notices()], no_findings()
    if not _is_printable_ascii(texts):
        control = pc.match_substring_regex(texts, r"\p{Cc}")
        texts = pc.replace_substring_regex(texts, r"\p{Cc}", "")
        rows = index[to_mask(control, index)]
        noticed.append(notices(rows, Notice.CONTROL_CHARACTERS_DROPPED, field=name))
        texts, rows = _replace_unstorable(texts, column.charset, index)
        if options.unstorable == "reject":
            unfit = findings(rows, Reason.UNSTORABLE_CHARACTERS, field=name)
        else:
            noticed.append(notices(rows, Notice.UNSTORABLE_REPLACED, field=name))
    if column.width is not None:
        long = pc.greater(pc.utf8_length(texts), column.width)
        if pc.any(long).as_py():
            texts = pc.utf8_slice_codeunits(texts, 0, column.width)
            noticed.append(notices(index[to_mask(long, index)], Notice.VALUE_CUT, field=name))
    return to_series(texts, index), unfit, pd.concat(noticed)


def _is_printable_ascii(texts: pa.ChunkedArray) -> bool:
    """Tell from the bytes that there is nothing to look for: most columns are plain."""
    for chunk in texts.chunks:
        _, offset_buffer, data = chunk.buffers()
        if len(chunk) and data is not None:
            ends = np.frombuffer(offset_buffer, np.int64)
            first, last = ends[chunk.offset], ends[chunk.offset + len(chunk)]
            found = np.frombuffer(data, np.uint8)[first:last]
            if ((found < 0x20) | (found > 0x7E)).any():
                return False
    return True


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
