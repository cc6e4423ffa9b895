"""An import as the ledger has it: begun, taken up again, or refused because it was done before."""

import getpass
import hashlib
import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs.load.checkpoint import read_plan
from jobs.load.request import LoadRequest
from loader.database.connection import Database
from loader.database.locks import lock
from loader.errors import BusyError, ConfigurationError, LoadedBeforeError, LoaderError
from loader.ledger.batches import BatchLedger
from loader.ledger.runs import Ledger, RunRecord, run_name
from loader.options.load import LoadOptions
from loader.reading.source import SourceFile, printable_path
from loader.results.folder import forget, run_in
from loader.results.summary import Summary

PACE = {"batch_size", "chunk_size", "max_reject_rate"}
"""Options that decide about no row."""


@dataclass(frozen=True)
class ImportRun:
    """One import on its way."""

    ledger: Ledger
    record: RunRecord
    folder: Path
    """Of its results."""
    goes_on: bool
    """A process before this one has checked the file, and inserted some of it or nothing."""

    def journal(self) -> BatchLedger:
        """Give the entries of its batches, from the first one on."""
        return BatchLedger(self.ledger, self.record.run, self.record.owner)

    def options(self, given: LoadOptions) -> LoadOptions:
        """Give the options; batches that are noted already keep their size."""
        if not self.goes_on:
            return given
        return given.model_copy(update={"batch_size": self.record.options["batch_size"]})

    def inserting(self, mapping: Mapping[str, str], rows_read: int, rejected: int) -> None:
        """Note that all is decided and that the insert begins."""
        self._note(state="inserting", mapping=dict(mapping), rows_read=rows_read, rejected=rejected)

    def done(self, summary: Summary) -> None:
        """Note that the run has come to its end."""
        self._note(
            state="done",
            ended=summary.ended,
            message="",
            loaded=summary.loaded,
            rejected=summary.rejected,
            counts={"reasons": summary.reasons, "notices": summary.notices},
        )

    def refused(self, why: str) -> None:
        """Note that nothing was inserted, and why."""
        self._note(state="refused", message=why, ended=datetime.now(UTC))

    def interrupted(self, why: str) -> None:
        """Note why it did not come to its end."""
        self._note(message=why)

    def is_lost(self) -> bool:
        """Say whether another process has taken the run over, as far as that can be asked."""
        with suppress(LoaderError):
            return self.ledger.run(self.record.run).owner != self.record.owner
        return False

    def _note(self, **columns: Any) -> None:
        self.ledger.update(self.record.run, of_owner=self.record.owner, **columns)


@contextmanager
def open_run(source: SourceFile, request: LoadRequest, database: Database) -> Iterator[ImportRun]:
    """Keep the record of an import while it goes on.

    Args:
        source: the file.
        request: the import; a run that is resumed keeps its results folder.
        database: the dialer's.

    Raises:
        LoadedBeforeError: the file was loaded before, with the same options.
        BusyError: another process loads it now.
        ConfigurationError: it was begun, and what is needed to complete it is not here.
    """
    ledger = Ledger.open(database, request.ledger_path)
    decides = _deciding(request.options)
    options_sha256 = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
    with lock(database, f"{source.sha256} {options_sha256}", f"{source.name} is being loaded"):
        before = ledger.same_file(source.sha256, options_sha256)
        if not request.allow_reload:
            _refuse_loaded_before(ledger, source, options_sha256, before)
        if before is not None and before.is_unfinished:
            recording = _taken_up(ledger, before, request)
        else:
            recording = _begun(ledger, source, request, options_sha256)
        with _noting_the_end(recording):
            yield recording


