"""The ledger record of an import: a new one, a resumed one, or a refusal of a repeated load."""

import getpass
import hashlib
import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from jobs.load.checkpoint import read_plan, take_over
from jobs.load.decisive_options import decisive_options
from jobs.load.loaded_before import (
    refuse_begun_otherwise,
    refuse_loaded_before,
    refuse_same_content,
)
from jobs.load.request import LoadRequest
from jobs.load.shared_checkpoint import KEY, SharedCheckpoint, shared_checkpoint
from loader.clock import end_of
from loader.database.connection import Database
from loader.database.locks import Confirm, lock
from loader.errors import (
    BusyError,
    ConfigurationError,
    DatabaseUnavailableError,
    LoaderError,
    SourceFileError,
    UsageError,
)
from loader.files import exists
from loader.ledger.batches import BatchLedger
from loader.ledger.parts import note_parts
from loader.ledger.records import RunRecord
from loader.ledger.run_batches import RunBatches
from loader.ledger.runs import Ledger, run_name, taken_over
from loader.paths import find_path, printable_path, printable_values
from loader.reading.source import SourceFile
from loader.results.folder import SUMMARY, forget, note_run, run_in, work_in
from loader.results.summary import Summary


@dataclass(frozen=True)
class ImportRun:
    """One import in progress."""

    ledger: Ledger
    record: RunRecord
    folder: Path
    """Folder of the results."""
    is_resumed: bool
    """An earlier process has checked the whole file and may have inserted some of it."""
    shared: SharedCheckpoint | None = None
    """None: other machines see the folder, or load nothing into this database."""

    def share(self, work: Path) -> None:
        """Let other machines go on from here, see `SharedCheckpoint.put`."""
        if self.shared:
            self.shared.put(work)

    def share_results(self) -> None:
        """Let other machines find the results, so that any of them can move the file."""
        if self.shared:
            self.shared.storage.put_results(self.folder)

    def batches(self) -> BatchLedger:
        """Give the entries of the batches, from the first one on."""
        return BatchLedger(self.ledger, self.record.run, self.record.owner)

    def inserting(self, mapping: Mapping[str, str], rows_read: int, rejected: int) -> None:
        """Record that the checks are done and the insert begins."""
        self._update(
            state="inserting", mapping=dict(mapping), rows_read=rows_read, rejected=rejected
        )

    def done(self, summary: Summary) -> None:
        """Record that the run is complete."""
        self._update(
            state="done",
            ended=summary.ended,
            message="",
            loaded=summary.loaded,
            rejected=summary.rejected,
            counts={
                "reasons": summary.reasons,
                "notices": summary.notices,
                "lists": {each.list_id: each.leads for each in summary.lists},
            },
        )

    def forget_checkpoint(self) -> None:
        """Delete what other machines needed to go on; the run is done."""
        if self.shared:
            self.shared.remove()

    def refused(self, why: str) -> None:
        """Record why nothing was inserted."""
        self._update(state="refused", message=why, ended=end_of(self.record.began))

    def leaves_results(self, folder: Path) -> None:
        """Record where the results of a refused run are."""
        self._update(results=printable_path(folder.absolute()))

    def interrupted(self, why: str) -> None:
        """Record why the run is incomplete."""
        self._update(message=why)

    def prove_owner(self) -> None:
        """See that the run is this process's, before what is beside its own files is removed.

        Raises:
            BusyError: another process has taken over the run.
            DatabaseUnavailableError: that cannot be known.
        """
        if self.ledger.run(self.record.run).owner != self.record.owner:
            raise BusyError(taken_over(self.record.run))

    def refuse_lost(self) -> None:
        """Raise BusyError if another process has taken over the run."""
        if self.is_lost():
            raise BusyError(taken_over(self.record.run))

    def is_lost(self) -> bool:
        """Say whether another process has taken over the run, if the ledger answers."""
        with suppress(LoaderError):
            return self.ledger.run(self.record.run).owner != self.record.owner
        return False

    def _update(self, **columns: Any) -> None:
        self.ledger.update(self.record.run, of_owner=self.record.owner, **columns)


