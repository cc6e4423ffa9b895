"""Blocks that a cluster has finished, on disk until the checks end: a run that died goes on there.

What is kept does not depend on the dialer's leads and do-not-call lists, which may have changed.
The folder is beside that of the results, which goes with a run that came to nothing.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.load.decisive_options import PACE_OPTIONS
from jobs.load.reading import RowReader
from jobs.load.shared_folder import RUN_PREFIX
from loader.feeds.shared import SharedFeed
from loader.frames.digest import digest_of
from loader.reading.blocks import FileBlock

CODEC = "zstd"
OTHERS_WRITE = 0o022
HASH_BYTES = 32
NOT_DECISIVE = ("clock", "window_starts")
"""What the dialer says of the time; the day is `RowProfiler.today`."""


@dataclass(frozen=True)
class FinishedBlocks:
    """The blocks of one file, for one set of checks; it can be sent to another machine."""

    folder: Path
    mark: str
    """The name of a file in it, by which another machine knows that it sees this very folder.
    Empty: there is no such folder."""

    @classmethod
    def open(
        cls, folder: Path, reader: RowReader, feeds: Sequence[SharedFeed], versions: Any
    ) -> "FinishedBlocks":
        """Find or make those of a run; where there can be no folder, nothing is kept.

        Args:
            folder: for those of the file; what it has of other checks is removed.
            reader: what is done with a block.
            feeds: likewise.
            versions: of what does it.
        """
        decisive = _decisive(reader, feeds), versions
        own = folder.absolute() / digest_of(decisive).hex()[:16]
        mark = f"{secrets.token_hex(8)}.seen"
        try:
            own.mkdir(mode=0o700, parents=True, exist_ok=True)
            _clear(own)
            (own / mark).touch()
        except OSError:
            mark = ""
        return cls(own, mark)

    def find(self, block: FileBlock) -> bytes | None:
        """Give what was kept of a block; None: nothing, or not by this account, or not whole."""
        path = self._path(block)
        with suppress(OSError), path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid == os.getuid() and not status.st_mode & OTHERS_WRITE:
                seal, packed = file.read(HASH_BYTES), file.read()
                if self._is_seen() and seal == _seal(path, packed):
                    with pa.CompressedInputStream(pa.BufferReader(packed), CODEC) as stream:
                        found: bytes = stream.read()
                        return found
        return None

    def keep(self, block: FileBlock, content: bytes | memoryview) -> None:
        """Keep what came of a block, if its folder is seen and has room; else it is done again."""
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, CODEC) as stream:
            stream.write(content)
        packed = sink.getvalue().to_pybytes()
        with suppress(OSError):
            if not self._is_seen():
                return
            path = self._path(block)
            part = path.with_suffix(f".{secrets.token_hex(8)}")
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_seal(path, packed))
                    file.write(packed)
                part.rename(path)
            except OSError:
                part.unlink(missing_ok=True)

    def _is_seen(self) -> bool:
        return bool(self.mark) and (self.folder / self.mark).exists()

    def _path(self, block: FileBlock) -> Path:
        return self.folder / f"{block.first_row}-{block.rows}-{block.sha256[:32]}.block"


def _seal(path: Path, packed: bytes) -> bytes:
    """Give the hash of a block, by which it is whole and has its own name."""
    return hashlib.sha256(b"/".join([*map(os.fsencode, path.parts[-2:]), packed])).digest()


def forget_blocks(folder: Path, but: str = "") -> None:
    """Remove what is kept of a file, but that of one name; what runs share stays."""
    with suppress(OSError):
        for each in folder.iterdir():
            if each.name != but and not each.name.startswith(RUN_PREFIX):
                shutil.rmtree(each, ignore_errors=True)
        folder.rmdir()


def _clear(own: Path) -> None:
    """Remove the blocks of other checks, and the marks of former runs."""
    forget_blocks(own.parent, but=own.name)
    for former in own.glob("*.seen"):
        former.unlink(missing_ok=True)


def _decisive(reader: RowReader, feeds: Sequence[SharedFeed]) -> Any:
    """Give all that decides what comes of a block, besides its text."""
    checks, profiler = reader.checks, reader.profiler
    options = checks.options.model_dump(exclude=PACE_OPTIONS)
    dialer = {
        name: value for name, value in vars(checks.dialer).items() if name not in NOT_DECISIVE
    }
    blocks = reader.blocks and reader.blocks.without_files()
    of_feeds = [(feed.feed.name, feed.sha256, feed.feed.areas) for feed in feeds]
    of_day = profiler.today if profiler else None
    return (
        options, dialer, checks.mapping, checks.decimals, checks.columns, blocks, of_day, of_feeds
    )  # fmt: skip
