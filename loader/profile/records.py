"""What a report tells, as plain records.

`Profile` is part of summary.json: counts, and nothing of any person. `Details` have values of
single rows; they are on the page alone.
"""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

MOST_EXAMPLES = 5
"""Rows that are shown of a reason, or of an oddity."""

OTHERS = "others"
"""Stands for the rest, where only the most frequent are counted by name."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ColumnFill(_Record):
    """One column of the source file."""

    column: str
    field: str = ""
    """The field that it fills; "": none."""
    filled: int
    """Rows in which it is not blank."""


class ScorePart(_Record):
    """One of the things that a list is measured by."""

    name: str
    meaning: str
    weight: float
    """Points that a share of 0 would cost a list with nothing else wrong: 100 for what rows are
    worthless without, less for what is only missed."""
    share: float | None
    """From 0, bad, to 1; None: it was not looked at, and does not count."""


class Score(_Record):
    """How good a list is, by its parts, so that vendors can be compared."""

    points: float | None
    """From 0 to 100, to a tenth: 100 times the known shares whose weight is 100, all multiplied;
    then the others take of it, in percent, their weight times what their share lacks to 1. It is
    100 only if all known shares are 1. None: no row was read."""
    parts: list[ScorePart]


class CallHours(_Record):
    """How many of the loaded rows may be called in each hour of a day."""

    day: date
    """By the dialer's clock."""
    rows: list[int]
    """24: rows whose local time is within their call time at the half of each hour of the
    dialer's clock."""
    zone: str
    """Of the dialer's clock, such as UTC-05:00."""
    by: str
    """In words: by which call times."""


class Estimate(_Record):
    """How long the rows of a validation would take to load."""

    seconds: float
    rows_a_second: float
    by: str
    """In words: where the rate comes from."""


class Change(_Record):
    """One number of two files of the same source."""

    name: str
    before: float | None
    """None: it was not known."""
    now: float | None


class Comparison(_Record):
    """Two files of the same source."""

    file: str
    """Name of the earlier one."""
    began: datetime
    """Of the earlier run."""
    rows: Change
    reject_rate: Change
    """Shares from 0 to 1, and so are those below."""
    score: Change
    """Points."""
    reasons: list[Change]
    """Rejected shares of the rows by reason; those that one of the two has."""
    fill_rates: list[Change]
    """By field, else by column."""
    columns_came: list[str]
    columns_went: list[str]


class Profile(_Record):
    """What a file looks like and what it is worth, in numbers."""

    rows: int
    """Those that could be read, of which all below is told."""
    columns: list[ColumnFill]
    """All columns, in the order of the file."""
    repaired: dict[str, dict[str, int]]
    """Loaded rows by notice and field, of the notices that say of a field that it was changed."""
    oddities: dict[str, int]
    """Rows by `loader.profile.oddities.Oddity`; only those that occurred."""
    odd_rows: int
    """Rows with any oddity."""
    repeated_numbers: int
    """Rows whose phone number an earlier row of the file has."""
    states: dict[str, int]
    """Loaded rows by state, the most frequent first, then `OTHERS`; "" where it is not known."""
    offsets: dict[str, int]
    """Loaded rows by gmt_offset_now, such as -5.00, from west to east."""
    duplicate_ages: dict[str, int]
    """Rows rejected as duplicates of existing leads by the age of the lead: see `AGES`."""
    call_hours: CallHours | None
    estimate: Estimate | None
    """Of a validation."""
    score: Score


AGES = (
    (1, "today"), (8, "up to a week"), (31, "up to a month"), (91, "up to 3 months"),
    (181, "up to 6 months"), (366, "up to a year"), (731, "up to 2 years"),
)  # fmt: skip
"""Ages of leads: below so many days, each is called so. Beyond, or without an entry_date:"""
OLDER, UNKNOWN_AGE = "older", "unknown"


class RejectedExample(_Record):
    """A rejected row, to show."""

    row_number: int
    phone: str
    """As the source has it; not masked."""
    details: str
    """As in rejected.csv."""
    lead_id: int | None = None
    """The existing lead that it is a duplicate of."""
    list_id: str = ""
    """That lead's list."""
    entry_date: datetime | None = None
    """When that lead was entered, by the dialer's clock."""


class OddExample(_Record):
    """A value that looks wrong, to show."""

    row_number: int
    field: str
    value: str


class Repeated(_Record):
    """A value that many rows have."""

    value: str
    rows: int
    """At least so many."""


class Seen(_Record):
    """What the rows look like, whatever becomes of them; of all rows that could be read."""

    rows: int = 0
    filled: dict[str, int] = {}
    """Rows by column in which it is not blank."""
    oddities: dict[str, int] = {}
    odd_rows: int = 0
    odd_examples: dict[str, list[OddExample]] = {}
    repeated: dict[str, list[Repeated]] = {}
    """By field, the most frequent first."""
    repeated_numbers: int = 0


class Details(_Record):
    """What only the page shows: values of single rows."""

    now: datetime
    """By the dialer's clock, from which ages are counted."""
    rejected: dict[str, list[RejectedExample]] = {}
    """By reason."""
    odd: dict[str, list[OddExample]] = {}
    """By oddity."""
    repeated: dict[str, list[Repeated]] = {}
    """By field."""