@contextmanager
def open_run(
    source: SourceFile, request: LoadRequest, ledger: Ledger, database: Database
) -> Iterator[ImportRun]:
    """Keep the ledger record of an import while it runs; one that is resumed keeps its folder.

    Args:
        source: the open file.
        request: of the import.
        ledger: has the runs that were.
        database: of the lock between processes.

    Raises:
        LoadedBeforeError: the file was loaded before with the same options.
        PartsLoadedBeforeError: some of several files were.
        BusyError: another process is loading it.
        ConfigurationError: an earlier run is incomplete, and its files are missing here.
    """
    decisive = decisive_options(request.options)
    options_sha256 = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
    work = f"{source.name} is being loaded"
    refuse_others = partial(
        refuse_same_content,
        *(ledger, source, options_sha256, database),
        allow_reload=request.allow_reload,
    )
    with _lock(database, f"{source.sha256} {options_sha256}", work) as confirm:
        before = ledger.same_file(source.sha256, options_sha256)
        if not request.allow_reload:
            refuse_loaded_before(ledger, source, options_sha256, before, request.storage)
        if before is None and request.is_of_drop_folder:
            refuse_begun_otherwise(ledger, source, request.options, database)
        if before is not None and before.is_unfinished:
            import_run = _resume(ledger, before, request, confirm)
        else:
            refuse_others()
            import_run = _begin(ledger, source, request, options_sha256, confirm)
        if not import_run.is_resumed:
            note_parts(ledger, import_run.record.run, source.parts)
            with _record_refusal(import_run):
                refuse_others()  # those that have begun meanwhile
        with _record_errors(import_run, request.refused_results):
            yield import_run


@contextmanager
def _lock(database: Database, name: str, what: str) -> Iterator[Confirm]:
    """Hold the lock of a work; an error that another process has it names the lock."""
    with ExitStack() as stack:
        try:
            confirm = stack.enter_context(lock(database, name, what))
        except BusyError as error:
            raise BusyError(str(error), name) from None
        yield confirm


def _begin(
    ledger: Ledger,
    source: SourceFile,
    request: LoadRequest,
    options_sha256: str,
    confirm: Confirm,
) -> ImportRun:
    began = ledger.next_moment()
    name = run_name(began, source.sha256[:8])
    folder = request.results_of(name)
    record = RunRecord(
        run=name,
        job="import",
        began=began,
        source=source.name,
        sha256=source.sha256,
        options_sha256=options_sha256,
        options=printable_values(request.options.model_dump(mode="json")),
        results=printable_path(folder.absolute()),
        **this_process(),
    )
    ledger.insert(record, confirm)
    shared = shared_checkpoint(ledger, record, request.storage)
    return ImportRun(ledger, record, folder, is_resumed=False, shared=shared)


def _resume(ledger: Ledger, before: RunRecord, request: LoadRequest, confirm: Confirm) -> ImportRun:
    """Resume a run; from now on the process that began it can write no more, if it still lives."""
    owner = this_process()
    ledger.update(before.run, confirm=confirm, **owner)
    record = replace(before, **owner)
    shared = shared_checkpoint(ledger, record, request.storage)
    found = request.find_results(record.results)
    if shared and before.state == "inserting" and KEY in record.counts:
        found = _folder_here(record, request, found)
        note_run(found, record.run)
        has_plan = shared.fetch(work_in(found, record.owner))
    else:
        has_plan = _has_plan(found, before)
    if before.state == "inserting" and not has_plan:
        _begin_anew(ImportRun(ledger, record, found, is_resumed=False, shared=shared), before)
    folder = _folder_of(record, request, found)
    if (results := printable_path(folder.absolute())) != record.results:
        ledger.update(record.run, of_owner=record.owner, results=results)
    is_resumed = before.state == "inserting" and has_plan
    import_run = ImportRun(ledger, record, folder, is_resumed=is_resumed, shared=shared)
    if is_resumed:
        take_over(folder, before.owner, record.owner, import_run.prove_owner)
    return import_run


def _has_plan(folder: Path, before: RunRecord) -> bool:
    """Say whether a run can go on with what is on this machine.

    A run that other machines know may have gone on there since, unless the last process was here.
    """
    is_last = KEY not in before.counts or exists(work_in(folder, before.owner))
    return is_last and read_plan(folder, before.owner).get("run") == before.run


