"""The settings of a command beside those of its job, and what only a flag can say."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel

from loader.errors import ConfigurationError
from loader.options.connection import ConnectionOptions
from loader.options.option import Group, Option
from loader.options.types import TableNames


def _as_metrics_file(path: Path) -> Path:
    if path.suffix != ".prom":
        raise ValueError(f"{str(path)!r} does not end in .prom; the collector reads no other file")
    return path


def check_address(address: str) -> str:
    """Take the address of a database. ValueError: there can be none; it does not say which."""
    from loader.database.address import read_address  # noqa: PLC0415 - late: --help answers at once

    try:
        read_address(address)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
    return address


def check_addresses(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Take several of them likewise."""
    return tuple(map(check_address, addresses))


def _as_database(address: str) -> str:
    return address if address in {"", "none"} else check_address(address)


MetricsFile = Annotated[Path, AfterValidator(_as_metrics_file)]

DatabaseAddress = Annotated[str, AfterValidator(_as_database)]

LogFormat = Literal["human", "json"]


class CommandSettings(ConnectionOptions, defer_build=True):
    """What a command works with, and what it prints."""

    # fmt: off
    database: Annotated[DatabaseAddress, Option(
        "mysql://..., sqlite:///leads.db or none", Group.RUN,
        "The address of the dialer's database. On a dialer machine, /etc/astguiclient.conf has it.",
        values="URL", example="mysql://user:password@host/asterisk",
    )] = ""
    lacking: Annotated[TableNames, Option(
        "Tables that the site does not have", Group.RUN,
        "Where the rights of the account cannot tell a missing table from one it may not see.",
        values="TABLES", example=["vicidial_auto_calls"],
    )] = ()
    repair: Annotated[bool, Option(
        "Repair tables that a crash has damaged", Group.RUN,
        "By REPAIR TABLE, where a load must know which of its rows a table has. Without it the "
        "load ends with exit code 78 and says what to run.",
    )] = False
    profile: Annotated[str | None, Option(
        "Set of options: safe, or [profile.NAME]", Group.RUN,
        "safe has the duplicate check DUPSYS, both do-not-call checks and list_exists_check on.",
        values="NAME", example="safe",
    )] = None
    results: Annotated[Path | None, Option(
        "Results folder", Group.RESULTS,
        values="DIR", empty="results/<run>", example="results/today",
    )] = None
    json_summary: Annotated[bool, Option(
        "Print the summary as JSON", Group.RESULTS, flags=("--json",),
    )] = False
    quiet: Annotated[bool, Option(
        "Print warnings and errors only", Group.MESSAGES, flags=("--quiet", "-q"),
    )] = False
    log_format: Annotated[LogFormat, Option(
        "Format of messages", Group.MESSAGES,
        "Messages on standard error: text, or a JSON object a line.",
    )] = "human"
    metrics_file: Annotated[MetricsFile | None, Option(
        "Prometheus metrics, a .prom file", Group.MESSAGES, "For node_exporter to collect.",
        values="FILE", example="/var/lib/node_exporter/leadloader.prom",
    )] = None
    again: Annotated[bool, Option(
        "Load files that were loaded before, too", Group.RUN, "Those with the same options.",
    )] = False
    ask: Annotated[bool, Option(
        "Show what would be done, and ask", Group.MESSAGES,
        "Of an import, before anything is inserted.",
    )] = False
    yes: Annotated[bool, Option(
        "Answer questions with yes", Group.MESSAGES,
        "Such as whether rows that name no list go to list 999.", flags=("--yes", "-y"),
    )] = False
    # fmt: on


class ConfigFlag(BaseModel, defer_build=True):
    """Where the settings are."""

    config: Annotated[Path | None, Option(
        "Settings file", Group.RUN, values="FILE", empty="leadloader.toml",
    )] = None  # fmt: skip


class SelectionFlags(BaseModel, defer_build=True):
    """Which leads are archived or brought back, if it is not said by conditions."""

    # fmt: off
    lead_ids: Annotated[str | None, Option(
        "Leads by lead_id", Group.SELECTION, values="1,2,3", api="lead_ids",
    )] = None
    lead_ids_file: Annotated[str | None, Option(
        "File of lead_ids; - is standard input", Group.SELECTION, values="FILE",
    )] = None
    rule: Annotated[str | None, Option(
        "Leads by a rule of the settings file", Group.SELECTION,
        "The rule is a table [archive.NAME].", values="NAME",
    )] = None
    # fmt: on


class NightlyFlags(BaseModel, defer_build=True):
    """How a night is spent."""

    dry_run: Annotated[bool, Option(
        "Only check the files and report", Group.RUN,
    )] = False  # fmt: skip
    only: Annotated[tuple[str, ...], Option(
        "Only this source; repeatable", Group.RUN, "Nothing is archived then.",
        values="NAME", repeatable=True, example=["vendor"],
    )] = ()  # fmt: skip
