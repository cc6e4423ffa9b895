"""The journal of an archive run: the leads of the chunk in progress, in case the run is killed.

A lead leaves its table in one moment, and is noted as moved in another one. What is between these
moments stands here, on disk, before it happens. The file is locked as long as its run lives.

Its lines are JSON: the request, which stays; the chunk; and `DELETING`.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from loader.errors import ResultsError

NAME = "moving.json"
"""In the folder of the results; of a run that was set aside moving.1.json, and so on."""

DELETING = "deleting"
"""What is added when all is copied."""


MOST_NAMED = 20
"""lead_ids that a remark names."""


@dataclass(frozen=True)
class MovingChunk:
    """A chunk that a run had in hand when it ended; without leads if it had not begun one."""

    job: Literal["archive", "dearchive"]
    database: str
    """Its address without password."""
    lead_ids: "np.ndarray[Any, np.dtype[np.int64]]"
    had_copy: "np.ndarray[Any, np.dtype[np.bool_]]"
    """Of these leads: whether the other table had a copy before the run."""
    was_deleting: bool
    """Leads may have left their table."""
    digest: str = ""
    """Of the lead_ids that were given for the whole run; "" if a rule selected them."""


class Journal:
    """Notes the chunk in progress; what cannot be written raises a ResultsError.

    Without a path it notes nothing.
    """

    def __init__(
        self, path: Path | None = None, job: str = "", database: str = "", digest: str = ""
    ) -> None:
        """Make the file; OSError: it cannot be."""
        self._path = path
        self._head = {"job": job, "database": database, "digest": digest}
        self._file = path.open("wb") if path else None
        self._after_head = 0
        if self._file:
            # Where files cannot be locked, nobody takes the journal for one of a killed run.
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @property
    def is_begun(self) -> bool:
        """Say whether it notes anything."""
        return self._after_head > 0

    def take_over(self) -> None:
        """Note that a run that was killed had begun to move the same leads."""
        self._write(self._head)
        self._after_head = self._file.tell() if self._file else 0

    def copying(self, leads: pd.DataFrame) -> None:
        """Note the leads of a chunk before anything is done, see `LOOKED_AT`."""
        if not self.is_begun:
            self.take_over()
        chunk = {"lead_ids": leads["lead_id"].tolist(), "had_copy": leads["copied"].tolist()}
        self._write(chunk, after=self._after_head)

    def deleting(self) -> None:
        """Note that the leads of the chunk are copied, and may be deleted from now on."""
        self._write(DELETING)

    def close(self, *, is_complete: bool, goes_on: bool = False) -> None:
        """End; the file is removed unless its chunk is not complete.

        `goes_on`: the same request may come again, for the leads that are left; that it had begun
        stays.
        """
        if self._file and self._path:
            if is_complete and goes_on and self.is_begun and self._head["digest"]:
                with suppress(OSError):
                    self._file.truncate(self._after_head)
            elif is_complete:
                self._path.unlink(missing_ok=True)
            # An error of a write was reported before.
            with suppress(OSError):
                self._file.close()

    def _write(self, noted: object, *, after: int | None = None) -> None:
        """Add a line; `after`: in place of all that follows so many bytes."""
        if not self._file or not self._path:
            return
        try:
            if after is not None:
                self._file.seek(after)
                self._file.truncate()
            self._file.write(json.dumps(noted).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file)
        except OSError as error:
            raise ResultsError(f"results folder {self._path.parent}: {error.strerror}") from None


def left_behind(folder: Path) -> Iterator[tuple[Path, MovingChunk | None]]:
    """Give the journals of runs that were killed, below a folder; None: it had no chunk in hand.

    Those of runs that live are locked. A journal is locked here until the next one is asked for.
    """
    name = Path(NAME)
    pattern = f"{name.stem}*{name.suffix}"
    for path in sorted({*folder.glob(f"*/{pattern}"), *folder.glob(f"*/*/{pattern}")}):
        try:
            with path.open(encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield path, _read(file.read())
        except OSError:
            continue  # its run lives, or it is somebody else's


def chunk_in(path: Path) -> MovingChunk | None:
    """Give the chunk that one journal has in hand; None: none, or there is no journal."""
    try:
        return _read(path.read_text("utf-8"))
    except OSError:
        return None


def forget_chunk(path: Path, *, may_come_again: bool) -> None:
    """Forget the chunk of a run that was killed, which is settled; OSError: it cannot be.

    `may_come_again`: the same request may, for the leads that are left; that it had begun stays.
    """
    if not may_come_again:
        path.unlink(missing_ok=True)
        return
    with path.open("r+b") as file:
        file.truncate(len(file.readline()))


def unclear_remark(lead_ids: "np.ndarray[Any, np.dtype[np.int64]]", folder: Path) -> str:
    """Name leads of which a killed run left a copy, and that others took out of their table."""
    named = ", ".join(map(str, lead_ids[:MOST_NAMED]))
    more = ", ..." if len(lead_ids) > MOST_NAMED else ""
    return (
        f"a run in {folder} was killed before it deleted these leads, and others deleted or "
        "archived them since; look whether they are to stay in the archive: lead_id "
        f"{named}{more}"
    )


def _read(text: str) -> MovingChunk | None:
    # Without its end, a line was being written: what it is about had not begun.
    lines = text.split("\n")[:-1]
    try:
        found = [json.loads(line) for line in lines]
        noted = {name: value for each in found if each != DELETING for name, value in each.items()}
        return MovingChunk(
            job=noted["job"],
            database=noted["database"],
            lead_ids=np.array(noted.get("lead_ids", []), np.int64),
            had_copy=np.array(noted.get("had_copy", []), bool),
            was_deleting=DELETING in found,
            digest=noted.get("digest", ""),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # the kill came before anything was done
