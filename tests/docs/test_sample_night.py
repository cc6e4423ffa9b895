"""The night over the sample files is as it is told, and can be spent again."""

import re
import shutil
from pathlib import Path

import pytest

from jobs.nightly.report import NightReport
from jobs.settings.settings import read_settings
from sample_data.night import COMMAND
from tests.support.once import made_once
from tests.support.warm import run_warm

SAMPLE = Path(__file__).parents[2] / "sample_data"
NIGHT = "import runpy; runpy.run_module('sample_data.night', run_name='__main__')"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample files, in which the night was spent; tests only read it."""
    return made_once(tmp_path_factory, "sample-night", _spend_a_night)


def _spend_a_night(root: Path) -> None:
    shutil.copytree(SAMPLE, root / "sample_data")
    done = run_warm(program=NIGHT, cwd=root)
    assert done.returncode == 0, done.stderr


def reports(root: Path) -> list[NightReport]:
    paths = sorted(root.glob("demo/nightly/*/report.json"), key=lambda path: path.stat().st_mtime)
    return [NightReport.model_validate_json(path.read_text("utf-8")) for path in paths]


def again(root: Path) -> NightReport:
    """Give the command that the sample files name."""
    run_warm(*COMMAND.split()[1:], cwd=root)
    return reports(root)[-1]


def test_a_night_over_the_sample_files(root: Path) -> None:
    (night,) = reports(root)
    assert {file.file: file.outcome for file in night.files} == {
        "leads_101_march.csv": "loaded",
        "leads_101_april.csv": "failed",
        "referrals.txt": "loaded",
        "referrals_again.txt": "loaded_before",
        "inquiries.csv": "loaded",
    }
    assert all(file.loaded for file in night.files if file.outcome == "loaded")
    assert [file.list_id for file in night.sources[1].files] == [5000, 5000]
    assert [(each.rule, each.moved > 0) for each in night.archives] == [("finished", True)]
    assert (root / "demo/drop/vendor/leads_102_may.csv.part").exists()


def test_the_night_after_loads_what_was_corrected_and_nothing_else(
    root: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(root, tmp_path / "root"))
    (failed,) = root.glob("demo/drop/vendor/failed/*/leads_101_april.csv")
    text = failed.read_bytes()
    (root / "demo/drop/vendor/leads_101_april.csv").write_bytes(text[: text.rindex(b"\n") + 1])
    night = again(root)
    assert night.exit_code == 0
    (file,) = night.files
    assert (file.file, file.outcome) == ("leads_101_april.csv", "loaded")
    assert file.loaded > file.rejected


def test_sources_that_are_commented_out_would_do(tmp_path: Path) -> None:
    text = (SAMPLE / "nightly.toml").read_text("utf-8")
    path = tmp_path / "nightly.toml"
    text = re.sub(r"^# (\[\[source|\[office|name =|folder =|storage =|time_|monday)", r"\1", text,
                  flags=re.MULTILINE)  # fmt: skip
    path.write_text(text, "utf-8")
    settings = read_settings({}, path)
    assert [source.name for source in settings.sources if source.is_remote] == [
        "broker", "bureau", "lake"
    ]  # fmt: skip
    assert settings.office_hours is not None
