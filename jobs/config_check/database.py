"""The rights that the database account lacks, by job: `leadloader config check`."""

import os
from collections.abc import Collection, Iterable
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy import Connection

from jobs.config_check.service import service_remarks
from jobs.settings.settings import Settings
from loader.database.catalogue import table_names
from loader.database.connection import Database
from loader.database.schema import REQUIRED
from loader.database.throttle import Throttle
from loader.dialer import Access
from loader.errors import LoaderError
from loader.options.archive import ArchiveOptions
from loader.options.load import LoadOptions
from loader.queries.facts import read_dialer
from loader.queries.indexes import LookUp, of_load, of_move, read_access, without_index
from loader.rights import needs
from loader.rights.account import DatabaseAccount
from loader.rights.needs import Right, Rights, Site

JOBS = ("import", "validate", "archive", "dearchive", "undo", "nightly", "serve")

ALL_ON = LoadOptions(
    dnc_check="AREACODE",
    campaign_dnc_check="Y",
    duplicate_check="DUPPHONEALTSYS-DUPTITLEALTPHONESYS",
    duplicate_scope_archive="Y",
    nanpa_ac_prefix_check="Y",
    custom_fields="Y",
    hopper_local_call_time_check="Y",
    new_lead_url="send",
    on_duplicate="update",
    map=dict.fromkeys(needs.COMES_ALONG, "any"),
)
"""Options with which a load reads and writes all that it can."""


LEDGER_REMARK = (
    "without the rights on leadloader_* the ledger is an SQLite file beside the results: all the "
    "same, but only for the machine that it is on"
)


class DatabaseReport(BaseModel):
    """The result of checking the database."""

    name: str
    """The address of the database, without the password."""
    server: str
    account: str
    """The account of the server."""
    remarks: list[str]
    wrong: list[str]
    """Problems that prevent every job."""
    missing: dict[str, list[str]]
    """By job: rights that the account lacks, such as `INSERT on vicidial_list`."""
    grants: list[str]
    """Statements by which an administrator gives what is missing."""
    indexes: list[str]
    """Statements that make indexes without which jobs read tables whole."""


def check_database(
    settings: Settings, database: Database, jobs: Collection[str] = (), *, everything: bool = False
) -> DatabaseReport:
    """Check the database and the rights that the account needs for jobs.

    Without jobs: all, nightly only if there are sources, serve if it has settings. The rights are
    those for the options in the settings, or for `everything`.

    Raises:
        NotAllowedError: name or password of the account is wrong.
        DatabaseUnavailableError: no answer after all retries.
        ConfigurationError: there is no such database.
    """
    checked = [*jobs] or _jobs_of(settings)
    if not database.adapter.has_accounts:
        return _of_sqlite(settings, database, checked)
    account = DatabaseAccount(database)
    missing, all_missing = {}, set[Right]()
    for job in checked:
        rights = account.missing(_needs(job, settings, account.site, everything=everything))
        missing[job] = [_describe(right) for right in rights]
        all_missing.update(rights)
    absent = [name for name in REQUIRED if name in account.absent]
    wrong = [f"the database has no table {name}; is it a dialer's?" for name in absent]
    indexes: list[LookUp] = []
    if not all_missing and not wrong:
        wrong += _start_problems(settings, database, checked)
        indexes = missing_indexes(settings, database, checked, everything=everything)
    of_service = (
        service_remarks(settings, database) if "serve" in checked and not all_missing else []
    )
    has_no_ledger = any(right.table in needs.LEDGER for right in all_missing)
    return DatabaseReport(
        name=database.name,
        server=account.version,
        account=account.name,
        remarks=[*account.remarks, *([LEDGER_REMARK] if has_no_ledger else []), *of_service],
        wrong=wrong,
        missing=missing,
        grants=account.grants(all_missing),
        indexes=[each.statement for each in indexes],
    )


def _jobs_of(settings: Settings) -> list[str]:
    left_out = {"nightly": not settings.sources, "serve": "serve" not in settings.model_fields_set}
    return [job for job in JOBS if not left_out.get(job)]


def _needs(job: str, settings: Settings, site: Site, *, everything: bool) -> Rights:
    options = ALL_ON if everything else settings.options
    moving = ArchiveOptions(with_children=True) if everything else settings.archive.options
    dialable = settings.check_dialable or everything
    match job:
        case "validate":
            return needs.of_validate(options, site)
        case "import":
            return needs.of_import(options, site, check_dialable=dialable)
        case "archive" | "dearchive":
            return (needs.of_archive if job == "archive" else needs.of_dearchive)(moving, site)
        case "undo":
            return needs.of_undo(moving, site)
        case "serve":
            loads = needs.of_calls(options, site) | needs.of_import(options, site)
            moves = needs.of_archive(moving, site) | needs.of_dearchive(moving, site)
            return loads | moves | needs.of_keys(site)
    rights = needs.of_archive(moving, site) if settings.nightly.archive else Rights()
    for source in settings.sources:
        of_source = ALL_ON if everything else settings.options_of(source, {})
        rights |= needs.of_import(of_source, site, check_dialable=dialable)
        rights |= needs.of_new_lists() if source.new_list else Rights()
    return rights


def missing_indexes(
    settings: Settings, database: Database, jobs: Collection[str], *, everything: bool = False
) -> list[LookUp]:
    """Find the columns that jobs search and that have no index, each once."""
    options = ALL_ON if everything else settings.options
    moving = ArchiveOptions(with_children=True) if everything else settings.archive.options
    look_ups: list[LookUp] = []
    for job in jobs:
        match job:
            case "import" | "validate" | "serve":
                look_ups += of_load(options)
            case "nightly":
                for source in settings.sources:
                    look_ups += of_load(settings.options_of(source, {}))
            case _:
                look_ups += of_move(job, moving)

    def read(connection: Connection) -> dict[str, Access]:
        existing = table_names(connection)
        return read_access(connection, {each.table for each in look_ups} & existing)

    return without_index(look_ups, database.read(read))


def _start_problems(settings: Settings, database: Database, jobs: Iterable[str]) -> list[str]:
    """Try how the jobs start: read the dialer's user and tables, and the load of the server."""
    problems = []
    loads = {job: [settings.options] for job in ("import", "validate", "serve")}
    loads["nightly"] = [settings.options_of(source, {}) for source in settings.sources]
    different = {it.model_dump_json(): it for job in jobs for it in loads.get(job, [])}
    try:
        for options in different.values():
            read_dialer(database, options)
    except LoaderError as error:
        problems.append(str(error))
    if "archive" in jobs or "nightly" in jobs:
        try:
            with closing(Throttle(database, settings.archive.options)) as throttle:
                throttle.check()
        except LoaderError as error:
            problems.append(f"archive: {error}")
    return problems


def _of_sqlite(settings: Settings, database: Database, jobs: Collection[str]) -> DatabaseReport:
    """Check an SQLite file; it has no accounts, only the rights to the file."""
    file = Path(database.engine.url.database or "")
    may_write = os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)
    lacking = [] if may_write else [f"write to {file} and its folder"]
    return DatabaseReport(
        name=database.name,
        server="SQLite",
        account="whoever may write to the file",
        remarks=service_remarks(settings, database) if "serve" in jobs else [],
        wrong=_start_problems(settings, database, jobs),
        missing={job: [] if job == "validate" else lacking for job in jobs},
        grants=[],
        indexes=[],
    )


def _describe(right: Right) -> str:
    column = f" ({right.column})" if right.column else ""
    return f"{right.privilege}{column} on {right.table}"
