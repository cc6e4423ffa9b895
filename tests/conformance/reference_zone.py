"""The time zone of a lead, as `add_lead` finds it: a plain reference for the tests."""

import re
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone
from phonenumbers.tzdata import TIMEZONE_DATA

from tests.conformance.reference_fields import fold, phone_digits

STATES = Path(__file__).parents[2] / "loader" / "phones" / "state_zones.toml"

Row = dict[str, Any]

Turn = tuple[int, int, int]

#: Daylight saving by rule name, when it starts and ends: month, day, hour; on the first Sunday from
#: that day on. These are the dialer's days: its third Sunday of March is the one from the 14th on,
#: its third Sunday of October the one from the 22nd on.
RULES: dict[str, tuple[Turn, Turn]] = {
    "SSM-FSN": ((3, 8, 2), (11, 1, 2)),
    "FSA-LSO": ((4, 1, 2), (10, 25, 2)),
    "LSM-LSO": ((3, 25, 1), (10, 25, 1)),
    "FSO-FSA": ((10, 1, 1), (4, 1, 2)),
    "LSO-LSM": ((10, 25, 1), (3, 25, 1)),
    "FSO-LSM": ((10, 1, 1), (3, 25, 1)),
    "FSO-TSM": ((10, 1, 1), (3, 14, 1)),
    "LSS-FSA": ((10, 1, 1), (4, 1, 2)),
    "TSO-LSF": ((10, 22, 1), (2, 22, 1)),
}
#: These rules also start at midnight of a day, if that comes first: all of October is summer in New
#: Zealand, and 14 March is in the USA, so that 2027 has its change at midnight.
STARTS_AT = {"LSS-FSA": (10, 1), "SSM-FSN": (3, 14)}
#: In these months the hour after midnight is as before the turn on every Sunday, also later ones.
EVERY_SUNDAY = {("FSO-TSM", 3), ("TSO-LSF", 10), ("TSO-LSF", 2)}


def turn(year: int, month: int, day: int, hour: int) -> datetime:
    """Return the first Sunday from a day on, at `hour`."""
    start = datetime(year, month, day, hour)
    return start + timedelta(days=7 - start.isoweekday())


def turn_of_day(year: int, month: int, day: int) -> datetime:
    """Return the midnight a day begins with."""
    return datetime(year, month, day)


def daylight(rule: str, local: datetime) -> bool:
    """Say whether `local` standard time lies in the daylight saving of `rule`."""
    if rule not in RULES:
        return False
    start, end = (turn(local.year, *part) for part in RULES[rule])
    if rule in STARTS_AT:
        month, day = STARTS_AT[rule]
        start = min(start, turn_of_day(local.year, month, day))
    if (rule, local.month) in EVERY_SUNDAY and local.isoweekday() == 7 and local.hour == 0:
        return local.month == end.month
    return start <= local < end if start < end else not end <= local < start


