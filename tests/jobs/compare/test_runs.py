"""The command compare: many summaries, one page and one table."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from jobs.cli.compare import compare
from jobs.compare.page import MARK, render_compared, table_of, trend_of
from jobs.compare.runs import compare_runs
from loader.errors import NoSuchFileError, ResultsError, UsageError
from loader.report.wording import BARS, spark
from tests.support.browser import DESK, PHONE, Browser
from tests.support.summaries import BEGAN, profile_of, summary_of, write_summary

HOSTILE = "[/]<script>alert(1)</script>\u202e=HYPERLINK(1) 😀 [bold]{{ 7 * 7 }}"


ASKEW = """[...document.querySelectorAll("table")].flatMap(table => {
    const side = cell => getComputedStyle(cell).textAlign;
    const heads = [...table.tHead.rows[0].cells];
    return [...table.tBodies[0].rows].flatMap(row => [...row.cells]
        .filter((cell, place) => side(cell) != side(heads[place])).map(cell => cell.innerText));
})"""
"""Cells that are aligned otherwise than what is above them."""
WIDTH_OF_CHARTS = """(() => {
    const charts = [...document.querySelectorAll("section:nth-of-type(1) svg")];
    return charts.reduce((sum, each) => sum + each.getBoundingClientRect().width, 0)
        / document.querySelector("section").getBoundingClientRect().width;
})()"""
"""Of the first section, as a share of its width."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def month(tmp_path: Path) -> Path:
    """Make the results of a month: acme gets worse, solar better."""
    folder = tmp_path / "results"
    for day in range(6):
        began = BEGAN + timedelta(days=day)
        acme = summary_of(
            f"acme_{day}.csv", 1000, {"BROKEN_QUOTE": 10, "PHONE_NUMBER_IN_DNC": 20 * day + 1},
            began=began, profile=profile_of(1000, 80.0 - day),
        )  # fmt: skip
        solar = summary_of(
            f"solar_{day}.csv", 500, {"DUPLICATE_PHONE_NUMBER_IN_LIST": 100 - 20 * day} if day < 5
            else {}, began=began,
        )  # fmt: skip
        write_summary(folder / f"acme-{day}", acme)
        write_summary(folder / "nightly" / f"solar-{day}", solar)
    return folder


def called(*paths: Path | str, **options: Any) -> None:
    compare([Path(path) for path in paths], **options)


def page_of(path: Path | str = "compare.html") -> str:
    return Path(path).read_text("utf-8")