def _begin_anew(import_run: ImportRun, before: RunRecord) -> None:
    """Let a run without a checkpoint check its file anew, if nothing was sent yet.

    Raises:
        ConfigurationError: something was.
    """
    record, shared = import_run.record, import_run.shared
    if import_run.batches().begun:
        place = f"{record.results}/.work on {before.host}"
        if shared and KEY in record.counts:
            place = f"{shared.storage.name}, put there by {before.host}"
        raise ConfigurationError(
            f"run {record.run} began to load this file, and the files that are needed to "
            f"complete it are missing here: {place}, written "
            "by the same version of leadloader. Run the same command there, with the same "
            f"version; or undo what was loaded: leadloader undo {record.run}; or keep it and "
            f"give the run up: leadloader runs {record.run} --forget"
        )
    import_run.ledger.update(record.run, of_owner=record.owner, state="checking")


def _folder_here(record: RunRecord, request: LoadRequest, found: Path) -> Path:
    """Give the folder in which a run goes on that another machine may have begun.

    Its own folder may be in use here, by a file of the same name.
    """
    of_run = run_in(found)
    is_its = of_run == record.run or not (of_run or exists(found / SUMMARY))
    return found if is_its else request.results_of(record.run)


def _folder_of(record: RunRecord, request: LoadRequest, found: Path) -> Path:
    """Give the folder of the results of a run that is resumed.

    What is not here at all may be of another machine, and begins anew where this one wants it.
    """
    requested = request.results_of(record.run)
    # A relative path stays relative if it names the same folder.
    is_same = printable_path(requested.absolute()) == record.results
    return requested if is_same or not exists(found) else found


@contextmanager
def _record_errors(import_run: ImportRun, refused_results: Path | None) -> Iterator[None]:
    """Record why a run is incomplete, and where that is told, if the ledger can be reached."""
    try:
        yield
    except BusyError:
        raise  # the run belongs to another process now
    except Exception as error:  # it goes on, whatever it is
        # Who took over has removed the files: what came of that is no matter.
        if not isinstance(error, DatabaseUnavailableError):
            import_run.refuse_lost()
        if isinstance(error, LoaderError):
            _record_error(import_run, str(error))
        if refused_results and isinstance(error, SourceFileError | UsageError):
            with suppress(LoaderError):
                import_run.leaves_results(refused_results)
        raise
    except KeyboardInterrupt as error:
        _record_error(import_run, str(error) or "interrupted")
        raise


@contextmanager
def _record_refusal(import_run: ImportRun) -> Iterator[None]:
    """Record why a run of which nothing was inserted is refused, though it is still its own."""
    try:
        yield
    except LoaderError as error:
        with suppress(LoaderError):
            import_run.refused(str(error))
        raise


def _record_error(import_run: ImportRun, why: str) -> None:
    with suppress(LoaderError):
        state = import_run.ledger.run(import_run.record.run).state
        if state != "done":
            (import_run.refused if state == "checking" else import_run.interrupted)(why)


def give_up(run: str, ledger: Ledger, database: Database) -> RunRecord:
    """Give up an import that is not complete; what it loaded stays, and an undo takes it back.

    Returns:
        The record: its state is refused if nothing was sent, else `loaded` rows are known to be
        loaded.

    Raises:
        UsageError: there is no such run, or it is not an import that is to be completed.
        BusyError: a process is at work on it.
    """
    record = ledger.run(run)
    with lock(database, record.lock_name, f"run {run} is being loaded or undone") as confirm:
        record = ledger.run(run)
        if not record.is_unfinished:
            raise UsageError(f"run {run} is {record.state}: only an unfinished one is given up")
        owner = this_process()
        ledger.update(run, confirm=confirm, **owner)
        for session in RunBatches(ledger, run).sessions():
            database.end_session(session)
        has_batches = bool(BatchLedger(ledger, run, owner["owner"]).begun)
        state = "given up" if has_batches else "refused"
        ended = end_of(record.began)
        ledger.update(run, state=state, message="given up", ended=ended, loaded=record.loaded)
        folder = find_path(record.results)
        if run_in(folder) == run:
            forget(folder)
    return ledger.run(run)


def this_process() -> dict[str, Any]:
    """Give the ledger columns that identify this process; each call makes a new owner."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container that knows no names
        user = str(os.getuid())
    return {
        "os_user": user,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "owner": secrets.token_hex(8),
    }
