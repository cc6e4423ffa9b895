"""Several files as one load: what becomes of their rows, and what was loaded before."""

import csv
import gzip
import io
import json
import re
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jobs.cli.main import run as leadloader
from jobs.load import job
from jobs.load.checkpoint import Checkpoint
from jobs.load.resume import ImportRun, give_up
from jobs.undo.job import undo
from loader.database.connection import Database
from loader.database.locks import is_held
from loader.errors import (
    BusyError,
    ConfigurationError,
    LoadedBeforeError,
    PartsLoadedBeforeError,
    SourceFileError,
)
from loader.ledger.parts import parts_of
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from loader.reading.part_files import PartFiles
from loader.results.files import Results
from loader.writing.writer import Writer
from tests.support.loads import (
    Loads,
    Outcome,
    leads,
    load_file,
    outcome_of,
    workers_from_the_first_row,
)
from tests.support.screening import OPTIONS, ROW, VALUES
from tests.support.server import run
from tests.support.step_kills import Killed, Point, killed_at

HEADER = "phone_number,first_name\n"
ONE, TWO, THREE = ("".join(f"72755501{part}{n},Ann{n}\n" for n in range(3)) for part in (1, 2, 3))
LIST: dict[str, Any] = {"list_id": "101", "batch_size": 2}


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def part(files: PartFiles, number: int) -> Path:
    return Path(files.paths[number - 1])


# --- the same as the joined file ------------------------------------------------------------------


