"""What a report tells, as plain records.

`Profile` is part of summary.json: counts, and nothing of any person. `Details` have values of
single rows; they are on the page alone.
"""

from datetime import datetime

from pydantic import Field

from loader.results.summary import Record

MOST_EXAMPLES = 5
"""Rows that are shown of a reason, or of an oddity."""

OTHERS = "others"
"""Stands for the rest, where only the most frequent are counted by name."""


LEAD_AGES = (
    (1, "today"), (8, "up to a week"), (31, "up to a month"), (91, "up to 3 months"),
    (181, "up to 6 months"), (366, "up to a year"), (731, "up to 2 years"),
)  # fmt: skip
"""Ages of leads: below so many days, each is called so. Beyond, or without an entry_date:"""
OLDER, UNKNOWN_AGE = "older", "unknown"


class RejectedExample(Record):
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


class OddExample(Record):
    """A value that looks wrong, to show."""

    row_number: int
    field: str
    value: str


class Repeated(Record):
    """A value that many rows have."""

    value: str
    rows: int
    """At least so many."""


class Seen(Record):
    """What the rows look like, whatever becomes of them; of all rows that could be read."""

    rows: int = 0
    filled: dict[str, int] = Field(default_factory=dict)
    """Rows by column in which it is not blank."""
    oddities: dict[str, int] = Field(default_factory=dict)
    odd_rows: int = 0
    odd_examples: dict[str, list[OddExample]] = Field(default_factory=dict)
    repeated: dict[str, list[Repeated]] = Field(default_factory=dict)
    """By field, the most frequent first."""
    repeated_numbers: int = 0


class Details(Record):
    """What only the page shows: values of single rows."""

    now: datetime
    """By the dialer's clock, from which ages are counted."""
    rejected: dict[str, list[RejectedExample]] = Field(default_factory=dict)
    """By reason."""
    odd: dict[str, list[OddExample]] = Field(default_factory=dict)
    """By oddity."""
    repeated: dict[str, list[Repeated]] = Field(default_factory=dict)
    """By field."""
