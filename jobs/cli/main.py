"""The command line: it parses, calls, prints and exits. What is heavy is imported late."""

import functools
import gc
import itertools
import os
import sys
from collections.abc import Callable, Collection
from typing import Annotated, Any

import typer

from jobs.cli.archive import move_leads
from jobs.cli.columns import show_columns
from jobs.cli.compare import compare
from jobs.cli.config import app as config
from jobs.cli.help import Entry, GroupedCommand, Program, require_command
from jobs.cli.keys import app as keys
from jobs.cli.load import load_files
from jobs.cli.nightly import nightly
from jobs.cli.parameters import given_settings, with_flags
from jobs.cli.runs import runs
from jobs.cli.samples import demo, schedule
from jobs.cli.serve import serve
from jobs.cli.undo import undo_run
from jobs.settings.database import open_database
from jobs.settings.flags import (
    ARCHIVE_FLAGS,
    COLUMNS_FLAGS,
    CONNECTING,
    DEARCHIVE_FLAGS,
    FLAGS,
    NIGHTLY_FLAGS,
    SERVE_FLAGS,
    UNDO_FLAGS,
    Flag,
    flags_named,
)
from loader import __version__
from loader.errors import LoaderError, UsageError, as_loader_error
from loader.files import remove_left_behind

app = typer.Typer(
    name="leadloader",
    cls=Program,
    help="Load lead files into VICIdial, with an answer for every row.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PRIVATE = 0o077
"""A umask: files 0600, folders 0700."""

GARBAGE = 50_000
"""New objects after which garbage is collected: by Python's 700, it would be 400 times until all is
imported. Frames are no garbage of this kind: they go when their last user does."""

LOAD, AFTERWARDS, OTHERS = "Load files", "After a load", "Archive and set up"


def _add(
    name: str,
    command: Callable[..., None],
    group: str,
    help_: str,
    *flags: Flag,
    hidden: Collection[str] = (),
) -> None:
    @functools.cache
    def build() -> Any:
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        alone.command(name, cls=GroupedCommand, help=help_)(with_flags(flags, hidden)(command))
        return typer.main.get_command(alone)

    Program.entries[name] = Entry(group, help_, build)


def init(**given: Any) -> None:
    """Make the dialer's tables and the ledger where they are missing; never touch existing ones."""
    from loader.database.schema import create_missing
    from loader.ledger.runs import Ledger

    settings = given_settings(given)
    target = open_database(settings, must_exist=False)
    # Of other tables the nodes of a cluster tell one another nothing.
    engine = "InnoDB" if target.read(lambda _connection: target.adapter.is_node) else None
    made = target.write(lambda connection: create_missing(connection, storage_engine=engine))
    Ledger.open(target, settings.ledger_folder)
    print(
        f"{target.name}: made {len(made)} tables" if made else f"{target.name}: nothing was missing"
    )


_add("columns", show_columns, LOAD, "Show a file's columns; write a mapping file.", *COLUMNS_FLAGS)
_add("validate", load_files, LOAD, "Say what an import would do; write only a report.", *FLAGS,
     hidden={"ask", "yes", "again", "connections"})  # fmt: skip
_add("import", load_files, LOAD, "Load lead files into a list of the dialer.", *FLAGS,
     hidden={"sample"})  # fmt: skip
_add("nightly", nightly, LOAD, "Load what is in the drop folders, archive, report.", *NIGHTLY_FLAGS)
_add("runs", runs, AFTERWARDS, "List the runs of imports and undos, or show one.",
     *flags_named(CONNECTING | {"results", "target"}))  # fmt: skip
_add("undo", undo_run, AFTERWARDS, "Take a run back, but for what was used since.", *UNDO_FLAGS)
_add("compare", compare, AFTERWARDS, "Compare sources by the summaries of their files.")
_add("archive", move_leads, OTHERS, "Move leads into vicidial_list_archive.", *ARCHIVE_FLAGS)
_add("dearchive", move_leads, OTHERS, "Move leads back from vicidial_list_archive.",
     *DEARCHIVE_FLAGS)  # fmt: skip
_add("init", init, OTHERS, "Make the tables of dialer and ledger that are missing.",
     *flags_named(CONNECTING))  # fmt: skip
_add("serve", serve, OTHERS, "Answer the dialer's HTTP APIs: add_lead, and the archive.",
     *SERVE_FLAGS)  # fmt: skip
Program.entries["keys"] = Entry(
    OTHERS, str(keys.info.help), functools.cache(lambda: typer.main.get_group(keys))
)
_add("demo", demo, OTHERS, "Load sample files into a small database, to look around.")
_add("schedule", schedule, OTHERS, "Print what runs nightly: for systemd, cron or Airflow.")
Program.entries["config"] = Entry(
    OTHERS, str(config.info.help), functools.cache(lambda: typer.main.get_group(config))
)


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"leadloader {__version__}")
        raise typer.Exit
    require_command(ctx)


def main() -> None:
    """Run the command and exit with one of the codes of sysexits."""
    from jobs.cli.streams import listen

    gc.set_threshold(GARBAGE)
    listen()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command; give the exit code, see docs/exit-codes.md."""
    from loader.signals import Interrupted

    # Results, the ledger and temporary files have persons: whatever the shell's umask is, they
    # are for this account alone.
    os.umask(PRIVATE)
    remove_left_behind()
    complain = functools.partial(_complain, arguments)
    try:
        code = app(arguments, standalone_mode=False)
        print(end="", flush=True)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = " ".join(context.command_path.split()[1:]) if context else ""
        hint = " ".join(filter(None, ("leadloader", command, "--help")))
        # Typer writes each choice on a line of its own.
        message = error.format_message().removesuffix(".").replace("\n\t", " ")
        message = message.replace(": Value error, ", ": ")
        return complain(f"{message}; see {hint}", UsageError.exit_code)
    except LoaderError as error:
        return complain(str(error), error.exit_code)
    except Interrupted as signal:
        return complain(f"{signal} came; the same command goes on from here", signal.exit_code)
    except KeyboardInterrupt:
        return complain("interrupted", 130)
    except Exception as error:  # noqa: BLE001 - the last resort
        end = as_loader_error(error)
        return complain(str(end), end.exit_code)
    finally:
        if "jobs.telemetry.logs" in sys.modules:
            from jobs.telemetry.logs import reset

            reset()
    return code if isinstance(code, int) else 0


def _complain(arguments: list[str], message: str, code: int) -> int:
    from jobs.telemetry import logs

    if logs.is_json() if logs.is_configured() else _wants_json(arguments):
        logs.complain(message)
    else:
        print(f"leadloader: {logs.harmless(message)}", file=sys.stderr)
    return code


def _wants_json(arguments: list[str]) -> bool:
    """Say whether messages are to be JSON as far as is known without settings."""
    asked = [os.environ.get("LEADLOADER_LOG_FORMAT", "")]
    asked += [each.partition("=")[2] for each in arguments if each.startswith("--log-format=")]
    asked += [value for name, value in itertools.pairwise(arguments) if name == "--log-format"]
    return asked[-1] == "json"
