"""What was loaded before, alone or among other files: it is refused, so that no lead comes twice.

Two processes that begin at the same time are kept apart so: each notes its run and its files in the
ledger before it looks for those of others. At least the later one of both sees the other.
"""

from pathlib import PurePath

from jobs.load.decisive_options import PACE_OPTIONS
from jobs.load.shared_checkpoint import Storage, shared_checkpoint
from loader.database.connection import Database
from loader.database.locks import is_held
from loader.errors import (
    BusyError,
    ConfigurationError,
    LoadedBeforeError,
    PartsLoadedBeforeError,
)
from loader.ledger.parts import SameContent, find_content, parts_of
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.paths import find_path, printable_values
from loader.reading.source import SourceFile
from loader.results.folder import forget, run_in
from loader.results.lines import count_of

MOST_NAMED = 5
"""Files that an error names of each kind."""


def refuse_loaded_before(
    ledger: Ledger,
    source: SourceFile,
    options_sha256: str,
    before: RunRecord | None,
    storage: Storage | None,
) -> None:
    """Refuse a file that is in the database, unless its run is incomplete."""
    if before is None:
        undone, stayed = ledger.left_by_undo(source.sha256, options_sha256)
        if stayed:
            raise LoadedBeforeError(
                f"{source.name}: run {undone} loaded it, and when that was undone {stayed} of its "
                "leads had to stay, or may have; nothing was done, --again loads all of it",
                undone,
            )
    elif before.state == "undoing":
        raise BusyError(
            f"{source.name}: run {before.run} loaded it and is being undone; "
            f"`leadloader undo {before.run}` completes that"
        )
    elif before.state == "given up":
        raise ConfigurationError(_given_up(source.name, before))
    elif not before.is_unfinished:
        # A kill at the very end leaves work files that are no longer needed.
        folder = find_path(before.results)
        if run_in(folder) == before.run:
            forget(folder)
        if shared := shared_checkpoint(ledger, before, storage):
            shared.remove()
        raise LoadedBeforeError(_loaded_before(source, before), before.run)


def refuse_begun_otherwise(
    ledger: Ledger, source: SourceFile, options: LoadOptions, database: Database
) -> None:
    """Refuse a file of which a night with other options has loaded a part: it would be there twice.

    Another file of the same content may be loaded with other options.
    """
    ours = printable_values(options.model_dump(mode="json", exclude=PACE_OPTIONS))
    for run in ledger.inserting(source.sha256):
        if PurePath(run.source).name != PurePath(source.name).name:
            continue
        differ = [name for name, value in ours.items() if run.options.get(name) != value]
        others = f"other options ({', '.join(differ) or 'mapping_file'})"
        if is_held(database, run.lock_name):
            raise BusyError(
                f"{source.name}: run {run.run} on {run.host} loads it with {others}", run.lock_name
            )
        raise ConfigurationError(
            f"{source.name}: run {run.run} on {run.host} loaded some of it with {others}; give the "
            f"same options here, or take that back by `leadloader undo {run.run}`"
        )


def refuse_same_content(
    ledger: Ledger,
    source: SourceFile,
    options_sha256: str,
    database: Database,
    *,
    allow_reload: bool,
) -> None:
    """Refuse a file that was loaded among others, and several of which one was loaded before.

    Imports that are not complete are refused even with `allow_reload`.

    Raises:
        LoadedBeforeError: all that is to be loaded was loaded before, with the same options.
        PartsLoadedBeforeError: some of several files were.
        BusyError: another process is loading a file of the same content.
        ConfigurationError: an earlier run is incomplete that has loaded some of one.
    """
    names = {part.sha256: part.name for part in source.parts if part.has_records}
    names = names if source.parts else {source.sha256: source.name}
    order = {sha256: at for at, sha256 in enumerate(names)}
    found = find_content(ledger, names, options_sha256)
    found.sort(key=lambda each: order[each.sha256], reverse=True)
    # Of the same files `open_run` knows the run, and completes it.
    others = [each for each in found if each.run.sha256 != source.sha256]
    runs = {each.run.run: each for each in others}  # each by the first of its files
    for each in runs.values():
        _refuse_unfinished(ledger, source, names[each.sha256], each, database)
    if allow_reload:
        return
    left = {run: why for run, each in runs.items() if (why := _what_is_left(ledger, each.run))}
    loaded = {each.sha256: each for each in others if each.run.run in left}
    if not loaded:
        return
    first = next(loaded[sha256] for sha256 in names if sha256 in loaded)
    name = names[first.sha256]
    more = f", and likewise {count_of(len(loaded) - 1, 'more file')}" if len(loaded) > 1 else ""
    refused = f"{name}: {left[first.run.run]}{_as(first, name)}{more}; nothing was done"
    if len(loaded) < len(names):
        raise PartsLoadedBeforeError(
            f"{refused}: leave out what was loaded, or load all of it by --again"
        )
    raise LoadedBeforeError(f"{refused}, --again loads it anyway", first.run.run)


