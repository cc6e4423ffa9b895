"""Files that are sent to the service: the jobs on them, and who answers for them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from starlette.routing import Route

from jobs.serve.access.logins import Caller, FindKey, Logins
from jobs.serve.access.users import Attempts, UserDirectory
from jobs.serve.files.api import ADDRESS as API_ADDRESS
from jobs.serve.files.api import FilesApi
from jobs.serve.files.jobs import FileJobs
from jobs.serve.files.receiving import Receiver
from jobs.serve.files.uploads import Uploads
from jobs.serve.files.work import Work
from jobs.serve.pages.start import ADDRESS as PAGE_ADDRESS
from jobs.serve.pages.start import Pages
from jobs.serve.pages.visits import Door
from jobs.settings.settings import Settings
from loader.database.connection import Database
from loader.errors import UsageError
from loader.ledger.keys import KeyStore
from loader.reading.limits import MB

UPLOADS = ".uploads"
"""The folder of files that were sent, beside the results."""

AROUND = 100_000
"""Bytes of a form beside its file."""


class FileService(NamedTuple):
    """Everything about files."""

    jobs: FileJobs
    """They are done while it is entered."""
    routes: Sequence[Route]
    """Addresses for scripts, and pages for people."""
    larger: Mapping[str, int]
    """Bytes of requests that have a file, by address."""


def file_service(
    settings: Settings,
    database: Database,
    attempts: Attempts,
    note_failure: Callable[[str], None],
) -> FileService:
    """Make it.

    Args:
        settings: of the site.
        database: the dialer's; others may use it, too.
        attempts: wrong passwords of all services.
        note_failure: takes how a log-in failed.
    """
    serve, results = settings.serve, settings.results or Path("results")
    # What a load does in its transactions is nobody else's business: all have their connections.
    reading, working = database.anew(), database.anew()
    users = UserDirectory(reading, serve.refresh)
    find_key = keys_for_files(reading, settings.ledger_folder)
    logins = Logins(users, attempts, find_key=find_key, note_failure=note_failure)
    uploads = Uploads(results / UPLOADS, timedelta(hours=serve.keep_files))
    jobs = FileJobs(Work(working, settings), uploads, results, serve.file_queue)
    receiver = Receiver(uploads, jobs.remove_old_uploads)
    door = Door(logins, is_secure=bool(serve.tls_cert or serve.behind_proxy))
    routes = [
        *FilesApi(jobs, receiver, logins, settings).routes,
        *Pages(jobs, receiver, door, settings, reading).routes,
    ]
    most = settings.max_file_size * MB + AROUND
    return FileService(jobs, routes, {API_ADDRESS: most, PAGE_ADDRESS: most})


def keys_for_files(database: Database, ledger_folder: Path) -> FindKey:
    """Give what knows the keys that may send files.

    Args:
        database: the dialer's.
        ledger_folder: of the ledger where it is a file; the keys are beside it.
    """

    def find(secret: str) -> Caller | None:
        """Find who holds a key, and note that it was used."""
        try:
            store = KeyStore.to_read(database, ledger_folder)
        except UsageError:
            return None  # no ledger, no keys
        now, key = datetime.now(UTC), store.find(secret)
        if key is None or key.state(now) != "valid" or "files" not in key.may:
            return None
        store.note_use(key, now)
        return Caller(f"key:{key.name}", "")

    return find
