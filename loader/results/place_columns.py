"""Columns of result files that say in which of several files a row stands."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from loader.fields.reject_file import CLASH_PREFIX
from loader.frames.arrow import no_formulas
from loader.reading.row_places import RowPlaces

PLACE_COLUMNS = ("part", "part_row")
"""The name of the file, and the number of the row in it."""


@dataclass(frozen=True)
class PlaceColumns:
    """Puts these columns before others; rows of a load of one file have none."""

    places: RowPlaces

    def add_fields(self, schema: pa.Schema, taken: Collection[str] = ()) -> pa.Schema:
        """Give a schema with them, under names that are not taken."""
        if not self.places.files:
            return schema
        part, row = (f"{CLASH_PREFIX}{n}" if n in taken else n for n in PLACE_COLUMNS)
        added = [pa.field(part, pa.large_string()), pa.field(row, pa.int64())]
        return pa.schema([*added, *schema])

    def add(self, table: pa.Table, rows: npt.NDArray[np.int64], schema: pa.Schema) -> pa.Table:
        """Give a table with them, as `add_fields` gave its schema; `rows`: its row numbers."""
        if not self.places.files:
            return table
        at, numbers = self._find(rows)
        names = no_formulas(pa.array(self.places.files, pa.large_string())).take(pa.array(at))
        return pa.table([names, pa.array(numbers), *table.columns], schema)

    def describe(self, rows: "pd.Series[str]") -> "pd.Series[str]":
        """Say behind row numbers, which may be null, where these rows stand."""
        if not self.places.files:
            return rows
        known = rows.dropna()
        at, numbers = self._find(known.to_numpy(dtype=np.int64))
        names = pd.Series(self.places.files, dtype="str").iloc[at].set_axis(known.index)
        texts = known + " (row " + pd.Series(numbers, known.index).astype("str") + " of " + names
        return rows.where(rows.isna(), (texts + ")").reindex(rows.index))

    def _find(
        self, rows: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Give the positions of the files of rows, and the numbers of the rows in these."""
        first_rows = np.array(self.places.first_rows, np.int64)
        at = np.searchsorted(first_rows, rows, side="right") - 1
        return at, rows - first_rows[at] + 1
