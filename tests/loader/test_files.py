"""Files for one account, temporary ones, and names that are cut."""

import fcntl
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.cli.main import run
from loader.files import (
    LONGEST_FILE_NAME,
    cut_name,
    open_regular,
    read_whole,
    remove_left_behind,
    temporary_file,
)


def test_only_what_a_killed_run_of_ours_left_behind_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("leadloader-left", "other", "target"):
        (tmp_path / name).touch()
    (tmp_path / "leadloader-link").symlink_to(tmp_path / "target")
    (tmp_path / "leadloader-folder").mkdir()
    with temporary_file() as file:
        remove_left_behind()
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {
            "other", "target", "leadloader-link", "leadloader-folder", Path(file.name).name,
        }  # fmt: skip


def test_a_file_that_is_removed_before_it_has_its_lock_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    removals = iter([True, False])

    def lock_late(file: int, how: int) -> None:
        if how == fcntl.LOCK_SH and next(removals):
            remove_left_behind()
        flock(file, how)

    flock = fcntl.flock
    monkeypatch.setattr("fcntl.flock", lock_late)
    with temporary_file() as file:
        assert [path.name for path in tmp_path.iterdir()] == [Path(file.name).name]
    assert not [*tmp_path.iterdir()]
    assert next(removals, None) is None


def test_who_waits_to_write_into_a_pipe_is_not_woken_in_vain(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    # It waits in `open` until there is a reader, and would write to nobody.
    writing = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('1')"
    writer = subprocess.Popen(
        [sys.executable, "-c", writing, tmp_path / "pipe"], stderr=subprocess.PIPE
    )
    wait, end = Path(f"/proc/{writer.pid}/wchan"), time.monotonic() + 10
    while wait.read_text() != "wait_for_partner" and time.monotonic() < end:
        time.sleep(0.01)
    for follow_links in (True, False):
        with pytest.raises(OSError, match="it is a pipe"):
            open_regular(tmp_path / "pipe", follow_links=follow_links)
    assert read_whole(tmp_path / "pipe") == b"1"
    assert writer.communicate() == (None, b"")


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
