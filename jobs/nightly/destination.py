"""Where the leads of a night go: a database, or another dialer that is reached by its API alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.load.remote import refuse_without_api
from jobs.load.request import LoadRequest
from jobs.settings.settings import Settings
from loader.database.connection import Database
from loader.errors import UsageError
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.remote.target import Target


@dataclass(frozen=True)
class Destination:
    """A dialer."""

    dialer: Database | Target

    @property
    def name(self) -> str:
        """Its address, as it can be shown."""
        return self.dialer.name

    @property
    def database(self) -> Database | None:
        """Its database; None: it is reached by its API alone."""
        return self.dialer if isinstance(self.dialer, Database) else None

    @property
    def target(self) -> Target | None:
        """Its API, if it is reached by that."""
        return self.dialer if isinstance(self.dialer, Target) else None

    @property
    def with_tables(self) -> Database:
        """Its database, for what no API does.

        Raises:
            UsageError: it has none; `refuse_without_database` said so before anything was done.
        """
        if self.database is None:
            raise UsageError(f"{self.name}: the API of another dialer has nothing of the kind")
        return self.database

    def ledger(self, folder: Path, *, is_to_read: bool) -> Ledger:
        """Open the ledger of what went there; where it is a file, it is in the folder.

        Raises:
            UsageError: it is to be read, and there is none.
            LoaderError: see `Ledger.open` and `Ledger.to_read`.
        """
        if isinstance(self.dialer, Target):
            open_file = Ledger.to_read_of_target if is_to_read else Ledger.of_target
            return open_file(self.dialer.ledger_name, folder)
        return (Ledger.to_read if is_to_read else Ledger.open)(self.dialer, folder)

    def request(self, path: str, options: LoadOptions, *folders: Path, **more: Any) -> LoadRequest:
        """Ask for a load into it; the rest is as `LoadRequest` takes it."""
        return LoadRequest(path, options, self.database, *folders, target=self.target, **more)

    def refuse_without_database(self, settings: Settings) -> None:
        """Refuse what a night cannot do through an API.

        Raises:
            UsageError: it names the first of it.
            ConfigurationError: who loads there is not known.
        """
        if self.target is None:
            return
        self.target.refuse_without_login()
        if settings.nightly.archive:
            raise UsageError(
                "[nightly] archive: the API of another dialer takes lead_ids alone; a rule needs a "
                "database"
            )
        for source in settings.sources:
            if source.new_list:
                raise UsageError(
                    f"[[source]] {source.name}: new_list: the API of another dialer makes no lists"
                    "; name one by list_id"
                )
            options = settings.options_of(source, {})
            report, pace = settings.reporting, settings.pacing
            refuse_without_api(self.request("", options, job="import", report=report, pace=pace))
