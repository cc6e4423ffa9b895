"""The report of an undo."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from loader.archive.report import children_lines
from loader.paths import visible_line
from loader.results.lines import align, count_of
from loader.undo.outcome import Kept


class UndoReport(BaseModel):
    """The result of an undo; of a dry run, what it would be."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    run: str
    job: Literal["undo"] = "undo"
    of_run: str
    """The run that was undone."""
    source: str
    """Its file."""
    database: str
    """Its address without password."""
    began: datetime
    ended: datetime
    dry_run: bool
    leads: int
    """Leads that the run had inserted; if it was an undo, leads that it had archived."""
    moved: int
    """Leads that went to the archive (came back from it)."""
    leads_stayed: dict[str, int]
    """The others, by why; CHILD_LEFT is of leads that moved."""
    changes: int
    """Fields of existing leads that the run had changed."""
    reverted: int
    """Fields that have their values from before the run."""
    changes_stayed: dict[str, int]
    """The others, by why."""
    from_hopper: int
    """Rows that were removed from the hopper."""
    children: dict[str, dict[str, int]]
    """The counts of children, by the dialer's table; of the last attempt, if there were several."""
    made: list[str]
    """Archive tables that were made."""
    remarks: list[str]
    results: str
    """Folder of the result files."""

    @model_validator(mode="after")
    def _adds_up(self) -> "UndoReport":
        kept_rows = sum(n for why, n in self.leads_stayed.items() if why != Kept.CHILD_LEFT)
        if self.leads != self.moved + kept_rows:
            raise ValueError(
                f"{self.leads} leads, of which {self.moved} moved and {kept_rows} stayed"
            )
        kept = sum(self.changes_stayed.values())
        if self.changes != self.reverted + kept:
            raise ValueError(f"{self.changes} changes, {self.reverted} reverted and {kept} kept")
        return self

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.began).total_seconds()


def report_lines(report: UndoReport) -> list[str]:
    """Write the report as lines for people."""
    would = "would be " if report.dry_run else ""
    lines = [f"undo of {report.of_run} ({report.source})"]
    counts = [
        ["leads of the run", f"{report.leads:,}"],
        [f"  {would}moved", f"{report.moved:,}"],
        *kept_rows(report.leads_stayed),
    ]
    if report.changes:
        counts += [
            ["changes of existing leads", f"{report.changes:,}"],
            [f"  {would}reverted", f"{report.reverted:,}"],
            *kept_rows(report.changes_stayed),
        ]
    lines += align(counts, "<><")
    if report.from_hopper:
        lines.append(f"taken out of the hopper: {count_of(report.from_hopper, 'lead')}")
    lines += children_lines(report.children)
    if report.made:
        lines.append(f"tables made: {', '.join(report.made)}")
    lines += [f"note: {remark}" for remark in report.remarks]
    if report.dry_run:
        lines.append("a dry run: nothing was written to the database")
    lines.append(f"results: {report.results} ({report.seconds:.1f} s)")
    return [visible_line(line) for line in lines]


def kept_rows(counts: dict[str, int]) -> list[list[str]]:
    """Count the rows that stayed, by reason."""
    return [[f"  {why}", f"{count:,}", Kept[why].meaning] for why, count in counts.items()]
