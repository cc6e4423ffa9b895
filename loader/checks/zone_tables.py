"""The dialer's tables of time zones, each indexed when it is needed."""

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.clock import Clock, offset_now
from loader.dialer import Dialer
from loader.frames.arrow import join_columns, to_arrow
from loader.frames.collation import fold

Positions = npt.NDArray[np.int64]
"""Of rows in a table; -1 for none."""

Offsets = npt.NDArray[np.float64]
"""Hours, of rows; NaN where they are not known."""


class ZoneTables:
    """The rows of the tables by what is looked for in them, and the offsets of the rows."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer

    @cached_property
    def areas(self) -> "FirstRows":
        """vicidial_phone_codes by country and area code."""
        return FirstRows(self._countries, self._dialer.phone_codes["areacode"])

    @cached_property
    def states(self) -> "FirstRows":
        """Likewise by country and state, folded."""
        states = fold(self._dialer.phone_codes["state"], self._dialer.fold)
        return FirstRows(self._countries, states)

    @cached_property
    def countries(self) -> "FirstRows":
        """Likewise by country."""
        return FirstRows(self._countries)

    @cached_property
    def tz_codes(self) -> "FirstRows":
        """Likewise by country and abbreviation of the zone, folded."""
        return FirstRows(self._countries, self._tz_codes)

    @cached_property
    def _countries(self) -> "pd.Series[str]":
        return self._dialer.phone_codes["country_code"].astype("str")

    @cached_property
    def _tz_codes(self) -> "pd.Series[str]":
        return fold(self._dialer.phone_codes["tz_code"], self._dialer.fold)

    @cached_property
    def prefixes(self) -> "FirstRows":
        """The NANPA table by area code and prefix, as one text."""
        return FirstRows(self._dialer.nanpa["prefix"])

    @cached_property
    def postal_codes(self) -> "Beginnings":
        """vicidial_postal_codes by how they begin, folded."""
        return Beginnings(fold(self._dialer.postal_codes["postal_code"], self._dialer.fold))

    @cached_property
    def code_rules(self) -> "ZoneRules":
        """The rules of vicidial_phone_codes."""
        return ZoneRules(self._dialer.phone_codes)

    @cached_property
    def tz_code_rules(self) -> "ZoneRules":
        """Likewise, where each abbreviation has the last rule by name."""
        codes = self._dialer.phone_codes
        of_each = codes["dst_range"].groupby([self._countries, self._tz_codes])
        return ZoneRules(codes.assign(dst_range=of_each.transform("max")))

    @cached_property
    def nanpa_rules(self) -> "ZoneRules":
        """The rules of the NANPA table."""
        return ZoneRules(self._dialer.nanpa)

    @cached_property
    def postal_rules(self) -> "ZoneRules":
        """The rules of vicidial_postal_codes."""
        return ZoneRules(self._dialer.postal_codes)


class ZoneRules:
    """The few pairs of standard offset and daylight saving rule that the rows of a table have."""

    def __init__(self, zones: pd.DataFrame) -> None:
        """Take a table with columns gmt_offset (float64) and dst_range (str)."""
        names = ["gmt_offset", "dst_range"]
        pairs = zones[names].drop_duplicates()
        self._pairs = list(pairs.itertuples(index=False, name=None))
        numbered = pairs.assign(pair=np.arange(len(pairs)))
        of_rows = zones[names].merge(numbered, how="left", on=names)["pair"]
        # The pair behind the last one is that of no row.
        self._of_rows = np.append(of_rows.to_numpy(np.intp), len(pairs))

    def offsets(self, clock: Clock) -> Offsets:
        """Give the offset of each row at a time, and at last NaN for no row."""
        of_pairs = [offset_now(standard, rule, clock) for standard, rule in self._pairs]
        found: Offsets = np.array([*of_pairs, np.nan])[self._of_rows]
        return found


class FirstRows:
    """The first row of a table for each key."""

    def __init__(self, *keys: "pd.Series[str]") -> None:
        """Take the columns of the table, one or two, that are the key."""
        distinct = _as_one(keys).reset_index(drop=True).drop_duplicates()
        self._keys = to_arrow(distinct).combine_chunks()
        self._rows = np.append(distinct.index.to_numpy(), -1)

    def find(self, *keys: "pd.Series[str]") -> Positions:
        """Give the first row that has each key, of as many columns."""
        places = pc.index_in(to_arrow(_as_one(keys)), self._keys)
        rows: Positions = self._rows[pc.fill_null(places, -1).to_numpy()]
        return rows


class Beginnings:
    """The first row of a table that begins with a text: a search in the sorted texts."""

    def __init__(self, texts: "pd.Series[str]") -> None:
        encoded = to_arrow(texts).combine_chunks()
        order = pc.sort_indices(encoded)
        self._sorted = _as_bytes(encoded.take(order))
        self._longest = pc.max(pc.utf8_length(encoded)).as_py() or 0
        # Beyond the last one there is a row that a search may point at.
        self._rows = np.append(order.to_numpy().astype("int64"), len(texts))

    def find(self, beginnings: pa.ChunkedArray) -> Positions:
        """Give the lowest row whose text begins with each."""
        # What is longer than all texts begins none; uncut, one long value would cost much memory.
        cut = pc.utf8_slice_codeunits(beginnings.combine_chunks(), 0, self._longest + 1)
        encoded = cut.dictionary_encode()
        asked = _as_bytes(encoded.dictionary)
        order = np.argsort(asked)
        start = np.searchsorted(self._sorted, asked[order], "left")
        # No UTF-8 text has the byte FF.
        stop = np.searchsorted(self._sorted, np.char.add(asked[order], b"\xff"), "left")
        bounds = np.column_stack([start, stop]).ravel()
        lowest = np.minimum.reduceat(self._rows, bounds)[::2]
        rows = np.empty(len(asked), dtype=np.int64)
        rows[order] = np.where(start < stop, lowest, -1)
        found: Positions = rows[encoded.indices.to_numpy()]
        return found


def _as_bytes(texts: pa.Array) -> npt.NDArray[np.bytes_]:
    encoded: npt.NDArray[np.bytes_] = (
        texts.cast(pa.large_binary()).to_numpy(zero_copy_only=False).astype("S")
    )
    return encoded


def _as_one(keys: tuple["pd.Series[str]", ...]) -> "pd.Series[str]":
    return join_columns(keys, "|") if len(keys) > 1 else keys[0]
