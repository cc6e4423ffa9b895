"""The option duplicate_check: which fields are compared, where, and how far back."""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from loader.errors import UsageError
from loader.options.suggestion import did_you_mean
from loader.reasons import Reason

WINDOWS = (1, 2, 3, 7, 14, 15, 21, 28, 30, 60, 90, 180, 360)
"""The numbers of days that a check may look back (add_lead: nDAY)."""


class Kind(StrEnum):
    """What of a lead is compared, named as in the option."""

    PHONE = ""
    PHONEALT = "PHONEALT"
    TITLEALTPHONE = "TITLEALTPHONE"
    NAMEPHONE = "NAMEPHONE"


class Scope(StrEnum):
    """Where existing leads are looked for."""

    LIST = "LIST"
    CAMP = "CAMP"
    SYS = "SYS"


_WHAT = {
    Kind.PHONE: "PHONE_NUMBER",
    Kind.PHONEALT: "PHONE_OR_ALT_PHONE",
    Kind.TITLEALTPHONE: "TITLE_ALT_PHONE",
    Kind.NAMEPHONE: "NAME_PHONE",
}

_WHERE = {Scope.LIST: "LIST", Scope.CAMP: "CAMPAIGN_LISTS", Scope.SYS: "SYSTEM"}


@dataclass(frozen=True, order=True)
class DuplicateCheck:
    """One check, such as DUPSYS90DAY: kind PHONE, scope SYS, days 90."""

    kind: Kind
    scope: Scope
    days: int | None = None
    """Only leads whose entry_date lies within so many days count; None: all."""

    @property
    def reason(self) -> Reason:
        """The reason that a row gets when the check finds a lead."""
        return Reason[f"DUPLICATE_{_WHAT[self.kind]}_IN_{_WHERE[self.scope]}"]

    def __str__(self) -> str:
        days = "" if self.days is None else f"{self.days}DAY"
        return f"DUP{self.kind.value}{self.scope.value}{days}"


CHECKS = tuple(f"DUP{kind.value}{scope.value}" for kind, scope in product(Kind, Scope))
"""The names of the checks in add_lead's order, which is the order in which they answer."""

_CHECK = re.compile(r"DUP(PHONEALT|TITLEALTPHONE|NAMEPHONE|)(LIST|CAMP|SYS)(?:([0-9]{1,40})DAY)?")


def parse_duplicate_check(option: str) -> tuple[DuplicateCheck, ...]:
    """Read the option duplicate_check, such as `DUPLIST-DUPTITLEALTPHONESYS90DAY`.

    As in add_lead, letter case and characters other than letters, digits, `-` and `_` do not
    matter, nor does the order: the checks come back in the order in which they answer. Unlike
    there, each check has its own window, and UsageError says what is no check or no window.
    """
    parts = re.sub(r"[^A-Z0-9_-]", "", option.upper()).split("-")
    checks = {_parse_one(part) for part in parts if part not in {"", "NONE"}}
    order = list(product(Kind, Scope))
    return tuple(
        sorted(checks, key=lambda check: (order.index((check.kind, check.scope)), check.days or 0))
    )


def _parse_one(part: str) -> DuplicateCheck:
    match = _CHECK.fullmatch(part)
    if match is None:
        raise UsageError(
            f"{part!r} is none of {', '.join(CHECKS)}, "
            "each of which may be followed by a window such as 90DAY; join several by -"
            f"{did_you_mean(part, CHECKS)}"
        )
    kind, scope, days = match.groups()
    if days and int(days) not in WINDOWS:
        raise UsageError(
            f"{part!r} has a window of {days} days; "
            f"the windows are {', '.join(map(str, WINDOWS))} days; did you mean "
            f"{part.removesuffix(f'{days}DAY')}{min(WINDOWS, key=lambda n: abs(n - int(days)))}DAY?"
        )
    return DuplicateCheck(Kind(kind), Scope(scope), int(days) if days else None)