def _refuse_loaded_before(
    ledger: Ledger, source: SourceFile, options_sha256: str, before: RunRecord | None
) -> None:
    """Refuse a file of which something is in the database already, unless it is to be completed."""
    if before is None:
        undone, stayed = ledger.left_by_undo(source.sha256, options_sha256)
        if stayed:
            raise LoadedBeforeError(
                f"{source.name}: run {undone} loaded it, and when that was undone {stayed} of its "
                "leads had to stay; nothing was done, --again loads all of it",
                undone,
            )
    elif before.state == "undoing":
        raise BusyError(
            f"{source.name}: run {before.run} loaded it and is being undone; "
            f"`leadloader undo {before.run}` completes that"
        )
    elif not before.is_unfinished:
        # A kill in the last moment leaves what is not needed any more.
        if run_in(Path(before.results)) == before.run:
            forget(Path(before.results))
        raise LoadedBeforeError(_said(source, before), before.run)


def _begun(
    ledger: Ledger, source: SourceFile, request: LoadRequest, options_sha256: str
) -> ImportRun:
    began = datetime.now(UTC)
    name = run_name(began, source.sha256[:8])
    folder = request.results_of(name)
    record = RunRecord(
        run=name,
        job="import",
        began=began,
        source=source.name,
        sha256=source.sha256,
        options_sha256=options_sha256,
        options=request.options.model_dump(mode="json"),
        results=printable_path(str(folder.absolute())),
        **this_process(),
    )
    ledger.insert(record)
    return ImportRun(ledger, record, folder, goes_on=False)


def _taken_up(ledger: Ledger, before: RunRecord, request: LoadRequest) -> ImportRun:
    """Go on with a run; from now on the process that began it, if it lives, can write no more."""
    mine = this_process()
    ledger.update(before.run, **mine)
    record = replace(before, **mine)
    has_plan = read_plan(Path(record.results)).get("run") == record.run
    if before.state == "inserting" and not has_plan:
        if BatchLedger(ledger, record.run, record.owner).known:
            raise ConfigurationError(
                f"run {record.run} began to load this file, and what is needed to complete it is "
                f"not here: {record.results}/.work on {before.host}. Run the same command there, "
                f"or take back what was loaded: leadloader undo {record.run}"
            )
        ledger.update(record.run, of_owner=record.owner, state="checking")
    # As it was named then, where it is the same.
    named = request.results_of(record.run)
    folder = named if str(named.absolute()) == record.results else Path(record.results)
    return ImportRun(ledger, record, folder, goes_on=before.state == "inserting" and has_plan)


@contextmanager
def _noting_the_end(recording: ImportRun) -> Iterator[None]:
    """Note why a run did not come to its end, if the ledger can be reached."""
    try:
        yield
    except BusyError:
        raise  # it is another process's now
    except (LoaderError, KeyboardInterrupt) as error:
        why = str(error) or "interrupted"
        with suppress(LoaderError):
            state = recording.ledger.run(recording.record.run).state
            (recording.refused if state == "checking" else recording.interrupted)(why)
        raise


def this_process() -> dict[str, Any]:
    """Give the columns of the ledger that say who works on a run; the owner is drawn anew."""
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


def _deciding(options: LoadOptions) -> dict[str, Any]:
    """Give what makes another load of the same file.

    Without defaults, or a newer version with one option more would load every file once more. A
    mapping file counts by what it says, a feed, which is new every day, by its name.
    """
    decides = options.model_dump(mode="json", exclude=PACE, exclude_defaults=True)
    if options.mapping_file is not None and options.mapping_file.is_file():
        content = options.mapping_file.read_bytes()
        decides["mapping_file"] = hashlib.sha256(content).hexdigest()
    if options.feed:
        decides["feed"] = sorted(options.feed)
    return decides


def _said(source: SourceFile, before: RunRecord) -> str:
    under = "" if before.source == source.name else f" as {before.source}"
    when = (before.ended or before.began).astimezone().strftime("%Y-%m-%d %H:%M")
    return (
        f"{source.name}: loaded already{under}, by run {before.run} of {when} with the same "
        "options; nothing was done, --again loads it anyway"
    )
