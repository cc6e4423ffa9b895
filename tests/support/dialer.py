"""The dialer with its accidents: the reference without the intended differences.

It is just enough to check that the reference differs from the recorded cases by the intended
differences alone, and to show where our answer differs from the dialer's.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator

from tests.conformance.reference import Answer, Lead, Reference, Rejected, Row
from tests.conformance.reference_extras import Extras, callback_time
from tests.conformance.reference_fields import BIGGEST_UNSIGNED, NO_DATE, digits, read_date
from tests.conformance.reference_moments import read_moment
from tests.conformance.reference_run import (
    COMPARED,
    DNC_SWITCHES,
    SWITCHES,
    WINDOWS,
    Check,
    is_tz_method,
)
from tests.conformance.reference_zone import Zones

#: The characters that the dialer keeps beside letters and digits; others it drops.
KEPT = {
    "title": "-_.' ",
    "first_name": "-_.' ",
    "last_name": "-_.' ",
    "middle_initial": "-_",
    "address1": "-_.':/@ ",
    "address2": "-_.':/@ ",
    "address3": "-_.':/@ ",
    "city": "-_.':/@ ",
    "state": "- ",
    "province": "-_.' ",
    "postal_code": "-' ",
    "country_code": "-_",
    "alt_phone": "-_.' ",
    "email": "-_.':/@% ",
    "security_phrase": "-_.':/@ ",
    "owner": "-_.':/@ ",
}
#: These keep everything but three characters, and backslashes act in the statement.
RAW = ("vendor_lead_code", "source_id", "comments")

CHECK_NAME = re.compile(r"DUP(PHONEALT|TITLEALTPHONE|NAMEPHONE|)(LIST|CAMP|SYS)")


ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}
# As patterns they keep their backslash.
ESCAPED |= {"%": "\\%", "_": "\\_"}


def dialers_text(name: str, value: str, non_latin: bool) -> str:
    """Return what the dialer makes of a text, not yet cut."""
    if name in RAW:
        kept = raw_text(value)
        plain = re.sub(r"\\(.)", lambda found: ESCAPED.get(found[1], found[1]), kept)
        return "".join(c if ord(c) <= 0xFFFF else "????" for c in plain)
    blank = " " in KEPT[name] and name not in ("title", "state")
    plain = value.replace("+", " " if blank else "")
    return "".join(c for c in plain if c in KEPT[name] or is_word(c, non_latin))


def raw_text(value: str) -> str:
    """Return what the dialer writes into its statement of a text in which backslashes act."""
    return re.sub(r'[;#"]', "", value.replace("+", " "))


def breaks_statement(value: str) -> bool:
    """Say whether the quote behind a text is taken for a part of it: it ends in a backslash."""
    kept = raw_text(value)
    return (len(kept) - len(kept.rstrip("\\"))) % 2 == 1


def is_word(character: str, non_latin: bool) -> bool:
    """Return whether the dialer takes a character for a letter or a digit."""
    if character.isascii():
        return character.isalnum()
    return non_latin and ord(character) <= 0xFFFF and unicodedata.category(character)[0] in "LN"


class DialersZones(Zones):
    """Zones as the dialer finds them, with its accidents."""

    def known(self, lead: Lead, method: str) -> tuple[str, bool]:
        """Return the offset: what finds nothing takes the first row of the country."""
        row = self.by_method(lead, method) or self.by_code(lead) or self.first(lead)
        if row is None:
            return "", False
        return self.current(row["GMT_offset"], row["DST_range"]), False

    def first(self, lead: Lead) -> Row | None:
        """Return the first row of the country."""
        code = int(lead["phone_code"])
        return next((row for row in self.codes if int(row["country_code"]) == code), None)

    def by_postal_code(self, lead: Lead) -> Row | None:
        """Find a postal code with the last four digits still in it."""
        code = lead["postal_code"]
        return None if "-" in code else super().by_postal_code(lead)


def dialers_checks(option: str) -> list[Check]:
    """Return the checks whose names are found anywhere, with the one window found as text."""
    kept = re.sub(r"[^A-Z0-9_-]", "", option.upper())
    days = max((each for each in WINDOWS if f"{each}DAY" in kept), default=None)
    found = {Check(key, scope, days) for key, scope in CHECK_NAME.findall(kept)}
    return sorted(found, key=lambda check: check.rank)


def dialers_gender(value: str) -> tuple[str, list[str]]:
    """Keep capitals; an unknown gender is empty."""
    letters = re.sub(r"[^A-Z]", "", value)
    return (letters if letters in ("M", "F", "U") else "") if letters else "U", []


def dialers_rank(value: str) -> tuple[int, list[str]]:
    """Keep digits."""
    return min(int(digits(value) or 0), 32767), []


def dialers_birth(value: str) -> tuple[str, list[str]]:
    """Read digits and hyphens as the database does."""
    return read_date(re.sub(r"[^0-9-]", "", value)) or NO_DATE, []


def dialers_list_id(value: str) -> int:
    """Keep digits, at most the biggest that the column holds."""
    return min(int(digits(value) or 0), BIGGEST_UNSIGNED)


class DialersExtras(Extras):
    """What comes with a lead, as the dialer does it."""

    @staticmethod
    def with_column(labels: list[str], columns: dict[str, str]) -> list[str]:
        """Fail at the insert where the table lacks a column."""
        return labels if set(labels) <= set(columns) else []

    @staticmethod
    def custom_value(value: str, _column: str) -> str:
        """Drop what the dialer drops of a custom value."""
        kept = re.sub(r'[;"]', "", value.replace("+", " ")).removesuffix("\\")
        return "" if kept == "--BLANK--" else kept

    def callback(self, row: Row, request: Lead) -> str:
        """Hold the lead in any case, and take any date."""
        line = super().callback(row, request)
        row["status"] = "CBHOLD"
        if "DATE NOT VALID" not in line:
            return line
        sent = request.get("callback_datetime", "")
        line = super().callback(row, {**request, "callback_datetime": "NOW"})
        moment = read_moment(sent) or "0000-00-00 00:00:00"
        self.tables["vicidial_callbacks"][-1]["callback_time"] = moment
        now = callback_time("NOW", self.clock, self.zone)
        return line.replace(f"|{now}|", f"|{sent}|")

    def alt_phones(self, row: Row, request: Lead, user: str) -> Iterator[str]:
        """Drop odd characters."""
        sent = re.sub(r"[^-0-9a-zA-Z_!: .]", "", request.get("multi_alt_phones", ""))
        return super().alt_phones(row, {**request, "multi_alt_phones": sent}, user)


class Dialer(Reference):
    """One run of the dialer."""

    zones_class = DialersZones
    extras_class = DialersExtras
    read_checks = staticmethod(dialers_checks)
    gender = staticmethod(dialers_gender)
    rank = staticmethod(dialers_rank)
    state = staticmethod(str)
    country = staticmethod(str)
    birth = staticmethod(dialers_birth)
    entry_list_id = staticmethod(dialers_list_id)

    def add_lead(self, lead: dict[str, str | None]) -> Answer:
        """Take odd switches for what the dialer takes them for."""
        sent = {**self.options, **lead}
        request = {key: value for key, value in sent.items() if value is not None}
        for key in request.keys() & set(SWITCHES):
            kept = re.sub(r"[^A-Z]", "", request[key])
            on = "Y" in request[key].upper() if key == "list_exists_check" else kept == "Y"
            if key == "custom_fields":
                on = request[key] == "Y"
            request[key] = "Y" if on else "N"
        for key in request.keys() & set(DNC_SWITCHES):
            kept = re.sub(r"[^A-Z]", "", request[key])
            request[key] = kept if kept in ("Y", "AREACODE") else "N"
        method = request.get("tz_method", "")
        if not is_tz_method(method):
            request["tz_method"] = "-".join(n for n in ("POSTAL", "NANPA") if n in method.upper())
        return super().add_lead({**dict.fromkeys(self.options), **request})

    def text(self, name: str, value: str) -> tuple[str, list[str]]:
        """Drop what the dialer drops."""
        settings = (self.tables.get("system_settings") or [{}])[0]
        return dialers_text(name, value, str(settings.get("use_non_latin", "0")) == "1"), []

    @staticmethod
    def phone(sent: str) -> str:
        """Keep digits and commas."""
        return re.sub(r"[^0-9,]", "", sent)

    @staticmethod
    def damaged(_sent: str) -> bool:
        """Know nothing of spreadsheets."""
        return False

    def national(self, lead: Lead) -> str:
        """Take the digits as they are."""
        return lead["phone_number"]

    def can_be_list_id(self, _list_id: str) -> bool:
        """Take any list_id."""
        return True

    def can_be_usacan(self, _lead: Lead) -> bool:
        """Look at neither length nor country."""
        return True

    def allowed(self, user_row: Row) -> set[str]:
        """Allow lists of no campaign too: the list of allowed ones begins with an empty name."""
        empty = [row for row in self.tables["vicidial_lists"] if row["campaign_id"] == ""]
        return super().allowed(user_row) | {str(row["list_id"]) for row in empty}

    def is_by_phone(self, phone: str, row: Row) -> bool:
        """Compare the numbers as numbers."""
        return digits(row["phone_number"]).lstrip("0") == digits(phone).lstrip("0")

    def comparable(self, name: str, lead: Lead) -> str:
        """Compare the full value."""
        return lead[name]

    def default_list_id(self, list_id: str) -> str:
        """Take 999 for a list_id of fewer than three digits."""
        return list_id if len(list_id) > 2 else "999"

    def matches(self, check: Check, lead: Lead, where: Callable[[int], bool]) -> Iterator[Row]:
        """Find nothing where a quote breaks the query; go by list where the server does."""
        names = COMPARED.get(check.key, ())
        if any("'" in lead[name] for name in names if name != "PHONE"):
            return iter(())
        found = super().matches(check, lead, where)
        if (check.key, check.scope) == ("PHONEALT", "CAMP"):
            return iter(sorted(found, key=lambda row: row["list_id"]))
        return found

    def insert(self, lead: Lead, request: Lead, user: str, answer: Answer) -> None:
        """Fail at a last backslash; find no NANPA zone beside the prefix check."""
        if any(breaks_statement(request.get(name, "")) for name in RAW):
            line = f"{lead['phone_number']}|{lead['list_id']}|<statement>|{user}"
            raise Rejected("", f"LEAD HAS NOT BEEN ADDED - {line}")
        nanpa = self.zones.nanpa
        if request.get("usacan_prefix_check") == "Y":
            self.zones.nanpa = []
        super().insert(lead, request, user, answer)
        self.zones.nanpa = nanpa
