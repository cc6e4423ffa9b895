"""What is said of a run as a whole: one record, shown as JSON and as text, that adds up."""

from collections import Counter
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loader.checks.dialable import Dialable
from loader.profile.records import Comparison, Profile
from loader.reasons import Notice, Reason


class FileSummary(BaseModel):
    """The source file."""

    name: str
    sha256: str
    size: int
    """Bytes, as stored."""
    compression: str | None
    encoding: str
    bom: bool
    delimiter: str
    header: bool
    columns: list[str]


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
    """Its address without password; None if the file alone was looked at."""
    began: datetime
    ended: datetime
    rows_read: int
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
    loaded: int = 0
    reasons: Counter[str] = Field(default_factory=Counter)
    notices: Counter[str] = Field(default_factory=Counter)
    number_types: Counter[str] = Field(default_factory=Counter)
    regions: Counter[str] = Field(default_factory=Counter)

    @property
    def rejected(self) -> int:
        """The rows rejected so far."""
        return self.reasons.total()

    @property
    def reject_rate(self) -> float:
        """The share of rejected rows, from 0 to 1."""
        return self.rejected / self.rows_read if self.rows_read else 0.0


def in_order(counts: Counter[str], members: type[Reason] | type[Notice]) -> dict[str, int]:
    """Sort counts as their enumeration is, without zeros."""
    order = [member.value for member in members]
    names = sorted(counts, key=lambda name: order.index(name.partition(":")[0]))
    return {name: counts[name] for name in names if counts[name]}
