"""The request for a load: a source file, where its rows go, and how."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jobs.watchers import Watchers
from loader.errors import UsageError
from loader.fields.mapping import VendorMapping, read_mapping_file
from loader.fields.recognition import field_namer
from loader.fields.reject_file import is_reject_file, is_utf8
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from loader.options.source_file import VENDOR_OPTIONS
from loader.options.throttle import PaceOptions
from loader.paths import find_path
from loader.reading.layouts import LAYOUTS
from loader.reading.part_files import PartFiles
from loader.reading.read_options import ReadOptions
from loader.reading.source import SourceFile, open_parts, open_source

if TYPE_CHECKING:
    from jobs.load.shared_checkpoint import Storage
    from loader.database.connection import Database
    from loader.remote.target import Target

Job = Literal["import", "validate"]


@dataclass(frozen=True)
class LoadRequest:
    """Everything that a load needs to know."""

    source: str | PartFiles | SourceFile
    """The path of the file, `-` for standard input; several as one; or what is open already."""
    options: LoadOptions
    """Decide about the rows."""
    database: "Database | None" = None
    """The dialer's; a validation without one checks the file alone."""
    results: Path | None = None
    """Folder of the result files; None: `results/<run>`."""
    refused_results: Path | None = None
    """Folder of the result files if a limit refuses the file; None: `results`."""
    _: KW_ONLY
    job: Job
    """A validation writes nothing but the result files."""
    watchers: Watchers = field(default_factory=Watchers)
    follow_links: bool = True
    """The file may be a link; False: of a folder that others write into, it may not."""
    find_results: Callable[[str], Path] = find_path
    """Gives the folder of results that the ledger has for an earlier run."""
    storage: "Storage | None" = None
    """Takes the checkpoint, and the results, if other machines do not see `results`."""
    is_of_drop_folder: bool = False
    """A part that was loaded of a file of this name and content is completed, or refused."""
    allow_reload: bool = False
    """Import a file that was loaded before."""
    ledger_folder: Path | None = None
    """Folder of the ledger where it is a file; None: the folder that holds `results`."""
    report: ReportOptions = field(default_factory=ReportOptions)
    pace: PaceOptions = field(default_factory=PaceOptions)
    """How gently an import inserts."""
    target: "Target | None" = None
    """Another dialer, through whose API leads go in place of a database."""

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
            UsageError: the layout is unknown, or the results would be among the parts.
            LoaderError: the file cannot be read, see `loader.reading.source.open_source`.
        """
        if not isinstance(self.source, str | PartFiles):
            return nullcontext(self.source)
        files = PartFiles.one(self.source) if isinstance(self.source, str) else self.source
        files.refuse_results(self.results_of(""))
        return open_files(files, self.options, follow_links=self.follow_links)


def open_files(
    files: PartFiles, options: LoadOptions, *, follow_links: bool = True
) -> AbstractContextManager[SourceFile]:
    """Open a file, or several as one, see `LoadRequest.open_source`."""
    first = files.paths[0]
    reading = read_options(options, first, follow_links=follow_links)
    if len(files.paths) == 1:
        return open_source(first, reading)
    return nullcontext(open_parts(files, reading))


def read_options(options: LoadOptions, path: str, *, follow_links: bool = True) -> ReadOptions:
    """Give the options of reading a source file; an unknown layout is a UsageError.

    A reject file is always read as it was written, whatever is right for the vendor's files; the
    encoding counts if somebody has saved it in another than UTF-8.
    """
    field_of = field_namer(options.map, options.mapping_file)
    if is_reject_file(Path(path), follow_links=follow_links):
        is_as_written = is_utf8(Path(path), follow_links=follow_links)
        return ReadOptions(
            field_of=field_of,
            header=True,
            encoding=None if is_as_written else options.encoding,
            chunk_size=options.chunk_size,
            follow_links=follow_links,
            limits=options.limits,
        )
    layout = None
    if options.layout is not None:
        if options.layout not in LAYOUTS:
            known = ", ".join(LAYOUTS)
            raise UsageError(f"layout: {options.layout!r} is not known; there is {known}")
        layout = LAYOUTS[options.layout]
    names = {"delimiter", "encoding", "short_rows", "skip_rows", "chunk_size", "sheet"}
    return ReadOptions(
        layout=layout,
        columns=options.columns or None,
        field_of=field_of,
        follow_links=follow_links,
        limits=options.limits,
        **options.model_dump(include=names),
    )


def vendor_mapping(options: LoadOptions, labels: Collection[str] | None) -> VendorMapping | None:
    """Read the mapping file, if the options name one; `labels` are as for `read_mapping_file`."""
    if options.mapping_file is None:
        return None
    return read_mapping_file(options.mapping_file, labels, VENDOR_OPTIONS)
