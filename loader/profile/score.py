"""How good a list is, as one number from 0 to 100 and the parts that it is made of."""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from loader.fields.reject_file import UNREADABLE
from loader.options.load import LoadOptions
from loader.profile.records import Seen
from loader.reasons import Notice, Reason
from loader.results.summary import Score, ScorePart, Tally

NO_NUMBER = frozenset(
    {Reason.DAMAGED_PHONE_NUMBER, Reason.INVALID_PHONE_NUMBER_LENGTH, Reason.INVALID_PHONE_NUMBER}
)
"""The number is none, so that nobody asked whether it may be called and whether it is new."""

NOT_CALLABLE = NO_NUMBER | {
    Reason.INVALID_PHONE_NUMBER_PREFIX,
    Reason.INVALID_PHONE_NUMBER_AREACODE,
    Reason.INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX,
}
FORBIDDEN = frozenset(
    {Reason.PHONE_NUMBER_IN_DNC, Reason.PHONE_NUMBER_IN_CAMPAIGN_DNC, Reason.PHONE_NUMBER_IN_FEED}
)
NOT_NEW = frozenset(reason for reason in Reason if reason.startswith("DUPLICATE_"))
NOT_THE_VENDORS = frozenset(
    {Reason.INVALID_LIST_ID, Reason.NOT_AN_ALLOWED_LIST_ID, Reason.NOT_A_DEFINED_LIST_ID,
     Reason.UNSTORABLE_CHARACTERS, Reason.AMBIGUOUS_TIME_ZONE, Reason.REFUSED_BY_SERVER,
     Reason.EXISTING_LEAD_GONE, Reason.NOT_INSERTED}
)  # fmt: skip
"""Say more of the dialer, of its lists and of the options than of what was delivered."""

DUPLICATES_TAKEN = (
    Notice.UPDATED_EXISTING_LEAD, Notice.MOVED_EXISTING_LEAD, Notice.EXISTING_LEAD_UNCHANGED,
)  # fmt: skip
"""Of rows that were not rejected as duplicates, for on_duplicate is not reject."""

NO_REGION = ""
"""Of a loaded number that is in no numbering plan, as far as phone_validation let it pass."""

ALL_POINTS, MOST_WITH_A_FAULT = 100, 99.9

WANTED = ("first_name", "last_name", "address1", "city", "state", "postal_code", "email")
"""The fields that a complete lead has beside its number."""


def score_of(
    tally: Tally,
    reasons_all: Mapping[str, int],
    *,
    of_file: int,
    seen: Seen,
    fields: Mapping[str, str],
    options: LoadOptions,
    knows_leads: bool,
) -> Score:
    """Measure a list by what was found of its rows.

    The first five parts say how many rows are worth anything: 100 points times their shares, so
    that a list without one such row has none. Of what is left, empty fields take up to 10 in 100,
    and values that look wrong up to 5.

    What was not looked at does not count, see `unknown_parts`.

    Args:
        tally: of the run.
        reasons_all: rejected rows by each reason that applies to them; may be empty.
        of_file: rows rejected as duplicates of other rows of the file, not of existing leads.
        seen: what the rows look like.
        fields: source column by field.
        options: by which the rows were checked.
        knows_leads: there was a database to ask.

    Returns:
        Points rounded to a tenth, which are 100 only if nothing at all is wrong, and the parts,
        always the same ones in the same order.
    """
    faults = _Faults(tally, reasons_all)
    readable = tally.rows_read - faults.rows(UNREADABLE)
    numbers = readable - faults.rows(NO_NUMBER)
    forbids = knows_leads and {options.dnc_check, options.campaign_dnc_check} != {"N"}
    finds_duplicates = knows_leads and options.duplicate_check
    not_callable = faults.rows(NOT_CALLABLE) + tally.regions[NO_REGION]
    not_new = _not_new(faults, tally, twice=min(of_file, seen.repeated_numbers))
    shares = {
        "readable rows": _rest(faults.rows(UNREADABLE), tally.rows_read),
        "numbers that can be called": _rest(not_callable, readable),
        "numbers that may be called": (
            _rest(faults.rows(FORBIDDEN), numbers) if forbids or options.feed else None
        ),
        "new to the dialer": _rest(not_new, numbers) if finds_duplicates else None,
        "no number twice": _rest(seen.repeated_numbers, min(numbers, seen.rows)),
        "complete": _fill_rate(seen, fields),
        "tidy": _rest(seen.odd_rows, seen.rows),
    }
    return Score(points=_points(parts := _parts(shares)), parts=parts)


