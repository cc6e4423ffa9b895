"""Comparison of many summaries: the quality of each source's files over time."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from loader.errors import LoaderError, NoSuchFileError, UsageError
from loader.fields.reject_file import result_columns
from loader.paths import printable_path
from loader.profile.score import ALL_POINTS, MOST_WITH_FAULTS, unknown_parts
from loader.report.comparison import (
    is_summary,
    parse_summary,
    points,
    read_json,
    reject_rate,
    source_of,
)
from loader.results.folder import SUMMARY
from loader.results.lines import count_of

OTHER_REPORTS = {"archive", "dearchive", "undo"}
"""Jobs whose reports have the same file name as a summary."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ComparedRun(_Record):
    """The compared values of one run."""

    source: str
    file: str
    """The name of the file, without folders."""
    sha256: str
    job: str
    run: str
    began: datetime
    sample_of: int | None
    """The number of rows of the file, if only a sample of them was checked."""
    rows_read: int
    loaded: int
    rejected: int
    reject_rate: float | None
    """From 0 to 1; None: no row was read."""
    score: float | None
    """Points; None: unknown."""
    unknown_parts: int
    """How many parts of the score were not checked."""
    parts: dict[str, float | None]
    """The shares of the parts of the score, by name."""
    reasons: dict[str, int]
    """Rejected rows by their first reason."""
    summary: str
    """The path of the summary."""
    counts: bool = True
    """False: another run over the same file counts."""


class ComparedSource(_Record):
    """The quality of the files of one source, each by the run that counts."""

    source: str
    files: int
    rows: int
    loaded: int
    rejected: int
    reject_rate: float | None
    """Of all rows together."""
    last_reject_rate: float | None
    """Of the newest file that had rows."""
    trend: float | None
    """The newest file's reject rate minus that of all files before it; None: there are none."""
    score_mean: float | None
    """To a tenth."""
    score_last: float | None
    """The newest known score."""
    parts: dict[str, float | None]
    """Of the newest known score."""
    unknown_parts: int
    """How many parts of the newest known score were not checked."""
    most_unknown_parts: int
    """The largest number of unchecked parts of a score."""
    reasons: dict[str, int]
    """Of all files, the most frequent first."""
    rates: list[tuple[datetime, float]]
    """Reject rates, the oldest first."""
    scores: list[tuple[datetime, float]]
    """Known scores, the oldest first."""


class Compared(_Record):
    """The whole comparison."""

    sources: list[ComparedSource]
    """Sorted by the reject rate of the newest file, the highest first."""
    runs: list[ComparedRun]
    """The newest first."""
    left_out: dict[str, int]
    """Numbers of files that are not compared, by kind."""
    warnings: list[str]
    """Messages about files that cannot be read."""


def compare_runs(paths: Sequence[Path], since: datetime | None = None) -> Compared:
    """Read and compare summaries: of files, and recursively of folders.

    Raises:
        NoSuchFileError: a path does not exist, or no summary was found.
    """
    left_out: Counter[str] = Counter()
    warnings: list[str] = []
    runs: dict[str, ComparedRun] = {}
    for path in _files(paths, left_out, warnings):
        try:
            found = _read(path)
        except LoaderError as error:
            warnings.append(str(error))
            continue
        if isinstance(found, str):
            left_out[found] += 1
        elif since and found.began < since:
            left_out["older run"] += 1
        elif found.run in runs:
            left_out["repeated run"] += 1
        else:
            runs[found.run] = found
    if not runs:
        raise NoSuchFileError(_no_summaries(paths, left_out, warnings))
    ordered = sorted(runs.values(), key=lambda run: (run.began, run.run), reverse=True)
    _mark_counted(ordered)
    by_source = sorted((run for run in ordered if run.counts), key=lambda run: run.source)
    sources = [_source(name, [*of]) for name, of in groupby(by_source, lambda run: run.source)]
    sources.sort(key=lambda it: (it.last_reject_rate is None, -(it.last_reject_rate or 0)))
    return Compared(
        sources=sources, runs=ordered, left_out=dict(left_out.most_common()), warnings=warnings
    )


def _files(paths: Iterable[Path], left_out: Counter[str], warnings: list[str]) -> Iterator[Path]:
    """Give the files that may be summaries, each once."""
    seen: set[Path] = set()
    for path in paths:
        try:
            path.stat()
        except OSError as error:
            raise NoSuchFileError(f"{printable_path(path)}: {error.strerror}") from None
        for file in _in_folder(path, left_out, warnings) if path.is_dir() else [path]:
            known = file.resolve()
            if known not in seen:
                seen.add(known)
                yield file


