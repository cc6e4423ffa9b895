"""What refuses an import because of what earlier imports of the file did."""

from pathlib import PurePath

from jobs.load.decisive_options import PACE_OPTIONS
from jobs.load.shared_checkpoint import Storage, shared_checkpoint
from loader.database.connection import Database
from loader.database.locks import is_held
from loader.errors import BusyError, ConfigurationError, LoadedBeforeError
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.paths import find_path, printable_values
from loader.reading.source import SourceFile
from loader.results.folder import forget, run_in


def refuse_loaded_before(
    ledger: Ledger,
    source: SourceFile,
    before: RunRecord | None,
    options_sha256: str,
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
        raise ConfigurationError(
            f"{source.name}: run {before.run} loaded some of it and was given up; take that back "
            f"by `leadloader undo {before.run}`, or load all of it by --again"
        )
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


def _loaded_before(source: SourceFile, before: RunRecord) -> str:
    name = "" if before.source == source.name else f" as {before.source}"
    when = (before.ended or before.began).astimezone().strftime("%Y-%m-%d %H:%M")
    return (
        f"{source.name}: loaded already{name}, by run {before.run} of {when} with the same "
        "options; nothing was done, --again loads it anyway"
    )
