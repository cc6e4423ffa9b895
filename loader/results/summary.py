"""What is said of a run as a whole: one record, shown as JSON and as text, that adds up."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import PurePath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loader.notices import Notice
from loader.reading.row_places import RowPlaces
from loader.reasons import Limit, Reason


class Record(BaseModel):
    """A frozen record that takes no unknown field."""

    model_config = ConfigDict(extra="forbid")


class ColumnFill(Record):
    """One column of the source file."""

    column: str
    field: str = ""
    """The field that it fills; "": none."""
    filled: int
    """Rows in which it is not blank."""


class ScorePart(Record):
    """One of the things that a list is measured by."""

    name: str
    meaning: str
    weight: float
    """Points that a share of 0 would cost a list with nothing else wrong: 100 for what rows are
    worthless without, less for what is only missed."""
    share: float | None
    """From 0, bad, to 1; None: it was not looked at, and does not count."""


class Score(Record):
    """How good a list is, by its parts, so that vendors can be compared."""

    points: float | None
    """From 0 to 100, to a tenth: 100 times the known shares whose weight is 100, all multiplied;
    then the others take of it, in percent, their weight times what their share lacks to 1. It is
    100 only if all known shares are 1. None: no row was read."""
    parts: list[ScorePart]


class CallHours(Record):
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


class Estimate(Record):
    """How long the rows of a validation would take to load."""

    seconds: float
    rows_a_second: float
    by: str
    """In words: where the rate comes from."""


class Change(Record):
    """One number of two files of the same source."""

    name: str
    before: float | None
    """None: it was not known."""
    now: float | None


class Comparison(Record):
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


class Profile(Record):
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


class Dialable(BaseModel):
    """Of one list: how many of the new leads the dialer could call now, and why not the others."""

    list_id: int
    campaign_id: str
    """The list's; empty if there is no such list."""
    leads: int
    """As many as are dialable and as have an obstacle."""
    dialable: int
    obstacles: dict[str, int]
    """Leads by `Obstacle`, in its order; only those that occurred."""


class LoadedList(BaseModel):
    """One list, and how many loaded rows went into it."""

    list_id: int
    leads: int
    is_defined: bool | None = None
    """Whether vicidial_lists has it; None: it was not looked at."""
    list_name: str = ""
    active: str = ""
    """Y or N, as the dialer has it."""
    campaign_id: str = ""


class PartSummary(Record):
    """One of several files that were loaded as one."""

    name: str
    sha256: str
    size: int
    """Bytes, as stored."""
    compression: str | None
    encoding: str
    """Empty, if the file is."""
    has_header: bool
    first_row: int
    """The row number that its first row has."""
    rows: int
    """How many row numbers it has, with its header and blank rows."""


class FileSummary(BaseModel):
    """The source file, or several that were loaded as one."""

    name: str
    sha256: str
    size: int
    """Bytes, as stored."""
    compression: str | None
    format: str = "csv"
    """xlsx, xlsm, xlsb, xls, ods; or csv, which stands for all delimited text."""
    sheet: str | None = None
    """Of a spreadsheet, the sheet that was read; several, joined by commas."""
    encoding: str
    """Of a spreadsheet, encoding, bom and delimiter mean nothing."""
    bom: bool
    delimiter: str
    header: bool
    header_row: int | None = None
    """Row number of the header; None: the file has none. Rows above it were skipped."""
    columns: list[str]
    parts: list[PartSummary] = []
    """The files, if it is several: size is that of all, sha256 the hash of their hashes in hex."""

    @property
    def places(self) -> RowPlaces:
        """Where rows stand, by the names of the files without their folders."""
        filled = [part for part in self.parts if part.rows]
        names = [PurePath(part.name).name for part in filled]
        if len({*names}) < len(names):
            names = [part.name for part in filled]
        return RowPlaces(tuple(names), tuple(part.first_row for part in filled))


class MappingSummary(BaseModel):
    """Which column filled which field."""

    fields: dict[str, str]
    unmapped: list[str]
    set_by_dialer: list[str]