@pytest.mark.property
@settings(
    # Each is two whole loads.
    max_examples=max(settings().max_examples // 6, 1),
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    parts=st.lists(
        st.tuples(
            st.lists(ROW, max_size=5),
            st.booleans(),
            st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gz"]),
        ),
        min_size=2,
        max_size=4,
    ),
    options=st.sampled_from(OPTIONS),
    workers=st.sampled_from([1, 2]),
    chunk_size=st.sampled_from([1, 2, 3, 5, 100]),
)
def test_leads_and_reasons_are_those_of_the_joined_file(
    tmp_path: Path,
    parts: list[tuple[list[dict[str, str]], bool, str]],
    options: dict[str, Any],
    workers: int,
    chunk_size: int,
) -> None:
    folder = tmp_path / f"{time.monotonic_ns()}"
    folder.mkdir()
    loads = Loads(folder)
    names = ["source_id", *VALUES]
    # Each row is another one: the same content twice is refused.
    texts = [
        "".join(line([f"{at}-{n}", *row.values()]) for n, row in enumerate(rows))
        for at, (rows, *_) in enumerate(parts)
    ]
    contents = [
        store(text if at and not has_header else line(names) + text, how)
        for at, (text, (_, has_header, how)) in enumerate(zip(texts, parts, strict=True))
    ]
    joined = loads.folder / "joined.csv"
    joined.write_text(line(names) + "".join(texts), "utf-8", newline="")
    alone = loads.load(joined, None, "validate", workers=1, **options)
    with workers_from_the_first_row():
        files = loads.parts(*contents)
        how = {"workers": workers, "chunk_size": chunk_size}
        several = loads.load(files, None, "validate", **how, **options)
    assert told(several) == told(alone)


def line(values: list[str]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(values)
    return file.getvalue()


def store(text: str, how: str) -> bytes:
    return gzip.compress(text.encode()) if how == "gz" else text.encode(how)


def told(outcome: Outcome) -> dict[str, Any]:
    """Give what became of each row by its place among all, without the numbers of rows."""
    numbers = sorted({*outcome.loaded, *outcome.rejected})
    place = {number: at for at, number in enumerate(numbers)}
    ours = ("row_number", "part", "part_row", "details")
    summary = outcome.summary.model_dump()
    kept = ("rows_read", "blank_rows", "reasons", "reasons_all", "notices", "profile", "regions")
    return {
        "loaded": {place[row]: each["notices"] for row, each in outcome.loaded.items()},
        "rejected": {
            place[row]: {name: value for name, value in each.items() if name not in ours}
            for row, each in outcome.rejected.items()
        },
        **{name: summary[name] for name in kept},
    }


# --- where a row stands ---------------------------------------------------------------------------


def test_every_result_says_which_row_of_which_part(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, TWO + "12,Bad\n", HEADER + THREE + ONE[:16])
    options = LIST | {"duplicate_check": "DUPLIST"}
    outcome = loads.load(files, database, **options)
    assert outcome.reasons == {
        8: "INVALID_PHONE_NUMBER_LENGTH",
        13: "DUPLICATE_PHONE_NUMBER_IN_LIST",
    }
    places = {row: (Path(it["part"]).name, it["part_row"]) for row, it in outcome.rejected.items()}
    assert places == {8: ("part-2.csv", "4"), 13: ("part-3.csv", "5")}
    of_loaded = {row: (Path(it["part"]).name, it["part_row"]) for row, it in outcome.loaded.items()}
    assert of_loaded[2] == ("part-1.csv", "2")
    assert of_loaded[5] == ("part-2.csv", "1")
    assert of_loaded[10] == ("part-3.csv", "2")
    assert f"row_number=2 (row 2 of {files.paths[0]}) lead_id=" in outcome.rejected[13]["details"]
    figures = [(it.first_row, it.rows, it.has_header) for it in outcome.summary.file.parts]
    assert figures == [(1, 4, True), (5, 4, False), (9, 5, True)]


def test_a_change_says_it_too(loads: Loads, database: Database) -> None:
    loads.load(loads.parts(HEADER + ONE, TWO), database, **LIST)
    files = loads.parts(HEADER + THREE, ONE.replace("Ann", "Eve"))
    how = {"duplicate_check": "DUPLIST", "on_duplicate": "update", "update_fields": "all"}
    outcome = loads.load(files, database, **LIST, **how)
    with (outcome.folder / "changes.csv").open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    assert [(row["part"], row["part_row"], row["row_number"]) for row in rows] == [
        (files.paths[1], str(n), str(4 + n)) for n in (1, 2, 3)
    ]


def test_the_page_says_it_and_lists_the_parts(loads: Loads) -> None:
    files = loads.parts(HEADER + ONE, "12,Bad\n" + TWO, "")
    folder = loads.folder / "results"
    load_file(files, LoadOptions(), None, folder, "validate", ReportOptions())
    page = (folder / "report.html").read_text("utf-8")
    assert re.search(r'data-label="row">(<[^>]*>)?1 of part-2\.csv<', page)
    assert "3 files that were read as one" in page
    assert '<td class="number" data-label="rows">5 to 8</td>' in page
    assert '<td class="number" data-label="rows">none</td>' in page


def test_an_error_about_dates_names_the_part(loads: Loads) -> None:
    births = [f"72755501{n:02},{birth}\n" for n, birth in enumerate(["1/2/1990", "13/1/1990"] * 5)]
    us = [f"72755502{n:02},12/31/1990\n" for n in range(3)]
    files = loads.parts("phone,date_of_birth\n" + "".join(births), "".join(us))
    formats = ("%m/%d/%Y", "%d/%m/%Y")
    with pytest.raises(SourceFileError, match=r"row 1 of .*part-2.csv is %m/%d/%Y, row 3 of .*-1"):
        loads.load(files, None, "validate", date_format=formats)


def test_a_reject_file_can_be_corrected_and_loaded(loads: Loads, database: Database) -> None:
    outcome = loads.load(loads.parts(HEADER + ONE, "12,Bad\n" + TWO), database, **LIST)
    path = outcome.folder / "rejected.csv"
    path.write_text(path.read_text("utf-8").replace('"12"', '"7275550199"'), "utf-8")
    again = loads.load(path, database, **LIST)
    assert (again.summary.loaded, again.summary.mapping.unmapped) == (1, ["part", "part_row"])
    first = '"part","part_row","phone_number","first_name","row_number",'
    assert path.read_text("utf-8").startswith(first)


def test_a_column_of_that_name_stays(loads: Loads) -> None:
    files = loads.parts("phone_number,part\n12,x\n", "7275550101,y\n")
    [rejected] = loads.load(files, None, "validate").rejected.values()
    assert rejected["part"] == "x"
    assert rejected["leadloader part"] == files.paths[0]


# --- what was loaded before -----------------------------------------------------------------------


def test_the_same_parts(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, TWO)
    loads.load(files, database, **LIST)
    with pytest.raises(LoadedBeforeError, match=r"loaded already, by run .*, --again loads"):
        loads.load(files, database, **LIST)
    # In another order they are other rows by their numbers, and the same leads.
    other = PartFiles("both", files.paths[::-1], files.paths[1])
    shutil.copy(part(files, 2), loads.folder / "headed.csv")
    with pytest.raises(SourceFileError):
        loads.load(other, database, **LIST)
    assert len(leads(database, "lead_id")) == 6


def test_a_part_by_itself_after_all(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO)
    run_name = loads.load(files, database, **LIST).summary.run
    with pytest.raises(
        LoadedBeforeError,
        match=rf"part-2.csv: loaded already, by run {run_name} .* \(among other files\); nothing",
    ):
        loads.load(part(files, 2), database, **LIST)
    other = loads.file([{"phone_number": "7275550199"}])
    other.write_text(HEADER + TWO)
    with pytest.raises(
        LoadedBeforeError, match=r"\(as .*part-2.csv, among other files\); nothing was"
    ):
        loads.load(other, database, **LIST)
    assert len(leads(database, "lead_id")) == 6
    # With other options it is another load, as of every file.
    assert loads.load(other, database, list_id="102").summary.loaded == 3


def test_all_after_a_part_by_itself(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO, THREE)
    run_name = loads.load(part(files, 2), database, **LIST).summary.run
    refused = rf"part-2.csv: loaded already, by run {run_name} .*; nothing was done: leave out what"
    with pytest.raises(PartsLoadedBeforeError, match=refused) as error:
        loads.load(files, database, **LIST)
    assert error.value.exit_code == 65
    assert len(leads(database, "lead_id")) == 3
    assert [each.state for each in Ledger.to_read(database, loads.folder).runs()] == ["done"]
    # All that there is was loaded: nothing is left to be done.
    loads.load(part(files, 1), database, **LIST)
    both = PartFiles("both", files.paths[:2], files.paths[0])
    with pytest.raises(LoadedBeforeError, match=r"options, and likewise 1 more file; nothing was"):
        loads.load(both, database, **LIST)


def test_all_after_other_parts(loads: Loads, database: Database) -> None:
    loads.load(loads.parts(HEADER + ONE, TWO), database, **LIST)
    with pytest.raises(
        PartsLoadedBeforeError, match=r"-1.csv: loaded already, .* \(as .*, among other files\)"
    ):
        loads.load(loads.parts(HEADER + ONE, THREE), database, **LIST)


def test_again_loads_them(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO)
    load_file(part(files, 1), LoadOptions(**LIST), database, loads.folder / "first")
    for name, wanted in ("second", files), ("third", part(files, 2)):
        folder = loads.folder / name
        load_file(wanted, LoadOptions(**LIST), database, folder, allow_reload=True)
    assert len(leads(database, "lead_id")) == 3 + 6 + 3


def test_an_empty_part_was_not_loaded_before(loads: Loads, database: Database) -> None:
    loads.load(loads.parts(HEADER + ONE, HEADER, ""), database, **LIST)
    assert loads.load(loads.parts(HEADER + TWO, HEADER, ""), database, **LIST).summary.loaded == 3


def test_after_an_undo(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO)
    outcome = loads.load(files, database, **LIST)
    undo(outcome.summary.run, database, loads.folder / "undo")
    assert leads(database, "lead_id") == []
    assert loads.load(part(files, 2), database, **LIST).summary.loaded == 3


def test_after_an_undo_that_left_leads(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO)
    outcome = loads.load(files, database, **LIST)
    url = database.engine.url.render_as_string(hide_password=False)
    run(url, "UPDATE vicidial_list SET status = 'SALE', called_count = 1 WHERE lead_id = 1")
    undo(outcome.summary.run, database, loads.folder / "undo")
    assert len(leads(database, "lead_id")) == 1
    with pytest.raises(LoadedBeforeError, match=r"was undone 1 of its leads had to stay"):
        loads.load(part(files, 2), database, **LIST)


def test_a_validation_may_be_of_anything(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO)
    loads.load(files, database, **LIST)
    assert loads.load(part(files, 1), database, "validate", **LIST).summary.loaded == 3


# --- two processes --------------------------------------------------------------------------------


@pytest.mark.parametrize("first_is_alone", [True, False])
def test_a_part_alone_and_among_others_at_the_same_time(
    loads: Loads,
    database: Database,
    database_url: str,
    first_is_alone: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO)
    first, second = (part(files, 2), files) if first_is_alone else (files, part(files, 2))
    other, check, errors = Database(database_url), job.CheckStage.check, []

    def meanwhile(stage: job.CheckStage) -> None:
        monkeypatch.setattr(job.CheckStage, "check", check)
        try:
            load_file(second, LoadOptions(**LIST), other, loads.folder / "second")
        except BusyError as error:
            # A night asks this lock alone until it is free, and reads the file once.
            errors.append((str(error), is_held(other, error.lock_name)))
        check(stage)

    monkeypatch.setattr(job.CheckStage, "check", meanwhile)
    folder = loads.folder / "first"
    load_file(first, LoadOptions(**LIST), database, folder)
    [(message, is_its_lock)] = errors
    assert "part-2.csv: run " in message
    assert " is loading it" in message
    assert is_its_lock
    assert len(leads(database, "lead_id")) == (3 if first_is_alone else 6)
    other.engine.dispose()


def test_the_other_one_begins_between_the_question_and_the_entry(
    loads: Loads, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, insert = loads.parts(HEADER + ONE, HEADER + TWO), Ledger.insert
    other, ended, may_end = Database(database_url), [], threading.Event()
    check, checking = job.CheckStage.check, threading.Event()

    def load_other() -> None:
        load_file(part(files, 1), LoadOptions(**LIST), other, loads.folder / "other")
        ended.append(True)

    thread = threading.Thread(target=load_other)

    def held(stage: job.CheckStage) -> None:
        checking.set()
        assert may_end.wait(60)
        check(stage)

    def late(ledger: Ledger, *arguments: Any) -> None:
        if not thread.ident:
            thread.start()
            assert checking.wait(60)
        insert(ledger, *arguments)

    monkeypatch.setattr(Ledger, "insert", late)
    monkeypatch.setattr(job.CheckStage, "check", held)
    try:
        with pytest.raises(BusyError, match=r"part-1.csv: run .* is loading it$"):
            load_file(files, LoadOptions(**LIST), database, loads.folder / "results")
    finally:
        may_end.set()
        thread.join()
    assert ended
    assert len(leads(database, "lead_id")) == 3
    states = {each.source: each.state for each in Ledger.to_read(database, loads.folder).runs()}
    assert states == {files.paths[0]: "done", files.name: "refused"}
    other.engine.dispose()


# --- runs that were killed ------------------------------------------------------------------------

POINTS = (
    Point(Writer, "write", "before"),
    Point(Writer, "write", "after"),
    Point(Checkpoint, "add", "after"),
    Point(ImportRun, "inserting", "after"),
    Point(ImportRun, "done", "before"),
    Point(Results, "finish", "after"),
)


@pytest.mark.parametrize("point", POINTS, ids=str)
@pytest.mark.parametrize("nth", [1, 2])
def test_the_same_command_completes_them(
    loads: Loads, database: Database, point: Point, nth: int
) -> None:
    files, folder = loads.parts(HEADER + ONE, TWO + "12,Bad\n", ""), loads.folder / "results"
    try:
        with killed_at(point, nth):
            load_file(files, LoadOptions(**LIST), database, folder)
    except Killed:
        load_file(files, LoadOptions(**LIST), database, folder)
    outcome = outcome_of(folder)
    assert (len(outcome.loaded), outcome.reasons) == (6, {8: "INVALID_PHONE_NUMBER_LENGTH"})
    assert outcome.rejected[8]["part_row"] == "4"
    assert len(leads(database, "lead_id")) == 6
    [record] = Ledger.to_read(database, loads.folder).runs()
    noted = parts_of(Ledger.to_read(database, loads.folder), record.run)
    assert [(it.number, it.first_row, it.row_count) for it in noted] == [
        (1, 1, 4), (2, 5, 4), (3, 9, 0),
    ]  # fmt: skip


def kill(files: PartFiles | Path, database: Database, folder: Path, nth: int = 2) -> None:
    with pytest.raises(Killed), killed_at(Point(Writer, "write", "before"), nth):
        load_file(files, LoadOptions(**LIST), database, folder)


def test_parts_that_are_not_the_same_as_before_the_kill(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO, THREE)
    kill(files, database, loads.folder / "results")
    one, two, three = (Path(path) for path in files.paths)
    two.write_text(HEADER + TWO + "7275550199,New\n")
    three.rename(three.with_name("part-4.csv"))
    message = refusal(PartFiles.find([str(one.parent)]), loads, database)
    assert "part-1.csv: run " in message
    assert " began to load it (among other files), and is not complete" in message
    assert "(changed: part-2.csv; missing: part-3.csv; new: part-4.csv); give the same" in message
    message = refusal(one, loads, database)
    assert "and is not complete; give the same files as then to complete it" in message
    one.with_name("part-4.csv").rename(three)
    two.write_text(HEADER + TWO)
    turned = PartFiles("turned", (str(two), str(one), str(three)), str(two))
    assert "(the files have another order)" in refusal(turned, loads, database)
    load_file(files, LoadOptions(**LIST), database, loads.folder / "results")
    assert len(leads(database, "lead_id")) == 9


def refusal(files: PartFiles | Path, loads: Loads, database: Database) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_file(files, LoadOptions(**LIST), database, loads.folder / "other", allow_reload=True)
    return str(caught.value)


def test_a_run_that_died_before_it_inserted_anything_is_no_hindrance(
    loads: Loads, database: Database
) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO)
    with pytest.raises(Killed), killed_at(Point(Checkpoint, "add", "before"), 1):
        load_file(files, LoadOptions(**LIST), database, loads.folder / "results")
    assert loads.load(part(files, 1), database, **LIST).summary.loaded == 3
    # Then the same command does not complete it.
    with pytest.raises(PartsLoadedBeforeError, match=r"part-1.csv: loaded already, by run"):
        load_file(files, LoadOptions(**LIST), database, loads.folder / "results")
    assert len(leads(database, "lead_id")) == 3


def test_a_run_that_is_given_up_or_undone(loads: Loads, database: Database) -> None:
    files = loads.parts(HEADER + ONE, HEADER + TWO)
    kill(files, database, loads.folder / "results")
    ledger = Ledger.open(database, loads.folder)
    [record] = ledger.runs()
    give_up(record.run, ledger, database)
    with pytest.raises(ConfigurationError, match=r"loaded some of it and was given up; take that"):
        loads.load(part(files, 2), database, **LIST)
    undo(record.run, database, loads.folder / "undo")
    assert leads(database, "lead_id") == []
    assert loads.load(files, database, **LIST).summary.loaded == 6


# --- the commands ---------------------------------------------------------------------------------


@pytest.fixture
def here(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> Loads:
    monkeypatch.chdir(loads.folder)
    return loads


def test_a_folder_is_one_load(here: Loads, capsys: pytest.CaptureFixture[str]) -> None:
    files = here.parts(HEADER + ONE, TWO)
    part(files, 1).with_name("_SUCCESS").touch()
    assert leadloader(["validate", Path(files.name).name, "--results", "r", "-q"]) == 0
    assert outcome_of(Path("r")).summary.rows_read == 6
    assert leadloader(["validate", Path(files.name).name, "--results", "s"]) == 0
    shown = capsys.readouterr()
    assert "files as one: part-1.csv (rows 1 to 4), part-2.csv (rows 5 to 7)" in shown.out
    assert "leads-1.parts: 2 files as one, utf-8, comma separated, with a header" in shown.err


def test_the_folder_in_which_the_command_runs(
    here: Loads, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = part(here.parts(HEADER + ONE, TWO), 1).parent
    monkeypatch.chdir(folder)
    assert leadloader(["validate", ".", "-q"]) == 64
    assert ".: the results would be among these parts, in results" in capsys.readouterr().err
    results = here.folder / "r"
    assert leadloader(["validate", ".", "part-1.csv", "--results", str(results), "-q"]) == 0
    assert sorted(each.name for each in results.iterdir()) == [folder.name, "part-1.csv"]


def test_several_files_are_one_load_if_they_are_to_be(here: Loads) -> None:
    files = here.parts(HEADER + ONE, HEADER + TWO)
    names = [str(path) for path in files.paths]
    assert leadloader(["validate", *names, "--as-one", "--results", "r", "-q"]) == 0
    summary = outcome_of(Path("r")).summary
    assert summary.file.name == f"{names[0]} and 1 more"
    assert summary.source == "part"
    assert leadloader(["validate", *names, "--results", "s", "-q"]) == 0
    assert sorted(each.name for each in Path("s").iterdir()) == ["part-1.csv", "part-2.csv"]


def test_as_one_nothing_is_loaded_if_one_is_missing(
    here: Loads, capsys: pytest.CaptureFixture[str]
) -> None:
    files = here.parts(HEADER + ONE, HEADER + TWO)
    arguments = ["validate", *files.paths, "nothere.csv", "--as-one", "--results", "r"]
    assert leadloader(arguments) == 66
    assert "nothere.csv: there is no such file" in capsys.readouterr().err
    assert not Path("r").exists()


def test_a_folder_that_is_wrong_keeps_no_other_file_from_its_load(here: Loads) -> None:
    Path("empty").mkdir()
    path = here.file([{"phone_number": "7275550101"}])
    assert leadloader(["validate", "empty", str(path), "--results", "r", "-q"]) == 66
    assert outcome_of(Path("r")).summary.loaded == 1


def test_runs_shows_the_parts(
    here: Loads, database: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = here.parts(HEADER + ONE, TWO, "")
    here.load(files, database, **LIST)
    asked = ["runs", "latest", "--database", database_url, "--results", str(here.folder / "x")]
    assert leadloader(asked) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "part-2.csv rows 5 to 7, SHA-256 " in shown
    assert "part-3.csv empty, SHA-256 " in shown
    assert leadloader([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["parts"]
    assert [(it["first_row"], it["row_count"]) for it in found] == [(1, 4), (5, 3), (8, 0)]


def test_a_sample_is_of_all_parts(loads: Loads) -> None:
    files = loads.parts(HEADER + ONE, TWO, HEADER + THREE)
    folder = loads.folder / "results"
    load_file(files, LoadOptions(), None, folder, "validate", ReportOptions(page=False, sample=3))
    outcome = outcome_of(folder)
    assert (outcome.summary.sample_of, sorted(outcome.loaded)) == (9, [2, 6, 11])
