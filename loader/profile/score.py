"""The quality score of a list: a number from 0 to 100, and the parts that it is made of."""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from loader.fields.reject_file import UNREADABLE
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.profile.records import RowStatistics
from loader.reasons import Reason
from loader.results.summary import Score, ScorePart, Tally

NO_VALID_NUMBER = frozenset(
    {Reason.DAMAGED_PHONE_NUMBER, Reason.INVALID_PHONE_CODE}
    | {Reason.INVALID_PHONE_NUMBER_LENGTH, Reason.INVALID_PHONE_NUMBER}
)
"""There is no valid number, so it was not checked whether it may be called and is new."""

NOT_CALLABLE = NO_VALID_NUMBER | {
    Reason.INVALID_PHONE_NUMBER_PREFIX,
    Reason.INVALID_PHONE_NUMBER_AREACODE,
    Reason.INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX,
}
FORBIDDEN = frozenset(
    {Reason.PHONE_NUMBER_IN_DNC, Reason.PHONE_NUMBER_IN_CAMPAIGN_DNC, Reason.PHONE_NUMBER_IN_FEED}
    | {Reason.OTHER_NUMBER_IN_DNC}
)
NOT_NEW = frozenset(reason for reason in Reason if reason.startswith("DUPLICATE_"))

DUPLICATES_ACCEPTED = (
    Notice.UPDATED_EXISTING_LEAD, Notice.MOVED_EXISTING_LEAD, Notice.EXISTING_LEAD_UNCHANGED,
)  # fmt: skip
"""Notices of duplicates that were not rejected, because on_duplicate is not reject."""

NO_REGION = ""
"""Region of loaded numbers in no numbering plan, which phone_validation accepted."""

ALL_POINTS, MOST_WITH_FAULTS = 100, 99.9

COMPLETE_LEAD = ("first_name", "last_name", "address1", "city", "state", "postal_code", "email")
"""The fields that a complete lead has in addition to its number."""


def score_of(
    tally: Tally,
    reasons_all: Mapping[str, int],
    *,
    duplicates_in_file: int,
    statistics: RowStatistics,
    fields: Mapping[str, str],
    options: LoadOptions,
    knows_leads: bool,
) -> Score:
    """Compute the score of a list: points, rounded to a tenth, and all parts in fixed order.

    The first five parts say how many rows are usable: 100 points times their shares. Empty fields
    then cost up to 10 %, values that look wrong up to 5 % of these points. A part that was not
    measured costs nothing, see `unknown_parts`.

    `reasons_all` has rejected rows by each reason that applies to them, and may be empty;
    `duplicates_in_file` counts rows rejected as duplicates of rows of the file; `knows_leads` says
    whether the rows were checked against a database.
    """
    faults = _Faults(tally, reasons_all)
    readable = tally.rows_read - faults.rows(UNREADABLE)
    numbers = readable - faults.rows(NO_VALID_NUMBER)
    forbids = knows_leads and {options.dnc_check, options.campaign_dnc_check} != {"N"}
    finds_duplicates = knows_leads and options.duplicate_check
    not_callable = faults.rows(NOT_CALLABLE) + tally.regions[NO_REGION]
    repeated = statistics.repeated_numbers
    not_new = _not_new(faults, tally, repeated_in_file=min(duplicates_in_file, repeated))
    shares = {
        "readable rows": _faultless_share(faults.rows(UNREADABLE), tally.rows_read),
        "numbers that can be called": _faultless_share(not_callable, readable),
        "numbers that may be called": (
            _faultless_share(faults.rows(FORBIDDEN), numbers) if forbids or options.feed else None
        ),
        "new to the dialer": _faultless_share(not_new, numbers) if finds_duplicates else None,
        "no number twice": _faultless_share(repeated, min(numbers, statistics.rows)),
        "complete": _fill_rate(statistics, fields),
        "tidy": _faultless_share(statistics.odd_rows, statistics.rows),
    }
    parts = [
        ScorePart(name=name, meaning=part.meaning, weight=part.weight, share=shares[name])
        for name, part in PARTS.items()
    ]
    return Score(points=_points(parts), parts=parts)


def unknown_parts(score: Score) -> int:
    """Count the parts that were not measured; only scores of the same parts can be compared."""
    return sum(part.share is None for part in score.parts)


class _Part(NamedTuple):
    weight: float
    meaning: str


PARTS = {
    "readable rows": _Part(100, "rows that could be split into fields"),
    "numbers that can be called": _Part(
        100,
        "readable rows with a phone number that can exist: right length, in a numbering plan",
    ),
    "numbers that may be called": _Part(
        100, "rows with a number that is on no do-not-call list and in no feed"
    ),
    "new to the dialer": _Part(
        100,
        "rows with a number that are no duplicates of leads, by the duplicate check of the load",
    ),
    "no number twice": _Part(100, "rows with a number that no earlier row of the file has"),
    "complete": _Part(
        10, "how many of the name, address and mail address fields are filled, on average"
    ),
    "tidy": _Part(5, "rows without a value that looks wrong"),
}
"""The parts of a score, and how many points a share of 0 costs."""


class _Faults:
    """Estimates from the counts by reason how many rows have one of several reasons."""

    def __init__(self, tally: Tally, reasons_all: Mapping[str, int]) -> None:
        self._first, self._all = dict(tally.reasons), reasons_all

    def rows(self, group: Collection[Reason]) -> int:
        """Return a lower bound of the rows.

        A row has one first reason, so these counts add up. Of all reasons that apply a row may
        have several (a duplicate in the list is one in the system), so only the largest counts.
        """
        return max(
            sum(_counts_in(self._first, group)), max(_counts_in(self._all, group), default=0)
        )


def _not_new(faults: _Faults, tally: Tally, *, repeated_in_file: int) -> int:
    """Count duplicates of existing leads, without numbers that count as repeated in the file."""
    accepted = sum(tally.notices[notice] for notice in DUPLICATES_ACCEPTED)
    return max(0, faults.rows(NOT_NEW) - repeated_in_file) + accepted


def _counts_in(counts: Mapping[str, int], group: Collection[Reason]) -> Iterator[int]:
    return (count for name, count in counts.items() if Reason.of(name) in group)


def _faultless_share(faulty: int, of: int) -> float | None:
    """Return the share of rows without a fault, from 0 to 1; None if there are no rows."""
    if of <= 0:
        return 0.0 if faulty else None
    return max(0.0, 1 - faulty / of)


def _fill_rate(statistics: RowStatistics, fields: Mapping[str, str]) -> float | None:
    if not statistics.rows:
        return None
    filled = sum(
        statistics.filled.get(fields[field], 0) for field in COMPLETE_LEAD if field in fields
    )
    return min(1.0, filled / (len(COMPLETE_LEAD) * statistics.rows))


def _points(parts: list[ScorePart]) -> float | None:
    known = [(part.weight, part.share) for part in parts if part.share is not None]
    if not known:
        return None
    usable_share = math.prod(share for weight, share in known if weight == ALL_POINTS)
    cost = sum(weight * (1 - share) for weight, share in known if weight < ALL_POINTS)
    points = usable_share * (ALL_POINTS - cost)
    return points if points == ALL_POINTS else min(round(points, 1), MOST_WITH_FAULTS)
