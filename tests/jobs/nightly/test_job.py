"""A night: what becomes of the files of a drop folder, and what is told of it."""

import codecs
import csv
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import make_url

from jobs.cli.main import run
from jobs.load.job import load
from jobs.load.request import LoadRequest
from jobs.nightly.report import NightReport
from jobs.settings import settings as settings_module
from loader.errors import NoSuchFileError
from loader.options.load import LoadOptions
from loader.options.office_hours import WEEKDAYS
from tests.support.nights import HEADER, Site, names, rows, summary_in
from tests.support.server import run as sql

ON_SQLITE = pytest.mark.engines("sqlite")
ALWAYS = "[office_hours]\n" + "".join(f'{day} = "00:00-24:00"\n' for day in WEEKDAYS)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Site:
    return Site(tmp_path, database_url)


@pytest.mark.engines("sqlite", "innodb")
def test_one_bad_file_among_good_ones(site: Site) -> None:
    site.settings("max_reject_rate = 0.3")
    site.put("b.csv", rows(1, 2))
    site.put("broken.csv", HEADER.encode() + b"7275550009,\xff\n")
    site.put("mostly_bad.csv", rows(3, -1, -2))
    site.put("same_as_b.csv", rows(1, 2))
    site.put("a.csv", rows(4, 5, 6, -3))
    night = site.night()
    assert night.code == 65
    assert night.outcomes == {
        "b.csv": "loaded", "broken.csv": "failed", "mostly_bad.csv": "failed",
        "same_as_b.csv": "loaded_before", "a.csv": "loaded",
    }  # fmt: skip
    # Oldest first, whatever the name.
    assert names(night.report.files) == list(night.outcomes)
    assert site.phones() == [1, 2, 4, 5, 6]
    day = night.day
    assert site.files() == [
        f"done/{day}/a.csv",
        f"done/{day}/b.csv",
        f"done/{day}/same_as_b.csv",
        f"failed/{day}/broken.csv",
        f"failed/{day}/broken.csv.results/error.txt",
        f"failed/{day}/mostly_bad.csv",
        f"failed/{day}/mostly_bad.csv.results/error.txt",
    ]
    counts = "2 loaded, 2 failed, 1 loaded before"
    assert night.report.headline == f"files: {counts}"
    assert f"\nfiles: {counts}\n" in night.report.text
    assert night["a.csv"].reasons == {"INVALID_PHONE_NUMBER_LENGTH": 1}
    assert night["same_as_b.csv"].run == night["b.csv"].run
    summary = summary_in(site.drop / "done" / day / "a.csv.results")
    assert (summary["run"], summary["loaded"]) == (night["a.csv"].run, 3)
    # Which rows were too many stands beside the file that was not loaded.
    results = site.drop / "failed" / day / "mostly_bad.csv.results"
    with (results / "rejected.csv").open(encoding="utf-8", newline="") as file:
        assert [row["row_number"] for row in csv.DictReader(file)] == ["3", "4"]
    assert "66.7%" in (results / "error.txt").read_text("utf-8")
    assert "66.7%" in night["mostly_bad.csv"].why
    states = sql(site.url, "SELECT state FROM leadloader_runs ORDER BY began, run")
    assert sorted(states) == [("done",), ("done",), ("refused",)]


@ON_SQLITE
def test_a_column_of_the_mapping_is_missing(site: Site) -> None:
    site.settings('map = {phone_number = "phone_number", city = "Ort", email = "Mail 2"}')
    site.put("a.csv", rows(1))
    night = site.night()
    assert (night.code, night.outcomes) == (65, {"a.csv": "failed"})
    assert "a.csv has no column 'Ort'; it has 'phone_number'" in night["a.csv"].why
    error = site.drop / "failed" / night.day / "a.csv.results" / "error.txt"
    assert night["a.csv"].why in error.read_text("utf-8")
    # The ledger knows where that is.
    assert sql(site.url, "SELECT state, results FROM leadloader_runs") == [
        ("refused", str(error.parent))
    ]
    site.settings(
        'map = {phone_number = "phone_number", city = "Ort", email = "Mail 2"}\n'
        'map_optional = ["city", "email"]'
    )
    site.put("a.csv", rows(1))
    night = site.night()
    assert (night.code, night.outcomes) == (0, {"a.csv": "loaded"})
    assert "city: the file has no column 'Ort', which is optional" in night["a.csv"].remarks


