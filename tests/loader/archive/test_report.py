"""The record of an archive, its text, and the folder that fills up chunk by chunk."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from jobs.cli.terminal import outlook, pace
from loader.api.lead_archive import IN_OFFICE_HOURS, answer_to
from loader.archive.outcome import STAYED_TYPES, ChunkResult, Counts, Preview, Stay
from loader.archive.report import ArchiveReport, PreviewSummary, report_lines
from loader.archive.results import ArchiveResults
from loader.errors import LeadIdsError, LoaderError, OfficeHoursError, UsageError
from loader.results.lines import align

BEGAN = datetime(2026, 11, 22, 20, tzinfo=UTC)


def report(**values: Any) -> ArchiveReport:
    usual = {
        "message": "lead_ids batch was successfully processed", "select_count": 0,
        "insert_count": 0, "update_count": 0, "delete_count": 0, "looked_at": 0, "moved": 0,
        "gone": 0, "kept": 0, "run": "r", "job": "archive",
        "which": "3 given leads", "options": {}, "database": "sqlite:///d.db", "began": BEGAN,
        "ended": BEGAN + timedelta(seconds=10), "stopped": "done", "why": "all leads were moved",
        "exit_code": 0, "stopped_at": None, "chunks": 0, "stayed": {}, "children": {}, "made": [],
        "remarks": [], "waited": {}, "preview": None, "results": "out",
    }  # fmt: skip
    return ArchiveReport.model_validate(usual | values)


def stays(*rows: tuple[int, Stay, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(STAYED_TYPES)).astype(STAYED_TYPES)


def test_the_files_tell_each_chunk_when_it_is_done(tmp_path: Path) -> None:
    results = ArchiveResults(tmp_path / "out")
    chunks, stayed = tmp_path / "out" / "chunks.csv", tmp_path / "out" / "stayed.csv"
    changed = stays((4, Stay.CHANGED, ""), (5, Stay.HELD, 'status "INCALL", now'))
    children = {"custom_101": Counts(2, 2, 0, 2)}
    moved = np.array([1, 2, 3, 6, 7, 8, 9])
    chunk = np.arange(1, 10)
    results.chunk(chunk, ChunkResult(Counts(9, 8, 1, 7), changed, children, moved), 0.1234)
    assert (tmp_path / "out" / "moved.csv").read_text().split() == ["lead_id", *"1236789"]
    head, first = chunks.read_text("utf-8").splitlines()
    assert head == (
        "chunk,first_lead_id,last_lead_id,select_count,insert_count,update_count,delete_count,"
        "seconds,ended"
    )
    assert first.startswith("1,1,9,9,8,1,7,0.123,20")
    assert stayed.read_text("utf-8").splitlines() == [
        "lead_id,why,details", "4,CHANGED,", '5,HELD,"status ""INCALL"", now"',
    ]  # fmt: skip
    results.spare(stays((12, Stay.HELD, "vicidial_hopper")))
    last = np.array([20, 21])
    results.chunk(last, ChunkResult(Counts(2, 0, 0, 2), children=children, moved=last), 0.1)
    assert len(chunks.read_text("utf-8").splitlines()) == 3
    assert results.counts == Counts(11, 8, 1, 9)
    assert results.children == {"custom_101": Counts(4, 4, 0, 4)}
    assert results.stayed == {"CHANGED": 1, "HELD": 2}
    assert results.chunks == 2
    assert not (tmp_path / "out" / "summary.json").exists()
    done = report()
    results.summarize(done)
    summary = (tmp_path / "out" / "summary.json").read_text("utf-8")
    assert ArchiveReport.model_validate_json(summary) == done
    with pytest.raises(UsageError, match="holds the results of another run"):
        ArchiveResults(tmp_path / "out")


@pytest.mark.parametrize(
    ("deleting", "rest"),
    [
        pytest.param(True, {"gone": 4, "kept": 0}, id="all-steps"),
        pytest.param(False, {"gone": 1, "kept": 3}, id="no-delete"),
    ],
)
def test_every_lead_that_was_looked_at_is_told_of_once(
    deleting: bool, rest: dict[str, int], tmp_path: Path
) -> None:
    results = ArchiveResults(tmp_path / "out")
    results.spare(stays((3, Stay.HELD, "vicidial_hopper")))
    # Of 1, 2, 4 ... 9 one was not there, and one moved without all that belongs to it.
    told_of = stays((5, Stay.CHANGED, ""), (9, Stay.LOCKED, ""), (2, Stay.CHILD_LEFT, "custom_1"))
    done = ChunkResult(Counts(7, 0, 0, 2), told_of, moved=np.array([1, 2]))
    results.chunk(np.array([1, 2, 4, 5, 6, 7, 8, 9]), done, 0.1)
    found = results.as_dict(deleting=deleting)
    expected = {"looked_at": 9, "moved": 2, **rest}
    assert {name: found[name] for name in expected} == expected
    done_report = report(**found)
    assert done_report.all_stayed == 3
    results.summarize(done_report)


def test_a_record_adds_up() -> None:
    with pytest.raises(
        ValidationError, match="9 leads were looked at, but the report accounts for 8"
    ):
        report(looked_at=9, moved=4, stayed={"HELD": 1, "CHILD_LEFT": 7}, gone=2, kept=1)


def test_a_chunk_that_was_broken_off_is_not_told_as_if_nothing_was_done() -> None:
    broken = report(stopped="error", why="no right", stopped_at=4, unfinished=(5, 12), exit_code=77)
    assert broken.ending == (
        "stopped in the chunk from lead_id 5 to 12: no right; the chunk is unfinished: some of its "
        "leads may be copied and not deleted; the same command completes it"
    )


def test_the_files_of_a_run_that_was_killed_are_kept(tmp_path: Path) -> None:
    for lead_id in (1, 2, 3):
        results = ArchiveResults(tmp_path)
        moved = np.array([lead_id])
        results.chunk(moved, ChunkResult(Counts(1, 1, 0, 1), moved=moved), 0.1)
        results._close()  # as the system does when a process ends
    results.summarize(report())
    names = ("moved.1.csv", "moved.2.csv", "moved.csv")
    assert [(tmp_path / name).read_text().split()[1] for name in names] == ["1", "2", "3"]
    assert {f"{name}.1.csv" for name in ("chunks", "stayed")} <= {
        path.name for path in tmp_path.iterdir()
    }
    with pytest.raises(UsageError, match="holds the results of another run"):
        ArchiveResults(tmp_path)


def test_nothing_is_left_of_a_run_that_came_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "notes.txt").touch()
    for folder in ("there", "new"):
        ArchiveResults(tmp_path / folder).discard()
    assert [path.name for path in tmp_path.rglob("*")] == ["there", "notes.txt"]


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"results folder .*/file: it is a file; name a folder"):
        ArchiveResults(tmp_path / "file")
    with pytest.raises(UsageError, match=r"results folder .*/file/below: Not a directory"):
        ArchiveResults(tmp_path / "file" / "below")


def test_the_text_tells_all_of_it() -> None:
    lines = report_lines(
        report(
            select_count=1200, insert_count=1100, update_count=100, delete_count=1190,
            looked_at=1210, moved=1190, gone=7, stayed={"CHANGED": 10, "HELD": 3, "CHILD_LEFT": 1},
            chunks=3, stopped="limit", stopped_at=1300,
            why="the limit of 1,200 leads is reached", made=["vicidial_list_archive"],
            children={"custom_101": Counts(5, 4, 1, 5)._asdict()}, waited={"pause file p": 2.5},
        )
    )  # fmt: skip
    assert lines == [
        "archive: 3 given leads",
        "looked_at     1,210",
        "select_count  1,200",
        "insert_count  1,100",
        "update_count    100",
        "delete_count  1,190",
        "moved         1,190",
        "stayed           13",
        f"  CHANGED        10  {Stay.CHANGED.meaning}",
        f"  HELD            3  {Stay.HELD.meaning}",
        f"  CHILD_LEFT      1  {Stay.CHILD_LEFT.meaning}",
        "gone              7  not in their table any more",
        "with the leads  select  insert  update  delete",
        "  custom_101         5       4       1       5",
        "tables made: vicidial_list_archive",
        "waited 2.5 s: pause file p",
        "stopped after lead_id 1300: the limit of 1,200 leads is reached",
        "results: out (10.0 s, 3 chunks, 121 leads/s)",
    ]


def test_the_text_of_a_dry_run_has_tables() -> None:
    preview = Preview(
        leads=1200,
        spared=pd.DataFrame({"why": ["HELD"], "details": ["vicidial_hopper"], "leads": [1]}),
        by_list=pd.DataFrame(
            {
                "list_id": [101, 2],
                "list_name": ["", "Two"],
                "campaign_id": "C",
                "leads": [1100, 100],
            }
        ),
        by_status=pd.DataFrame({"status": ["NA"], "leads": [1200]}),
        by_age=pd.DataFrame({"age": ["over a year"], "leads": [1200]}),
        by_last_call=pd.DataFrame({"age": ["91 to 180 days"], "leads": [1200]}),
    )
    seen = report(
        preview=PreviewSummary.of(preview), stopped="dry_run", why="nothing was written",
        made=["vicidial_list_archive"],
        remarks=[],
    )  # fmt: skip
    assert report_lines(seen)[1:-2] == [
        "1,200 leads would be archived; nothing was written",
        "by list:",
        "  list_id  list_name  campaign_id  leads",
        "  101                 C            1,100",
        "  2        Two        C              100",
        "by status:",
        "  status  leads",
        "  NA      1,200",
        "by age since the load:",
        "  age          leads",
        "  over a year  1,200",
        "by age since the last call:",
        "  age             leads",
        "  91 to 180 days  1,200",
        "beside these, what would stay:",
        "  why   details          leads",
        "  HELD  vicidial_hopper      1",
        "tables that would be made: vicidial_list_archive",
    ]
    assert json.loads(seen.model_dump_json())["preview"]["by_list"][0]["list_id"] == 101


@pytest.mark.parametrize(
    ("job", "options", "said"),
    [
        ("archive", {"limit": 10}, "991 leads would be archived; the limit takes 10 of them"),
        ("archive", {"limit": 991}, "991 leads would be archived"),
        ("archive", {"delete": False}, "991 leads would be copied"),
        ("archive", {"insert": False}, "991 leads would be archived where they have a copy"),
        ("dearchive", {"insert": False}, "991 leads would be put back where they have a copy"),
        (
            "archive",
            {"insert": False, "delete": False},
            "991 leads would be brought up to date where their copies differ",
        ),
        ("dearchive", {"insert": False, "delete": False}, "991 leads would be looked at"),
    ],
)
def test_a_dry_run_tells_what_the_steps_would_do(
    job: str, options: dict[str, Any], said: str
) -> None:
    nothing: dict[str, Any] = {"by_list": [], "by_status": [], "by_age": [], "spared": []}
    preview = PreviewSummary(leads=991, **nothing)
    seen = report(job=job, options=options, preview=preview, stopped="dry_run")
    assert report_lines(seen)[1] == f"{said}; nothing was written"


def test_one_is_told_as_one() -> None:
    lines = report_lines(report(looked_at=1, moved=1, chunks=1, stopped_at=1))
    assert lines[-1] == "results: out (10.0 s, 1 chunk, 0 leads/s)"
    assert pace(1, 1.0) == "1 lead, 1/s"


def test_a_record_has_nothing_that_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="lost"):
        report(lost=1)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        pytest.param(
            LeadIdsError("lead_ids does not exist", [7, 8]),
            {"message": "lead_ids does not exist", "lead_errors": 2, "lead_ids": [7, 8]},
            id="lead-ids",
        ),
        pytest.param(
            OfficeHoursError("until 18:00"), {"message": IN_OFFICE_HOURS}, id="office-hours"
        ),
        pytest.param(LoaderError("it broke"), {"message": "it broke"}, id="anything-else"),
    ],
)
def test_errors_are_answered_as_by_the_api(error: LoaderError, answer: dict[str, Any]) -> None:
    assert answer_to(error) == answer


def test_cells_stand_under_one_another() -> None:
    assert align([["a", "1"], ["bb", "22", "more"]], "<><") == ["a    1", "bb  22  more"]


@pytest.mark.parametrize(
    ("leads", "share", "seconds", "said"),
    [
        (0, 0.0, 0.0, "0 leads, 0/s, 0%"),
        (30_000, 0.25, 60.0, "30,000 leads, 500/s, 25%, about 0:03:00 left"),
        (5, 1.0, 0.5, "5 leads, 10/s, 100%, about 0:00:00 left"),
    ],
)
def test_progress_tells_rate_and_rest(leads: int, share: float, seconds: float, said: str) -> None:
    assert f"{pace(leads, seconds)}, {outlook(share, seconds)}" == said
