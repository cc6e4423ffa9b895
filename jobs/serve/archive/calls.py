"""The addresses of the Lead Archive API, and the function lead_dearchive of the dialer's page."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from jobs.archive.request import Direction
from jobs.serve.access.users import UserDirectory
from jobs.serve.archive.work import BUSY, FAILED, ArchiveWork, Gate, Knock, Reply, refused
from jobs.serve.gathering import Gathering, QueueFullError, StoppedError
from jobs.serve.leads.answers import UNAVAILABLE, Answer
from jobs.serve.leads.calls import Call, Function, LeadCalls
from jobs.settings.settings import Settings
from loader.api.lead_archive import (
    ArchiveRequest,
    DearchiveRequest,
    MessageResponse,
    MoveLeads,
    RefusedResponse,
    read_request,
)
from loader.api.lead_dearchive import FUNCTION
from loader.database.connection import Database
from loader.errors import LeadIdsError, describe_bug

if TYPE_CHECKING:
    from loader.ledger.keys import ApiKey

KINDS: Mapping[Direction, type[MoveLeads]] = {
    "archive": ArchiveRequest,
    "dearchive": DearchiveRequest,
}

PATHS: Mapping[str, Direction] = {f"/vicidial/leads/{job}": job for job in KINDS}
ADDRESSES = (*PATHS,)

MOST_BYTES = 250_000
"""Of a body; 500 lead_ids, each on a line of its own, have a tenth of it."""

MOST_WAITING = 20
"""Requests that wait for those before them; each of these takes a second or less."""

MOST_KNOCKING = 200

TOO_LARGE = Reply(
    413,
    RefusedResponse(
        message=f"the body is larger than {MOST_BYTES} bytes", lead_errors=0, lead_ids=[]
    ).model_dump(),
    "invalid",
)
NOT_POST = Reply(405, MessageResponse(message="the method must be POST").model_dump(), "invalid")

LOG = logging.getLogger("leadloader")


class ArchiveCalls:
    """Answers requests that are to move leads: one after the other, as each is a chunk."""

    def __init__(self, settings: Settings, database: Database, calls: LeadCalls) -> None:
        """Take the settings.

        Args:
            settings: of the site.
            database: the dialer's, with connections of its own.
            calls: those of add_lead, whose wrong passwords count here, too.
        """
        self._measures = calls.measures
        users = UserDirectory(database, settings.serve.refresh)
        own = LeadCalls(users, calls.attempts, calls.intake, calls.measures)
        self._work = ArchiveWork(settings, database, own)
        self._gate: Gathering[Knock, ApiKey | Reply] = Gathering(
            Gate(settings, database, calls).answer, seconds=0, most=50, room=MOST_KNOCKING
        )
        self._queue: Gathering[Callable[[], Any], Any] = Gathering(
            lambda tasks: [task() for task in tasks], seconds=0, most=1, room=MOST_WAITING
        )

    @property
    def gatherings(self) -> tuple[Gathering[Any, Any], ...]:
        """What works while the service does, in the order in which it ends."""
        return self._gate, self._queue

    @property
    def routes(self) -> list[Route]:
        """The addresses of the API."""
        return [Route(path, _Address(partial(self._answer, job))) for path, job in PATHS.items()]

    @property
    def functions(self) -> Mapping[str, Function]:
        """The functions of the dialer's page, by name."""
        return {FUNCTION: self._bring_back}

    async def _answer(self, job: Direction, request: Request) -> Reply:
        """Answer a request; nobody learns of a bug more than that there is one."""
        try:
            reply = await self._move(job, request)
        except (QueueFullError, StoppedError):
            reply = BUSY
        except ClientDisconnect:
            reply = FAILED._replace(outcome="gone")
        except Exception as error:  # noqa: BLE001 - its text may have a person's data
            LOG.error("%s", describe_bug(error))  # noqa: TRY400 - likewise the traceback
            reply = FAILED
        self._measures.archive.labels(job, reply.outcome).inc()
        return reply

    async def _move(self, job: Direction, request: Request) -> Reply:
        if request.method != "POST":
            return NOT_POST
        address = request.client.host if request.client else ""
        key = await self._gate.ask(Knock(job, request.headers.getlist("authorization"), address))
        if isinstance(key, Reply):
            return key
        body = await _body(request)
        if body is None:
            return TOO_LARGE
        try:
            asked = await run_in_threadpool(read_request, KINDS[job], body)
        except LeadIdsError as error:
            return refused(error)
        reply: Reply = await self._queue.ask(partial(self._work.move, job, asked, key))
        return reply

    async def _bring_back(self, call: Call) -> Answer:
        try:
            answer: Answer = await self._queue.ask(partial(self._work.bring_back, call))
        except (QueueFullError, StoppedError):
            answer = Answer(["ERROR: BUSY, TRY AGAIN LATER"], UNAVAILABLE)
        self._measures.archive.labels(FUNCTION, answer.outcome).inc()
        return answer


class _Address:
    """One address, for all methods: a POST is answered, others are refused in the same shape."""

    def __init__(self, answer: Callable[[Request], Any]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        reply: Reply = await self._answer(Request(scope, receive))
        headers = {"Retry-After": str(reply.retry)} if reply.retry else {}
        if reply.status == 401:
            headers["WWW-Authenticate"] = "Key"
        if reply.status == 405:
            headers["Allow"] = "POST"
        await JSONResponse(reply.body, reply.status, headers)(scope, receive, send)


async def _body(request: Request) -> bytes | None:
    """Read the body; None: it is too large."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            return None
    return b"".join(parts)