def test_sources_are_told_over_time(month: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(month)
    out = capsys.readouterr().out
    acme, solar = out.splitlines()[2:4]
    assert re.split(r" {2,}", acme.strip())[:7] == [
        "acme", "6", "6,000", "93.9%", "6.1%", "11.1%", "75.0",
    ]  # fmt: skip
    assert acme.rstrip().endswith("up 6.0 points")
    assert solar.startswith("solar")
    assert solar.rstrip().endswith("down 12.0 points")
    assert "page: compare.html" in out
    page = page_of()
    assert MARK in page
    rows = page[page.index('aria-label="Sources"') :]
    assert rows.index('href="#source-1"><bdi>acme') < rows.index('href="#source-2"><bdi>solar')
    assert page.count("<svg") == 4
    assert page.count(", day by day</figcaption>") == 4
    assert "Phone number in DNC" in page
    assert len(re.findall(r">import</td>", page)) == 12


def test_the_data_are_the_same_as_json(month: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(month, json_summary=True)
    told = json.loads(capsys.readouterr().out)
    acme, solar = told["sources"]
    assert (acme["source"], solar["source"]) == ("acme", "solar")
    assert acme["rejected"] == 60 + sum(20 * day + 1 for day in range(6))
    assert acme["last_reject_rate"] == 0.111
    assert acme["trend"] == pytest.approx(0.111 - 0.051)
    assert (acme["score_last"], acme["score_mean"]) == (75.0, 77.5)
    assert list(acme["reasons"]) == ["PHONE_NUMBER_IN_DNC", "BROKEN_QUOTE"]
    assert [rate for _began, rate in solar["rates"]] == [0.2, 0.16, 0.12, 0.08, 0.04, 0.0]
    assert [run["began"] for run in told["runs"]] == sorted(
        (run["began"] for run in told["runs"]), reverse=True
    )
    assert not Path("compare.html").exists()
    called(month, json_summary=True, output=Path("named.html"))
    assert json.loads(capsys.readouterr().out) == told
    assert MARK in page_of("named.html")


def test_only_runs_since_a_day(month: Path) -> None:
    found = compare_runs([month], BEGAN + timedelta(days=4))
    assert [source.files for source in found.sources] == [2, 2]
    assert found.left_out == {"older run": 8}


@pytest.mark.parametrize("since", ["yesterday", "90", "2026-13-01", "-1d"])
def test_a_moment_that_is_none_is_said(month: Path, since: str) -> None:
    with pytest.raises(UsageError, match="--since: "):
        called(month, since=since)


def test_since_takes_dates_and_ages(month: Path, capsys: pytest.CaptureFixture[str]) -> None:
    called(month, since="2026-11-23", json_summary=True)
    days = {run["began"][:10] for run in json.loads(capsys.readouterr().out)["runs"]}
    # The day begins by this machine's clock.
    assert min(days) in {"2026-11-22", "2026-11-23", "2026-11-24"}
    called(month, since="99w")
    with pytest.raises(NoSuchFileError, match="12 older runs"):
        called(month, since="2199-01-01")


def test_nothing_found_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match="there is no summary"):
        called(tmp_path)
    with pytest.raises(NoSuchFileError, match="nowhere: No such file"):
        called(tmp_path / "nowhere")
    assert not Path("compare.html").exists()
    assert NoSuchFileError.exit_code == 66


def test_what_is_no_summary_is_left_out(month: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = {
        "archived": '{"job": "archive", "run": "x"}',
        "undone": '{"job": "undo", "run": "x"}',
        "nightly report": '{"sources": []}',
        "list": "[1, 2]",
        "broken": "{",
        "later": summary_of(run="later").model_dump_json().replace('"version":1', '"version":7'),
    }
    for name, content in foreign.items():
        (month / name).mkdir()
        (month / name / "summary.json").write_text(content, "utf-8")
    (month / "killed" / ".work").mkdir(parents=True)
    (month / ".hidden").mkdir()
    (month / ".hidden" / "summary.json").write_text("{", "utf-8")
    called(month)
    said = capsys.readouterr()
    assert (
        "left out: 2 other JSON files, 1 archive report, 1 unfinished run, 1 undo report"
        in said.out
    )
    broken, later = sorted(said.err.splitlines())
    assert "broken/summary.json is no JSON" in broken
    assert "later/summary.json was written by a later leadloader (version 7)" in later
    assert page_of().count("Could not be read") == 2


def test_corrected_rejects_are_no_file_of_their_source(month: Path) -> None:
    fixed = summary_of("acme_5.csv", 10, {"BROKEN_QUOTE": 9}, began=BEGAN + timedelta(days=9))
    columns = ["Phone", "row_number", "reason", "reasons_all", "details", "add_lead"]
    file = fixed.file.model_copy(update={"columns": columns, "sha256": "f" * 64})
    write_summary(month / "fixed", fixed.model_copy(update={"file": file, "run": "fixed"}))
    found = compare_runs([month])
    assert len(found.runs) == 12
    assert found.left_out == {"reject file": 1}


def test_a_folder_that_may_not_be_read_fails_nothing(month: Path) -> None:
    (month / "list").mkdir()
    (month / "list" / "summary.json").symlink_to("/nowhere/summary.json")
    found = compare_runs([month])
    assert len(found.runs) == 12
    assert [str(month / "list" / "summary.json") in line for line in found.warnings] == [True]


def test_the_same_run_is_found_once(month: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes((month / "acme-0" / "summary.json").read_bytes())
    (tmp_path / "link").symlink_to(month)
    found = compare_runs([month, month / "acme-0", tmp_path / "link", copy])
    assert len(found.runs) == 12
    assert found.left_out == {"repeated run": 1}


def hours(count: int) -> dict[str, Any]:
    began = BEGAN + timedelta(hours=count)
    return {"began": began, "run": f"run-{count}"}


@pytest.mark.parametrize(
    ("runs", "counts"),
    [
        ([{"job": "validate"}, {"job": "import"}], 1),
        ([{"job": "import"}, {"job": "validate"}], 0),
        ([{"job": "import"}, {"job": "import"}], 1),
        ([{"job": "validate"}, {"job": "validate"}], 1),
        ([{"job": "validate"}, {"job": "validate", "sample_of": 500}], 0),
        ([{"job": "validate", "sample_of": 500}, {"job": "validate", "sample_of": 500}], 1),
        ([{"job": "validate"}, {"job": "import", "sample_of": 500}, {"job": "validate"}], 1),
    ],
    ids=["import after", "import before", "imported again", "validated again", "sample after",
         "samples", "import between"],
)  # fmt: skip
def test_one_run_of_a_file_counts(tmp_path: Path, runs: list[dict[str, Any]], counts: int) -> None:
    for number, each in enumerate(runs):
        write_summary(tmp_path / str(number), summary_of(**hours(number), **each))
    found = compare_runs([tmp_path])
    assert [run.run for run in found.runs if run.counts] == [f"run-{counts}"]
    assert found.sources[0].files == 1
    assert len(found.runs) == len(runs)
    page = render_compared(found)
    assert page.count("not counted") == len(runs) - 1


def test_one_file_of_two_sources_counts_for_both(tmp_path: Path) -> None:
    for number, source in enumerate(("acme", "solar")):
        write_summary(tmp_path / source, summary_of(source=source, **hours(number)))
    assert [it.files for it in compare_runs([tmp_path]).sources] == [1, 1]


def test_samples_are_marked(tmp_path: Path) -> None:
    write_summary(tmp_path / "s", summary_of(rows=50, job="validate", sample_of=4_000))
    assert "a sample: 50 of 4,000 rows" in render_compared(compare_runs([tmp_path]))


def test_files_of_one_day_are_drawn_one_after_the_other(tmp_path: Path) -> None:
    for number in range(3):
        reasons = {"BROKEN_QUOTE": 10 * number}
        summary = summary_of(f"acme_{number}.csv", 100, reasons, **hours(number))
        write_summary(tmp_path / str(number), summary)
    page = render_compared(compare_runs([tmp_path]))
    # Reject rates and scores, and the reject rates of the only source.
    assert page.count("<svg") == 3
    assert page.count(", file by file on one day</figcaption>") == 3
    svg = page[page.index("<svg") :].partition("</svg>")[0]
    assert re.findall(r"<text[^>]*>([^<]*)</text>", svg) == ["0%", "10.0%", "20.0%", "1", "2", "3"]


def test_one_file_has_no_line_and_it_is_said(tmp_path: Path) -> None:
    write_summary(tmp_path / "1", summary_of())
    write_summary(tmp_path / "2", summary_of("solar.csv", **hours(24)))
    page = render_compared(compare_runs([tmp_path]))
    assert "<svg" not in page
    assert "no source has two files yet" in page


def test_a_chart_of_one_line_has_no_legend(tmp_path: Path) -> None:
    for number, name in enumerate(("acme_1.csv", "acme_2.csv", "solar_1.csv")):
        write_summary(tmp_path / str(number), summary_of(name, **hours(24 * number)))
    page = render_compared(compare_runs([tmp_path]))
    assert [svg.count(">acme</text>") for svg in page.split("<svg")[1:]] == [1, 1, 0]


STARS = {
    "none": ([0, 0], ""),
    "one": ([1, 0], "* 1 of 7 parts was not checked"),
    "two": ([2, 2], "* 2 of 7 parts were not checked"),
    "some": ([1, 3], "* 1 to 3 of 7 parts were not checked"),
}


@pytest.mark.parametrize(("unknown", "note"), STARS.values(), ids=STARS)
def test_scores_of_lists_that_were_checked_less_have_a_star(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unknown: list[int], note: str
) -> None:
    for number, (name, parts) in enumerate(zip(("acme", "solar"), unknown, strict=True)):
        profile = profile_of(100, 93.6 + number, unknown=parts)
        write_summary(tmp_path / name, summary_of(f"{name}.csv", profile=profile, **hours(number)))
    called(tmp_path)
    out, page = capsys.readouterr().out, page_of()
    scores = [f"{93.6 + number}{'*' if parts else ''}" for number, parts in enumerate(unknown)]
    assert re.findall(r"9\d\.\d\*?", out) == scores
    # Newest and mean score, and those of parts and of runs.
    assert [page.count(f">{score}</td>") for score in scores] == [4, 4]
    assert out.count("not checked") == (1 if note else 0)
    assert note in out
    assert page.count(f">{note};") == (2 if note else 0)
    called(tmp_path, json_summary=True)
    told = json.loads(capsys.readouterr().out)
    assert [it["unknown_parts"] for it in told["sources"]] == unknown
    assert [it["most_unknown_parts"] for it in told["sources"]] == unknown
    assert [it["unknown_parts"] for it in told["runs"]] == unknown[::-1]


def test_the_mean_of_scores_has_a_star_if_any_has(tmp_path: Path) -> None:
    for number, unknown in enumerate((2, 0)):
        profile = profile_of(100, [99.9, 100.0][number], unknown=unknown)
        write_summary(
            tmp_path / f"{number}", summary_of(f"a_{number}.csv", profile=profile, **hours(number))
        )
    source = compare_runs([tmp_path]).sources[0]
    assert (source.score_last, source.unknown_parts) == (100, 0)
    # Not 100, for not all are.
    assert (source.score_mean, source.most_unknown_parts) == (99.9, 2)


def test_parts_are_those_of_the_score_that_is_shown(tmp_path: Path) -> None:
    write_summary(tmp_path / "1", summary_of("a_1.csv", profile=profile_of(100, 80.0), **hours(1)))
    empty = profile_of(0, None, unknown=7)
    write_summary(tmp_path / "2", summary_of("a_2.csv", rows=0, profile=empty, **hours(2)))
    source = compare_runs([tmp_path]).sources[0]
    assert (source.score_last, source.unknown_parts) == (80, 0)
    assert source.parts["readable rows"] == 0.8


def test_rows_of_imports_and_of_validations_are_called_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_summary(tmp_path / "1", summary_of(job="validate", reasons={"BROKEN_QUOTE": 31}))
    called(tmp_path)
    assert "fit to load" in capsys.readouterr().out
    page = page_of()
    assert ">Loaded<" not in page
    assert "69 fit to load, 31 rejected" in page


def test_no_rows_and_no_profile_are_told_as_unknown(tmp_path: Path) -> None:
    write_summary(tmp_path / "0", summary_of(rows=0, profile=None))
    found = compare_runs([tmp_path])
    source = found.sources[0]
    assert (source.reject_rate, source.trend, source.score_last, source.rates) == (
        None,
        None,
        None,
        [],
    )
    assert trend_of(source) == ""
    assert ">\N{EN DASH}</td>" in render_compared(found)
    assert table_of(found.sources).row_count == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"job": []}, "other JSON file"),
        ({"job": {}}, "other JSON file"),
        ({"rows_read": 10**400}, "a number is too large"),
        ({"began": "9999-12-31T23:59:59-14:00"}, "began is no time that a run can have"),
    ],
    ids=["job is a list", "job is an object", "count", "time"],
)
def test_no_value_of_a_summary_is_a_bug(
    change: dict[str, Any], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_summary(tmp_path / "good", summary_of("acme_2.csv", began=BEGAN))
    content = json.loads(summary_of().model_dump_json()) | change
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "summary.json").write_text(json.dumps(content), "utf-8")
    called(tmp_path)
    said = capsys.readouterr()
    assert says in said.out + said.err


