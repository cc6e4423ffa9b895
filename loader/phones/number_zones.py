"""The time zones that a number can be in, as phonenumbers and the tz database know them."""

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
from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

from loader.frames.arrow import join_texts, to_arrow
from loader.frames.collation import fold, fold_text

Choice = dict[float, str]
"""One zone for each offset that is possible, the earliest first."""

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
"""What people of country 1 call their zones; elsewhere the same letters mean other zones."""


class NumberZones:
    """The zones of numbers, and their offsets from UTC in hours, at one instant."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant
        self._offsets: dict[str, float] = {}

    def find(self, leads: pd.DataFrame) -> pd.DataFrame:
        """Find the offsets that numbers can have, by the longest beginning that is known.

        Args:
            leads: str columns calling_code, phone_code and national_number.

        Returns:
            Over the index of `leads`: earliest and latest (float64, hours; NaN where nobody knows),
            and zones (str), one zone for each offset if there are several, else "".
        """
        if leads.empty:
            return _described([]).set_axis(leads.index)
        place = self._place(_calling_code(leads), leads["national_number"])
        return self._possible.take(place).set_axis(leads.index)

    def find_in_state(self, leads: pd.DataFrame) -> pd.DataFrame:
        """Find the same, but of a number's zones only those that its state has too.

        A state that is unknown (`state_zones.toml`), or has none of them, narrows nothing.

        Args:
            leads: also the str column state_given, an abbreviation or a name.
        """
        code = _calling_code(leads)
        place = pd.Series(self._place(code, leads["national_number"]), index=leads.index)
        encoded = _distinct(place.astype("str"), code, fold(leads["state_given"]))
        choices = [self._in_state(*each.split("|", 2)) for each in encoded.dictionary.to_pylist()]
        return _described(choices).take(encoded.indices.to_numpy()).set_axis(leads.index)

    def of_owner(self, owners: "pd.Series[str]", country: "pd.Series[str]") -> "pd.Series[float]":
        """Give the offset of zones by name: `America/New_York`, in country 1 also `EST`.

        Case does not matter; NaN where there is no such zone.
        """
        encoded = _distinct(country, fold(owners))
        zones = [
            self._zone_of_owner(*each.split("|", 1)) for each in encoded.dictionary.to_pylist()
        ]
        offsets = np.array([self._offset(zone) if zone else np.nan for zone in zones], "float64")
        return pd.Series(offsets[encoded.indices.to_numpy()], index=owners.index)

    def _place(self, code: "pd.Series[str]", national: "pd.Series[str]") -> np.ndarray:
        """Give the position of each number's beginning in `TIMEZONE_DATA`; -1: unknown."""
        known = code.isin(map(str, COUNTRY_CODE_TO_REGION_CODE))
        numbers = to_arrow((code + national).where(known, ""))
        beginnings = pa.array(TIMEZONE_DATA, pa.large_string())
        place = pc.coalesce(
            *(
                pc.index_in(pc.utf8_slice_codeunits(numbers, 0, width), beginnings)
                for width in range(TIMEZONE_LONGEST_PREFIX, 0, -1)
            )
        )
        positions: np.ndarray = pc.fill_null(place, -1).to_numpy()
        return positions

    def _in_state(self, place: str, code: str, state: str) -> Choice:
        choice = self._choices[int(place)]
        of_state = {self._offset(zone): zone for zone in _zones_of_states().get((code, state), ())}
        return {offset: of_state[offset] for offset in choice if offset in of_state} or choice

    @cached_property
    def _choices(self) -> list[Choice]:
        """What is possible for each beginning in `TIMEZONE_DATA`; at last, for none of them."""
        # Most share their zones with others.
        choices = {zones: self._choice(zones) for zones in set(TIMEZONE_DATA.values())}
        return [*map(choices.__getitem__, TIMEZONE_DATA.values()), {}]

    @cached_property
    def _possible(self) -> pd.DataFrame:
        return _described(self._choices)

    def _choice(self, zones: tuple[str, ...]) -> Choice:
        known = [zone for zone in zones if zone != UNKNOWN_TIMEZONE]
        # Of the zones with the same offset the first one stays.
        offsets = {self._offset(zone): zone for zone in reversed(known)}
        return dict(sorted(offsets.items()))

    def _offset(self, zone: str) -> float:
        if zone not in self._offsets:
            ahead = self._instant.astimezone(_zone(zone)).utcoffset() or timedelta()
            self._offsets[zone] = ahead / timedelta(hours=1)
        return self._offsets[zone]

    def _zone_of_owner(self, country: str, owner: str) -> str:
        if country == "1" and owner in ABBREVIATIONS:
            return ABBREVIATIONS[owner]
        return _zones_by_name().get(owner, "")


def _calling_code(leads: pd.DataFrame) -> "pd.Series[str]":
    """Give the parsed number's calling code; of what does not parse, the row's phone_code."""
    given = leads["calling_code"]
    return given.where(given != "", leads["phone_code"].str.lstrip("0"))


def _described(choices: list[Choice]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "earliest": [min(choice, default=np.nan) for choice in choices],
            "latest": [max(choice, default=np.nan) for choice in choices],
            "zones": [",".join(choice.values()) if len(choice) > 1 else "" for choice in choices],
        }
    )
    return frame.astype({"earliest": "float64", "latest": "float64", "zones": "str"})


def _distinct(*columns: "pd.Series[str]") -> pa.DictionaryArray:
    """Encode the distinct combinations of texts, joined by `|`."""
    return (
        join_texts([to_arrow(column) for column in columns], "|")
        .combine_chunks()
        .dictionary_encode()
    )


# ZoneInfo itself keeps only the few last ones.
_zone = cache(ZoneInfo)


@cache
def _zones_by_name() -> dict[str, str]:
    return {fold_text(zone): zone for zone in available_timezones()}


@cache
def states_by_calling_code() -> dict[str, dict[str, list[str]]]:
    """Read the states of each calling code: by abbreviation the full name, then the time zones."""
    text = files("loader.phones").joinpath("state_zones.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _zones_of_states() -> dict[tuple[str, str], tuple[str, ...]]:
    """Give the zones by calling code and folded name or abbreviation of the state."""
    return {
        (code, fold_text(name)): tuple(zones)
        for code, states in states_by_calling_code().items()
        for abbreviation, (full_name, *zones) in states.items()
        for name in (abbreviation, full_name)
    }
