"""The commands below config: check, schema and example. What is heavy is imported late."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.help import CommandGroup, GroupedCommand, require_command
from jobs.cli.parameters import given_flags, with_flags
from jobs.settings.flags import CONNECTING, flags_named

if TYPE_CHECKING:
    from jobs.config_check.database import DatabaseReport
    from jobs.config_check.file import Fault
    from jobs.config_check.service import TargetReport
    from jobs.settings.settings import Settings

app = typer.Typer(
    name="config",
    cls=CommandGroup,
    help="Settings: what is wrong with them, and what there is.",
    rich_markup_mode=None,
)

app.callback(invoke_without_command=True)(require_command)

TARGET_UNAVAILABLE, NOT_ALLOWED, BAD_SETTINGS = 69, 77, 78


class SchemaKind(StrEnum):
    """What there is a JSON schema of."""

    SETTINGS = "settings"
    SUMMARY = "summary"


@app.command(cls=GroupedCommand)
@with_flags(flags_named(CONNECTING))
def check(
    job: Annotated[
        list[str] | None,
        typer.Option(help="Only for this job; repeatable", metavar="JOB"),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Rights for all that can be asked for")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not connect to the database or the target")
    ] = False,
    is_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON")] = False,
    **given: Any,
) -> None:
    """Say what is wrong, and what the account may not do."""
    from jobs.config_check.database import check_database
    from jobs.config_check.file import check_file
    from jobs.settings.database import open_database
    from jobs.settings.settings import CONFIG
    from loader.errors import LoaderError
    from loader.paths import visible_line

    _refuse_unknown(job or ())
    flags = given_flags(given)
    config = flags.pop("config", CONFIG if CONFIG.exists() else None)
    settings, faults = check_file(flags, config)
    code, report, failure = (BAD_SETTINGS if faults else 0), None, ""
    target = None if settings is None or offline else _asked_target(settings)
    if target and target.problem:
        code = code or TARGET_UNAVAILABLE
    if settings is not None and not offline and _has_database(settings):
        try:
            report = check_database(
                settings, open_database(settings), job or (), everything=everything
            )
            lacking = NOT_ALLOWED if any(report.missing.values()) else 0
            code = code or (BAD_SETTINGS if report.wrong else lacking)
        except LoaderError as error:
            code, failure = code or error.exit_code, str(error)
    if is_json:
        _print_json(faults, report, target, failure)
    else:
        _print(config, settings, faults, report, failure)
        if target:
            print(visible_line(f"target {target.name}: {target.problem or 'it answers'}"))
    raise typer.Exit(code)


def _refuse_unknown(jobs: Sequence[str]) -> None:
    from jobs.config_check.database import JOBS
    from loader.errors import UsageError
    from loader.options.suggestion import did_you_mean

    for name in jobs:
        if name not in JOBS:
            raise UsageError(
                f"--job: there is no job {name}; there is {', '.join(JOBS)}"
                f"{did_you_mean(name, JOBS)}"
            )


def _has_database(settings: "Settings") -> bool:
    """Say whether there is one to check; a site that has a target alone needs none."""
    return settings.database != "none" and bool(settings.database or not settings.target.url)


def _asked_target(settings: "Settings") -> "TargetReport | None":
    """Ask the target whether it is there; None: there is none."""
    from jobs.config_check.service import TargetReport, check_target
    from loader.errors import LoaderError

    if not settings.target.url:
        return None
    try:
        return check_target(settings)
    except LoaderError as error:
        return TargetReport(name=settings.target.url, problem=str(error))


def _print_json(
    faults: "list[Fault]",
    report: "DatabaseReport | None",
    target: "TargetReport | None",
    failure: str,
) -> None:
    findings: dict[str, Any] = {
        "settings": [fault.model_dump() for fault in faults],
        "database": report.model_dump() if report else None,
        "target": target.model_dump() if target else None,
        "failure": failure,
    }
    print(json.dumps(findings, indent=2, ensure_ascii=False))


def _print(
    config: Path | None,
    settings: "Settings | None",
    faults: "list[Fault]",
    report: "DatabaseReport | None",
    failure: str,
) -> None:
    from loader.paths import visible_line

    for fault in faults:
        print(visible_line(str(fault)))
    if not faults:
        print(f"settings: ok ({config or 'there is no settings file'})")
    if failure:
        print(visible_line(f"database: {failure}"))
    if settings is None:
        print("database: not checked, because the settings are invalid")
    if report is not None:
        _print_report(report)


def _print_report(report: "DatabaseReport") -> None:
    from loader.paths import visible_line

    print(visible_line(f"database {report.name}: {report.server}, account {report.account}"))
    for remark in report.remarks:
        print(visible_line(f"  note: {remark}"))
    for wrong in report.wrong:
        print(visible_line(f"  {wrong}"))
    for job, missing in report.missing.items():
        tables = dict.fromkeys(right.rpartition(" ")[2] for right in missing)
        state = f"lacks rights on {', '.join(tables)}" if missing else "ok"
        print(f"  {job:<10} {state}")
    if report.grants:
        print("\nAn administrator of the server gives what is missing by:\n")
        print("\n".join(map(visible_line, report.grants)))
        print("\nThen check again: an account cannot see tables on which it has no right.")
    if report.indexes:
        print(
            "\nIndexes are missing, so tables are read whole. Who may alter them makes some by:\n"
        )
        print("\n".join(map(visible_line, report.indexes)))
        print("\nWhile MyISAM makes one, all writes wait: run it when nobody dials.")


@app.command(cls=GroupedCommand)
def schema(
    of: Annotated[SchemaKind, typer.Option(help="Of what it is the schema")] = SchemaKind.SETTINGS,
) -> None:
    """Print a JSON schema, for editors and other programs."""
    from jobs.settings.schema import settings_schema, summary_schema

    of_kind = settings_schema() if of is SchemaKind.SETTINGS else summary_schema()
    print(json.dumps(of_kind, indent=2, ensure_ascii=False))


@app.command(cls=GroupedCommand)
def example() -> None:
    """Print a settings file with all settings, commented out."""
    from jobs.settings.example import settings_example

    print(settings_example(), end="")
