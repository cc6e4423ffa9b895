"""Files that were sent, in a private folder until they are not needed any more."""

import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from loader.files import open_regular
from loader.paths import visible_line

MOST_UPLOADS = 200
"""Files that are kept at a time."""

ABOUT, CONTENT = "upload.json", "content"

LONGEST_NAME = 150
"""Characters of the name of a file that are kept."""


class TooManyUploadsError(Exception):
    """There are so many files that no other one is taken."""


class Upload(BaseModel):
    """A file that was sent."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Of the folder it is in."""
    owner: str
    """Who sent it, see `Caller.name`."""
    file: str
    """Its name, as it was sent but for what no name of a file has."""


class Uploads:
    """The files that were sent; each is in a folder of its own, for this account alone."""

    def __init__(self, folder: Path, keep: timedelta) -> None:
        """Take where they are, and how long they are kept once nobody needs them any more."""
        self.folder, self._keep = folder, keep

    def path(self, name: str) -> Path:
        """Give where the content of a file is, by the name of its upload."""
        return self.folder / name / CONTENT

    def find(self, name: str, owner: str) -> Upload | None:
        """Give a file that somebody sent; None: there is none of that name, or it was another's."""
        if not is_name(name):
            return None
        upload = self._read(self.folder / name)
        return upload if upload and upload.owner == owner and self.path(name).exists() else None

    def begin(self, owner: str, file: str) -> tuple[Upload, BinaryIO]:
        """Make a file; give it open, to be written.

        Raises:
            TooManyUploadsError: `MOST_UPLOADS` are kept.
            OSError: it cannot be made.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sum(1 for _ in self._folders()) >= MOST_UPLOADS:
            raise TooManyUploadsError
        upload = Upload(name=new_name(), owner=owner, file=file_name(file))
        path = self.path(upload.name)
        path.parent.mkdir(mode=0o700)
        for_writing = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        about = path.parent / ABOUT
        about.touch(0o600)
        about.write_text(upload.model_dump_json(), "utf-8")
        return upload, os.fdopen(for_writing, "wb")

    def remove(self, upload: Upload) -> None:
        """Remove a file."""
        shutil.rmtree(self.folder / upload.name, ignore_errors=True)

    def use(self, upload: Upload) -> None:
        """Note that a file was needed just now."""
        with suppress(OSError):
            os.utime(self.folder / upload.name)

    def expire(self, needed: Collection[str]) -> None:
        """Remove what is old, but for files that are still needed, by name."""
        oldest = time.time() - self._keep.total_seconds()
        for folder in self._folders():
            with suppress(OSError):
                if folder.name not in needed and folder.stat().st_mtime < oldest:
                    shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from (each for each in self.folder.iterdir() if is_name(each.name))

    @staticmethod
    def _read(folder: Path) -> Upload | None:
        try:
            with open_regular(folder / ABOUT, follow_links=False) as file:
                return Upload.model_validate_json(file.read())
        except (OSError, ValidationError):
            return None


def new_name() -> str:
    """Name a file or its check; who knows one cannot tell another."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(6)}"


def is_name(text: str) -> bool:
    """Say whether a text looks like what `new_name` gives: it leads nowhere else."""
    return len(text) == len(new_name()) and text.replace("-", "").isalnum() and text.isascii()


def file_name(sent: str) -> str:
    """Give the name of a file without folders, with what is invisible in it made visible."""
    last = sent.replace("\\", "/").rpartition("/")[2].strip()
    return visible_line(last)[:LONGEST_NAME] or "leads.csv"
