"""The addresses of the dialer's page non_agent_api.php: add_lead and version."""

import codecs
import logging
import re
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from jobs.serve.access.users import Attempts, UserDirectory
from jobs.serve.gathering import Gathering, QueueFullError, StoppedError
from jobs.serve.leads.answers import REFUSED, TURNED_AWAY, UNAVAILABLE, Answer, failed
from jobs.serve.leads.intake import LeadIntake
from jobs.serve.metrics import Measures
from loader import __version__
from loader.api.add_lead import (
    FUNCTION,
    LeadRequest,
    plain,
    read_request,
    refuse_login,
    refuse_rights,
    refuse_source,
    with_usual_names,
)
from loader.errors import LoaderError

if TYPE_CHECKING:
    from starlette.datastructures import FormData, QueryParams

ADDRESSES = (
    "/api/leads", "/non_agent_api.php", "/vicidial/non_agent_api.php",
    "/goAPIv2/goDashboard/goAPI.php", "/goAPIv2/goDashboard/goAPI.API/lmapi.php",
    "/goAPIv2/goDashboard/goAPI.server/vicidial/non_agent_api.php",
)  # fmt: skip
"""Ours, the dialer's, and those that the API document shows."""

OF_LEADS = "/api/leads"
"""Where the function need not be named."""

RETRY = {"Retry-After": "1"}

BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What a line of an answer must not have, or it may be taken for two."""

CHARSETS = {"ascii", "cp1252", "iso8859-1", "utf-8"}
"""Encodings of forms, as Python names them."""

UNCHECKED = Answer(["ERROR: USERS CANNOT BE CHECKED NOW"], UNAVAILABLE)

NO_FORM = "ERROR: THE FORM CANNOT BE READ"

LOG = logging.getLogger("leadloader")


class Call(NamedTuple):
    """A call of add_lead as it came."""

    parameters: Mapping[str, str]
    """By their usual names."""
    address: str
    """Who asks."""


Function = Callable[[Call], Awaitable[Answer]]
"""Answers the calls of a function of the page; it raises nothing that is of the caller's making."""


