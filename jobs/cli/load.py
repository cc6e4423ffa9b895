"""The commands import and validate. Heavy modules are imported late."""

import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from jobs.cli.parameters import given_flags, given_settings
from jobs.settings.database import open_database, target_of

if TYPE_CHECKING:
    from jobs.cli.terminal import Terminal
    from jobs.load.request import Job
    from jobs.settings.nightly import Source
    from jobs.settings.settings import Settings
    from jobs.telemetry.telemetry import Telemetry
    from loader.errors import LoaderError, NoSuchFileError
    from loader.options.load import LoadOptions
    from loader.options.report import ReportOptions
    from loader.reading.part_files import PartFiles
    from loader.remote.target import Target


def load_files(
    ctx: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(help="Paths, folders; - standard input", metavar="FILE..."),
    ],
    as_one: Annotated[
        bool,
        typer.Option(
            "--as-one", help="Load all FILEs as if they were one", rich_help_panel="Source file"
        ),
    ] = False,
    **given: Any,
) -> None:
    """Take lead files through the checks."""
    from jobs.cli.terminal import Terminal
    from jobs.telemetry.telemetry import Telemetry
    from loader.signals import Stop

    flags = given_flags(given)
    name = flags.pop("source", None)
    settings = given_settings(given | {"source": None})
    source = settings.source_named(name)
    if name is not None and source is None:
        # It says where the leads come from, as nightly has no source of this name.
        settings = given_settings(given)
    job: Job = "import" if ctx.command.name == "import" else "validate"
    _refuse_unfit(job, settings)
    target = target_of(settings, given)
    terminal = Terminal(settings, job)
    warn_of_insecure(target, terminal)
    telling = Telemetry(settings, job, warn=terminal.warn)
    with telling, Stop() as stop, stop.end_at_once():
        work = _Work(job, settings, source, flags, target)
        code = _load_all(work, files, terminal, telling, as_one=as_one)
    raise typer.Exit(code)


class _Work(NamedTuple):
    """What is to be done with each file."""

    job: "Job"
    settings: "Settings"
    source: "Source | None"
    """The one of nightly whose settings count."""
    flags: dict[str, Any]
    target: "Target | None"
    """Where the leads go in place of a database."""

    def options_of(self, path: str) -> "LoadOptions":
        """Give the options of a file."""
        if self.source is None:
            return self.settings.options
        is_trial = self.job == "validate"
        return self.settings.options_of_file(self.source, path, self.flags, is_trial=is_trial)

    @property
    def reporting(self) -> "ReportOptions":
        """Say how it is to be reported."""
        own = {"source": self.source.name} if self.source else {}
        return self.settings.reporting.model_copy(update=own)


def _refuse_unfit(job: "Job", settings: "Settings") -> None:
    """Refuse what only the other command can do.

    Raises:
        UsageError: a sample is to be imported, or somebody is to be asked who cannot answer.
    """
    from loader.errors import UsageError

    if job == "import" and settings.sample is not None:
        raise UsageError("--sample works with validate only: an import loads the whole file")
    if job == "validate" and settings.ask:
        raise UsageError("--ask works with import only: a validation loads nothing")
    if settings.ask and settings.yes:
        raise UsageError("--ask asks, and --yes answers without being asked: give one of them")
    if settings.ask and not sys.stdin.isatty():
        raise UsageError("--ask needs a terminal, where somebody can answer")


def warn_of_insecure(target: "Target | None", terminal: "Terminal") -> None:
    """Say so where the certificate of another dialer is not looked at."""
    if target and not target.is_verified:
        terminal.warn(
            f"{target.name}: insecure = true: whoever is on the line can read persons and passwords"
        )


def _load_all(
    work: _Work, files: list[str], terminal: "Terminal", telling: "Telemetry", *, as_one: bool
) -> int:
    """Load file after file, or all as one; one file's failure does not stop the others."""
    from jobs.load.job import load
    from jobs.load.request import LoadRequest
    from loader.errors import LoadedBeforeError, LoaderError

    worst, job, settings = 0, work.job, work.settings
    without = work.target or (job == "validate" and settings.database in {"", "none"})
    database = None if without else open_database(settings)
    sources, missing = _sources(files, as_one=as_one)
    for error in missing:
        telling.failed(error)
        terminal.complain(error)
        worst = worst or error.exit_code
    terminal.several = len(sources) > 1
    names = [source.name for source in sources]
    for source, results in zip(sources, _folders(settings.results, names), strict=True):
        telling.began(source.name)
        try:
            with terminal.watching(ask=settings.ask, may_ask=not settings.yes) as watching:
                request = LoadRequest(
                    source, work.options_of(source.first), database, results, job=job,
                    watchers=telling.watching(watching), allow_reload=settings.again,
                    ledger_folder=settings.ledger_folder, report=work.reporting,
                    pace=settings.pacing, target=work.target,
                )  # fmt: skip
                summary = load(request)
            telling.ended(summary)
            terminal.show(summary)
        except LoadedBeforeError as before:
            telling.failed(before)
            terminal.skip(before)
        except LoaderError as error:
            telling.failed(error)
            terminal.complain(error)
            worst = worst or error.exit_code
    return worst


def _paths(files: list[str]) -> "tuple[list[str], list[NoSuchFileError]]":
    """Give the files that are there, each once, and what is wrong with the others."""
    from loader.errors import NoSuchFileError
    from loader.reading.globs import expand_globs

    paths: dict[str, str] = {}
    missing: list[NoSuchFileError] = []
    for pattern in files:
        try:
            found = expand_globs([pattern])
        except NoSuchFileError as error:
            missing.append(error)
            continue
        for path in found:
            paths.setdefault(path if path == "-" else str(Path(path).resolve()), path)
    return list(paths.values()), missing


def _sources(files: list[str], *, as_one: bool) -> "tuple[list[PartFiles], list[LoaderError]]":
    """Give what is to be loaded, each in a run of its own, and what is wrong with the others.

    As one, nothing is loaded if anything is wrong.
    """
    from loader.errors import LoaderError
    from loader.reading.part_files import PartFiles

    paths, missing = _paths(files)
    errors: list[LoaderError] = [*missing]
    if as_one and missing:
        return [], errors
    sources = []
    for given in [paths] if as_one else [[path] for path in paths]:
        try:
            sources.append(PartFiles.find(given))
        except LoaderError as error:
            errors.append(error)
    return sources, errors


def _folders(results: Path | None, paths: list[str]) -> list[Path | None]:
    """Give each file its own folder below `results`, if there are several."""
    if results is None or len(paths) == 1:
        return [results] * len(paths)
    folders: list[Path | None] = []
    for path in paths:
        name = Path(path).name
        if name in {"", ".."}:
            name = Path(path).resolve().name
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        while results / name in folders:
            name = next(numbered)
        folders.append(results / name)
    return folders
