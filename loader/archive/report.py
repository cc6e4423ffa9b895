"""The report of an archive run."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from loader.archive.outcome import LEFT, Counts, Preview, Stay
from loader.paths import visible_line
from loader.results.lines import align, count_of

Stopped = Literal["done", "dry_run", "limit", "run_time", "office_hours", "signal", "error"]


class PreviewSummary(BaseModel):
    """What a dry run found: tables as rows by name of their columns, see `Preview`."""

    leads: int
    by_list: list[dict[str, Any]]
    by_status: list[dict[str, Any]]
    by_age: list[dict[str, Any]]
    by_last_call: list[dict[str, Any]] = []
    spared: list[dict[str, Any]]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewSummary":
        """Take the frames of a preview."""
        tables = {name: getattr(preview, name) for name in cls.model_fields if name != "leads"}
        rows = {name: frame.to_dict("records") for name, frame in tables.items()}
        return cls(leads=preview.leads, **rows)


class ArchiveReport(BaseModel):
    """What became of the leads of one command.

    Counts of the Lead Archive API have its names. looked_at is the sum of moved, stayed (without
    CHILD_LEFT, COPY_LEFT and COPY_REMOVED, of leads that are not there), gone and kept. A chunk
    that was not finished is not counted.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    message: str
    """The API's message, if it has one for this ending."""
    select_count: int
    insert_count: int
    update_count: int
    delete_count: int
    looked_at: int
    """Leads that the rule selected or whose lead_ids were given, until it stopped; also those that
    were left alone because the dialer uses them, which select_count leaves out."""
    moved: int
    """Leads that left their table."""
    gone: int
    """Leads that were not in their table any more: they were moved before, or others took them."""
    kept: int
    """Leads that were to be copied only, and not deleted."""
    run: str
    job: Literal["archive", "dearchive"]
    which: str
    """The leads that were asked for, in words."""
    options: dict[str, Any]
    database: str
    """Its address without password."""
    began: datetime
    ended: datetime
    stopped: Stopped
    why: str
    """Why it stopped, in words."""
    exit_code: int
    stopped_at: int | None
    """The last lead_id of the last chunk that was finished; None if none was."""
    unfinished: tuple[int, int] | None = None
    """The first and the last lead_id of the chunk that an error broke off."""
    chunks: int
    stayed: dict[str, int]
    """Leads that stayed where they were, by why; which ones is in stayed.csv."""
    children: dict[str, dict[str, int]]
    """The counts of the rows that belong to the leads, by the dialer's table."""
    made: list[str]
    """Tables that were made, or by a dry run would be."""
    remarks: list[str]
    """What the database lacks."""
    waited: dict[str, float]
    """Seconds, by why."""
    preview: PreviewSummary | None
    """Of a dry run, which writes nothing to the database."""
    results: str
    """Folder of the result files."""

    @model_validator(mode="after")
    def _adds_up(self) -> "ArchiveReport":
        found = self.moved + self.all_stayed + self.gone + self.kept
        if self.looked_at != found:
            raise ValueError(
                f"{self.looked_at} leads were looked at, but the report accounts for {found}"
            )
        return self

    @property
    def all_stayed(self) -> int:
        """How many leads are still where they were, although they were to be moved."""
        return sum(count for why, count in self.stayed.items() if why not in LEFT)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.began).total_seconds()

    @property
    def ended_early(self) -> bool:
        """Whether there may be more to do."""
        return self.stopped not in {"done", "dry_run"}

    @property
    def ending(self) -> str:
        """Why it stopped, and where."""
        if not self.ended_early:
            return self.why
        if self.unfinished:
            first, last = self.unfinished
            return (
                f"stopped in the chunk from lead_id {first} to {last}: {self.why}; the chunk is "
                "unfinished: some of its leads may be copied and not deleted; the same command "
                "completes it"
            )
        at = self.stopped_at
        where = "before the first lead" if at is None else f"after lead_id {at}"
        return f"stopped {where}: {self.why}"


def report_lines(report: ArchiveReport) -> list[str]:
    """Write the report as lines for people."""
    body = _previewed(report, report.preview) if report.preview else _moved(report)
    made = "tables that would be made" if report.preview else "tables made"
    lines = [f"{report.job}: {report.which}", *body]
    if report.made:
        lines.append(f"{made}: {', '.join(report.made)}")
    lines += [f"note: {remark}" for remark in report.remarks]
    lines += [f"waited {seconds:,.1f} s: {why}" for why, seconds in report.waited.items()]
    lines.append(report.ending)
    pace = ""
    if report.chunks:
        rate = report.looked_at / max(report.seconds, 0.001)
        pace = f", {count_of(report.chunks, 'chunk')}, {rate:,.0f} leads/s"
    lines.append(f"results: {report.results} ({report.seconds:.1f} s{pace})")
    return [visible_line(line) for line in lines]


def _moved(report: ArchiveReport) -> list[str]:
    counts = [[name, f"{getattr(report, name):,}"] for name in ("looked_at", *Counts._fields)]
    counts += [["moved", f"{report.moved:,}"], ["stayed", f"{report.all_stayed:,}"]]
    counts += [[f"  {why}", f"{n:,}", Stay[why].meaning] for why, n in report.stayed.items()]
    others = {"gone": "not in their table any more", "kept": "copied, and not to be deleted"}
    counts += [
        [name, f"{getattr(report, name):,}", meaning]
        for name, meaning in others.items()
        if getattr(report, name)
    ]
    return align(counts, "<><") + children_lines(report.children)


def children_lines(children: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Tabulate the counts of children, by the dialer's table."""
    if not children:
        return []
    head = ["with the leads", *(name.removesuffix("_count") for name in Counts._fields)]
    rows = [
        [f"  {table}", *(f"{counts[name]:,}" for name in Counts._fields)]
        for table, counts in children.items()
    ]
    return align([head, *rows], "<>>>>")


def _previewed(report: ArchiveReport, preview: PreviewSummary) -> list[str]:
    would, limit = _would_be(report), report.options.get("limit")
    of_limit = f"; the limit takes {limit:,} of them" if limit and limit < preview.leads else ""
    lines = [f"{count_of(preview.leads, 'lead')} would be {would}{of_limit}; nothing was written"]
    titles = {"by_list": "by list", "by_status": "by status"}
    titles |= {"by_age": "by age since the load", "by_last_call": "by age since the last call"}
    for name, title in (titles | {"spared": "beside these, what would stay"}).items():
        rows = getattr(preview, name)
        if rows:
            lines += [f"{title}:", *_listed(rows)]
    return lines


def _would_be(report: ArchiveReport) -> str:
    """Say what the chosen steps would do to the leads."""
    inserts, updates, deletes = (
        report.options.get(step, True) for step in ("insert", "update", "delete")
    )
    if deletes:
        done = "archived" if report.job == "archive" else "put back"
        return done if inserts else f"{done} where they have a copy"
    if report.job == "dearchive":
        updates = False
    if inserts:
        return "copied"
    return "brought up to date where their copies differ" if updates else "looked at"


def _listed(rows: Sequence[dict[str, Any]]) -> list[str]:
    names = list(rows[0])
    cells = [[f"{row[n]:,}" if n == "leads" else str(row[n]) for n in names] for row in rows]
    indented = [[f"  {line[0]}", *line[1:]] for line in [names, *cells]]
    return align(indented, "<" * (len(names) - 1) + ">")
