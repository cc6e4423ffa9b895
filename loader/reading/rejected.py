"""Lines that are no rows: what can be read of them, and why they are rejected.

All lines of a file may be of this kind, so they are taken at once. Only where quotes tell apart
what belongs to a field is a line read by itself.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loader.reading.dialect import Grammar
from loader.reading.lines import Block, Integers, Mask
from loader.reasons import Reason

RAW_LENGTH = 500
"""Characters of a rejected line that its details keep."""

ROW_NUMBER, REASON, DETAILS = "\0row_number", "\0reason", "\0details"
"""Extra columns; no column of a file can have such a name, for files have no NUL bytes."""


def rejected_records(
    block: Block, numbers: Integers, grammar: Grammar, columns: tuple[str, ...]
) -> pa.Table:
    """Describe the lines that are no rows, of a block whose lines have these row numbers.

    Returns:
        The columns of the file (large_string), in which surplus fields stay in the last one, so
        that none is lost; and `REASON`, `DETAILS` and `ROW_NUMBER`.
    """
    if not block.rejected:
        names = [(name, pa.large_string()) for name in (*columns, REASON, DETAILS)]
        return pa.schema([*names, (ROW_NUMBER, pa.int64())]).empty_table()
    lines = np.array([line for line, _ in block.rejected], np.int64)
    closed = np.array([is_closed for _, is_closed in block.rejected], np.bool_)
    array = block.lines.array.take(pa.array(lines))
    texts = pc.replace_substring_regex(array, r"[\r\n]+\z", "").cast(pa.large_string())
    values, found = _fields_of_rejected(texts, closed, grammar)
    counts = pa.array(found)
    fields = pc.binary_join_element_wise(
        counts.cast(pa.large_string()),
        pc.if_else(pc.equal(counts, 1), " field", " fields").cast(pa.large_string()),
        pa.scalar(f" instead of {grammar.columns}", pa.large_string()),
        pa.scalar("", pa.large_string()),
    )
    broken = "a quote is not closed, or text follows a closing quote"
    what = pc.if_else(pa.array(closed), fields, pa.scalar(broken, pa.large_string()))
    raw = pc.utf8_slice_codeunits(texts, 0, RAW_LENGTH)
    reasons = np.select(
        [~closed, found < grammar.columns],
        [str(Reason.BROKEN_QUOTE), str(Reason.TOO_FEW_FIELDS)],
        str(Reason.TOO_MANY_FIELDS),
    )
    table = pa.table(values, names=list(columns))
    for name, column in (
        (REASON, pa.array(reasons.tolist(), pa.large_string())),
        (DETAILS, pc.binary_join_element_wise(what, raw, pa.scalar(": ", pa.large_string()))),
        (ROW_NUMBER, pa.array(numbers[lines])),
    ):
        table = table.append_column(name, column)
    return table


def _fields_of_rejected(
    texts: pa.LargeStringArray, closed: Mask, grammar: Grammar
) -> tuple[list[pa.Array], Integers]:
    """Give the columns of lines that are no rows, and how many fields each line has.

    Quotes count where they are closed.
    """
    expected, delimiter = grammar.columns, grammar.delimiter
    quoted = closed & pc.match_substring(texts, '"').to_numpy(zero_copy_only=False).astype(np.bool_)
    plain = texts.filter(pa.array(~quoted))
    found = np.empty(len(texts), np.int64)
    found[~quoted] = pc.count_substring(plain, delimiter).to_numpy() + 1
    missing = pa.array(np.maximum(expected - found[~quoted], 0))
    filled = pc.binary_join_element_wise(
        plain,
        pc.binary_repeat(pa.scalar(delimiter, pa.large_string()), missing),
        pa.scalar("", pa.large_string()),
    )
    fields = pc.split_pattern(filled, delimiter, max_splits=expected - 1).flatten()
    split = [grammar.split(text.encode()) for text in texts.filter(pa.array(quoted)).to_pylist()]
    found[quoted] = [len(values) for values in split]
    others = [
        value
        for values in split
        for value in (
            *values[: expected - 1],
            delimiter.join(values[expected - 1 :]),
            *[""] * (expected - len(values)),
        )[:expected]
    ]
    starts = np.empty(len(texts), np.int64)
    starts[~quoted] = np.arange(len(plain)) * expected
    starts[quoted] = (len(plain) + np.arange(len(split))) * expected
    fields = pa.concat_arrays([fields, pa.array(others, pa.large_string())])
    return [fields.take(pa.array(starts + column)) for column in range(expected)], found
