"""Blanks around values, line breaks in them, and words that stand for no value."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.frames.arrow import to_arrow, to_series

SEPARATORS = "\t\n\v\f\r\x85\u2028\u2029"
"""Control characters and others that end a line or stand between words."""

_BLANKS = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f"
    "\u3000"  # Unicode's space separators
    "\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063"
    "\u2064\u2066\u2067\u2068\u2069\ufeff\u2800\u3164"  # nobody sees these at the end of a value
)
EDGES = _BLANKS + SEPARATORS
"""What is taken off both ends of a value."""


def _class_of(characters: str) -> str:
    return "".join(f"\\x{{{ord(each):x}}}" for each in characters)


SEPARATOR = f"[{_class_of(SEPARATORS)}]"
"""A pattern of RE2."""
_GAP = f"[{_class_of(_BLANKS)}]*{SEPARATOR}[{_class_of(EDGES)}]*"
"""A separator, with the blanks and other separators around it."""


def trim(values: "pd.Series[str]") -> "pd.Series[str]":
    """Take blanks of all kinds and line breaks off both ends of values."""
    texts = to_arrow(values)
    trimmed = trim_texts(texts)
    return values if trimmed is texts else to_series(trimmed, values.index)


def trim_texts(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Likewise of Arrow strings (large_string); the same array if there is nothing to trim."""
    if is_printable_ascii(texts):
        first = pc.starts_with(texts, " ")
        if not pc.any(pc.or_(first, pc.ends_with(texts, " "))).as_py():
            return texts
        return pc.ascii_trim(texts, " ")
    return pc.utf8_trim(texts, EDGES)


def trim_text(text: str) -> str:
    """Likewise of one text."""
    return text.strip(EDGES)


def empty_nulls(values: "pd.Series[str]", words: Sequence[str]) -> "pd.Series[str]":
    """Empty the values that are one of some words, in any letter case, blanks around it apart."""
    known = pa.array([trim_text(word).lower() for word in words], pa.large_string())
    is_null = pc.is_in(pc.utf8_lower(trim_texts(to_arrow(values))), value_set=known)
    return to_series(pc.if_else(is_null, "", to_arrow(values)), values.index)


def join_lines(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Put one blank in the place of each run of line breaks, tabs and blanks around them."""
    return pc.replace_substring_regex(texts, _GAP, " ")


def is_printable_ascii(texts: pa.ChunkedArray) -> bool:
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
