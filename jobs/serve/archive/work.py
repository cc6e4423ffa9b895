"""The work behind the archive API: who may ask, when, and the leads that are moved."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from jobs.archive.hours import ServerHours
from jobs.archive.job import move
from jobs.archive.lead import dearchive_lead
from jobs.archive.request import STEPS, Direction, Folders, MoveRequest
from jobs.serve.leads.answers import REFUSED, UNAVAILABLE, Answer
from jobs.serve.leads.calls import Call, LeadCalls
from jobs.settings.settings import Settings
from jobs.watchers import Watchers
from loader.api.add_lead import plain, refuse_source
from loader.api.lead_archive import (
    IN_OFFICE_HOURS,
    NOT_FOUND,
    NOT_VALID,
    ArchivedResponse,
    DearchivedResponse,
    MessageResponse,
    MoveLeads,
    answer_to,
)
from loader.api.lead_dearchive import FUNCTION
from loader.archive.report import ArchiveReport
from loader.archive.selection import leads_in
from loader.database.connection import Database
from loader.dialer import ARCHIVE, LEADS
from loader.errors import (
    DatabaseUnavailableError,
    LeadIdsError,
    LoaderError,
    OfficeHoursError,
    UsageError,
)
from loader.ledger.keys import ApiKey, KeyStore
from loader.options.archive import MOST_LEADS, ArchiveOptions

LONGEST_WAIT = timedelta(minutes=1)
"""How long a request waits while a throttle of the settings says so."""

RETRY = 60
"""Seconds after which to ask again, where nothing better is known."""

FOLDER, ENDED = "archive-api", "done"
"""Results of requests, below the results of all runs; and in it, those that ended well, by day: who
looks for runs that were killed does not look there."""

SCHEME = "Key="

LOG = logging.getLogger("leadloader")


class Reply(NamedTuple):
    """The response to a request."""

    status: int
    body: dict[str, Any]
    outcome: str
    """For the metrics."""
    retry: int = 0
    """Seconds after which to ask again; 0: that is not said."""


def _message(status: int, text: str, outcome: str, retry: int = 0) -> Reply:
    return Reply(status, MessageResponse(message=text).model_dump(), outcome, retry)


BUSY = _message(503, "too many requests wait: try again later", "turned away", 1)
DATABASE = _message(503, "the database does not answer: try again later", "unavailable", RETRY)
THROTTLED = _message(503, "the dialer is busy: try again later", "throttled", RETRY)
FAILED = _message(500, "internal error: the log of the service says more", "failed")
IN_HOURS = _message(403, IN_OFFICE_HOURS, "office hours")


def refused(error: LeadIdsError) -> Reply:
    """Answer a request that is not as it must be."""
    is_missing = error.message == NOT_FOUND
    status, outcome = (404, "not found") if is_missing else (400, "invalid")
    return Reply(status, answer_to(error), outcome)


class Knock(NamedTuple):
    """Who wants to move leads."""

    job: Direction
    credentials: Sequence[str]
    """The headers Authorization."""
    address: str


class Gate:
    """Lets in who has a key, outside of office hours. It is for one thread at a time."""

    def __init__(self, settings: Settings, database: Database, calls: LeadCalls) -> None:
        """Take the settings; the ledger of the database has the keys."""
        self._database, self._ledger_folder = database, settings.ledger_folder
        self._attempts, self._measures = calls.attempts, calls.measures
        is_always = settings.archive.ignore_office_hours
        hours = None if is_always else settings.office_hours
        self._hours = ServerHours(hours, database, Watchers())
        self._store: KeyStore | None = None

    def answer(self, knocks: Sequence[Knock]) -> list[ApiKey | Reply]:
        """Give the key of each, or what refuses it."""
        return [self._answer(knock) for knock in knocks]

    def _answer(self, knock: Knock) -> ApiKey | Reply:
        try:
            key = self._admit(knock)
            if isinstance(key, ApiKey) and knock.job == "archive" and self._hours.describe():
                return IN_HOURS
        except DatabaseUnavailableError:
            return DATABASE
        except LoaderError as error:
            LOG.error("keys cannot be checked: %s", error)  # noqa: TRY400 - no traceback: it is said
            return FAILED
        return key

    def _admit(self, knock: Knock) -> ApiKey | Reply:
        left = self._attempts.seconds_left("", knock.address)
        if left:
            self._measures.logins.labels("kept waiting").inc()
            return _message(401, NOT_VALID, "kept waiting", int(left) + 1)
        now = datetime.now(UTC)
        key = self._find(knock.credentials)
        if key is None or key.state(now) != "valid":
            self._attempts.failed("", knock.address)
            self._measures.logins.labels("wrong key").inc()
            return _message(401, NOT_VALID, "wrong key")
        self._attempts.succeeded("", knock.address)
        if knock.job not in key.may:
            return _message(401, NOT_VALID, "not allowed")
        self._note_use(key, now)
        return key

    def _find(self, credentials: Sequence[str]) -> ApiKey | None:
        if len(credentials) != 1 or not credentials[0].startswith(SCHEME):
            return None
        if self._store is None:
            try:
                self._store = KeyStore.to_read(self._database, self._ledger_folder)
            except UsageError:
                return None  # no ledger, no keys
        return self._store.find(credentials[0].removeprefix(SCHEME))

    def _note_use(self, key: ApiKey, now: datetime) -> None:
        try:
            if self._store:
                self._store.note_use(key, now)
        except LoaderError as error:
            LOG.warning("the last use of key %s cannot be noted: %s", key.name, error)


class ArchiveWork:
    """Moves the leads of requests. It is for one thread at a time."""

    def __init__(self, settings: Settings, database: Database, calls: LeadCalls) -> None:
        """Take the settings; `calls` log in users."""
        self._settings, self._database, self._calls = settings, database, calls
        base = settings.ledger_folder
        self._folders = Folders(ledger=base, results=base / FOLDER)

    def move(self, job: Direction, request: MoveLeads, key: ApiKey) -> Reply:
        """Move the leads of a request as one chunk; what goes wrong is logged, and not told."""
        try:
            return self._move(job, request, key)
        except LeadIdsError as error:
            return refused(error)
        except OfficeHoursError:
            return IN_HOURS
        except LoaderError as error:
            return _failed(job, key, str(error), error.exit_code)

    def _move(self, job: Direction, request: MoveLeads, key: ApiKey) -> Reply:
        steps = {name: getattr(request, f"{name}_leads", False) for name in STEPS["archive"]}
        if not any(steps.values()):
            return _done(job, {"select_count": self._count(job, request.lead_ids)})
        report = move(
            MoveRequest.of_leads(job, request.lead_ids, only_source=True),
            self._options(steps),
            self._database,
            folders=self._folders,
            office_hours=self._settings.office_hours,
        )
        LOG.info("%s by key %s, run %s: %s", job, key.name, report.run, report.ending)
        if report.stopped == "done":
            self._put_away(report)
        if report.unfinished is None and report.looked_at == len(request.lead_ids):
            return _done(job, report.model_dump())
        if report.stopped == "office_hours":
            return IN_HOURS
        if report.stopped == "run_time":
            return THROTTLED
        return _failed(job, key, report.why, report.exit_code)

    def _options(self, steps: dict[str, bool]) -> ArchiveOptions:
        """Give the site's options with the steps of a request, whose leads are one chunk."""
        alone = {
            "chunk_size": MOST_LEADS, "sleep": timedelta(), "sleep_ratio": 0.0, "limit": None,
            "run_time": LONGEST_WAIT, "dry_run": False,
        }  # fmt: skip
        return self._settings.archive.options.model_copy(update=steps | alone)

    def _count(self, job: Direction, lead_ids: list[int]) -> int:
        """Count the leads of a request that is to do nothing with them.

        Raises:
            LeadIdsError: some are not there.
        """
        table = LEADS if job == "archive" else ARCHIVE
        found = {*self._database.read(lambda it: leads_in(it, table, lead_ids)).tolist()}
        if missing := [lead_id for lead_id in lead_ids if lead_id not in found]:
            raise LeadIdsError(NOT_FOUND, missing)
        return len(lead_ids)

    def _put_away(self, report: ArchiveReport) -> None:
        """Move the results of a run that ended well to those of its day."""
        day = self._folders.results / ENDED / f"{report.began:%Y-%m-%d}"
        # Where that fails they stay, which is no harm.
        with suppress(OSError):
            day.mkdir(parents=True, exist_ok=True)
            (self._folders.results / report.run).rename(day / report.run)

    def bring_back(self, call: Call) -> Answer:
        """Answer a call of the page's function lead_dearchive."""
        if lines := refuse_source(call.parameters.get("source", "")):
            return Answer(lines, REFUSED)
        row = self._calls.log_in(call)
        if isinstance(row, Answer):
            return row
        user, lead_id = plain(call.parameters.get("user", "")), call.parameters.get("lead_id", "")
        try:
            line = dearchive_lead(self._database, user, lead_id, folders=self._folders)
        except LoaderError as error:
            LOG.error("%s: %s", FUNCTION, error)  # noqa: TRY400 - no traceback: it is said
            return Answer([f"ERROR: {FUNCTION} LEAD HAS NOT BEEN DE-ARCHIVED"], UNAVAILABLE)
        return Answer([line], "done" if line.startswith("SUCCESS") else REFUSED)


def _done(job: Direction, counts: dict[str, Any]) -> Reply:
    kind = ArchivedResponse if job == "archive" else DearchivedResponse
    known = {name: counts.get(name, 0) for name in kind.model_fields if name != "message"}
    return Reply(200, kind(**known).model_dump(), "done")


def _failed(job: Direction, key: ApiKey, why: str, exit_code: int) -> Reply:
    LOG.error("%s by key %s: %s", job, key.name, why)
    return DATABASE if exit_code == DatabaseUnavailableError.exit_code else FAILED
