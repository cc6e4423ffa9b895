"""The records behind a report.

`RowStatistics` has what is counted of all rows. `Details` has values of single rows: persons'
data, which is shown on the page alone and is in no summary.json.
"""

from datetime import datetime

from pydantic import Field

from loader.results.summary import Record

MOST_EXAMPLES = 5
"""Rows that are shown as examples of a reason or an oddity."""

OTHERS = "others"
"""Label of all values that are not counted by name."""

LEAD_AGES = (
    (1, "today"), (8, "up to a week"), (31, "up to a month"), (91, "up to 3 months"),
    (181, "up to 6 months"), (366, "up to a year"), (731, "up to 2 years"),
)  # fmt: skip
"""Groups of ages of leads: each ends before a number of days, and has a label."""
OLDER, UNKNOWN_AGE = "older", "unknown"
"""Labels of older leads, and of leads without an entry_date."""


class RejectedExample(Record):
    """An example of a rejected row."""

    row_number: int
    phone: str
    """As in the source; not masked."""
    details: dict[str, str] = Field(default_factory=dict)
    """By name, see `loader.findings.FINDING_DETAILS`."""
    lead_id: int | None = None
    """The existing lead of which the row is a duplicate."""
    duplicate_row: int | None = None
    """The earlier row of the file of which the row is a duplicate."""
    entry_date: datetime | None = None
    """The entry_date of that lead, by the dialer's clock."""


class OddExample(Record):
    """An example of a value that looks wrong."""

    row_number: int
    field: str
    value: str


class RepeatedValue(Record):
    """A value that several rows have."""

    value: str
    rows: int
    """How many rows have it, or a lower bound of that."""


class RowStatistics(Record):
    """Counts over all rows that could be read, whether they are loaded or not."""

    rows: int = 0
    filled: dict[str, int] = Field(default_factory=dict)
    """Rows in which a column is not blank, by column."""
    oddities: dict[str, int] = Field(default_factory=dict)
    odd_rows: int = 0
    odd_examples: dict[str, list[OddExample]] = Field(default_factory=dict)
    repeated: dict[str, list[RepeatedValue]] = Field(default_factory=dict)
    """By field, the most frequent value first."""
    repeated_numbers: int = 0


class Details(Record):
    """Values of single rows, for the page alone."""

    now: datetime
    """The time from which ages are counted, by the dialer's clock."""
    rejected: dict[str, list[RejectedExample]] = Field(default_factory=dict)
    """By reason."""
    odd: dict[str, list[OddExample]] = Field(default_factory=dict)
    """By oddity."""
    repeated: dict[str, list[RepeatedValue]] = Field(default_factory=dict)
    """By field."""