def test_times_without_a_zone_are_of_utc(tmp_path: Path) -> None:
    write_summary(tmp_path / "0", summary_of(began=BEGAN.replace(tzinfo=None)))
    write_summary(tmp_path / "1", summary_of("acme_2.csv", began=BEGAN))
    assert [run.began for run in compare_runs([tmp_path]).runs] == [BEGAN, BEGAN]


def test_names_are_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        hostile = summary_of(
            f"{HOSTILE}{number}.csv", 10, {HOSTILE: 1}, source=HOSTILE, **hours(24 * number)
        )
        write_summary(tmp_path / str(number), hostile)
    (tmp_path / "<img src=x>").mkdir()
    (tmp_path / "<img src=x>" / "summary.json").write_text("{", "utf-8")
    called(tmp_path)
    said = capsys.readouterr()
    assert "[/]<script>alert(1)</script>⟨U+202E⟩" in said.out
    assert "\u202e" not in said.out
    page = page_of()
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert "7 * 7" in page


def test_only_a_page_of_ours_is_overwritten_unasked(month: Path) -> None:
    Path("compare.html").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="no page of leadloader compare"):
        called(month)
    assert page_of() == "mine"
    called(month, output=Path("compare.html"))
    assert MARK in page_of()
    called(month)
    with pytest.raises(ResultsError, match="cannot be written"):
        called(month, output=Path("nowhere") / "page.html")


