"""What a night that was killed left on its machine of files that lie at an address."""

import shutil
from contextlib import suppress
from pathlib import Path

from jobs.load.shared_checkpoint import ENDED
from jobs.nightly.destination import Destination
from jobs.nightly.folders import RESULTS
from jobs.nightly.remote_folder import FETCHED
from jobs.settings.settings import Settings
from loader.errors import LoaderError
from loader.ledger.runs import Ledger
from loader.paths import printable_path
from loader.results.folder import forget, run_in, work_in


def remove_leftovers(settings: Settings, destination: Destination) -> None:
    """Delete downloaded files, and what was kept here of runs that another machine completed.

    Nobody else may use the folder of the nights meanwhile. What cannot be deleted stays, and what
    belongs to a run that the ledger does not know.
    """
    folders = [settings.nightly.folder / each.name for each in settings.sources if each.is_remote]
    for folder in folders:
        shutil.rmtree(folder / FETCHED, ignore_errors=True)
    places = [work_in(Path(f"done/*/*{RESULTS}")), work_in(Path(f"failed/*/*{RESULTS}"))]
    results = [each.parent for it in folders for place in places for each in it.glob(str(place))]
    if results:
        with suppress(LoaderError):  # the first file says what is wrong with the ledger
            ledger = destination.ledger(settings.ledger_folder, is_to_read=True)
            for each in results:
                _remove(each, ledger)


def _remove(results: Path, ledger: Ledger) -> None:
    """Delete what a run does not need any more that has ended, here or elsewhere."""
    with suppress(LoaderError, OSError):
        record = ledger.run(run_in(results))
        if record.state not in ENDED:
            return
        forget(results)
        if record.state == "done" and record.results != printable_path(results.absolute()):
            shutil.rmtree(results, ignore_errors=True)  # they are of a part of the rows
