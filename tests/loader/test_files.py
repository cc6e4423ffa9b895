"""Files for one account, temporary ones, and names that are cut."""

import os
import stat
import time
from pathlib import Path

import pytest

from jobs.cli.main import run
from loader.files import LONGEST_FILE_NAME, cut_name, remove_left_behind, temporary_file


def test_only_what_a_killed_run_of_ours_left_behind_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    old = time.time() - 3600
    left, young, other = (tmp_path / name for name in ("leadloader-a", "leadloader-b", "other"))
    target = tmp_path / "target"
    for path in (left, young, other, target):
        path.touch()
    (tmp_path / "leadloader-link").symlink_to(target)
    (tmp_path / "leadloader-folder").mkdir()
    with temporary_file() as file:
        for path in (left, other, target, Path(file.name), tmp_path / "leadloader-folder"):
            os.utime(path, (old, old))
        os.utime(tmp_path / "leadloader-link", (old, old), follow_symlinks=False)
        remove_left_behind()
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {
            "leadloader-b", "other", "target", "leadloader-link", "leadloader-folder",
            Path(file.name).name,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("a.csv.gz", "a.csv.gz"),
        ("x" * 300 + ".csv.gz", "x" * 240 + ".csv.gz"),
        ("é" * 127 + ".csv", "é" * 121 + ".csv"),
        ("a." + "b" * 253, "a." + "b" * 245),
    ],
)
def test_names_are_cut(name: str, cut: str) -> None:
    assert cut_name(name, ".results") == cut
    assert len(os.fsencode(cut)) + len(".results") <= LONGEST_FILE_NAME


def test_files_with_persons_are_for_one_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.umask(0)
    Path("in.csv").write_text("phone_number\n7275551212\n1\n")
    assert run(["init", "--database", "sqlite:///d.sqlite"]) == 0
    assert run(["import", "in.csv", "--database", "sqlite:///d.sqlite", "--yes"]) == 0
    made = [path for path in tmp_path.rglob("*") if path.name != "in.csv"]
    assert {path.name for path in made} >= {"d.sqlite", "rejected.csv"}
    for path in made:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