def unknown_parts(score: Score) -> int:
    """Count the parts that were not looked at; a score is no measure beside one of other parts."""
    return sum(part.share is None for part in score.parts)


class _Part(NamedTuple):
    weight: float
    meaning: str


PARTS = {
    "readable rows": _Part(100, "rows whose fields could be told apart"),
    "numbers that can be called": _Part(
        100,
        "readable rows with a phone number that can exist: right length, in a numbering plan",
    ),
    "numbers that may be called": _Part(
        100, "rows with a number that is on no do-not-call list and in no feed"
    ),
    "new to the dialer": _Part(
        100,
        "rows with a number that are no duplicates of leads, by the duplicate checks of the load",
    ),
    "no number twice": _Part(100, "rows with a number that no earlier row of the file has"),
    "complete": _Part(10, "how full the names, the address and the mail address are, on average"),
    "tidy": _Part(5, "rows without a value that looks wrong"),
}
"""What a list is measured by, and the points that a share of 0 would cost."""


class _Faults:
    """How many rows have one of several reasons, as far as the counts by reason tell."""

    def __init__(self, tally: Tally, reasons_all: Mapping[str, int]) -> None:
        self._first, self._all = dict(tally.reasons), reasons_all

    def rows(self, group: Collection[Reason]) -> int:
        """Count the rows at least.

        Of the first reasons each row has one, so they can be added up; of all that apply a row has
        several (a duplicate in its list is one in the system), so only the most frequent counts.
        """
        return max(sum(_of(self._first, group)), max(_of(self._all, group), default=0))


def _not_new(faults: _Faults, tally: Tally, *, twice: int) -> int:
    """Count duplicates of existing leads; a number that is twice in the file costs once."""
    taken = sum(tally.notices[notice] for notice in DUPLICATES_TAKEN)
    return max(0, faults.rows(NOT_NEW) - twice) + taken


def _parts(shares: Mapping[str, float | None]) -> list[ScorePart]:
    return [
        ScorePart(name=name, meaning=part.meaning, weight=part.weight, share=shares[name])
        for name, part in PARTS.items()
    ]


def _of(counts: Mapping[str, int], group: Collection[Reason]) -> Iterator[int]:
    return (count for name, count in counts.items() if Reason.of(name) in group)


def _rest(faulty: int, of: int) -> float | None:
    """Give the share of rows without a fault; None if there is no row that could have it."""
    if of <= 0:
        return 0.0 if faulty else None
    return max(0.0, 1 - faulty / of)


def _fill_rate(seen: Seen, fields: Mapping[str, str]) -> float | None:
    if not seen.rows:
        return None
    filled = sum(seen.filled.get(fields[field], 0) for field in WANTED if field in fields)
    return min(1.0, filled / (len(WANTED) * seen.rows))


def _points(parts: list[ScorePart]) -> float | None:
    known = [(part.weight, part.share) for part in parts if part.share is not None]
    if not known:
        return None
    worth = math.prod(share for weight, share in known if weight == ALL_POINTS)
    cost = sum(weight * (1 - share) for weight, share in known if weight < ALL_POINTS)
    points = worth * (ALL_POINTS - cost)
    return points if points == ALL_POINTS else min(round(points, 1), MOST_WITH_A_FAULT)
