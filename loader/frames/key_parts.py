"""Keys of rows in parts by their hash: which rows share a key is found part by part.

The keys of a block are an Arrow file with a record batch for each part, of which any is read by
itself.
"""

import hashlib
from secrets import compare_digest
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.frames.key_runs import Hashes

Rows = npt.NDArray[np.int64]

ASKS, OFFERS = 1, 2
"""What a row does with a key: it is a duplicate of a row that offers it, or makes others such."""
SEAL_BYTES = 32
_SEAL = b"seal"
_ROLE_BITS = 2
_SCHEMA = pa.schema({"hash": pa.uint64(), "entry": pa.int64()})


class KeyEntries(NamedTuple):
    """Keys of rows, n of them in any order; a row may have several, and the same one twice."""

    hashes: npt.NDArray[np.uint64]
    """Shape n. Different keys may have the same one: then their rows seem to share a key."""
    entries: Rows
    """Shape n: the row number, and in the lowest two bits `ASKS` and `OFFERS`."""

    @classmethod
    def of(cls, keys: "Hashes", rows: Rows, roles: Rows | int) -> "KeyEntries":
        """Give the entries of keys, one of each row; rows without a key have none.

        `roles` are those of the rows (int64), or that of all.
        """
        entries = rows << _ROLE_BITS | roles
        has_key = keys[0] != 0
        return cls(keys[0, has_key], entries[has_key])

    @classmethod
    def join(cls, parts: "Sequence[KeyEntries]") -> "KeyEntries":
        """Give the entries of all parts."""
        if not parts:
            return cls(np.empty(0, np.uint64), np.empty(0, np.int64))
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def rows_that_meet(self) -> Rows:
        """Give the row numbers, each once and ascending, of rows that share a key with another.

        One of those that have the key asks for it, and one offers it. Rows that meet nobody may be
        among them; of those that do none is missing.
        """
        order = np.argsort(self.hashes)
        hashes = self.hashes[order]
        same = np.concatenate([[False], hashes[1:] == hashes[:-1], [False]])
        # Those that stand beside the same hash; most keys occur once.
        repeated = np.flatnonzero(same[1:] | same[:-1])
        if not repeated.size:
            return np.empty(0, np.int64)
        starts = np.flatnonzero(~same[repeated])
        entries = self.entries[order[repeated]]
        rows, roles = entries >> _ROLE_BITS, np.bitwise_or.reduceat(entries, starts)
        meets = np.minimum.reduceat(rows, starts) != np.maximum.reduceat(rows, starts)
        meets &= roles & (ASKS | OFFERS) == ASKS | OFFERS
        sizes = np.diff(starts, append=rows.size)
        return np.unique(rows[np.repeat(meets, sizes)])

    def to_file(self, parts: int, secret: bytes) -> pa.Buffer:
        """Write the entries as a file of so many parts, each sealed with a secret."""
        # The lowest bit of a hash is always the same.
        part_of = (self.hashes >> np.uint64(32)) % np.uint64(parts)
        order = np.argsort(part_of, kind="stable")
        ends = np.searchsorted(part_of[order], np.arange(parts, dtype=np.uint64), side="right")
        whole = pa.record_batch([self.hashes[order], self.entries[order]], schema=_SCHEMA)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, _SCHEMA) as writer:
            for part, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
                batch = whole.slice(start, end - start)
                writer.write_batch(batch, {_SEAL: _seal_of(batch, part, secret)})
        return sink.getvalue()

    @classmethod
    def from_file(cls, file: Any, part: int, secret: bytes) -> "KeyEntries":
        """Read one part of a file that `to_file` has written with the same secret, and no other.

        Args:
            file: what pyarrow reads at any place: a buffer, or an open file.
            part: its number, from 0.
            secret: that of `to_file`.

        Raises:
            ValueError: the file is another one, or not whole.
        """
        batch, metadata = pa.ipc.open_file(file).get_batch_with_custom_metadata(part)
        seal = (metadata or {}).get(_SEAL, b"")
        if not compare_digest(seal, _seal_of(batch, part, secret)):
            raise ValueError("keys of rows are not as they were written")
        return cls(*(column.to_numpy() for column in batch.columns))


def _seal_of(batch: pa.RecordBatch, part: int, secret: bytes) -> bytes:
    digest = hashlib.blake2b(f"{part}/".encode(), key=secret, digest_size=SEAL_BYTES)
    for column in batch.columns:
        digest.update(column.to_numpy())
    return digest.digest()
