"""The wheel has all that the program needs, and runs its own packages wherever it is started."""

import re
import zipfile
from pathlib import Path

import pytest

from tests.docs.installed import TOPS, lines, run, run_imported
from tests.docs.man import man_pages
from tests.docs.pages import ROOT


def test_all_that_belongs_to_the_packages_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    wanted = {
        str(path.relative_to(ROOT))
        for top in ("loader", "jobs")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    wanted |= {"leadloader.py", "sample_data/leads.csv", "sample_data/schedules/leadloader.cron"}
    assert wanted - names == set()
    beside = (".dist-info/", ".data/")
    tops = {name.partition("/")[0] for name in names if not any(each in name for each in beside)}
    assert tops == {"leadloader.py", *TOPS}


def test_each_command_has_a_manual_page(program: Path) -> None:
    pages = program.parents[1] / "share" / "man" / "man1"
    assert {path.name for path in pages.iterdir()} == {path.name for path in man_pages(pages)}
    for path in pages.iterdir():
        text = path.read_text("utf-8")
        # A line of a text that begins so would be a request that nobody knows, and vanish.
        requests = set(re.findall(r"^([.'].*?)(?= |$)", text, re.MULTILINE))
        assert requests <= {".TH", ".SH", ".TP", ".PP", ".B"}, path
        assert ".SH EXIT STATUS" in text or ".SH COMMANDS" in text


def test_the_demo_runs_from_the_wheel(program: Path, tmp_path: Path) -> None:
    done = run(program, tmp_path, "demo")
    said = lines(done)
    assert said[0] == f"in {tmp_path}/leadloader-demo, where the commands below can be typed:"
    folder = tmp_path / "leadloader-demo"
    for name in ("leads", "referrals", "inquiries"):
        assert (folder / "demo" / "results" / name / "summary.json").exists()
    command = next(line.strip() for line in said if "leadloader validate" in line)
    (folder / "your.csv").write_text("phone_number\n7275551212\n")
    again = run_imported(program, folder, *command.split()[1:], "--quiet")
    assert again.returncode == 0, again.stderr
    # What somebody changed stays, and another folder called demo is not deleted.
    (folder / "sample_data" / "leads.csv").write_text("phone_number\n7275551212\n")
    lines(run_imported(program, tmp_path, "demo"))
    assert (folder / "sample_data" / "leads.csv").stat().st_size < 100
    (tmp_path / "mine" / "demo").mkdir(parents=True)
    (tmp_path / "mine" / "demo" / "kept").touch()
    refused = run_imported(program, tmp_path, "demo", "mine")
    assert (refused.returncode, "no folder of an earlier demo" in refused.stderr) == (64, True)
    assert (tmp_path / "mine" / "demo" / "kept").exists()


def test_a_demo_where_nothing_can_be_written(program: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_imported(program, tmp_path, "demo", "file")
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (64, "", False)
    assert "file" in done.stderr


def test_settings_come_with_the_wheel(program: Path, tmp_path: Path) -> None:
    assert any("duplicate_check" in it for it in lines(run(program, tmp_path, "config", "example")))


@pytest.mark.sample(1)
@pytest.mark.parametrize("scheduler", ["systemd", "cron", "airflow"])
def test_schedules_come_with_the_wheel(program: Path, tmp_path: Path, scheduler: str) -> None:
    printed = run_imported(program, tmp_path, "schedule", scheduler)
    assert f"{program} nightly" in printed.stdout
    assert "/opt/leadloader/bin" not in printed.stdout
    for _ in range(2):  # again: nothing is to be changed
        written = lines(run_imported(program, tmp_path, "schedule", scheduler, "--write", "to"))
        texts = [(tmp_path / name).read_text() for name in written]
        assert "".join(texts) == printed.stdout
    (tmp_path / written[0]).write_text("mine")
    done = run_imported(program, tmp_path, "schedule", scheduler, "--write", "to")
    assert (done.returncode, "is there, and differs" in done.stderr) == (64, True)
    assert (tmp_path / written[0]).read_text() == "mine"


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", ["package", "module", "folder"])
@pytest.mark.parametrize("name", ["jobs", "loader", "sample_data"])
@pytest.mark.parametrize("where", ["PYTHONPATH", "current folder"])
def test_other_packages_of_the_same_name_are_not_used(
    program: Path, tmp_path: Path, kind: str, name: str, where: str
) -> None:
    if kind == "module":
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    else:
        (tmp_path / name).mkdir()
    if kind == "package":
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    path = {"PYTHONPATH": str(tmp_path)} if where == "PYTHONPATH" else {}
    done = run(program, tmp_path, "--version", more=path)
    assert (done.returncode, done.stdout[:11]) == (0, "leadloader ")
    # An empty folder is in nobody's way.
    is_said = where == "PYTHONPATH" and kind != "folder"
    assert ("another package called" in done.stderr) == is_said
    assert not is_said or str(tmp_path / name) in done.stderr
