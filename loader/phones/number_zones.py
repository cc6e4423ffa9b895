"""The time zones that a number can be in, by phonenumbers and the tz database."""

import tomllib
from datetime import datetime, timedelta
from functools import cache, cached_property
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.timezone import UNKNOWN_TIMEZONE
from phonenumbers.tzdata import TIMEZONE_DATA

from loader.frames.arrow import each_distinct, join_texts, to_arrow
from loader.frames.collation import fold, fold_text

ZoneByOffset = dict[float, str]
"""Zone name by possible offset (hours), ascending."""

ABBREVIATIONS = {
    "NST": "America/St_Johns",
    "AST": "America/Halifax",
    "EST": "America/New_York",
    "CST": "America/Chicago",
    "MST": "America/Denver",
    "PST": "America/Los_Angeles",
    "AKST": "America/Anchorage",
    "HST": "Pacific/Honolulu",
}
"""Zone abbreviations, for country 1 alone: elsewhere the same letters mean other zones."""


class NumberZones:
    """Finds the zones of numbers, and their offsets from UTC in hours at one instant."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant
        self._offsets: dict[str, float] = {}

    def find(self, leads: pd.DataFrame) -> pd.DataFrame:
        """Find the offsets that numbers can have, by their longest known prefix.

        Leads have calling_code, phone_code_given and national_number (str). The answer has
        `earliest` and `latest` (hours; NaN: unknown) and `zones`: one for each of several offsets,
        else "".
        """
        if leads.empty:
            return _zones_frame([]).set_axis(leads.index)
        position = self._prefix_positions(_calling_code(leads), leads["national_number"])
        return self._possible.take(position).set_axis(leads.index)

    def find_in_state(self, leads: pd.DataFrame) -> pd.DataFrame:
        """Find the same, but only those zones of a number that its state has as well.

        Column state_given (str) is an abbreviation or a name; a state that is unknown
        (`state_zones.toml`), or has none of the zones, is ignored.
        """
        code = _calling_code(leads)
        position = self._prefix_positions(code, leads["national_number"])
        prefix = pd.Series(position, index=leads.index).astype("str")
        encoded = _encode_distinct(prefix, code, fold(leads["state_given"]))
        choices = [self._in_state(*each.split("|", 2)) for each in encoded.dictionary.to_pylist()]
        return _zones_frame(choices).take(encoded.indices.to_numpy()).set_axis(leads.index)

    def find_by_name(
        self, owners: "pd.Series[str]", country: "pd.Series[str]"
    ) -> "pd.Series[float]":
        """Return the offset (float64, hours) of zones by name: `America/New_York`, `EST`.

        Case does not matter. Abbreviations are known in country 1 alone. NaN: no such zone.
        """
        encoded = _encode_distinct(country, fold(owners))
        zones = [self._zone_by_name(*each.split("|", 1)) for each in encoded.dictionary.to_pylist()]
        offsets = np.array([self._offset(zone) if zone else np.nan for zone in zones], "float64")
        return pd.Series(offsets[encoded.indices.to_numpy()], index=owners.index)

    def _prefix_positions(self, code: "pd.Series[str]", national: "pd.Series[str]") -> np.ndarray:
        """Return the position of each number's longest prefix in `zones_by_prefix`; -1: unknown."""
        known = each_distinct(code, _known_codes)
        numbers = pc.if_else(
            pc.equal(to_arrow(known), ""), "", join_texts([to_arrow(code), to_arrow(national)], "")
        )
        beginnings = pa.array(zones_by_prefix(), pa.large_string())
        position = pc.coalesce(
            *(
                pc.index_in(pc.utf8_slice_codeunits(numbers, 0, width), beginnings)
                for width in range(max(map(len, zones_by_prefix())), 0, -1)
            )
        )
        positions: np.ndarray = pc.fill_null(position, -1).to_numpy()
        return positions

    def _in_state(self, position: str, code: str, state: str) -> ZoneByOffset:
        choice = self._choices[int(position)]
        zones = {self._offset(zone): zone for zone in _zones_by_state().get((code, state), ())}
        return {offset: zones[offset] for offset in choice if offset in zones} or choice

    @cached_property
    def _choices(self) -> list[ZoneByOffset]:
        """The possible zones of each prefix in `zones_by_prefix`; the last entry is for none."""
        # Many prefixes share their zones.
        choices = {zones: self._choice(zones) for zones in set(zones_by_prefix().values())}
        return [*map(choices.__getitem__, zones_by_prefix().values()), {}]

    @cached_property
    def _possible(self) -> pd.DataFrame:
        return _zones_frame(self._choices)

    def _choice(self, zones: tuple[str, ...]) -> ZoneByOffset:
        known = [zone for zone in zones if zone != UNKNOWN_TIMEZONE]
        # Reversed, so that of zones with the same offset the first one stays.
        offsets = {self._offset(zone): zone for zone in reversed(known)}
        return dict(sorted(offsets.items()))

    def _offset(self, zone: str) -> float:
        if zone not in self._offsets:
            offset = self._instant.astimezone(_zone(zone)).utcoffset() or timedelta()
            self._offsets[zone] = offset / timedelta(hours=1)
        return self._offsets[zone]

    def _zone_by_name(self, country: str, owner: str) -> str:
        if country == "1" and owner in ABBREVIATIONS:
            return ABBREVIATIONS[owner]
        return _zones_by_name().get(owner, "")


