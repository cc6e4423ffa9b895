"""How a validation or an import of a file that was sent is done."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.load.job import load
from jobs.load.request import LoadRequest, read_options
from jobs.serve.files.job import FileJob
from jobs.settings.settings import Settings
from jobs.telemetry.telemetry import Telemetry
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.errors import LoaderError
from loader.ledger.records import RunRecord
from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.reading.source import open_source
from loader.results.summary import Summary


@dataclass(frozen=True)
class Work:
    """What jobs are done with."""

    database: Database
    settings: Settings

    def do(self, job: FileJob, content: Path, results: Path, watchers: Watchers) -> Summary:
        """Validate or import a file.

        Raises:
            LoaderError: as `jobs.load.job.load`; no message names the folders of this machine.
        """
        with Telemetry(self.settings, job.job, warn=watchers.warn) as telling:
            telling.began(job.file)
            try:
                summary = self._load(job, content, results, telling.watching(watchers))
            except LoaderError as error:
                telling.failed(error)
                raise
            telling.ended(summary)
        return summary

    def _load(self, job: FileJob, content: Path, results: Path, watchers: Watchers) -> Summary:
        options = LoadOptions(**job.options)
        # One process, unless the site says otherwise: the service answers others meanwhile.
        options = options.model_copy(update={"workers": options.workers or 1})
        report = self.settings.reporting.model_copy(update={"page": True})
        if job.job == "import":
            report = report.model_copy(update={"sample": None})
        with open_source(str(content), read_options(options, str(content))) as source:
            request = LoadRequest(
                # Nobody is to see where it is, nor to have it in the ledger.
                replace(source, name=job.file), options, self.database, results, job=job.job,
                watchers=watchers, allow_reload=job.again, report=report,
                ledger_folder=self.settings.ledger_folder, pace=self.settings.pacing,
            )  # fmt: skip
            return load(request)

    def recorded(self, name: str) -> RunRecord:
        """Give a run of the ledger.

        Raises:
            LoaderError: there is none, or the database does not answer.
        """
        return Ledger.to_read(self.database, self.settings.ledger_folder).run(name)


def outward(text: str, names: Mapping[Path, str]) -> str:
    """Write a message for who sent a file: with the names that they know.

    Args:
        text: the message.
        names: what stands for a path of this machine.
    """
    for path, name in names.items():
        text = text.replace(str(path.absolute()), name).replace(str(path), name)
    return text
