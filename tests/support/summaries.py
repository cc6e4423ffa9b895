"""Made-up summaries of runs, as the jobs write them."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loader.profile.score import PARTS
from loader.results.summary import (
    ColumnFill,
    FileSummary,
    MappingSummary,
    Profile,
    Score,
    ScorePart,
    Summary,
)

BEGAN = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
COLUMNS = {"Phone": "phone_number", "Mail": "email", "Zaphod": ""}


def profile_of(
    rows: int, score: float | None = 90.0, *, unknown: int = 0, **filled: int
) -> Profile:
    """Make a profile.

    Args:
        rows: that were read.
        score: points.
        unknown: how many of the parts of the score were not looked at.
        filled: rows by column; all of them where nothing is said.
    """
    columns = [
        ColumnFill(column=column, field=COLUMNS.get(column, ""), filled=filled.get(column, rows))
        for column in {**COLUMNS, **filled}
    ]
    shares = [(score or 0) / 100, *[1.0] * (len(PARTS) - 1)]
    shares[len(PARTS) - unknown :] = [None] * unknown
    parts = [
        ScorePart(name=name, meaning=part.meaning, weight=part.weight, share=share)
        for (name, part), share in zip(PARTS.items(), shares, strict=True)
    ]
    return Profile(
        rows=rows, columns=columns, repaired={}, oddities={}, odd_rows=0, repeated_numbers=0,
        states={}, offsets={}, duplicate_ages={}, call_hours=None, estimate=None,
        score=Score(points=score, parts=parts),
    )  # fmt: skip


def summary_of(
    name: str = "acme_1.csv",
    rows: int = 100,
    reasons: dict[str, int] | None = None,
    **given: Any,
) -> Summary:
    """Make a summary of a file; its SHA-256 is derived from its name."""
    reasons, columns = reasons or {}, given.pop("columns", list(COLUMNS))
    began = given.setdefault("began", BEGAN)
    sha256 = given.pop("sha256", hashlib.sha256(name.encode()).hexdigest())
    job = given.setdefault("job", "import")
    file = FileSummary(
        name=name, sha256=sha256, size=123, compression=None, encoding="utf-8", bom=False,
        delimiter=",", header=True, columns=columns,
    )  # fmt: skip
    rejected = sum(reasons.values())
    usual: dict[str, Any] = {
        "run": f"{began:%Y%m%d-%H%M%S}-{sha256[:8]}-{job}",
        "mapping": MappingSummary(fields={"phone_number": "Phone"}, unmapped=[], set_by_dialer=[]),
        "options": {}, "database": None, "ended": began, "notices": {}, "lead_ids": [],
        "number_types": {}, "regions": {}, "remarks": [], "seconds": {}, "results": "results/x",
        "profile": profile_of(rows),
    }  # fmt: skip
    counts = {"rows_read": rows, "loaded": rows - rejected, "rejected": rejected}
    return Summary(file=file, reasons=reasons, **{**counts, **usual, **given})


def write_summary(folder: Path, summary: Summary) -> Path:
    """Write a summary into a new results folder; return the folder."""
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(summary.model_dump_json(indent=2), "utf-8")
    return folder
