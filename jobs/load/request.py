"""The request for a load: a source file, where its rows go, and how."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from jobs.load.summarize import Job
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.errors import UsageError
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from loader.reading.source import LAYOUTS, ReadOptions, SourceFile, open_source


@dataclass(frozen=True)
class LoadRequest:
    """Everything that a load needs to know."""

    source: str | SourceFile
    """The path of the file, `-` for standard input; or a file that is open already."""
    options: LoadOptions
    """Decide about the rows."""
    database: Database | None = None
    """The dialer's; a validation without one checks the file alone."""
    results: Path | None = None
    """Folder of the result files; None: `results/<run>`."""
    refused_results: Path | None = None
    """Folder of the result files if a limit refuses the file; None: `results`."""
    _: KW_ONLY
    job: Job
    """A validation writes nothing but the result files."""
    watchers: Watchers = field(default_factory=Watchers)
    allow_reload: bool = False
    """Import a file that was loaded before."""
    ledger_folder: Path | None = None
    """Folder of the ledger where it is a file; None: the folder that holds `results`."""
    report: ReportOptions = field(default_factory=ReportOptions)

    @property
    def ledger_path(self) -> Path:
        """Folder of the ledger where it is a file."""
        return self.ledger_folder or (self.results.parent if self.results else Path("results"))

    def results_of(self, run: str) -> Path:
        """Give the folder for the results of a run."""
        return self.results or Path("results") / run

    def open_source(self) -> AbstractContextManager[SourceFile]:
        """Open the source file.

        Raises:
            UsageError: the layout is unknown.
            LoaderError: the file cannot be read, see `loader.reading.source.open_source`.
        """
        if isinstance(self.source, str):
            return open_source(self.source, read_options(self.options))
        return nullcontext(self.source)


def read_options(options: LoadOptions) -> ReadOptions:
    """Give the options of reading a source file; an unknown layout is a UsageError."""
    layout = None
    if options.layout is not None:
        if options.layout not in LAYOUTS:
            known = ", ".join(LAYOUTS)
            raise UsageError(f"layout: {options.layout!r} is not known; there is {known}")
        layout = LAYOUTS[options.layout]
    names = {"delimiter", "encoding", "chunk_size"}
    return ReadOptions(layout=layout, **options.model_dump(include=names))
