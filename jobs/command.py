"""The command line: it parses, calls, prints and exits. What is heavy is imported late."""

import functools
import itertools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.bugs import bug_of_ours
from jobs.compare_command import compare
from jobs.config_command import app as config
from jobs.flags import ARCHIVE_FLAGS, DEARCHIVE_FLAGS, FLAGS, spelled, with_flags
from jobs.nightly_command import nightly
from jobs.opening import given_flags, open_database
from jobs.runs_command import runs
from jobs.undo_command import undo_run
from loader import __version__

if TYPE_CHECKING:
    from jobs.accounting import Job
    from jobs.archive.job import Asked, Direction
    from jobs.settings import Settings
    from jobs.telling import Telling
    from jobs.terminal import Terminal
    from loader.errors import NoSuchFileError

app = typer.Typer(
    name="leadloader",
    help="Load lead files into VICIdial, with an answer for every row.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Config = Annotated[Path | None, typer.Option(help="Settings file (TOML)", metavar="FILE")]
DatabaseAddress = Annotated[
    str | None,
    typer.Option(help="mysql://user:password@host/asterisk or sqlite:///leads.db", metavar="URL"),
]


@with_flags(FLAGS)
def load_files(
    ctx: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(help="Lead files; globs, or - for standard input", metavar="FILE..."),
    ],
    **given: Any,
) -> None:
    """Take lead files through the checks."""
    from jobs.settings import read_settings
    from jobs.stopping import Stop
    from jobs.telling import Telling
    from jobs.terminal import Terminal

    flags = given_flags(given)
    settings = read_settings(flags, flags.pop("config", None))
    job: Job = "import" if ctx.command.name == "import" else "validate"
    _refuse_unfit(job, settings)
    terminal = Terminal(settings, job)
    telling = Telling(settings, job, warn=terminal.warn)
    with telling, Stop() as stop, stop.at_once():
        code = _load_all(job, files, settings, terminal, telling)
    raise typer.Exit(code)


app.command("import", help="Load lead files into a list of the dialer.")(load_files)
app.command("validate", help="Say what an import would do; write nothing but the report.")(
    load_files
)


def move_leads(ctx: typer.Context, **given: Any) -> None:
    """Move leads between vicidial_list and its archive."""
    from jobs.archive.job import move
    from jobs.telling import Telling
    from jobs.terminal import Terminal, answer
    from loader.errors import LoaderError

    is_json = bool(given["json_summary"])
    try:
        which, settings = _read_moving(given)
        job: Direction = "archive" if ctx.command.name == "archive" else "dearchive"
        is_json, terminal = settings.json_summary, Terminal(settings, job)
        rule, options = which.get("rule", ""), settings.archive.options
        asked = _asked(job, which, settings)
        telling = Telling(settings, job, warn=terminal.warn, dry_run=options.dry_run)
        with telling, terminal.moving() as surroundings:
            telling.began(str(asked), source=rule)
            report = move(
                asked,
                options,
                open_database(settings, sleep=surroundings.stop.wait),
                settings.results,
                office_hours=settings.office_hours,
                surroundings=surroundings,
            )
            telling.ended(report)
    except LoaderError as error:
        if is_json:
            answer(error)
        raise
    terminal.show_moved(report)
    raise typer.Exit(report.exit_code)


app.command("archive", help="Move leads into vicidial_list_archive.")(
    with_flags(ARCHIVE_FLAGS)(move_leads)
)
app.command("dearchive", help="Move leads back from vicidial_list_archive.")(
    with_flags(DEARCHIVE_FLAGS)(move_leads)
)


app.command("compare")(compare)
app.command("nightly")(nightly)
app.command("runs")(runs)
app.command("undo")(undo_run)
app.add_typer(config, name="config")


@app.command()
def init(database: DatabaseAddress = None, config: Config = None) -> None:
    """Make the dialer's tables and the ledger where they are missing; never touch existing ones."""
    from jobs.settings import read_settings
    from loader.ledger import Ledger
    from loader.schema import create_missing

    settings = read_settings({"database": database} if database else {}, config)
    target = open_database(settings, must_exist=False)
    with target.connect():
        made = create_missing(target.engine)
    Ledger.open(target, settings.ledger_folder)
    print(
        f"{target.name}: made {len(made)} tables" if made else f"{target.name}: nothing was missing"
    )


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"leadloader {__version__}")
        raise typer.Exit


def _read_moving(given: dict[str, Any]) -> "tuple[dict[str, Any], Settings]":
    """Give the flags that say which leads, and the settings."""
    from jobs.settings import read_settings
    from loader.archive_options import ArchiveOptions, ArchiveRule

    flags = given_flags(given)
    config = flags.pop("config", None)
    names = flags.keys() & {"lead_ids", "lead_ids_file", "rule", *ArchiveRule.model_fields}
    which = {name: flags.pop(name) for name in names}
    options = {name: flags.pop(name) for name in flags.keys() & ArchiveOptions.model_fields.keys()}
    return which, read_settings({**flags, "archive": options}, config)


