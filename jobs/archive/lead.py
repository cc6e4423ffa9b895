"""One lead back from the archive at the request of a user of the dialer: lead_dearchive."""

from pathlib import Path

from jobs.archive.job import move
from jobs.archive.request import Folders, MoveRequest
from loader.api.lead_dearchive import (
    brought_back,
    invalid_parameters,
    lead_id_of,
    not_found,
    refusal,
    still_active,
)
from loader.database.connection import Database
from loader.dialer import ARCHIVE, LEADS
from loader.errors import LoaderError
from loader.options.archive import ArchiveOptions
from loader.queries.leads import list_of_lead
from loader.queries.users import read_user

OPTIONS = ArchiveOptions(loaded_anew="take")
"""As the function does: the lead asked for, and nothing that belongs to it."""


def dearchive_lead(
    database: Database,
    user: str,
    lead_id: str,
    results: Path | None = None,
    folders: Folders = Folders(),  # noqa: B008 - it does not change
) -> str:
    """Bring a lead back as lead_dearchive does.

    Args:
        database: the dialer's.
        user: whose rights count.
        lead_id: as it was sent; all but digits is dropped.
        results: folder of the result files; None: one in the folder of results.
        folders: where a run has its results.

    Returns:
        The answer of the function.

    Raises:
        LoaderError: see `jobs.archive.job.move`.
    """
    if refused := refusal(user, read_user(database, user)):
        return refused
    digits = lead_id_of(lead_id)
    if not digits:
        return invalid_parameters(user)
    if list_of_lead(database, ARCHIVE, int(digits)) is None:
        return not_found(user, digits)
    list_id = list_of_lead(database, LEADS, int(digits))
    if list_id is not None:
        return still_active(user, digits, list_id)
    request = MoveRequest.of_leads("dearchive", [int(digits)])
    report = move(request, OPTIONS, database, results, folders=folders)
    if report.exit_code:
        raise LoaderError(report.message)
    return brought_back(user, digits, report.insert_count, report.delete_count)