def _known_codes(codes: "pd.Series[str]") -> "pd.Series[str]":
    """Empty what is no calling code."""
    return codes.where(codes.isin(map(str, COUNTRY_CODE_TO_REGION_CODE)), "")


def _calling_code(leads: pd.DataFrame) -> "pd.Series[str]":
    """Return the calling code of parsed numbers, and the row's phone_code of others."""
    calling_code = leads["calling_code"]
    unknown = calling_code == ""
    if not unknown.any():
        return calling_code
    return calling_code.where(~unknown, leads["phone_code_given"].str.lstrip("0"))


def _zones_frame(choices: list[ZoneByOffset]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "earliest": [min(choice, default=np.nan) for choice in choices],
            "latest": [max(choice, default=np.nan) for choice in choices],
            "zones": [",".join(choice.values()) if len(choice) > 1 else "" for choice in choices],
        }
    )
    return frame.astype({"earliest": "float64", "latest": "float64", "zones": "str"})


def _encode_distinct(*columns: "pd.Series[str]") -> pa.DictionaryArray:
    """Encode the distinct combinations of texts, joined by `|`."""
    return (
        join_texts([to_arrow(column) for column in columns], "|")
        .combine_chunks()
        .dictionary_encode()
    )


AREA_CODE = 4
"""Length of country 1 and an area code."""


@cache
def zones_by_prefix() -> dict[str, tuple[str, ...]]:
    """Return the zones of numbers by how they begin: phonenumbers' data, and what it leaves out.

    It gives an area code of country 1 the zone of most of its exchanges. A number of an exchange
    that it does not know (mobiles, new ones) may be in the zone of any. Further ranges are in
    unplaced_ranges.toml.
    """
    zones = dict(TIMEZONE_DATA)
    for prefix, of_prefix in sorted(TIMEZONE_DATA.items()):
        area = prefix[:AREA_CODE]
        if prefix.startswith("1") and len(prefix) > AREA_CODE:
            # The area code's own zone comes first.
            zones[area] = tuple(dict.fromkeys((*zones.get(area, ()), *of_prefix)))
    text = files("loader.phones").joinpath("unplaced_ranges.toml").read_text(encoding="utf-8")
    unplaced = tomllib.loads(text)
    zones |= {prefix: tuple(names) for prefix, names in unplaced["zones"].items()}
    countries = unplaced["countries"]
    zones |= {prefix: tuple(countries[name]) for prefix, name in unplaced["anywhere"].items()}
    return zones | {area: zones[other] for area, other in unplaced["overlays"].items()}


# ZoneInfo's own cache holds only a few zones.
_zone = cache(ZoneInfo)


@cache
def _zones_by_name() -> dict[str, str]:
    return {fold_text(zone): zone for zone in available_timezones()}


@cache
def states_by_calling_code() -> dict[str, dict[str, list[str]]]:
    """Read by calling code and state abbreviation: the state's full name, then its time zones."""
    text = files("loader.phones").joinpath("state_zones.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _zones_by_state() -> dict[tuple[str, str], tuple[str, ...]]:
    """Return zones by calling code and folded name or abbreviation of the state."""
    return {
        (code, fold_text(name)): tuple(zones)
        for code, states in states_by_calling_code().items()
        for abbreviation, (full_name, *zones) in states.items()
        for name in (abbreviation, full_name)
    }
