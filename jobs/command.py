"""The command line: it parses, calls, prints and exits. What is heavy is imported late."""

import itertools
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.flags import ARCHIVE_FLAGS, DEARCHIVE_FLAGS, FLAGS, PAIRS, spelled, with_flags
from loader import __version__

if TYPE_CHECKING:
    from jobs.archive import Asked, Direction
    from jobs.load import Job
    from jobs.settings import Settings
    from jobs.terminal import Terminal
    from loader.database import Database
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
    from jobs.terminal import Terminal

    flags = _flags(given)
    settings = read_settings(flags, flags.pop("config", None))
    job: Job = "import" if ctx.command.name == "import" else "validate"
    raise typer.Exit(_load_all(job, files, settings, Terminal(settings)))


app.command("import", help="Load lead files into a list of the dialer.")(load_files)
app.command("validate", help="Say what an import would do; write nothing but the report.")(
    load_files
)


def move_leads(ctx: typer.Context, **given: Any) -> None:
    """Move leads between vicidial_list and its archive."""
    from jobs.archive import move
    from jobs.terminal import Terminal, answer
    from loader.errors import LoaderError

    is_json = bool(given["json_summary"])
    try:
        which, settings = _read_moving(given)
        is_json, terminal = settings.json_summary, Terminal(settings)
        job: Direction = "archive" if ctx.command.name == "archive" else "dearchive"
        asked = _asked(job, which, settings)
        with terminal.moving() as surroundings:
            report = move(
                asked,
                settings.archive.options,
                _open(settings, sleep=surroundings.stop.wait),
                settings.results,
                office_hours=settings.office_hours,
                surroundings=surroundings,
            )
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


@app.command()
def init(database: DatabaseAddress = None, config: Config = None) -> None:
    """Make the dialer's tables where they are missing; never touch existing ones."""
    from jobs.settings import read_settings
    from loader.schema import create_missing

    settings = read_settings({"database": database} if database else {}, config)
    target = _open(settings, must_exist=False)
    with target.connect():
        made = create_missing(target.engine)
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


def _flags(given: dict[str, Any]) -> dict[str, Any]:
    """Give the flags that were given, pairs as tables."""
    flags = {name: value for name, value in given.items() if value is not None}
    return flags | {name: _pairs(name, flags[name]) for name in PAIRS.keys() & flags.keys()}


def _read_moving(given: dict[str, Any]) -> "tuple[dict[str, Any], Settings]":
    """Give the flags that say which leads, and the settings."""
    from jobs.settings import read_settings
    from loader.archive_options import ArchiveOptions, ArchiveRule

    flags = _flags(given)
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
    from jobs.archive import Asked
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


def _pairs(flag: str, texts: list[str]) -> dict[str, str]:
    from loader.errors import UsageError

    pairs = dict(text.partition("=")[::2] for text in texts)
    empty_is_fine = flag in {"default", "force"}
    if not all(name and (value or empty_is_fine) for name, value in pairs.items()) or not all(
        "=" in text for text in texts
    ):
        raise UsageError(f"{spelled(flag)}: write it as {spelled(flag)} {PAIRS[flag]}")
    if len(pairs) < len(texts):
        raise UsageError(f"{spelled(flag)}: a name is given twice; each can have one value")
    return pairs


def _open(
    settings: "Settings",
    *,
    must_exist: bool = True,
    sleep: Callable[[float], None] = time.sleep,
) -> "Database":
    from loader.database import Database
    from loader.errors import ConfigurationError, UsageError

    if settings.database in {"", "none"}:
        raise UsageError(
            "no database: name it by --database, LEADLOADER_DATABASE, database = in the settings "
            "file, or have the dialer's /etc/astguiclient.conf"
        )
    database = Database(settings.database, sleep=sleep)
    if not database.is_sqlite and not database.engine.url.database:
        raise UsageError(
            f"{database.name} names no database; write it behind the server: "
            "mysql://user:password@host/asterisk"
        )
    file = database.engine.url.database if database.is_sqlite else None
    if must_exist and file and not file.startswith("file:") and not Path(file).exists():
        raise ConfigurationError(f"there is no SQLite database {file}; `leadloader init` makes one")
    return database


def _load_all(job: "Job", files: list[str], settings: "Settings", terminal: "Terminal") -> int:
    """Load file after file; one file's failure does not stop the others."""
    from jobs.load import load
    from loader.errors import LoaderError

    worst = 0
    without = job == "validate" and settings.database in {"", "none"}
    database = None if without else _open(settings)
    paths, missing = _paths(files)
    for error in missing:
        terminal.complain(error)
        worst = worst or error.exit_code
    terminal.several = len(paths) > 1
    for path, results in zip(paths, _folders(settings.results, paths), strict=True):
        try:
            with terminal.watching() as watchers:
                summary = load(
                    path, settings.options, database, results, job=job, watchers=watchers
                )
            terminal.show(summary)
        except LoaderError as error:
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
    from jobs.stopping import Interrupted
    from loader.errors import LoaderError, UsageError

    try:
        code = app(arguments, standalone_mode=False)
        print(end="", flush=True)
    except typer.TyperException as error:
        return _complain(error.format_message() + "; see leadloader --help", UsageError.exit_code)
    except LoaderError as error:
        return _complain(str(error), error.exit_code)
    except Interrupted as signal:
        return _complain(f"{signal} came, before anything was moved", signal.exit_code)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, it is our bug
        # Where, not what: the text of an error may hold a person's data.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
        return _complain(f"a bug of ours: {where}; please report it", LoaderError.exit_code)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    print(f"leadloader: {message}", file=sys.stderr)
    return code
