"""The command line: it parses, calls, prints and exits. What is heavy is imported late."""

import itertools
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loader import __version__

if TYPE_CHECKING:
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

ADD_LEAD, FILE, PHONES, RUN = "add_lead's options", "Reading", "Phones", "Running"


def _flag(text: str, panel: str, *names: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, metavar=metavar)


YN, DNC = "Y|N", "Y|N|AREACODE"
Config = Annotated[Path | None, _flag("Settings file (TOML)", RUN, metavar="FILE")]
DatabaseAddress = Annotated[
    str | None,
    _flag("mysql://user:password@host/asterisk, sqlite:///leads.db, or none", RUN, metavar="URL"),
]


def load_files(  # noqa: PLR0913, PLR0917 - each argument is an option of the command
    ctx: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(help="Lead files; globs, or - for standard input", metavar="FILE..."),
    ],
    list_id: Annotated[
        str | None, _flag("List of rows that name none (default 999)", ADD_LEAD, metavar="ID")
    ] = None,
    campaign_id: Annotated[
        str | None, _flag("Campaign for campaign-dnc-check", ADD_LEAD, metavar="ID")
    ] = None,
    phone_code: Annotated[
        str | None, _flag("Country code of rows that name none (1)", ADD_LEAD, metavar="CODE")
    ] = None,
    duplicate_check: Annotated[
        str | None, _flag("DUPLIST, DUPSYS90DAY ..., joined by -", ADD_LEAD, metavar="CHECKS")
    ] = None,
    dnc_check: Annotated[
        str | None, _flag("Reject numbers on the do-not-call list", ADD_LEAD, metavar=DNC)
    ] = None,
    campaign_dnc_check: Annotated[
        str | None, _flag("Reject numbers on the campaign's list", ADD_LEAD, metavar=DNC)
    ] = None,
    usacan_prefix_check: Annotated[
        str | None, _flag("Reject a fourth digit of 0 or 1", ADD_LEAD, metavar=YN)
    ] = None,
    usacan_areacode_check: Annotated[
        str | None, _flag("Reject unknown area codes", ADD_LEAD, metavar=YN)
    ] = None,
    nanpa_ac_prefix_check: Annotated[
        str | None, _flag("Reject what NANPA does not know", ADD_LEAD, metavar=YN)
    ] = None,
    list_exists_check: Annotated[
        str | None, _flag("Reject lists that are not defined", ADD_LEAD, metavar=YN)
    ] = None,
    source: Annotated[
        str | None, _flag("What originates the load", ADD_LEAD, metavar="TEXT")
    ] = None,
    user: Annotated[str | None, _flag("Dialer user to load as", ADD_LEAD, metavar="USER")] = None,
    map_: Annotated[
        list[str] | None,
        _flag("Column of a field; may be repeated", FILE, "--map", metavar="FIELD=COLUMN"),
    ] = None,
    mapping_file: Annotated[
        Path | None, _flag("A vendor's mapping (TOML)", FILE, metavar="FILE")
    ] = None,
    delimiter: Annotated[
        str | None, _flag("Between fields; found by itself", FILE, metavar="CHARACTER")
    ] = None,
    encoding: Annotated[
        str | None, _flag("Of the file (UTF-8, UTF-16 with BOM)", FILE, metavar="NAME")
    ] = None,
    layout: Annotated[
        str | None, _flag("Files without header: vicidial-standard", FILE, metavar="NAME")
    ] = None,
    date_format: Annotated[
        str | None, _flag("Of date_of_birth, such as %d.%m.%Y (ISO)", FILE, metavar="FORMAT")
    ] = None,
    unstorable: Annotated[
        str | None, _flag("Characters the column cannot hold", FILE, metavar="notice|reject")
    ] = None,
    default_region: Annotated[
        str | None, _flag("Region of numbers that nothing else places", PHONES, metavar="US|GB|...")
    ] = None,
    phone_validation: Annotated[
        str | None, _flag("How strict (possible)", PHONES, metavar="length|possible|valid")
    ] = None,
    phone_format: Annotated[
        str | None, _flag("What is stored (national)", PHONES, metavar="national|as-given")
    ] = None,
    database: DatabaseAddress = None,
    config: Config = None,
    results: Annotated[
        Path | None, _flag("Folder of the result files (results/<run>)", RUN, metavar="DIR")
    ] = None,
    max_reject_rate: Annotated[
        float | None, _flag("Insert nothing if more are rejected, 0 to 1", RUN, metavar="RATE")
    ] = None,
    chunk_size: Annotated[
        int | None, _flag("Rows in memory at a time (20000)", RUN, metavar="N")
    ] = None,
    batch_size: Annotated[int | None, _flag("Rows of one insert (1000)", RUN, metavar="N")] = None,
    json_summary: Annotated[bool | None, _flag("Print the summary as JSON", RUN, "--json")] = None,
    quiet: Annotated[bool | None, _flag("Say nothing but errors", RUN, "--quiet", "-q")] = None,
) -> None:
    """Take lead files through the checks."""
    from jobs.settings import read_settings
    from jobs.terminal import Terminal

    flags = {
        name.rstrip("_"): value
        for name, value in ctx.params.items()
        if value is not None and name not in {"files", "config"}
    }
    if "map" in flags:
        flags["map"] = _pairs(map_ or [])
    settings = read_settings(flags, config)
    job: Job = "import" if ctx.command.name == "import" else "validate"
    raise typer.Exit(_load_all(job, files, settings, Terminal(settings)))


app.command("import", help="Load lead files into a list of the dialer.")(load_files)
app.command("validate", help="Say what an import would do; write nothing but the report.")(
    load_files
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


def _pairs(mappings: list[str]) -> dict[str, str]:
    from loader.errors import UsageError

    pairs = dict(mapping.partition("=")[::2] for mapping in mappings)
    if not all(field and column for field, column in pairs.items()):
        raise UsageError('--map: write it as --map phone_number="Home Tel"')
    return pairs


def _open(settings: "Settings", *, must_exist: bool = True) -> "Database":
    from loader.database import Database
    from loader.errors import ConfigurationError, UsageError

    if settings.database in {"", "none"}:
        raise UsageError(
            "no database: name it by --database, LEADLOADER_DATABASE, database = in the settings "
            "file, or have the dialer's /etc/astguiclient.conf"
        )
    database = Database(settings.database)
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
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command.

    Returns:
        The exit code: see the table in the README.
    """
    from loader.errors import LoaderError, UsageError

    try:
        code = app(arguments, standalone_mode=False)
    except typer.TyperException as error:
        return _complain(error.format_message() + "; see leadloader --help", UsageError.exit_code)
    except LoaderError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _complain("interrupted", 130)
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001 - the last resort: whatever it is, it is our bug
        # Where, not what: the text of an error may hold a person's data.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
        return _complain(f"a bug of ours: {where}; please report it", LoaderError.exit_code)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    print(f"leadloader: {message}", file=sys.stderr)
    return code