def _asked(job: "Direction", which: dict[str, Any], settings: "Settings") -> "Asked":
    """Say which leads are to be moved: given ones, or those of a rule.

    Raises:
        UsageError: both, or neither; a rule without any condition.
        LeadIdsError: the lead_ids cannot be read.
    """
    from jobs.archive.job import Asked
    from loader.errors import UsageError
    from loader.lead_ids import parse_lead_ids, read_lead_ids

    if which.keys() & {"lead_ids", "lead_ids_file"} and len(which) > 1:
        names = " and ".join(sorted(map(spelled, which)))
        raise UsageError(f"{names}: give either lead_ids, in one way, or a rule")
    if "lead_ids" in which:
        return Asked(job, lead_ids=parse_lead_ids(which["lead_ids"]))
    if "lead_ids_file" in which:
        return Asked(job, lead_ids=read_lead_ids(which["lead_ids_file"]))
    rule = settings.archive.rule(which.pop("rule", None), which)
    if rule.is_empty:
        raise UsageError(
            f"{job} needs to know which leads: give --lead-ids, --lead-ids-file, --rule, or "
            "conditions such as --statuses and --called-before"
        )
    return Asked(job, rule=rule)


def _refuse_unfit(job: "Job", settings: "Settings") -> None:
    """Refuse what only the other command can do.

    Raises:
        UsageError: a sample is to be imported, or somebody is to be asked who cannot answer.
    """
    from loader.errors import UsageError

    if job == "import" and settings.sample is not None:
        raise UsageError("--sample is of validate: an import loads the whole file")
    if job == "validate" and settings.ask:
        raise UsageError("--ask is of import: a validation loads nothing")
    if settings.ask and not sys.stdin.isatty():
        raise UsageError("--ask needs a terminal, where somebody can answer")


def _load_all(
    job: "Job", files: list[str], settings: "Settings", terminal: "Terminal", telling: "Telling"
) -> int:
    """Load file after file; one file's failure does not stop the others."""
    from jobs.load import load
    from loader.errors import LoadedBeforeError, LoaderError

    worst = 0
    without = job == "validate" and settings.database in {"", "none"}
    database = None if without else open_database(settings)
    paths, missing = _paths(files)
    for error in missing:
        telling.failed(error)
        terminal.complain(error)
        worst = worst or error.exit_code
    terminal.several = len(paths) > 1
    for path, results in zip(paths, _folders(settings.results, paths), strict=True):
        telling.began(path)
        try:
            with terminal.watching(ask=settings.ask) as watching:
                summary = load(
                    path,
                    settings.options,
                    database,
                    results,
                    job=job,
                    watchers=telling.watching(watching),
                    again=settings.again,
                    beside=settings.ledger_folder,
                    reporting=settings.reporting,
                )
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
    from loader.source import expand

    paths: dict[str, str] = {}
    missing: list[NoSuchFileError] = []
    for pattern in files:
        try:
            found = expand([pattern])
        except NoSuchFileError as error:
            missing.append(error)
            continue
        for path in found:
            paths.setdefault(path if path == "-" else str(Path(path).resolve()), path)
    return list(paths.values()), missing


def _folders(results: Path | None, paths: list[str]) -> list[Path | None]:
    """Give each file its own folder below `results`, if there are several."""
    if results is None or len(paths) == 1:
        return [results] * len(paths)
    folders: list[Path | None] = []
    for path in paths:
        name = Path(path).name
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        while results / name in folders:
            name = next(numbered)
        folders.append(results / name)
    return folders


def main() -> None:
    """Run the command and exit with one of the codes of sysexits."""
    from jobs.streams import listen

    listen()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command.

    Returns:
        The exit code: see the table in the README.
    """
    try:
        return _run(arguments)
    finally:
        if "jobs.logs" in sys.modules:
            from jobs.logs import reset

            reset()


def _run(arguments: list[str]) -> int:
    from jobs.stopping import Interrupted
    from loader.errors import LoaderError, UsageError

    complain = functools.partial(_complain, arguments)
    try:
        code = app(arguments, standalone_mode=False)
        print(end="", flush=True)
    except typer.TyperException as error:
        return complain(error.format_message() + "; see leadloader --help", UsageError.exit_code)
    except LoaderError as error:
        return complain(str(error), error.exit_code)
    except Interrupted as signal:
        return complain(f"{signal} came; the same command goes on from here", signal.exit_code)
    except KeyboardInterrupt:
        return complain("interrupted", 130)
    except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, it is our bug
        return complain(bug_of_ours(error), LoaderError.exit_code)
    return code if isinstance(code, int) else 0


def _complain(arguments: list[str], message: str, code: int) -> int:
    if _for_machines(arguments):
        from jobs.logs import complain

        complain(message)
    else:
        from jobs.logs import harmless

        print(f"leadloader: {harmless(message)}", file=sys.stderr)
    return code


def _for_machines(arguments: list[str]) -> bool:
    """Whether messages are to be JSON: by the settings, or if there are none, by what is asked."""
    if "jobs.logs" in sys.modules:
        from jobs.logs import is_configured, is_json

        if is_configured():
            return is_json()
    asked = [os.environ.get("LEADLOADER_LOG_FORMAT", "")]
    asked += [each.partition("=")[2] for each in arguments if each.startswith("--log-format=")]
    asked += [value for name, value in itertools.pairwise(arguments) if name == "--log-format"]
    return asked[-1] == "json"