def _in_folder(folder: Path, left_out: Counter[str], warnings: list[str]) -> Iterator[Path]:
    def add_warning(error: OSError) -> None:
        warnings.append(f"{printable_path(error.filename)}: {error.strerror}")

    for name, folders, files in os.walk(folder, onerror=add_warning):
        if SUMMARY in files:
            yield Path(name, SUMMARY)
        elif ".work" in folders:
            left_out["unfinished run"] += 1
        folders[:] = sorted(each for each in folders if not each.startswith("."))


def _read(path: Path) -> ComparedRun | str:
    """Give the compared values of a run, or the kind of a file that is no summary."""
    content = read_json(path)
    if not is_summary(content):
        job = content.get("job") if isinstance(content, dict) else None
        return f"{job} report" if job in list(OTHER_REPORTS) else "other JSON file"
    summary = parse_summary(content, path)
    if result_columns(summary.file.columns):
        return "reject file"  # what its source sent is in the file before
    began = summary.began if summary.began.tzinfo else summary.began.replace(tzinfo=UTC)
    try:
        began = began.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"{path}: began is no time that a run can have") from None
    score = summary.profile.score if summary.profile else None
    return ComparedRun(
        source=summary.source or source_of(summary.file.name),
        file=Path(summary.file.name).name or summary.file.name,
        sha256=summary.file.sha256,
        job=summary.job,
        run=summary.run,
        began=began,
        sample_of=summary.sample_of,
        **{name: getattr(summary, name) for name in ("rows_read", "loaded", "rejected", "reasons")},
        reject_rate=reject_rate(summary),
        score=points(summary),
        parts={part.name: part.share for part in score.parts} if score else {},
        unknown_parts=unknown_parts(score) if score else 0,
        summary=printable_path(path),
    )


def _no_summaries(paths: Sequence[Path], left_out: Counter[str], warnings: Sequence[str]) -> str:
    where = ", ".join(printable_path(path) for path in paths)
    details = "".join(f"; {line}" for line in (describe_left_out(left_out), *warnings[:3]) if line)
    return f"{where}: there is no summary of an import or a validation{details}"


def describe_left_out(left_out: dict[str, int]) -> str:
    """Describe the files that are not compared; "" for none."""
    text = ", ".join(count_of(count, what) for what, count in left_out.items())
    return text and f"left out: {text}"


def _mark_counted(runs: Sequence[ComparedRun]) -> None:
    """Let one run count for each file of a source.

    An import goes before a validation, a whole file before a sample, then the later run, which is
    nearer to the beginning of `runs`.
    """
    best: dict[tuple[str, str], ComparedRun] = {}
    for run in runs:
        key = run.source, run.sha256
        best[key] = max(
            best.get(key, run), run, key=lambda it: (it.job == "import", it.sample_of is None)
        )
    for run in runs:
        run.counts = best[run.source, run.sha256] is run


def _source(name: str, runs: Sequence[ComparedRun]) -> ComparedSource:
    """Sum up the runs of a source, the newest first."""
    with_rows = [run for run in runs if run.reject_rate is not None]
    scored = [(run, run.score) for run in runs if run.score is not None]
    newest = scored[0][0] if scored else None
    reasons: Counter[str] = Counter()
    for run in runs:
        reasons.update(run.reasons)
    last, before = rate_of(with_rows[:1]), rate_of(with_rows[1:])
    return ComparedSource(
        source=name,
        files=len(runs),
        rows=sum(run.rows_read for run in runs),
        loaded=sum(run.loaded for run in runs),
        rejected=sum(run.rejected for run in runs),
        reject_rate=rate_of(runs),
        last_reject_rate=last,
        trend=None if last is None or before is None else last - before,
        score_mean=_mean([score for _run, score in scored]),
        score_last=newest.score if newest else None,
        parts=newest.parts if newest else {},
        unknown_parts=newest.unknown_parts if newest else 0,
        most_unknown_parts=max((run.unknown_parts for run, _score in scored), default=0),
        reasons=dict(reasons.most_common()),
        rates=[
            (run.began, run.reject_rate) for run in with_rows[::-1] if run.reject_rate is not None
        ],
        scores=[(run.began, score) for run, score in scored[::-1]],
    )


def _mean(scores: Sequence[float]) -> float | None:
    """Give the mean to a tenth; it is 100 only if all scores are."""
    if not scores:
        return None
    mean = sum(scores) / len(scores)
    return mean if mean == ALL_POINTS else min(round(mean, 1), MOST_WITH_FAULTS)


def rate_of(runs: Iterable[ComparedRun]) -> float | None:
    """Give the reject rate of all rows of several runs; None: they have no rows."""
    counts = [(run.rejected, run.rows_read) for run in runs]
    rows = sum(read for _rejected, read in counts)
    return sum(rejected for rejected, _read in counts) / rows if rows else None
