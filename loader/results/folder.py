"""The folder of a run's results: it is made, filled, completed, and removed if all was in vain."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel

from loader.errors import ResultsError, UsageError
from loader.files import exists, lock_own, remove_unlocked
from loader.paths import printable_path, visible_line

SUMMARY, TEXT, PAGE = "summary.json", "summary.txt", "report.html"

RUN_FILE = "run"
"""Who works in the folder; empty for a validation, which nobody takes up again."""


class ResultFolder:
    """A folder whose files get their names when they are complete, the summary last of all."""

    def __init__(self, folder: Path, work: Path | None = None) -> None:
        """Take the folder, and the hidden one inside for incomplete files; nothing is made yet."""
        self.folder, self.work = folder, work or folder
        self._made, self._is_new = folder, not exists(folder)
        self._follows_links = True

    def refuse_results(self, names: Sequence[str] = (SUMMARY,)) -> None:
        """Raise UsageError if the folder holds one of the files: they are of another run."""
        if any(exists(self.folder / name) for name in names):
            raise UsageError(f"{self.folder} holds the results of another run; name another folder")

    @contextmanager
    def making(self) -> Iterator[None]:
        """Make the folder; UsageError: it is a file, or the first files cannot be written in it."""
        if exists(self.folder) and self.folder.is_file():
            raise UsageError(f"results folder {self.folder}: it is a file; name a folder")
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise UsageError(f"results folder {self.folder}: {error.strerror}") from None

    @contextmanager
    def writing(self, file: TextIO | None = None) -> Iterator[None]:
        """Write into a file what can be read there at once; ResultsError: it cannot be written."""
        try:
            yield
            if file:
                file.flush()
        except OSError as error:
            raise ResultsError(f"results folder {self.folder}: {error.strerror}") from None

    def relocate(self, folder: Path) -> None:
        """Let complete files go into another folder; unfinished ones stay where they are."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._follows_links = folder, False

    def _refuse_link(self) -> None:
        """Refuse a link in the place of a folder that others may write beside.

        Raises:
            ResultsError: there is one.
        """
        if not self._follows_links and self.folder.is_symlink():
            raise ResultsError(f"{printable_path(self.folder)} is a link; remove it")

    def publish(self, names: Iterable[str]) -> None:
        """Give complete files their names."""
        self._refuse_link()
        for name in names:
            # The folder may have been moved to another file system.
            shutil.move(self.work / name, self.folder / name)

    def write(self, name: str, text: str) -> None:
        """Write a file that is there as a whole, or not at all."""
        part = self.work / (f".{name}" if self.work == self.folder else name)
        part.write_text(text, "utf-8")
        self._refuse_link()
        shutil.move(part, self.folder / name)

    def write_lines(self, name: str, lines: Iterable[str]) -> None:
        """Write lines for people; what is not ours in them, such as a list's name, drives nothing.

        The lines have no line ends.
        """
        self.write(name, "".join(f"{visible_line(line)}\n" for line in lines))

    def write_summary(self, summary: BaseModel) -> None:
        """Write summary.json, the last of the files: with it the results are complete."""
        self.write(SUMMARY, summary.model_dump_json(indent=2) + "\n")

    def remove(self) -> None:
        """Remove unfinished files, and their folder unless it was there before or has others."""
        if self.work != self._made:
            shutil.rmtree(self.work, ignore_errors=True)
            if self.work.parent != self._made and not any(map(Path.is_dir, self._others())):
                shutil.rmtree(self.work.parent, ignore_errors=True)
        if self._is_new and not any(self._made.iterdir()):
            self._made.rmdir()

    def _others(self) -> list[Path]:
        """Give what is beside the folder for incomplete files, maybe another process's."""
        return list(self.work.parent.glob("*"))


def work_in(folder: Path, owner: str = "") -> Path:
    """Give the hidden folder of a run that loads a file, or in it that of one process."""
    return folder / ".work" / owner


def run_in(folder: Path) -> str:
    """Give the name of the run that works in a folder, or did until it was killed; "": none."""
    path = work_in(folder) / RUN_FILE
    return path.read_text("utf-8") if exists(path) else ""


def note_run(folder: Path, run: str) -> None:
    """Note who works in a folder that is another one's, made again on this machine."""
    work_in(folder).mkdir(parents=True, exist_ok=True)
    (work_in(folder) / RUN_FILE).write_text(run, "utf-8")


def lock_work(folder: Path, run: str) -> int:
    """Note who works in a folder, and lock that until the file that is given is closed."""
    path = work_in(folder) / RUN_FILE
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        if lock_own(file):
            os.write(file, run.encode())
            return file
        os.close(file)


def remove_validation(folder: Path) -> None:
    """Remove what a killed validation of this account left in its folder.

    Runs that can be taken up again have a name, and stay.
    """
    path = work_in(folder) / RUN_FILE
    with suppress(OSError):
        if not path.lstat().st_size and remove_unlocked(path):
            forget(folder)


def remove_validations_beside(folder: Path) -> None:
    """Remove likewise what there is in the folders beside this one, and those that are empty."""
    with suppress(OSError):
        for path in folder.parent.glob(f"*/{work_in(Path())}/{RUN_FILE}"):
            remove_validation(path.parent.parent)
            if not exists(path):
                with suppress(OSError):
                    path.parent.parent.rmdir()


def forget(folder: Path) -> None:
    """Delete what a run needs in its folder that is not at its end."""
    shutil.rmtree(work_in(folder), ignore_errors=True)