@dataclass(frozen=True)
class LeadCalls:
    """Answers calls of add_lead: who may, and what becomes of the leads."""

    users: UserDirectory
    attempts: Attempts
    intake: LeadIntake
    measures: Measures

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Answer calls in their order; it is for one thread at a time."""
        found: list[LeadRequest | Answer] = []
        for call in calls:
            # Once is enough to wait for a database that is down.
            found.append(UNCHECKED if found[-1:] == [UNCHECKED] else self._admit(call))
        requests = [each for each in found if isinstance(each, LeadRequest)]
        answers = iter(self.intake.add(requests))
        return [next(answers) if isinstance(each, LeadRequest) else each for each in found]

    def _admit(self, call: Call) -> LeadRequest | Answer:
        """Check a call; no other one suffers from it."""
        try:
            return self._check(call)
        except Exception as error:  # noqa: BLE001 - see above
            return failed(error)

    def _check(self, call: Call) -> LeadRequest | Answer:
        """Check source, user and rights of a call, in this order."""
        if lines := refuse_source(call.parameters.get("source", "")):
            return Answer(lines, REFUSED)
        row = self.log_in(call)
        if isinstance(row, Answer):
            return row
        if lines := refuse_rights(plain(call.parameters.get("user", "")), row):
            return Answer(lines, REFUSED)
        return read_request(call.parameters)

    def log_in(self, call: Call) -> dict[Hashable, Any] | Answer:
        """Give the row of the user of a call, or what refuses it."""
        user = plain(call.parameters.get("user", ""))
        password = call.parameters.get("pass", "")
        key = (user.lower(), call.address)
        if self.attempts.seconds_left(*key, password):
            self.measures.logins.labels("kept waiting").inc()
            return Answer(refuse_login(user, password), REFUSED)
        try:
            row = self.users.find(user, password)
        except LoaderError as error:
            LOG.warning("users cannot be checked: %s", error)
            return UNCHECKED
        if row is None:
            self.attempts.failed(*key)
            self.measures.logins.labels("wrong").inc()
            return Answer(refuse_login(user, password), REFUSED)
        self.attempts.succeeded(*key, password)
        return row


class LeadPage:
    """The page that scripts call."""

    def __init__(
        self,
        gathering: Gathering[Call, Answer],
        measures: Measures,
        others: Mapping[str, Function] = MappingProxyType({}),
    ) -> None:
        """Take what answers calls of add_lead, and other functions by their names."""
        self._gathering, self._measures, self._others = gathering, measures, others

    @property
    def routes(self) -> list[Route]:
        """The addresses of the page."""
        found = [Route(path, self.call) for path in ADDRESSES]
        for route in found:
            route.methods = {"GET", "POST"}  # none of HEAD, which would add a lead
        return found

    async def call(self, request: Request) -> Response:
        """Answer a call by its function."""
        parameters = with_usual_names(await _parameters(request))
        function = plain(parameters.get("function", ""))
        if not function and request.url.path == OF_LEADS:
            function = FUNCTION
        as_json = parameters.get("responsetype", "").lower() == "json"
        if function == "version":
            return _response([_version()], as_json=as_json)
        if function in self._others:
            answer = await self._others[function](Call(parameters, _address(request)))
            return _answer(answer, as_json=as_json)
        if function != FUNCTION:
            return _response(["ERROR: NO FUNCTION SPECIFIED"], as_json=as_json)
        answer = await self._add_lead(Call(parameters, _address(request)))
        return _answer(answer, as_json=as_json)

    async def _add_lead(self, call: Call) -> Answer:
        try:
            answer = await self._gathering.ask(call)
        except (QueueFullError, StoppedError):
            answer = Answer(["ERROR: BUSY, TRY AGAIN LATER"], TURNED_AWAY)
        except Exception as error:  # noqa: BLE001 - its text may have a person's data
            answer = failed(error)
        self._measures.calls.labels(answer.outcome).inc()
        return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _parameters(request: Request) -> dict[str, str]:
    """Read the parameters of query and form; where one comes in both, the form counts.

    Raises:
        HTTPException: 400, the form cannot be read.
    """
    found: dict[str, str] = _texts(request.query_params)
    if request.method == "POST":
        _refuse_charset(request.headers.get("content-type", ""))
        try:
            async with request.form(max_files=0, max_fields=1000) as form:
                found |= _texts(form)
        except (UnicodeError, ClientDisconnect):
            raise HTTPException(400, NO_FORM) from None
    return found


def _refuse_charset(content_type: str) -> None:
    """Refuse a form in an encoding that no client has, some of which give what is no text.

    Raises:
        HTTPException: 400.
    """
    message = Message()
    message["Content-Type"] = content_type
    charset = str(message.get_param("charset", "utf-8"))
    try:
        is_usual = codecs.lookup(charset).name in CHARSETS
    except (LookupError, ValueError):
        is_usual = False
    if not is_usual:
        raise HTTPException(400, NO_FORM)


def _texts(parameters: "QueryParams | FormData") -> dict[str, str]:
    """Take the last of each name, as the dialer does; what cannot be stored is `?`."""
    return {
        _clean(name): _clean(value)
        for name, value in parameters.multi_items()
        if isinstance(value, str)
    }


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _version() -> str:
    now = datetime.now().astimezone()
    moment = now.strftime("%Y-%m-%d %H:%M:%S")
    return f"VERSION: leadloader-{__version__}|BUILD: {__version__}|DATE: {moment}|EPOCH: {now:%s}"


def _answer(answer: Answer, *, as_json: bool) -> Response:
    return _response(answer.lines, as_json=as_json, status=answer.status)


def _response(lines: Sequence[str], *, as_json: bool, status: int = 200) -> Response:
    lines = [BREAKS.sub(" ", line) for line in lines]
    headers = RETRY if status == 503 else None
    if as_json:
        result = "error" if any(line.startswith("ERROR") for line in lines) else "success"
        return JSONResponse({"result": result, "lines": [*lines]}, status, headers)
    return PlainTextResponse("".join(f"{line}\n" for line in lines), status, headers)
