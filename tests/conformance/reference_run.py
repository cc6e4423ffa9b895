"""What decides about a run of `add_lead` as a whole: a plain reference for the tests."""

import re
from dataclasses import dataclass
from typing import Any

from tests.conformance.reference_fields import fold

Row = dict[str, Any]

WINDOWS = (1, 2, 3, 7, 14, 15, 21, 28, 30, 60, 90, 180, 360)
KEYS = ("", "PHONEALT", "TITLEALTPHONE", "NAMEPHONE")
COMPARED = {
    "": ("PHONE",),
    "TITLEALTPHONE": ("title", "alt_phone"),
    "NAMEPHONE": ("first_name", "last_name", "PHONE"),
}
SCOPES = {"LIST": "LIST", "CAMP": "CAMPAIGN LISTS", "SYS": "SYSTEM"}
CHECK = re.compile(rf"DUP({'|'.join(filter(None, KEYS))}|)({'|'.join(SCOPES)})(?:([0-9]+)DAY)?")
SWITCHES = (
    "usacan_prefix_check",
    "usacan_areacode_check",
    "nanpa_ac_prefix_check",
    "list_exists_check",
    "lookup_state",
    "callback",
    "custom_fields",
    "add_to_hopper",
    "hopper_local_call_time_check",
)
DNC_SWITCHES = ("dnc_check", "campaign_dnc_check")


class ReferenceRefusal(Exception):  # noqa: N818 a refusal is an answer, not an error
    """The whole run is refused.

    `kind` is "usage" or "not_allowed"; `line` is add_lead's where it has one.
    """

    def __init__(self, kind: str, line: str) -> None:
        super().__init__(line)
        self.kind = kind
        self.line = line


@dataclass(frozen=True)
class Check:
    """One duplicate check: what is compared, where, how far back."""

    key: str
    scope: str
    days: int | None

    @property
    def rank(self) -> tuple[int, int]:
        """The fixed order of the checks."""
        return KEYS.index(self.key), list(SCOPES).index(self.scope)


def read_checks(option: str) -> list[Check]:
    """Read `duplicate_check` strictly: documented checks, joined by hyphens, documented windows."""
    parts = re.sub(r"[^A-Z0-9_-]", "", option.upper()).split("-")
    checks = []
    for part in parts:
        if part in ("", "NONE"):
            continue
        found = CHECK.fullmatch(part)
        if not found:
            raise ReferenceRefusal("usage", f"duplicate_check: {part}")
        days = int(found[3]) if found[3] else None
        if days not in (None, *WINDOWS):
            raise ReferenceRefusal("usage", f"duplicate_check: {part}: days are {WINDOWS}")
        checks.append(Check(found[1], found[2], days))
    return sorted(checks, key=lambda check: check.rank)


def check_run(request: dict[str, str], users: list[Row]) -> tuple[str, Row]:
    """Refuse the run where its options or its user do not allow it; return the user."""
    source = re.sub(r"[^0-9a-zA-Z]", "", request.get("source", "test"))
    if len(source) < 2:
        raise ReferenceRefusal("usage", f"ERROR: Invalid Source - {source}")
    user = re.sub(r"[^0-9a-zA-Z_-]", "", request.get("user", ""))
    row = check_user(user, request.get("pass", "1234"), users)
    for name in SWITCHES:
        if request.get(name, "") not in ("", "Y", "N"):
            raise ReferenceRefusal("usage", f"{name} is Y or N")
    for name in DNC_SWITCHES:
        if request.get(name, "") not in ("", "Y", "N", "AREACODE"):
            raise ReferenceRefusal("usage", f"{name} is Y, N or AREACODE")
    if not is_tz_method(request.get("tz_method", "")):
        raise ReferenceRefusal("usage", "tz_method is POSTAL, NANPA, both, or TZCODE")
    return user, row


def is_tz_method(option: str) -> bool:
    """Say whether `tz_method` names documented methods only: TZCODE stands alone, in capitals."""
    return option in ("", "TZCODE") or {*option.upper().split("-")} <= {"POSTAL", "NANPA"}


def check_user(user: str, password: str, users: list[Row]) -> Row:
    """Refuse a user that may not add leads."""
    rows = [row for row in users if fold(row["user"]) == fold(user)]
    bad_login = f"ERROR: Login incorrect, please try again: |{user}|{password}|BAD|"
    if not rows or rows[0]["active"] != "Y" or rows[0]["user_level"] < 7:
        raise ReferenceRefusal("not_allowed", bad_login)
    row = rows[0]
    if row["pass"] != password:
        raise ReferenceRefusal("not_allowed", bad_login)
    allowed = f" {row['api_allowed_functions']} "
    if " ALL_FUNCTIONS " not in allowed and " add_lead " not in allowed:
        line = f"ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION - |{user}|"
        raise ReferenceRefusal("not_allowed", line)
    may = str(row["modify_leads"]) in "1234" and row["user_level"] >= 8
    if not may or str(row["vdc_agent_api_access"]) != "1":
        line = (
            f"ERROR: add_lead USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM: |{user}|0|"
        )
        raise ReferenceRefusal("not_allowed", line)
    return row
