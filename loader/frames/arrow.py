"""Conversion of pandas columns to Arrow arrays and back, without copying."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Mask = npt.NDArray[np.bool_]
"""One truth for each row."""

TEXT = pd.StringDtype(na_value=np.nan)
"""The type of pandas that is called `str`."""


def to_arrow(values: "pd.Series[str]") -> pa.ChunkedArray:
    """Return the Arrow strings (large_string) behind a `str` column."""
    array = values.array.__arrow_array__()  # type: ignore[attr-defined]  # ArrowStringArray has it
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def arrow_columns(frame: pd.DataFrame) -> dict[str, pa.ChunkedArray]:
    """Return the Arrow strings behind each column of a frame, all of them `str`."""
    return {str(name): to_arrow(values) for name, values in frame.items()}


def to_series(values: pa.Array | pa.ChunkedArray, index: pd.Index) -> "pd.Series[str]":
    """Return Arrow strings as a `str` column over `index`."""
    return pd.Series(to_array(values), index=index, copy=False)


def to_array(values: pa.Array | pa.ChunkedArray) -> pd.arrays.ArrowStringArray:
    """Return Arrow strings as what is behind a `str` column."""
    # Not by its name: pandas would look at the values first, which takes five times as long.
    return pd.arrays.ArrowStringArray(values, dtype=TEXT)  # type: ignore[call-arg]  # has it


def as_mask(values: pa.Array | pa.ChunkedArray) -> Mask:
    """Return an Arrow boolean array as a mask; null becomes False."""
    known = values.fill_null(False) if values.null_count else values
    mask: Mask = known.to_numpy(zero_copy_only=False)
    return mask


def to_mask(values: pa.Array | pa.ChunkedArray, index: pd.Index) -> "pd.Series[bool]":
    """Return an Arrow boolean array as a `bool` column over `index`; null becomes False."""
    return pd.Series(as_mask(values), index=index)


def are_equal(texts: "pd.Series[str]", other: "pd.Series[str] | str") -> Mask:
    """Say which texts are the same as another one, or as that of their row; null never is.

    Of few rows, pandas' own operators take several times as long, here and in `choose`.
    """
    return as_mask(pc.equal(to_arrow(texts), _operand(other)))


def choose(
    mask: Mask, texts: "pd.Series[str]", otherwise: "pd.Series[str] | str"
) -> "pd.Series[str]":
    """Give texts where a mask is true, and elsewhere another one, or that of their row."""
    if mask.all():
        return texts
    chosen = pc.if_else(pa.array(mask), to_arrow(texts), _operand(otherwise))
    return to_series(chosen, texts.index)


def keep(mask: Mask, texts: "pd.Series[str]") -> "pd.Series[str]":
    """Give the texts for which a mask is true."""
    if mask.all():
        return texts
    return to_series(to_arrow(texts).filter(pa.array(mask)), texts.index[mask])


def _operand(other: "pd.Series[str] | str") -> pa.ChunkedArray | pa.Scalar:
    return pa.scalar(other, pa.large_string()) if isinstance(other, str) else to_arrow(other)


def join_columns(columns: "Sequence[pd.Series[str]]", separator: str = "") -> "pd.Series[str]":
    """Join the texts of each row of columns of the same rows; null if one is null."""
    return to_series(join_texts([to_arrow(each) for each in columns], separator), columns[0].index)


def join_texts(columns: Sequence[pa.ChunkedArray | pa.Scalar], separator: str) -> pa.ChunkedArray:
    """Join the texts (large_string) of each row with a separator."""
    return pc.binary_join_element_wise(*columns, pa.scalar(separator, pa.large_string()))


def each_distinct(
    values: "pd.Series[str]", answer: "Callable[[pd.Series[str]], pd.Series[str]]"
) -> "pd.Series[str]":
    """Give what a function of texts, row by row, says of each; a distinct one is asked for once."""
    encoded = to_arrow(values).combine_chunks().dictionary_encode()
    words = to_series(encoded.dictionary, pd.RangeIndex(len(encoded.dictionary)))
    return to_series(to_arrow(answer(words)).combine_chunks().take(encoded.indices), values.index)


def repeat(text: str, index: pd.Index) -> "pd.Series[str]":
    """Give a column that has the same text in each row."""
    return to_series(pa.repeat(pa.scalar(text, pa.large_string()), len(index)), index)


def first_letters(texts: "pd.Series[str]", count: int) -> "pd.Series[str]":
    """Cut texts to so many letters."""
    return to_series(pc.utf8_slice_codeunits(to_arrow(texts), 0, count), texts.index)


def gather(values: pa.Array, rows: pd.Index, index: pd.Index) -> pa.ListArray:
    """Give for each row of `index` (each once) the list of its values, in their order.

    `rows` has the row of each value; the values are in any order.
    """
    place = index.get_indexer(rows)
    ends = np.cumsum(np.bincount(place, minlength=len(index)))
    in_order = values.take(pa.array(np.argsort(place, kind="stable")))
    return pa.ListArray.from_arrays(pa.array([0, *ends], pa.int32()), in_order)


def counts(values: "pd.Series[Any]") -> dict[str, int]:
    """Count the rows of each value, the most frequent value first; nulls are not counted."""
    return {str(value): int(count) for value, count in values.value_counts().items()}


def no_formulas(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Prefix texts that a spreadsheet would read as formulas with an apostrophe."""
    return pc.replace_substring_regex(texts, r"\A([=+\-@\t\r])", r"'\1")
