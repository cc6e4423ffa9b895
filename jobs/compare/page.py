"""The comparison as an HTML page, and a short table for the terminal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup
from rich.markup import escape
from rich.table import Table

from jobs.compare.runs import Compared, ComparedRun, ComparedSource, rate_of
from loader.errors import ResultsError, UsageError
from loader.profile.score import PARTS
from loader.reasons import Reason
from loader.report.charts import MOST_LINES, lines
from loader.report.page import environment
from loader.report.wording import NOTHING, percent, spark, visible
from loader.results.lines import count_of

COMPARE_PAGE = "compare.html"
"""The default name of the page."""
MARK = "<!-- leadloader compare -->"
"""Identifies a page that this command has written; the template has the same text."""

MOST_RUNS = 500
MOST_SOURCES = 200
MOST_DETAILS = 30
"""Sources with a section of their own."""
MOST_POINTS = 60
"""The newest points of a line that are drawn."""
MOST_REASONS = 5
MOST_WARNINGS = 20
MOST_BARS = 20
STEADY = 0.005
"""A smaller change of the reject rate counts as none: half a percent of the rows."""


class _Detail(NamedTuple):
    """The section of the page about one source."""

    source: ComparedSource
    chart: Markup | None
    """None: a line needs two files."""
    reasons: list[tuple[str, int, str]]
    """Name, rows and meaning, the most frequent first."""


def render_compared(compared: Compared) -> str:
    """Render the page: one HTML file of less than 2 MB for any number of runs."""
    counted = [run for run in compared.runs if run.counts]
    return (
        environment()
        .get_template("compare.html.jinja")
        .render(
            compared=compared,
            first=counted[-1].began,
            last=counted[0].began,
            files=len(counted),
            rows=sum(run.rows_read for run in counted),
            reject_rate=rate_of(counted),
            charts=_charts(compared.sources[:MOST_LINES]),
            along=along(compared.sources[:MOST_LINES]),
            charted=min(len(compared.sources), MOST_LINES),
            parts=PARTS,
            sources=compared.sources[:MOST_SOURCES],
            details=[
                _Detail(source, _rates("Rejected rows", [source]), [*_reasons(source)])
                for source in compared.sources[:MOST_DETAILS]
            ],
            runs=compared.runs[:MOST_RUNS],
            warnings=compared.warnings[:MOST_WARNINGS],
            notes={
                "sources": note_on(it.most_unknown_parts for it in compared.sources),
                "runs": note_on(it.unknown_parts for it in compared.runs if it.score is not None),
            },
            along_of=lambda source: along([source]),
            points=points_of,
            trend_of=trend_of,
            marks_of=marks_of,
        )
    )


def write_page(page: str, output: Path | None) -> Path:
    """Write the page to a file, which is overwritten.

    Without `output`, to `COMPARE_PAGE`, which is overwritten only if this command has written it.

    Raises:
        UsageError: the file exists and is not a page of this command.
        ResultsError: it cannot be written.
    """
    path = output or Path(COMPARE_PAGE)
    try:
        is_kept = output is None and path.exists()
        if is_kept and MARK not in path.read_text("utf-8", "replace"):
            raise UsageError(
                f"{path} exists and is no page of leadloader compare; name a file by --output"
            )
        path.write_text(page, "utf-8")
    except OSError as error:
        raise ResultsError(f"{path} cannot be written: {error.strerror or error}") from None
    return path


def table_of(sources: Sequence[ComparedSource]) -> Table:
    """List the sources, one in a line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("source", overflow="fold")
    for name in ("files", "rows", "fit to load", "rejected", "newest", "score"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("reject rate\nover time", no_wrap=True)
    top = max((rate for it in sources for _began, rate in it.rates[-MOST_BARS:]), default=0.0)
    for it in sources[:MOST_SOURCES]:
        rates = [rate for _began, rate in it.rates[-MOST_BARS:]]
        table.add_row(
            escape(visible(it.source, 40)),
            f"{it.files:,}",
            f"{it.rows:,}",
            percent(1 - it.reject_rate if it.reject_rate is not None else None),
            percent(it.reject_rate),
            percent(it.last_reject_rate),
            points_of(it.score_last, it.unknown_parts),
            f"{spark(rates, top)} {trend_of(it)}".rstrip(),
        )
    return table


def points_of(score: float | None, unknown: int) -> str:
    """Format a score; a star marks one with unchecked parts, see `note_on`."""
    return NOTHING if score is None else f"{score:.1f}{'*' if unknown else ''}"


def note_on(unknown: Iterable[int]) -> str:
    """Explain the star behind scores, by the numbers of their unchecked parts; "" without any."""
    counts = sorted({*unknown} - {0})
    if not counts:
        return ""
    numbers = " to ".join(str(count) for count in sorted({counts[0], counts[-1]}))
    were = "was" if counts == [1] else "were"
    return (
        f"* {numbers} of {len(PARTS)} parts {were} not checked; "
        "compare only lists with the same checks"
    )


def trend_of(source: ComparedSource) -> str:
    """Compare the newest file's reject rate with those before; "" for the first file."""
    if source.trend is None:
        return ""
    if abs(source.trend) < STEADY:
        return "steady"
    return f"{'up' if source.trend > 0 else 'down'} {abs(source.trend) * 100:.1f} points"


def along(sources: Sequence[ComparedSource]) -> str:
    """Describe the horizontal axis: days, unless all files are of one day."""
    return "day by day" if _days(sources) > 1 else "file by file on one day"


def _days(sources: Iterable[ComparedSource]) -> int:
    return len({began.date() for it in sources for began, _rate in it.rates[-MOST_POINTS:]})


def _charts(sources: Sequence[ComparedSource]) -> list[tuple[str, Markup]]:
    """Draw reject rates and scores of several sources, each with a title."""
    by_day = _days(sources) > 1
    scores = {it.source: _along(it.scores, by_day=by_day) for it in sources}
    charts = [
        ("Rejected rows", _rates("Rejected rows by source", sources)),
        ("Score", lines("Score by source", scores, "{:.1f}".format) if _is_line(scores) else None),
    ]
    return [(title, chart) for title, chart in charts if chart is not None]


def _rates(title: str, sources: Sequence[ComparedSource]) -> Markup | None:
    """Draw reject rates; None if no source has two."""
    series = {it.source: _along(it.rates, by_day=_days(sources) > 1) for it in sources}
    return lines(title, series) if _is_line(series) else None


def _along(
    values: Sequence[tuple[datetime, float]], *, by_day: bool
) -> list[tuple[date | int, float]]:
    """Give the newest values by day, or by the number of the file."""
    few = enumerate(values[-MOST_POINTS:], 1)
    return [(began.date() if by_day else place, value) for place, (began, value) in few]


def _is_line(series: Mapping[str, Sequence[object]]) -> bool:
    return any(len(points) > 1 for points in series.values())


def _reasons(source: ComparedSource) -> Iterator[tuple[str, int, str]]:
    known = Reason.__members__
    for name, count in list(source.reasons.items())[:MOST_REASONS]:
        reason = known.get(name.partition(":")[0])
        meaning = reason.meaning if reason else ""
        yield name, count, meaning[:1].upper() + meaning[1:]


def marks_of(run: ComparedRun) -> str:
    """Give the remarks about a run: a sample, or not counted; "" for none."""
    marks = []
    if run.sample_of is not None:
        marks.append(f"a sample: {run.rows_read:,} of {count_of(run.sample_of, 'row')}")
    if not run.counts:
        marks.append("not counted: another run over this file is")
    return ", ".join(marks)