class Summary(BaseModel):
    """What became of one source file; made only if `rows_read` = `loaded` + `rejected`."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    run: str
    job: Literal["import", "validate"]
    source: str = ""
    """Where the file comes from: files of one source are compared with one another."""
    file: FileSummary
    mapping: MappingSummary
    options: dict[str, Any]
    database: str | None
    """Its address without password, or that of the dialer whose API the rows went through; None if
    the file alone was looked at."""
    began: datetime
    ended: datetime
    rows_read: int
    blank_rows: int = 0
    """Rows of nothing but delimiters, blanks and empty quotes; they are not among the rows read."""
    sample_of: int | None = None
    """The rows of the file, if the rows read are only a sample of them."""
    loaded: int
    """Of a validation: rows that would be loaded."""
    rejected: int
    reasons: dict[str, int]
    """Rows by reason, in the order of the checks; only reasons that occurred."""
    reasons_all: dict[str, int] = {}
    """Rejected rows by each reason that applies to them, of which a row may have several."""
    notices: dict[str, int]
    """Of loaded rows, likewise."""
    lead_ids: list[tuple[int, int]]
    """First and last of each run of consecutive lead_ids."""
    number_types: dict[str, int]
    """Loaded rows by phonenumbers' type of their number."""
    regions: dict[str, int]
    """Loaded rows by region of their number; "" where it is not known."""
    remarks: list[str]
    """What was missing or done otherwise for the whole run."""
    checks_off: list[str] = []
    """Which of duplicate_check, dnc_check and campaign_dnc_check were off."""
    lists: list[LoadedList] = []
    """Where loaded rows went, or would go; rows that update an existing lead go nowhere."""
    without_list: int = 0
    """Those of them that named no list, and went to list 999."""
    dialable: list[Dialable] | None = None
    """Of the new leads, by list, what the dialer could call when the load was done; None: it was
    not asked for."""
    profile: Profile | None = None
    """What the file looks like and what it is worth."""
    comparison: Comparison | None = None
    """With the file before it, if it was asked for."""
    seconds: dict[str, float]
    """By stage."""
    results: str
    """Folder of the result files."""

    @model_validator(mode="after")
    def _reconciles(self) -> "Summary":
        if self.rows_read != self.loaded + self.rejected or self.rejected != sum(
            self.reasons.values()
        ):
            raise ValueError(
                f"rows read {self.rows_read}, loaded {self.loaded}, rejected {self.rejected}, "
                f"by reason {self.reasons}: they do not add up"
            )
        return self

    @property
    def funnel(self) -> list[tuple[str, int, int]]:
        """Each reason that occurred, the rows that it took, and the rows left after it."""
        left, steps = self.rows_read, []
        for name, count in self.reasons.items():
            left -= count
            steps.append((name, count, left))
        return steps


class Tally(BaseModel):
    """Counts while a run goes on."""

    rows_read: int = 0
    blank_rows: int = 0
    loaded: int = 0
    reasons: Counter[str] = Field(default_factory=Counter)
    notices: Counter[str] = Field(default_factory=Counter)
    number_types: Counter[str] = Field(default_factory=Counter)
    regions: Counter[str] = Field(default_factory=Counter)
    lists: Counter[str] = Field(default_factory=Counter)
    """Rows by list_id, but for those that stay in the list of an existing lead."""
    without_list: int = 0
    """Those of them that named no list."""

    @property
    def rejected(self) -> int:
        """The rows rejected so far."""
        return self.reasons.total()

    def counted_by(self, limit: Limit) -> Counter[str]:
        """Give the rejected rows that a limit counts, by reason."""
        return Counter({n: rows for n, rows in self.reasons.items() if Reason.of(n).limit == limit})


def in_order(counts: Counter[str], members: type[Reason] | type[Notice]) -> dict[str, int]:
    """Sort counts as their enumeration is, without zeros; those of one member by name."""
    order = [member.value for member in members]
    names = sorted(counts, key=lambda name: (order.index(name.partition(":")[0]), name))
    return {name: counts[name] for name in names if counts[name]}


def by_frequency(counts: Mapping[str, int], most: int | None = None) -> dict[str, int]:
    """Sort counts, the largest first; `most`: no more of them.

    Equal ones are sorted by name: which of them was met first depends on the chunks.
    """
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:most])
