"""The journal of an archive run: the leads of the chunk in progress, in case the run is killed.

A lead leaves its table in one moment, and is noted as moved in another one. What is between these
moments stands here, on disk, before it happens. The file is locked as long as its run lives.
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

DELETING = '"deleting"\n'
"""The line that is added when all is copied."""


MOST_NAMED = 20
"""lead_ids that a remark names."""


@dataclass(frozen=True)
class MovingChunk:
    """A chunk that a run had in hand when it ended."""

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
        self._file = path.open("w", encoding="utf-8") if path else None
        if self._file:
            # Where files cannot be locked, nobody takes the journal for one of a killed run.
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def copying(self, leads: pd.DataFrame) -> None:
        """Note the leads of a chunk before anything is done, see `LOOKED_AT`."""
        rows = [leads[name].tolist() for name in ("lead_id", "copied")]
        noted = {**self._head, "lead_ids": rows[0], "had_copy": rows[1]}
        self._write(json.dumps(noted) + "\n", anew=True)

    def deleting(self) -> None:
        """Note that the leads of the chunk are copied, and may be deleted from now on."""
        self._write(DELETING)

    def close(self, *, is_complete: bool) -> None:
        """End; the file is removed unless its chunk is not complete."""
        if self._file and self._path:
            if is_complete:
                self._path.unlink(missing_ok=True)
            # An error of a write was reported before.
            with suppress(OSError):
                self._file.close()

    def _write(self, text: str, *, anew: bool = False) -> None:
        if not self._file or not self._path:
            return
        try:
            if anew:
                self._file.seek(0)
                self._file.truncate()
            self._file.write(text)
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
    chunk, _, rest = text.partition("\n")
    try:
        noted = json.loads(chunk)
        return MovingChunk(
            job=noted["job"],
            database=noted["database"],
            lead_ids=np.array(noted["lead_ids"], np.int64),
            had_copy=np.array(noted["had_copy"], bool),
            was_deleting=rest == DELETING,
            digest=noted.get("digest", ""),
        )
    except (KeyError, TypeError, ValueError):
        return None  # the kill came before anything was done