def test_the_page_stays_small(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reasons = {f"{HOSTILE}{number}": 1 for number in range(50)}
    for number in range(1200):
        long = "\N{GRINNING FACE}<&>" * 50
        summary = summary_of(
            f"{long}{number}.csv", 1000, reasons,
            source=f"{long if number % 2 else ''}<{number % 300}>",
            sha256=f"{number:064}", **hours(number * 24),
        )  # fmt: skip
        write_summary(tmp_path / "r" / str(number), summary)
    called(tmp_path / "r")
    out = capsys.readouterr().out
    assert "and 100 more sources" in out
    page = page_of()
    assert len(page.encode()) < 2_000_000
    assert "These are 500 of 1,200" in page
    assert "100 more sources" in page
    assert page.count("<svg") == 32


@pytest.mark.parametrize(
    ("values", "highest", "drawn"),
    [
        ([], None, ""),
        ([0, 0], None, "▁▁"),
        ([0, 1, 2, 3, 4, 5, 6, 7], None, BARS),
        ([5, 5], None, "██"),
        ([0.5, 1, 3], 1, "▅██"),
        ([-1, float("nan"), float("inf"), 1], None, "▁▁█▁"),
        ([1], 0, "█"),
    ],
)
def test_a_spark_line(values: list[float], highest: float | None, drawn: str) -> None:
    assert spark(values, highest) == drawn


@pytest.mark.property
@given(values=st.lists(st.floats()), highest=st.none() | st.floats(allow_nan=False))
def test_a_spark_line_has_a_bar_for_each_number(values: list[float], highest: float | None) -> None:
    line = spark(values, highest)
    assert len(line) == len(values)
    assert set(line) <= set(BARS)


def test_the_command_takes_its_flags(month: Path) -> None:
    app = typer.Typer()
    app.command()(compare)
    done = CliRunner().invoke(app, [str(month), "--since", "99w", "--output", "x.html", "--json"])
    assert (done.exit_code, done.exception) == (0, None)
    assert len(json.loads(done.stdout)["sources"]) == 2
    assert Path("x.html").exists()


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("width", "scheme"), [(PHONE, "light"), (PHONE, "dark"), (DESK, "light"), (DESK, "dark")]
)
def test_the_page_is_good_in_a_browser(
    browser: Browser, month: Path, width: int, scheme: str
) -> None:
    long = summary_of(f"{HOSTILE}.csv", 10, {"BROKEN_QUOTE": 4}, source=HOSTILE * 3, **hours(1))
    write_summary(month / "hostile", long)
    write_summary(
        month / "sample", summary_of("roof_1.csv", job="validate", sample_of=9_000, **hours(2))
    )
    (month / "list").mkdir()
    (month / "list" / "summary.json").write_text("{", "utf-8")
    called(month)
    with browser.opened(Path("compare.html"), width=width, scheme=scheme) as opened:
        opened.unfold()
        opened.keep(f"compare-{width}-{scheme}")
        assert (opened.messages, opened.requests, opened.overflow) == ([], [], 0)
        assert opened.violations() == []
        assert opened.page.evaluate(ASKEW) == []
        if width == DESK:
            assert opened.page.evaluate(WIDTH_OF_CHARTS) > 0.8