def _refuse_unfinished(
    ledger: Ledger, source: SourceFile, name: str, other: SameContent, database: Database
) -> None:
    run = other.run
    if run.state == "undoing":
        raise BusyError(
            f"{name}: run {run.run} loaded it and is being undone; "
            f"`leadloader undo {run.run}` completes that"
        )
    if run.is_unfinished and is_held(database, run.lock_name) is not False:
        raise BusyError(
            f"{name}: run {run.run} on {run.host} is loading it{_as(other, name)}", run.lock_name
        )
    if run.state == "inserting":
        differ = _differences(ledger, source, run)
        raise ConfigurationError(
            f"{name}: run {run.run} on {run.host} began to load it{_as(other, name)}, and is not "
            f"complete{differ}; give the same files as then to complete it, or take back what it "
            f"loaded by `leadloader undo {run.run}`"
        )


def _differences(ledger: Ledger, source: SourceFile, run: RunRecord) -> str:
    """Say in what the files of a load differ from those of an earlier run; "": not in files."""
    then = {PurePath(part.name).name: part.sha256 for part in parts_of(ledger, run.run)}
    now = {PurePath(part.name).name: part.sha256 for part in source.parts}
    if not then or not now:
        return ""
    kinds = {
        "changed": [name for name in now if then.get(name, now[name]) != now[name]],
        "missing": [name for name in then if name not in now],
        "new": [name for name in now if name not in then],
    }
    found = [f"{kind}: {', '.join(names[:MOST_NAMED])}" for kind, names in kinds.items() if names]
    return f" ({'; '.join(found) or 'the files have another order'})"


def _what_is_left(ledger: Ledger, run: RunRecord) -> str:
    """Say what a run has loaded of its files; "": nothing of it is there.

    ConfigurationError: nobody knows, as the run was given up.
    """
    if run.state == "given up":
        raise ConfigurationError(_given_up(run.source, run))
    if run.state == "undone":
        undone, stayed = ledger.left_by_undo(run.sha256, run.options_sha256)
        if not stayed:
            return ""
        return (
            f"run {undone} loaded it, and when that was undone {stayed} of its leads had to stay, "
            "or may have"
        )
    # One that died before it inserted anything has another state.
    return f"loaded already, by run {run.run} {_when(run)}" if run.state == "done" else ""


def _given_up(name: str, run: RunRecord) -> str:
    return (
        f"{name}: run {run.run} loaded some of it and was given up; take that back by `leadloader "
        f"undo {run.run}`, or load all of it by --again"
    )


def _as(other: SameContent, name: str) -> str:
    named = [f"as {other.name}"] * (other.name != name) + ["among other files"] * other.is_part
    return f" ({', '.join(named)})" if named else ""


def _when(run: RunRecord) -> str:
    when = (run.ended or run.began).astimezone().strftime("%Y-%m-%d %H:%M")
    return f"of {when} with the same options"


def _loaded_before(source: SourceFile, before: RunRecord) -> str:
    name = "" if before.source == source.name else f" as {before.source}"
    return (
        f"{source.name}: loaded already{name}, by run {before.run} {_when(before)}; nothing was "
        "done, --again loads it anyway"
    )
