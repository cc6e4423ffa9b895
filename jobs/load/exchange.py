"""What the processes of a cluster leave for one another of the blocks of a file.

A worker leaves the keys of a block and what it found of it. When all blocks were checked, others
find out part by part which rows share a key; then the main process reads what was found.
"""

import hashlib
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from jobs.load.shared_folder import SharedFolder, SharedFolderError
from jobs.load.stages import Result
from loader.checks.duplicates import KEYED
from loader.dialer import Lookups
from loader.engines.workers import pickled, unpickled
from loader.frames.key_parts import SEAL_BYTES, KeyEntries, Rows
from loader.pipeline import Checks

CODEC = "zstd"
SIZE_BYTES = 8
BYTES_A_PART = 64 * 2**20
"""Of the file's text; a part has about a million keys, and takes some 100 MB to look through."""
MOST_PARTS = 256


@dataclass(frozen=True)
class Exchange:
    """The files of one run, by number of the block; it can be sent to another machine."""

    folder: SharedFolder
    parts: int
    """Into which keys are split by their hash."""
    secret: bytes = field(repr=False)
    """By which it is known that a file is as a worker of this run left it."""

    @classmethod
    def of(cls, folder: SharedFolder, size: int) -> "Exchange":
        """Prepare that of a source file, whose text has so many bytes."""
        parts = min(size // BYTES_A_PART + 1, MOST_PARTS)
        return cls(folder, parts, secrets.token_bytes(SEAL_BYTES))

    def leave(self, number: int, result: Result, keys: KeyEntries) -> dict[str, bytes]:
        """Leave what is known of a block; give what this machine cannot leave by name of a file.

        Raises:
            SharedFolderError: the folder cannot be used.
        """
        name, of_keys = _result_name(number), _keys_name(number)
        content = pickled(result)
        packed = len(content).to_bytes(SIZE_BYTES) + pa.compress(content, CODEC, asbytes=True)
        files = {
            name: self._seal(name, packed) + packed,
            of_keys: keys.to_file(self.parts, self._secret_of(of_keys)).to_pybytes(),
        }
        if not self.folder.is_seen():
            return files
        self.write(files)
        return {}

    def write(self, files: Mapping[str, bytes]) -> None:
        """Leave files for a machine that cannot.

        Raises:
            SharedFolderError: the folder cannot be used.
        """
        for name, content in files.items():
            self.folder.write(name, content)

    def rows_that_meet(self, part: int, blocks: int) -> Rows:
        """Find the rows of so many blocks that share a key of one part with another row.

        See `KeyEntries.rows_that_meet`.

        Raises:
            SharedFolderError: the folder cannot be used.
        """
        entries = []
        for number in range(blocks):
            name = _keys_name(number)
            with self.folder.open(name) as file:
                entries.append(KeyEntries.from_file(file, part, self._secret_of(name)))
        return KeyEntries.join(entries).rows_that_meet()

    def result(self, number: int) -> Result:
        """Read what was found of a block.

        Raises:
            SharedFolderError: the folder cannot be used, or the file is not what a worker left.
        """
        name = _result_name(number)
        content = self.folder.read(name)
        seal, packed = content[:SEAL_BYTES], content[SEAL_BYTES:]
        if not secrets.compare_digest(seal, self._seal(name, packed)):
            raise SharedFolderError(
                f"shared folder {self.folder.name}: {name} is not as a worker left it; nothing was "
                "inserted. See who may write there, and run the command again"
            )
        size = int.from_bytes(packed[:SIZE_BYTES])
        result: Result = unpickled(pa.decompress(packed[SIZE_BYTES:], size, CODEC, asbytes=True))
        return result

    def _seal(self, name: str, packed: bytes) -> bytes:
        return hashlib.blake2b(packed, key=self._secret_of(name), digest_size=SEAL_BYTES).digest()

    def _secret_of(self, name: str) -> bytes:
        """Give a secret for one file, so that none stands for another."""
        return hashlib.blake2b(name.encode(), key=self.secret, digest_size=SEAL_BYTES).digest()


class Places(NamedTuple):
    """Where a cluster finds what this process shares, and leaves what it finds."""

    feeds: Path
    """The folder of their files."""
    finished: Path
    """See `jobs.load.finished_blocks`."""
    shared: SharedFolder | None
    exchange: Exchange | None
    """In the shared folder; None: results come back by the scheduler."""


def key_entries(result: Result, checks: Checks, existing: Lookups) -> KeyEntries:
    """Give the keys of all rows of a block that have a number, those of rejected rows, too.

    Args:
        result: its leads are compared.
        checks: those of the run.
        existing: the answer about the block's rows; its keys of texts are of rejected rows, too.
    """
    screened = result.screened
    leads, rejected, compared = screened.leads, screened.with_number, screened.compared
    entries = []
    if compared is not None and len(leads):
        entries.append(compared.key_entries(leads.index, ~compared.meets_existing(leads.index)))
    if len(rejected):
        # They may be duplicates besides, of accepted rows.
        texts = Lookups(compares=existing.compares)
        of_rejected = checks.compare(rejected[list(KEYED)], texts)
        entries.append(of_rejected.key_entries(rejected.index, np.zeros(len(rejected), dtype=bool)))
    return KeyEntries.join(entries)


class MeetingRows:
    """Which rows of a file share a key with another one: a bit a row, in an unnamed file."""

    def __init__(self, rows: int, folder: Path) -> None:
        """Take the highest row number, and a folder for the file; no row is noted at first."""
        with tempfile.TemporaryFile(prefix="rows-", dir=folder) as file:
            file.truncate(rows // 8 + 1)
            self._bits = np.memmap(file, np.uint8, "r+")

    def add(self, rows: Rows) -> None:
        """Note rows."""
        np.bitwise_or.at(self._bits, rows >> 3, np.uint8(1) << (rows & 7).astype(np.uint8))

    def among(self, rows: pd.Index) -> npt.NDArray[np.bool_]:
        """Say which of the rows are noted."""
        numbers = rows.to_numpy(np.int64)
        bits = np.uint8(1) << (numbers & 7).astype(np.uint8)
        return np.asarray(self._bits[numbers >> 3] & bits != 0)

    def mark_contested(self, result: Result) -> Result:
        """Give a result that says which of its leads are contested."""
        screened = result.screened
        if screened.compared is None or screened.leads.empty:
            return result
        rows = screened.leads.index
        compared = screened.compared.contested_among(rows, self.among(rows))
        return result._replace(screened=replace(screened, compared=compared))


def _result_name(number: int) -> str:
    return f"{number:08}.result"


def _keys_name(number: int) -> str:
    return f"{number:08}.keys"