def skip_gap(local: datetime, zone: ZoneInfo) -> datetime:
    """Move a local time inside the skipped spring hour one hour forward."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None)


def written(offset: float) -> str:
    """Write a computed offset as PHP prints numbers: -5, -2.5, 6.75."""
    return f"{offset:g}"


def dialled(sent: str) -> str:
    """Return the digits of a phone number, with the plus of an international one before them."""
    return ("+" if sent.strip().startswith("+") else "") + phone_digits(sent)


def number_of(phone_number: str, phone_code: str) -> "phonenumbers.PhoneNumber | None":
    """Parse digits as a number of the country of `phone_code`; None where that fails.

    Where they can be none, 00 is read as a plus.
    """
    region = phonenumbers.region_code_for_country_code(int(phone_code))
    try:
        number = phonenumbers.parse(phone_number, region)
        if not phonenumbers.is_possible_number(number) and re.match("00[1-9]", phone_number):
            number = phonenumbers.parse(f"+{phone_number[2:]}", region)
    except phonenumbers.NumberParseException:
        return None
    return number


def national(phone_number: str, phone_code: str) -> str:
    """Return the national number; the digits as they are where there is none."""
    number = number_of(phone_number, phone_code)
    plain = phone_number.removeprefix("+")
    return phonenumbers.national_significant_number(number) if number else plain


class Zones:
    """Offsets for one run: one clock, one set of tables."""

    def __init__(self, tables: dict[str, list[Row]], clock: datetime, tz: str) -> None:
        self.codes = tables.get("vicidial_phone_codes", [])
        self.postal = tables.get("vicidial_postal_codes", [])
        self.nanpa = tables.get("vicidial_nanpa_prefix_codes", [])
        self.zone = ZoneInfo(tz)
        self.clock = skip_gap(clock, self.zone)
        self.server = self.server_offset(tables.get("servers", []))

    def server_offset(self, servers: list[Row]) -> float:
        """Return the server's current offset; hhmm/100 of its clock without a server row."""
        now = self.clock.replace(tzinfo=self.zone)
        if servers and str(servers[0]["local_gmt"]):
            return float(servers[0]["local_gmt"]) + bool(now.dst())
        if servers:
            return self.web_clock(now) + bool(now.dst())
        return self.web_clock(now)

    @staticmethod
    def web_clock(now: datetime) -> float:
        """Return the offset of a clock as hhmm/100: +05:30 is 5.3."""
        return int(now.strftime("%z")) / 100

    def local(self, offset: float) -> datetime:
        """Return the lead's local standard time; minutes of an offset do not count."""
        hours = int(self.clock.hour + offset - self.server)
        shifted = self.clock + timedelta(hours=hours - self.clock.hour)
        return skip_gap(shifted, self.zone)

    def current(self, standard: str, rule: str) -> str:
        """Return the offset with daylight saving, as text."""
        plain = standard.replace("+", "")
        offset = float(plain or 0)
        return written(offset + 1) if daylight(rule, self.local(offset)) else plain

    def offset(self, lead: dict[str, str], method: str) -> tuple[str, bool]:
        """Return the current offset as add_lead writes it, and whether it was not in the tables."""
        text, is_beside_tables = self.known(lead, method)
        # It is 0 once an owner was looked up.
        nothing = "0" if method == "TZCODE" and len(lead["owner"]) > 1 else ""
        return text or nothing, is_beside_tables

    def known(self, lead: dict[str, str], method: str) -> tuple[str, bool]:
        """Return the same; "": nobody knows the zone."""
        row = self.by_method(lead, method)
        if row:
            return self.current(row["GMT_offset"], row["DST_range"]), False
        if (row := self.by_code(lead)) is not None:
            return self.current(row["GMT_offset"], row["DST_range"]), False
        if self.codes and int(lead["phone_code"]) not in (1, 52):
            return "", False
        return self.by_number(lead), True

    def by_code(self, lead: dict[str, str]) -> Row | None:
        """Find the row for the phone code: 1 and 52 by area code, 61 by state, others the first."""
        code = int(lead["phone_code"])
        rows = [row for row in self.codes if int(row["country_code"]) == code]
        if code in (1, 52):
            return self.by_area(lead)
        if code == 61:
            state = fold(lead["state"])
            rows = [row for row in rows if fold(row["state"]) == state] or rows
        return rows[0] if rows else None

    def by_area(self, lead: dict[str, str]) -> Row | None:
        """Find the row of the country and the first three digits."""
        code, area = int(lead["phone_code"]), lead["phone_number"][:3]
        rows = (row for row in self.codes if int(row["country_code"]) == code)
        return next((row for row in rows if row["areacode"] == area), None)

    def by_method(self, lead: dict[str, str], method: str) -> Row | None:
        """Find the row that `tz_method` asks for."""
        found = None
        if "POSTAL" in method.upper():
            found = self.by_postal_code(lead)
        if method == "TZCODE":
            found = self.by_owner(lead)
        if "NANPA" in method.upper():
            found = self.by_prefix(lead["phone_number"]) or found
        return found

    def by_postal_code(self, lead: dict[str, str]) -> Row | None:
        """Find a postal code that begins with the lead's (ZIP+4 without its last four)."""
        code = lead["postal_code"]
        if code[5:6] == "-" and code[:5].isdigit():
            code = code[:5]
        if len(code) < 5 or lead["phone_code"] != "1":
            return None
        begin = fold(f"{code}.")[:-1]  # trailing blanks count here
        rows = (row for row in self.postal if str(row["country_code"]) == "1")
        return next((row for row in rows if fold(row["postal_code"]).startswith(begin)), None)

    def by_owner(self, lead: dict[str, str]) -> Row | None:
        """Find the zone code in `owner`: first row's offset, highest daylight rule of all."""
        owner, code = fold(lead["owner"]), int(lead["phone_code"])
        rows = [
            row
            for row in self.codes
            if fold(row["tz_code"]) == owner and int(row["country_code"]) == code
        ]
        if not rows or len(lead["owner"]) < 2:
            return None
        return {**rows[0], "DST_range": max(row["DST_range"] for row in rows)}

    def by_prefix(self, phone_number: str) -> Row | None:
        """Find area code and prefix in the NANPA table, if it is loaded (ten rows or more)."""
        if len(self.nanpa) < 10:
            return None
        for row in self.nanpa:
            if (row["areacode"], row["prefix"]) == (phone_number[:3], phone_number[3:6]):
                return {**row, "DST_range": "SSM-FSN" if row["DST"] == "Y" else ""}
        return None

    def by_number(self, lead: dict[str, str]) -> str:
        """Return the offset that the number's zones have now; "" if it has none.

        Of several the postal code decides, then the state, then it is the earliest.
        """
        number = number_of(lead["dialled"], lead["phone_code"])
        if number is None:
            return ""
        names = {*timezone.time_zones_for_geographical_number(number), *unplaced_zones(number)}
        possible = self.offsets_of(name for name in names if name != "Etc/Unknown")
        if len(possible) > 1:
            if row := self.by_postal_code(lead):
                return self.current(row["GMT_offset"], row["DST_range"])
            code = str(number.country_code)
            possible = possible & self.offsets_of(zones_of_state(code, lead["state"])) or possible
        return written(min(possible)) if possible else ""

    def offsets_of(self, names: Iterable[str]) -> set[float]:
        """Return the offsets, in hours, that zones of the tz database have now."""
        now = self.clock.replace(tzinfo=self.zone)
        offsets = [now.astimezone(ZoneInfo(name)).utcoffset() for name in names]
        return {offset.total_seconds() / 3600 for offset in offsets if offset is not None}


def unplaced_zones(number: "phonenumbers.PhoneNumber") -> set[str]:
    """Return the zones of a USA or Canada area code, where its exchange is not known."""
    digits = f"1{number.national_number}"
    known = any(digits[:width] in TIMEZONE_DATA for width in range(5, len(digits) + 1))
    if number.country_code != 1 or known:
        return set()
    prefixes = [prefix for prefix in TIMEZONE_DATA if prefix.startswith(digits[:4])]
    return {zone for prefix in prefixes for zone in TIMEZONE_DATA[prefix]}


def zones_of_state(country_code: str, state: str) -> list[str]:
    """Return the zones of a state, by its abbreviation or name: a table of facts."""
    states = tomllib.loads(STATES.read_text(encoding="utf-8")).get(country_code, {})
    for abbreviation, (full_name, *zones) in states.items():
        if fold(state) in {fold(abbreviation), fold(full_name)}:
            return list(zones)
    return []
