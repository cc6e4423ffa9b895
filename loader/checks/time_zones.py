"""gmt_offset_now: the hours from UTC at which a lead's local clock stands now; and its state.

The dialer's tables decide, as add_lead reads them; where they have nothing, phonenumbers and the
tz database serve. Of several zones that a number can have, the postal code or the state decides.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.fit import column_of
from loader.checks.zone_tables import Offsets, ZoneRules, ZoneTables
from loader.dialer import Dialer
from loader.findings import Findings, Notices, findings, join_frames, no_findings, notices
from loader.frames.arrow import (
    Mask,
    are_equal,
    as_mask,
    first_letters,
    keep,
    to_arrow,
    to_mask,
    to_series,
)
from loader.frames.collation import fold
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.phones.number_zones import NumberZones
from loader.phones.regions import map_distinct
from loader.reasons import Reason

BY_AREA = ("1", "52")
"""Countries whose zones go by area code."""
BY_STATE = "61"
"""The country whose zones go by state."""

ZONED = (
    "phone_code_given", "phone_number", "calling_code", "national_number", "state_given",
    "postal_code_given", "owner_given",
)  # fmt: skip
"""Columns of leads by which zones are found."""


def tz_methods(tz_method: str) -> frozenset[str]:
    """Give the methods that an option names, as add_lead finds them.

    POSTAL and NANPA count anywhere in the text and in any case, TZCODE only as the whole text.
    """
    found = {name for name in ("POSTAL", "NANPA") if name in tz_method.upper()}
    return frozenset(found | {tz_method} & {"TZCODE"})


def zone_remarks(options: LoadOptions, dialer: Dialer) -> list[str]:
    """Say what holds for the zones of a whole run and is not as one might expect."""
    methods, remarks = tz_methods(options.tz_method), []
    usual = "time zones go by phone_code and area code"
    if dialer.knows_leads and dialer.phone_codes.empty:
        remarks.append(
            "vicidial_phone_codes is empty: time zones come from the phonenumbers library"
        )
        if "TZCODE" in methods:
            remarks.append(
                "of tz_method TZCODE only names of the tz database, EST and its like count"
            )
        if options.lookup_state == "Y":
            remarks.append("lookup_state found nothing: vicidial_phone_codes is empty")
    if dialer.knows_leads and "POSTAL" in methods and dialer.postal_codes.empty:
        remarks.append(f"tz_method POSTAL found nothing: vicidial_postal_codes is empty; {usual}")
    if _lacks_nanpa(options, dialer):
        remarks.append("NANPA options disabled, NANPA prefix data not loaded")
    return remarks


class Zones:
    """The zones of one run: its clock and the dialer's tables, each indexed when it is needed."""

    def __init__(self, options: LoadOptions, dialer: Dialer, before: "Zones | None" = None) -> None:
        """Take the tables, and the zones of the same tables at another time."""
        self._options, self._dialer = options, dialer
        self._tables: ZoneTables = ZoneTables(dialer) if before is None else before._tables
        self._methods = tz_methods(options.tz_method)
        self._offsets: dict[ZoneRules, Offsets] = {}
        self._number_zones = NumberZones(dialer.clock.utc)

    def fill_state(self, leads: pd.DataFrame) -> pd.DataFrame:
        """Fill empty states by country and area code (add_lead: lookup_state).

        Args:
            leads: str columns phone_code_given, phone_number, state and state_given; in a
                state_given of blanks nothing is filled.

        Returns:
            The leads, with state_given as vicidial_phone_codes has it and state cut to its column.
        """
        if self._options.lookup_state == "N":
            return leads
        empty = leads["state_given"] == ""
        if not empty.any():
            return leads
        asked = leads[empty]
        areas = first_letters(asked["phone_number"], 3)
        rows = self._tables.areas.find(_country(asked), areas)
        states = to_arrow(self._dialer.phone_codes["state"])
        named = pc.fill_null(states.take(pa.array(rows, mask=rows < 0)), "")
        found = to_series(named, asked.index)
        cut = found.str.slice(0, column_of("state", self._dialer.columns).width)
        return leads.assign(
            state_given=leads["state_given"].where(~empty, found.reindex(leads.index)),
            state=leads["state"].where(~empty, cut.reindex(leads.index)),
        )

    def offsets(self, leads: pd.DataFrame) -> tuple["pd.Series[float]", Findings, Notices]:
        """Find gmt_offset_now for every lead (add_lead: tz_method).

        What tz_method finds decides. Else country codes 1 and 52 go by area code, 61 by state, all
        others by the first row of their country; so does 61 for an unknown state. An unknown
        area code, and every number while vicidial_phone_codes is empty, takes the time zone that
        phonenumbers knows; if that has several offsets, the postal code decides, then the state,
        then ambiguous_tz. What nobody knows gets 0. With ambiguous_tz reject, a zone that the
        tables have for an ambiguous number does not count either, unless tz_method found it:
        postal code or state decide, or the row is rejected.

        Args:
            leads: str columns phone_code_given (uncut), phone_number, calling_code,
                national_number, state_given, postal_code_given and owner_given.

        Returns:
            Hours (float64) over the index of `leads`, the rejected ones, and notices.
        """
        country = _country(leads)
        by_method = self._by_method(leads, country)
        by_table = _first_known(by_method, self._by_code(leads, country))
        no_codes = self._dialer.phone_codes.empty
        unknown = np.isnan(by_table) & (_go_by_area(country) | no_codes)
        offsets, several = self._by_number(leads, by_method, by_table, unknown)
        is_nowhere = np.isnan(offsets)
        found = keep(unknown & ~is_nowhere & (not no_codes), leads["phone_number"])
        lacking = leads.index if _lacks_nanpa(self._options, self._dialer) else leads.index[:0]
        noticed = [
            notices(lacking, Notice.NANPA_NOT_LOADED),
            notices(found.index, Notice.TIME_ZONE_OF_NUMBER, value=first_letters(found, 3)),
            notices(leads.index[is_nowhere], Notice.NO_TIME_ZONE),
        ]
        if self._options.ambiguous_tz == "reject":
            rejected = findings(several.index, Reason.AMBIGUOUS_TIME_ZONE, zones=several)
        else:
            rejected = no_findings()
            noticed.append(notices(several.index, Notice.AMBIGUOUS_TIME_ZONE, zones=several))
        hours = pd.Series(np.where(is_nowhere, 0.0, offsets), index=leads.index)
        return hours, rejected, join_frames(noticed)

    def _by_number(
        self, leads: pd.DataFrame, by_method: Offsets, by_table: Offsets, unknown: Mask
    ) -> "tuple[Offsets, pd.Series[str]]":
        """Let the number decide where offsets are unknown, or where the table's is a guess.

        Returns:
            The offsets, and the names of the zones of numbers that may be in several still.
        """
        choice = self._options.ambiguous_tz
        asked = np.isnan(by_method) if choice == "reject" else unknown
        if not asked.any():
            return by_table, leads["phone_number"][:0]
        number = self._of_number(_where(leads, asked))
        replaced = unknown
        if choice == "reject":
            # Among several zones the table's is a guess, where something else decides.
            decided = number["decided"].reindex(leads.index, fill_value=False)
            replaced = unknown | decided.to_numpy()
        of_number = number["latest" if choice == "latest" else "earliest"].reindex(leads.index)
        several = number["zones"][number["zones"] != ""]
        return np.where(replaced, of_number, by_table), several

    def _by_method(self, leads: pd.DataFrame, country: "pd.Series[str]") -> Offsets:
        """Find the offsets that tz_method asks for: NANPA's before POSTAL's."""
        offsets: Offsets = np.full(len(leads), np.nan)
        if "NANPA" in self._methods and self._dialer.nanpa_is_loaded:
            rows = self._tables.prefixes.find(first_letters(leads["phone_number"], 6))
            offsets = self._offsets_now(self._tables.nanpa_rules)[rows]
        if "POSTAL" in self._methods:
            offsets = _first_known(offsets, self._by_postal_code(leads))
        if "TZCODE" in self._methods:
            offsets = self._by_owner(leads["owner_given"], country)
        return offsets

    def _by_code(self, leads: pd.DataFrame, country: "pd.Series[str]") -> Offsets:
        """Find the offsets that vicidial_phone_codes has."""
        if self._dialer.phone_codes.empty:
            return np.full(len(leads), np.nan)
        area = first_letters(leads["phone_number"], 3)
        rows = np.where(
            _go_by_area(country),
            self._tables.areas.find(country, area),
            self._tables.countries.find(country),
        )
        if (by_state := are_equal(country, BY_STATE)).any():
            states = fold(leads["state_given"], self._dialer.fold)
            state = self._tables.states.find(country, states)
            rows = np.where(by_state & (state >= 0), state, rows)
        offsets: Offsets = self._offsets_now(self._tables.code_rules)[rows]
        return offsets

    def _by_postal_code(self, leads: pd.DataFrame) -> Offsets:
        """Find the first code that begins with the lead's, of a ZIP+4 with its first five digits.

        Country 1 alone has them, and a lead's code counts from five characters on.
        """
        offsets: Offsets = np.full(len(leads), np.nan)
        if self._dialer.postal_codes.empty:
            return offsets
        code = pc.replace_substring_regex(
            to_arrow(leads["postal_code_given"]), r"(?s)^([0-9]{5})-.*", r"\1"
        )
        long_enough = to_mask(pc.greater_equal(pc.utf8_length(code), 5), leads.index)
        counts = long_enough & (leads["phone_code_given"] == "1")
        # Trailing blanks count here, so they must not come last.
        ended = (to_series(code, leads.index)[counts]) + "."
        begin = pc.utf8_slice_codeunits(to_arrow(fold(ended, self._dialer.fold)), 0, -1)
        offsets[counts.to_numpy()] = self._offsets_now(self._tables.postal_rules)[
            self._tables.postal_codes.find(begin)
        ]
        return offsets

    def _by_owner(self, owners: "pd.Series[str]", country: "pd.Series[str]") -> Offsets:
        """Find the zone that owner names, as vicidial_phone_codes has it for the country.

        The offset is that of its first row, the daylight saving rule the last one by name.
        """
        if self._dialer.phone_codes.empty:
            found = self._number_zones.find_by_name(owners, country).to_numpy()
        else:
            rows = self._tables.tz_codes.find(country, fold(owners, self._dialer.fold))
            found = self._offsets_now(self._tables.tz_code_rules)[rows]
        is_named = as_mask(pc.greater_equal(pc.utf8_length(to_arrow(owners)), 2))
        return np.where(is_named, found, np.nan)

    def _of_number(self, leads: pd.DataFrame) -> pd.DataFrame:
        """Find the offsets of numbers (see `NumberZones`): postal code, then state decide.

        Column `decided` (bool) says that they did, where the number has several.
        """
        number = self._number_zones.find(leads).assign(decided=False)
        several = _where(leads, ~are_equal(number["zones"], ""))
        if several.empty:
            return number
        by_postal_code = pd.Series(self._by_postal_code(several), index=several.index)
        in_state = self._number_zones.find_in_state(several)
        zones = in_state["zones"].where(by_postal_code.isna(), "")
        number.loc[several.index] = in_state.assign(
            earliest=by_postal_code.fillna(in_state["earliest"]),
            latest=by_postal_code.fillna(in_state["latest"]),
            zones=zones,
            decided=zones == "",
        )
        return number

    def _offsets_now(self, rules: ZoneRules) -> Offsets:
        """Give the offsets of a table's rows at the clock of the run, worked out once."""
        if rules not in self._offsets:
            self._offsets[rules] = rules.offsets(self._dialer.clock)
        return self._offsets[rules]


def _country(leads: pd.DataFrame) -> "pd.Series[str]":
    """Give the phone_code as a number: 0044 is 44."""
    return map_distinct(leads["phone_code_given"], lambda code: code.lstrip("0") or "0")


def _first_known(offsets: Offsets, others: Offsets) -> Offsets:
    """Give others where offsets are not known."""
    return np.where(np.isnan(offsets), others, offsets)


def _go_by_area(country: "pd.Series[str]") -> Mask:
    """Say which countries have zones by area code, see `BY_AREA`."""
    of_each: Mask = np.logical_or.reduce([are_equal(country, code) for code in BY_AREA])
    return of_each


def _where(leads: pd.DataFrame, mask: Mask) -> pd.DataFrame:
    """Give what finds the zones of the leads for which a mask is true: mostly all, or none."""
    return leads if mask.all() else leads[[name for name in ZONED if name in leads]][mask]


def _lacks_nanpa(options: LoadOptions, dialer: Dialer) -> bool:
    """Say whether NANPA data is asked for, but not loaded."""
    asked = options.nanpa_ac_prefix_check == "Y" or "NANPA" in tz_methods(options.tz_method)
    return asked and not dialer.nanpa_is_loaded
