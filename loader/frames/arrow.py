"""Conversion of pandas columns to Arrow arrays and back, without copying."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandas.api import internals  # type: ignore[attr-defined]  # the stubs lack it

Mask = npt.NDArray[np.bool_]
"""One truth for each row."""

Values: TypeAlias = pa.Array | pa.ChunkedArray | npt.NDArray[Any]
"""A column, as Arrow strings (large_string) or numbers."""

TEXT = pd.StringDtype(na_value=np.nan)
"""The type of pandas that is called `str`."""


def to_arrow(values: "pd.Series[str]") -> pa.ChunkedArray:
    """Return the Arrow strings (large_string) behind a `str` column."""
    return arrow_behind(values.array)


def arrow_columns(frame: pd.DataFrame) -> dict[str, pa.ChunkedArray]:
    """Return the Arrow strings behind each column of a frame, all of them `str`."""
    return {name: arrow_behind(array) for name, array in arrays_of(frame).items()}


def arrays_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Return what is behind each column of a frame, to be read alone."""
    # To make a series of each column takes ten times as long.
    arrays = frame._iter_column_arrays()  # type: ignore[operator]
    return dict(zip(map(str, frame.columns), arrays, strict=True))


def arrow_behind(array: Any) -> pa.ChunkedArray:
    """Return the Arrow strings (large_string) behind the array of a `str` column."""
    values = array.__arrow_array__()
    return values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([values])


def to_series(values: pa.Array | pa.ChunkedArray, index: pd.Index) -> "pd.Series[str]":
    """Return Arrow strings as a `str` column over `index`."""
    return pd.Series(to_array(values), index=index, copy=False)


def named(values: "pd.Series[str]", name: str) -> "pd.Series[str]":
    """Return a column by the name that it is to have."""
    return values if values.name == name else values.rename(name)


def to_array(values: pa.Array | pa.ChunkedArray) -> pd.arrays.ArrowStringArray:
    """Return Arrow strings as what is behind a `str` column."""
    # Not by its name: pandas would look at the values first, which takes five times as long.
    return pd.arrays.ArrowStringArray(values, dtype=TEXT)  # type: ignore[call-arg]  # has it


def frame_of(columns: Mapping[str, Values], index: pd.Index) -> pd.DataFrame:
    """Make a frame of Arrow strings, and of numpy arrays that nobody else changes.

    pandas' constructor looks at each column first: of few rows it takes twice as long.
    """
    places = np.arange(len(columns), dtype=np.intp)
    blocks = [
        (
            values.reshape(1, -1) if isinstance(values, np.ndarray) else to_array(values),
            places[place : place + 1],
        )
        for place, values in enumerate(columns.values())
    ]
    names = _index_of(tuple(columns))
    frame: pd.DataFrame = internals.create_dataframe_from_blocks(blocks, index, names)
    return frame


@lru_cache(maxsize=256)
def _index_of(names: tuple[str, ...]) -> "pd.Index[str]":
    """Give names as an index: to make one takes as long as the rest of a small frame."""
    return pd.Index([*names])


def with_columns(frame: pd.DataFrame, columns: "Mapping[str, pd.Series[str]]") -> pd.DataFrame:
    """Give a frame of texts and numbers with some columns of texts, old or new ones.

    pandas' `assign` copies and looks at each of them by itself: of many it takes twice as long.
    """
    kept: dict[str, Values] = {
        name: arrow_behind(array) if array.dtype == TEXT else np.array(array)
        for name, array in arrays_of(frame).items()
    }
    kept |= {name: to_arrow(values) for name, values in columns.items()}
    return frame_of(kept, frame.index)


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


def are_longer(texts: "pd.Series[str]", width: int) -> Mask:
    """Say which texts have more characters than a width."""
    return as_mask(pc.greater(pc.utf8_length(to_arrow(texts)), width))


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
    return to_series(same_text(text, len(index)), index)


def same_text(text: str, count: int) -> pa.ChunkedArray:
    """Give the same text (large_string) so many times."""
    return pa.chunked_array([pa.repeat(pa.scalar(text, pa.large_string()), count)])


def whole_numbers(numbers: "pd.Series[int]") -> "pd.Series[str]":
    """Write whole numbers as texts."""
    return to_series(pa.array(numbers.to_numpy()).cast(pa.large_string()), numbers.index)


def two_decimals(numbers: "pd.Series[float]") -> "pd.Series[str]":
    """Write numbers as columns such as gmt_offset_now have them: -5.00."""
    # Adding 0.0 makes 0.0 of -0.0.
    rounded = pa.array(numbers.to_numpy().round(2) + 0.0).dictionary_encode()
    texts = [f"{number:.2f}" for number in rounded.dictionary.to_pylist()]
    written = pa.array(texts, pa.large_string()).take(rounded.indices)
    return to_series(written, numbers.index)


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