@ON_SQLITE
def test_the_report_is_there_as_json_and_as_text(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.put("a.csv", rows(1, 2, -1))
    night = site.night()
    assert NightReport.model_validate_json(capsys.readouterr().out) == night.report
    folder = Path(night.report.results)
    assert sorted(path.name for path in folder.iterdir()) == ["report.json", "report.txt"]
    text = (folder / "report.txt").read_text("utf-8")
    assert "files: 1 loaded\nrows: 2 loaded, 1 rejected\n" in text
    assert f"vendor ({site.drop})\n  a.csv  loaded  2 loaded  1 rejected\n" in text
    assert "rejected: INVALID_PHONE_NUMBER_LENGTH 1" in text
    quiet = site.night()
    assert (quiet.code, quiet.report.files) == (0, [])
    assert ": no file\n" in quiet.report.text


@ON_SQLITE
def test_names_of_files_forge_no_line_and_drive_no_terminal(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.settings('files = "*.csv"')
    site.put("x\r\nfiles: 99 loaded.csv", rows(1))
    site.put("a\x1b[31m.csv", b"")
    site.put("b\u202e\n.csv", "no header\n")
    site.put("c\x1b\nd.txt", rows(2))
    assert run(site.arguments) == 65
    (folder,) = (path.parent for path in site.folder.glob("nightly/*/report.txt"))
    said = capsys.readouterr()
    (failed,) = site.drop.glob("failed/*/*/error.txt")
    texts = [said.out, said.err, *(p.read_text("utf-8") for p in (folder / "report.txt", failed))]
    for text in texts:
        assert not {"\x1b", "\r", "\u202e"} & set(text)
        assert not re.search("^(files: 99|.csv|d.txt)", text, re.MULTILINE)
    assert texts[0] == texts[2]
    assert "  x⟨U+000D⟩⟨U+000A⟩files: 99 loaded.csv  loaded" in said.out
    assert "  not loaded: c⟨U+001B⟩⟨U+000A⟩d.txt" in said.out
    assert "vendor/b⟨U+202E⟩⟨U+000A⟩.csv: failed" in said.err
    # As JSON, the names are what they are.
    report = NightReport.model_validate_json((folder / "report.json").read_text("utf-8"))
    assert "x\r\nfiles: 99 loaded.csv" in names(report.files)


@ON_SQLITE
def test_metrics_compare_the_nights_of_a_source(site: Site) -> None:
    site.settings(top='metrics_file = "night.prom"')
    site.put("a.csv", rows(1, 2, -1))
    site.night()
    text = Path("night.prom").read_text("utf-8")
    assert 'leadloader_rows{job="import",outcome="loaded",reason="",source="vendor"} 2.0\n' in text
    assert 'leadloader_last_success_timestamp_seconds{job="nightly",source=""}' in text


@ON_SQLITE
def test_what_could_be_called_is_told(site: Site) -> None:
    site.settings(top="check_dialable = true")
    site.put("a.csv", rows(1, 2))
    night = site.night()
    (told,) = night["a.csv"].dialable or []
    assert (told.list_id, told.leads) == (101, 2)
    assert "dialable now: 0 of 2 in list 101" in night.report.text


@ON_SQLITE
@ON_SQLITE
def test_each_file_is_compared_with_the_one_before_it(site: Site) -> None:
    site.put("mon.csv", rows(1, 2, -1))
    site.put("tue.csv", rows(3, 4))
    folders = [Path(each.results) for each in site.night().report.files]
    first, second = map(summary_in, folders)
    assert (first["source"], first["comparison"]) == ("vendor", None)
    compared = second["comparison"]
    assert (compared["file"].endswith("mon.csv"), compared["rows"]["before"]) == (True, 3)
    assert "mon.csv" in (folders[1] / "report.html").read_text("utf-8")
    (folders[1] / "summary.json").write_text("{", "utf-8")
    site.put("wed.csv", rows(5))
    (third,) = site.night().report.files
    assert third.outcome == "loaded"
    assert summary_in(third.results)["comparison"] is None


def test_what_is_not_ready_stays(site: Site) -> None:
    for name in ("a.csv.part", ".hidden.csv", "b.TMP", "c.csv~"):
        site.put(name, rows(1))
    site.put("empty.csv", "")
    (site.drop / "folder.csv").mkdir()
    site.put("notes.txt", rows(2))
    site.settings('files = "*.csv,*.csv~,*.part,*.TMP"')
    night = site.night()
    assert (night.code, night.outcomes) == (0, {"empty.csv": "left"})
    assert night["empty.csv"].why == "empty so far"
    assert [(entry.file, entry.why) for entry in night.report.sources[0].ignored] == [
        ("folder.csv", "it is a folder"), ("notes.txt", "no pattern of files matches it"),
    ]  # fmt: skip
    assert "  not loaded: notes.txt: no pattern of files matches it\n" in night.report.text
    assert site.phones() == []
    assert len(site.files()) == 6


@ON_SQLITE
def test_the_same_name_twice_on_one_day_overwrites_nothing(site: Site) -> None:
    first = site.put("leads.csv.gz", rows(1)).read_bytes()
    night = site.night()
    site.put("leads.csv.gz", rows(2))
    again = site.night()
    done = site.drop / "done" / night.day
    assert (done / "leads.csv.gz").read_bytes() == first
    assert again["leads.csv.gz"].moved_to == str(done / "leads-2.csv.gz")
    assert again["leads.csv.gz"].results == str(done / "leads-2.csv.gz.results")
    assert site.phones() == [1, 2]


@ON_SQLITE
def test_the_name_of_a_file_sets_options(site: Site) -> None:
    site.settings(r"file_name = '(?P<list_id>\d+)_.*\.csv'")
    site.put("102_spring.csv", rows(1))
    site.put("spring.csv", rows(2))
    site.put("1_spring.csv", rows(3))
    night = site.night()
    assert site.leads("list_id", "phone_number") == [("102", "7275550001")]
    assert night.outcomes == {
        "102_spring.csv": "loaded", "spring.csv": "failed", "1_spring.csv": "failed"
    }  # fmt: skip
    assert "does not match file_name" in night["spring.csv"].why
    assert (
        night["1_spring.csv"].why
        == "by the file's name: list_id: '1' is no list_id; give 3 to 12 digits, at least 100"
    )


@ON_SQLITE
def test_the_report_says_where_rows_went_and_what_was_off(site: Site) -> None:
    site.settings(list_id=None)
    site.put("a.csv", rows(1, 2))
    night = site.night()
    (went,) = night["a.csv"].lists
    assert (went.list_id, went.leads, went.is_defined) == (999, 2, False)
    text = night.report.text
    assert "    lists: 2 in 999 (not defined in vicidial_lists)\n" in text
    assert "    note: 2 rows that name no list are in list 999\n" in text
    assert "    checks: no duplicate check, no do-not-call check\n" in text
    site.settings('duplicate_check = "DUPSYS"\ndnc_check = "Y"', list_id=102)
    site.put("b.csv", rows(3))
    text = site.night().report.text
    assert "    lists: 1 in 102 (campaign SALES" in text
    assert "that name no list" not in text
    assert "    checks: no check of the campaign's do-not-call list\n" in text
    feed = site.drop.parent / "feed.csv"
    feed.write_text("7275559999\n", "utf-8")
    site.settings(after=f'[feed]\nlitigators = "{feed}"', list_id=102)
    site.put("c.csv", rows(4))
    text = site.night().report.text
    off = "no duplicate check, no do-not-call check but that of the feeds"
    assert f"    checks: {off}\n" in text


@ON_SQLITE
def test_options_of_a_source_go_before_those_of_all(site: Site) -> None:
    site.settings(
        '[source.force]\nsource_id = "night"',
        list_id=102,
        top='list_id = 101\ndefault_region = "US"\n[default]\ntitle = "Mr"',
    )
    site.put("a.csv", rows(1))
    assert site.night().code == 0
    assert site.leads("list_id", "source_id", "title") == [("102", "night", "Mr")]


@ON_SQLITE
def test_sources_do_not_stop_one_another(site: Site) -> None:
    site.put("a.csv", rows(1))
    text = site.config.read_text("utf-8")
    gone = '[[source]]\nname = "gone"\nfolder = "nowhere"\n'
    site.config.write_text(text.replace("[[source]]", f"{gone}[[source]]"), "utf-8")
    night = site.night()
    assert (night.code, night.outcomes) == (66, {"a.csv": "loaded"})
    assert night.report.sources[0].problem == "drop folder nowhere: No such file or directory"
    assert site.phones() == [1]


@ON_SQLITE
def test_a_feed_that_is_too_old_is_no_fault_of_the_files(site: Site) -> None:
    feed = site.folder / "feed.csv"
    feed.write_text("phone\n7275550001\n", "utf-8")
    os.utime(feed, (1_000_000, 1_000_000))
    site.settings(f'feed_max_age = 30\n[source.feed]\nold = "{feed}"')
    site.put("a.csv", rows(1, 2))
    night = site.night()
    assert (night.code, night.outcomes, site.files()) == (65, {"a.csv": "left"}, ["a.csv"])
    assert night["a.csv"].why == "a feed of its source cannot be used"
    (source,) = night.report.sources
    assert source.problem.startswith("feed old: ")
    assert source.exit_code == 65
    os.utime(feed)
    assert site.night().outcomes == {"a.csv": "loaded"}
    assert site.phones() == [2]


@ON_SQLITE
def test_two_sources_of_one_folder_take_each_file_once(site: Site) -> None:
    other = f'[[source]]\nname = "other"\nfolder = "{site.drop}"\nsettle = 0\nlist_id = 102'
    site.settings(after=other)
    site.put("a.csv", rows(1))
    night = site.night()
    first, second = night.report.files
    assert (first.outcome, second.outcome, second.why) == ("loaded", "left", "it went away")
    assert (night.code, site.phones()) == (0, [1])


@pytest.mark.engines("sqlite", "innodb")
def test_a_dry_run_writes_nothing(site: Site, read_only_url: str) -> None:
    site.settings(
        "max_reject_rate = 0.3",
        night='archive = "old"',
        after='[archive.old]\nstatuses = "NA"',
    )
    site.put("a.csv", rows(1, 2))
    site.put("bad.csv", rows(3, -1))
    before = site.files()
    night = site.night("--dry-run", "--database", read_only_url)
    assert (night.code, night.outcomes) == (65, {"a.csv": "loaded", "bad.csv": "failed"})
    assert "files: 1 would be loaded, 1 would fail" in night.report.text
    assert (site.files(), site.phones()) == (before, [])
    assert summary_in(Path(night.report.results) / "vendor" / "a.csv.results")["job"] == "validate"
    assert [archive.rule for archive in night.report.archives] == ["old"]
    assert site.night().outcomes == night.outcomes
    assert site.phones() == [1, 2]


@ON_SQLITE
def test_a_dry_run_knows_files_of_the_same_content(site: Site) -> None:
    site.settings('file_name = "(?P<list_id>[0-9]+)-.*"')
    for name in ("101-a.csv", "101-b.csv", "102-a.csv"):
        site.put(name, rows(1, 2))
    expected = {"101-a.csv": "loaded", "101-b.csv": "loaded_before", "102-a.csv": "loaded"}
    dry = site.night("--dry-run")
    assert dry.outcomes == expected
    assert dry["101-b.csv"].why == "the same content as 101-a.csv"
    # As the night itself.
    assert site.night().outcomes == expected


@pytest.mark.engines("sqlite", "innodb")
def test_leads_are_archived_afterwards(site: Site) -> None:
    rules = '[archive.two]\nlists = 102\n[archive.all]\nlists = 101\nstatuses = "NEW"'
    site.settings(night='archive = ["two", "all"]', after=rules)
    site.put("a.csv", rows(1, 2))
    night = site.night()
    assert [(each.rule, each.moved) for each in night.report.archives] == [("two", 0), ("all", 2)]
    assert site.phones() == []
    assert sql(site.url, "SELECT COUNT(*) FROM vicidial_list_archive") == [(2,)]
    folder = Path(night.report.results)
    assert summary_in(folder / "archive-all")["moved"] == 2
    assert "archive\n  two  0 moved" in (folder / "report.txt").read_text("utf-8")


@ON_SQLITE
def test_in_office_hours_files_are_loaded_and_nothing_is_archived(site: Site) -> None:
    site.settings(night='archive = "all"', after=f"[archive.all]\nlists = 101\n{ALWAYS}")
    site.put("a.csv", rows(1))
    night = site.night()
    assert (night.code, night.outcomes, site.phones()) == (0, {"a.csv": "loaded"}, [1])
    (archive,) = night.report.archives
    assert (archive.exit_code, archive.moved) == (0, 0)
    assert "office hours time condition" in archive.why


@ON_SQLITE
@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        pytest.param("", 64, "nightly needs sources of files: a table [[source]]", id="none"),
        pytest.param(
            '[nightly]\narchive = "x"\n[[source]]\nname = "a"\nfolder = "a"',
            78, "nightly: archive: there is no rule [archive.x]; there is none", id="no-rule",
        ),
        pytest.param(
            '[nightly]\narchive = "x"\n[archive.x]\nmin_called_count = 0\n'
            '[[source]]\nname = "a"\nfolder = "a"',
            78, "[archive.x] has no condition and would archive every lead", id="every-lead",
        ),
        pytest.param(
            '[[source]]\nname = "a"\nfolder = "a"\n'
            '[[source]]\nname = "b"\nfolder = "b"\nlist_id = "x"',
            78, "[[source]] 2: list_id: give 3 to 12 digits", id="option-of-a-source",
        ),
        pytest.param(
            '[[source]]\nname = "a"\nfolder = "a"\nfile_name = "(?P<lits_id>a)"',
            78, "[[source]] 1: file_name: the group lits_id is no option of a load", id="group",
        ),
        pytest.param(
            '[[source]]\nname = "a"\nfolder = "a"\nfile_name = "(a"',
            78, "[[source]] 1: file_name: '(a' is no regular expression", id="pattern",
        ),
        pytest.param(
            '[[source]]\nname = "a"', 78, "[[source]] 1: folder is missing", id="no-folder"
        ),
        pytest.param(
            '[[source]]\nname = "a"\nfolder = "a"\n[[source]]\nname = "a"\nfolder = "b"',
            78, "sources: two sources have the name a; each needs its own", id="twice",
        ),
        pytest.param(
            'force_list_id = 101\n[force]\nlist_id = 102\n[[source]]\nname = "a"\nfolder = "a"',
            78, "force_list_id: it is given twice, by a table too", id="together",
        ),
        pytest.param(
            '[force]\nlist_id = 102\n[[source]]\nname = "a"\nfolder = "a"\nforce_list_id = 101',
            78, "[[source]] a: force_list_id: it is given twice, by a table too", id="of-both",
        ),
        pytest.param(
            '[[source]]\nname = "a"\nfolder = "a"\n[source.new_list]\nfirst_list_id = 1000\n'
            'campaign_id = "SALES"\nlist_name = "{vendor}"',
            78, "[[source]] 1: new_list: {vendor} is neither", id="unknown-word",
        ),
        pytest.param(
            '[[source]]\nname = "a"\nfolder = "a"\n[source.new_list]\nfirst_list_id = 1000\n'
            'campaign_id = "SALES"\nlist_name = "{date:%d.%m.%Y"',
            78, "[[source]] 1: new_list.list_name: ", id="template",
        ),
        pytest.param(
            '[[source]]\nname = "a"\nfolder = "a"\nlist_id = 101\n[source.new_list]\n'
            'first_list_id = 1000\ncampaign_id = "SALES"',
            78, "[[source]] 1: new_list: the list is given twice, by list_id too", id="two-lists",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_settings_is_said_before_anything_is_done(
    site: Site, text: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.config.write_text(f'database = "{site.url}"\n{text}\n', "utf-8")
    assert run(site.arguments) == code
    assert said in capsys.readouterr().err
    assert not Path("nightly").exists()


@pytest.fixture
def nobody(database_url: str) -> Iterator[Site]:
    """A site that another user may write to."""
    # That user may not be allowed to read Python's own modules.
    codecs.lookup("utf-8-sig")
    with TemporaryDirectory() as name:
        shutil.copy(str(make_url(database_url).database), Path(name) / "leads.sqlite")
        (Path(name) / "nightly").mkdir()
        site = Site(Path(name), f"sqlite:///{name}/leads.sqlite")
        for path in (Path(name), *Path(name).iterdir()):
            path.chmod(0o777)
        yield site


@ON_SQLITE
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a while")
def test_a_read_only_drop_folder_is_refused_before_anything_is_loaded(
    nobody: Site,
) -> None:
    path = nobody.put("a.csv", rows(1))
    nobody.drop.chmod(0o555)
    os.seteuid(65534)
    try:
        night = nobody.night()
    finally:
        os.seteuid(0)
    assert (night.code, night.report.files, nobody.phones()) == (77, [], [])
    assert "nothing can be written to" in night.report.sources[0].problem
    assert path.exists()


@ON_SQLITE
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a while")
def test_a_file_that_may_not_be_read_stays(nobody: Site) -> None:
    nobody.put("a.csv", rows(1)).chmod(0)
    nobody.put("b.csv", rows(2)).chmod(0o644)
    os.seteuid(65534)
    try:
        for outcomes in ({"a.csv": "left", "b.csv": "loaded"}, {"a.csv": "left"}):
            night = nobody.night()
            assert (night.code, night.outcomes) == (66, outcomes)
            assert "Permission denied" in night["a.csv"].why
    finally:
        os.seteuid(0)
    assert nobody.phones() == [2]


@ON_SQLITE
def test_what_a_vendor_may_put_there_stays_his_own(site: Site) -> None:
    secret = site.folder / "secret.csv"
    secret.write_text("phone_number,secret\n1,s3cret\n")
    site.put("good.csv", rows(1))
    (site.drop / "link.csv").symlink_to(secret)
    (site.drop / "loop.csv").symlink_to("loop.csv")
    (site.drop / "hard-loop").symlink_to(site.drop)
    os.mkfifo(site.drop / "pipe.csv")
    long = "x" * 251 + ".csv"
    site.put(long, rows(2))
    site.put("y" * 255, "no header\n")
    bad = os.fsdecode(b"caf\xe9.csv")
    site.put(bad, rows(3))
    odd = b"PK\x03\x04" + bytes(range(256)) * 4 + b"PK\x05\x06" + b"\xff" * 18
    site.put("odd.zip", odd)
    night = site.night()
    assert night.code == 65
    failed = {name for name, outcome in night.outcomes.items() if outcome == "failed"}
    assert failed == {"y" * 255, "odd.zip"}
    assert sorted(site.phones()) == [1, 2, 3]
    assert [(entry.file, entry.why) for entry in night.report.sources[0].ignored] == [
        ("hard-loop", "it is a link"), ("link.csv", "it is a link"), ("loop.csv", "it is a link"),
        ("pipe.csv", "it is a pipe"),
    ]  # fmt: skip
    assert (site.drop / "done" / night.day / ("x" * 243 + ".csv")).exists()
    assert (site.drop / "failed" / night.day / ("y" * 247)).exists()
    for path in site.drop.rglob("*"):
        assert not path.is_file() or path.is_symlink() or b"s3cret" not in path.read_bytes()


@ON_SQLITE
def test_a_link_that_takes_the_place_of_a_file_is_not_read(site: Site) -> None:
    put = site.put("a.csv", rows(1))
    put.rename(site.folder / "secret.csv")
    put.symlink_to(site.folder / "secret.csv")
    with pytest.raises(NoSuchFileError, match="it is a link"):
        load(LoadRequest(str(put), LoadOptions(), None, site.folder / "r", job="validate",
                         follow_links=False))  # fmt: skip


@ON_SQLITE
@pytest.mark.parametrize("name", ["done", "failed"])
def test_links_in_place_of_our_folders_are_not_followed(site: Site, name: str) -> None:
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    (site.drop / name).symlink_to(elsewhere)
    site.put("a.csv", rows(1))
    night = site.night()
    assert night.code == 77
    assert "is a link" in night.report.sources[0].problem
    assert (site.phones(), list(elsewhere.iterdir())) == ([], [])
    (site.drop / name).unlink()
    (site.drop / name).mkdir()
    (site.drop / name / night.day).symlink_to(elsewhere)
    site.put("b.csv", "no header\n")
    again = site.night()
    assert (again.code, list(elsewhere.iterdir())) == (77, [])
