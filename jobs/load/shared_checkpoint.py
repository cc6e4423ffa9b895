"""The checkpoint of a run where other machines find it, if the folder of results is on this one.

A machine may be gone for good in the middle of an insert. So what another one needs to go on is put
into a storage that all reach, before anything that it decides is inserted. The ledger says which
package counts, by its SHA-256: a process that has lost the run cannot change that, and nobody who
writes into the storage can slip one in.
"""

import hashlib
import shutil
import zipfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jobs.load.checkpoint import FILE
from loader.errors import BusyError, LoaderError, UsageError
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger
from loader.results.files import ACCEPTED

KEY = "checkpoint"
"""What the counts of a run have in the ledger until it is done: the SHA-256 of its package."""

PACKAGE = "package.zip"

MARK = "-"
"""Between the name of a run and the SHA-256, in the name of a stored package."""

ENDED = ("done", "refused", "given up")
"""States of imports that nobody goes on with; one that was undone may be, if that is undone."""

NEEDED = (f"{ACCEPTED}*", "rejected", "marks", FILE)
"""The files of a process that the one after it reads; with the plan, the last, all are there."""


class Storage(Protocol):
    """Where files are that all machines reach; what fails there raises a LoaderError."""

    name: str
    """Its address, as it can be shown."""

    def put(self, file: Path, name: str) -> None:
        """Store a file under a name, whole or not at all."""

    def fetch(self, name: str, to: Path) -> bool:
        """Copy a stored file to a path; False: there is none of that name."""

    def names(self) -> list[str]:
        """Name the stored files, those that were not stored completely, too."""

    def remove(self, names: Collection[str]) -> None:
        """Delete stored files; one that is not there any more is no error."""

    def put_results(self, folder: Path) -> None:
        """Store the files of a folder of results where they belong."""


@dataclass(frozen=True)
class SharedCheckpoint:
    """The checkpoint of one run in a storage."""

    storage: Storage
    ledger: Ledger
    record: RunRecord

    def put(self, work: Path) -> None:
        """Store what is in the folder of a process, and let the ledger name it.

        Raises:
            BusyError: another process has taken over the run.
            LoaderError: it cannot be stored.
        """
        package = work / PACKAGE
        with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for file in (file for pattern in NEEDED for file in sorted(work.glob(pattern))):
                packed.write(file, file.name)
        sha256 = _sha256(package)
        try:
            self.storage.put(package, self._name(sha256))
        except LoaderError as error:
            raise type(error)(
                f"{error}; nothing is inserted before other machines could go on with it"
            ) from None
        package.unlink()
        try:
            run, owner = self.record.run, self.record.owner
            self.ledger.update(run, of_owner=owner, counts={KEY: sha256})
        except BusyError:
            self.storage.remove([self._name(sha256)])
            raise

    def fetch(self, work: Path) -> bool:
        """Unpack the one that the ledger names into the folder of a process.

        Returns:
            False: it is not there, or another file has its name.

        Raises:
            LoaderError: the storage does not answer.
        """
        package, sha256 = work / PACKAGE, self.record.counts[KEY]
        is_there = False
        work.mkdir(parents=True)
        try:
            is_found = self.storage.fetch(self._name(sha256), package)
            is_there = is_found and _sha256(package) == sha256
        finally:
            if not is_there:
                _remove_new(work)
        if is_there:
            with zipfile.ZipFile(package) as packed:
                packed.extractall(work)
            package.unlink()
        return is_there

    def remove(self) -> None:
        """Delete the packages of this work, which is done, and those of others that have ended.

        A process that had lost its run may have stored one after that ended.

        Raises:
            LoaderError: storage or ledger do not answer.
        """
        names = self.storage.names()
        runs = {name: name.rpartition(MARK)[0] for name in names}
        vain = {run for run in runs.values() if self._is_vain(run)}
        self.storage.remove([name for name, run in runs.items() if run in vain])

    def _is_vain(self, run: str) -> bool:
        """Say whether nobody will go on with a run; one of another ledger is none of ours."""
        try:
            record = self.ledger.run(run)
        except UsageError:
            return False
        return record.state in ENDED or record.lock_name == self.record.lock_name

    def _name(self, sha256: str) -> str:
        return f"{self.record.run}{MARK}{sha256[:32]}.zip"


def shared_checkpoint(
    ledger: Ledger, record: RunRecord, storage: Storage | None
) -> SharedCheckpoint | None:
    """Give the checkpoint of a run, if there is a storage and other machines know of the run."""
    return SharedCheckpoint(storage, ledger, record) if storage and ledger.is_shared else None


def _remove_new(work: Path) -> None:
    """Delete the folder of a process, and those above it in which nobody else has one."""
    shutil.rmtree(work)
    if not any(map(Path.is_dir, work.parent.iterdir())):
        shutil.rmtree(work.parent)
        with suppress(OSError):
            work.parent.parent.rmdir()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
