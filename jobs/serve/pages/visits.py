"""Visits of the pages: who is logged in, forms, and what is answered if something is wrong."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from jobs.serve.access.logins import Logins, RefusedError
from jobs.serve.files.receiving import MOST_FIELDS, refuse_other_site
from jobs.serve.files.uploads import TooManyUploadsError
from jobs.serve.gathering import QueueFullError, StoppedError
from jobs.serve.pages.sessions import Session, Sessions, same_secret
from loader import __version__
from loader.errors import LoaderError, NotAllowedError, UsageError, as_loader_error
from loader.report.wording import FILTERS

LOG = logging.getLogger("leadloader")

LOGIN = "/login"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""Nothing of a page is in itself or of another site."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Forms have to say where they come from.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

CSRF = "csrf"
"""The field of a form that shows that it is of a page of ours."""


@cache
def templates() -> Environment:
    """Return the templates of the pages; values are escaped, an undefined one is an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    environment.globals["version"] = __version__
    return environment


def render(template: str, status: int = 200, /, **values: Any) -> Response:
    """Make a page."""
    text = templates().get_template(template).render(**values)
    return HTMLResponse(text, status, HEADERS)


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is logged in."""

    request: Request
    session: Session
    form: Mapping[str, Any]
    """The last value of each field; that of a file is one."""

    @property
    def owner(self) -> str:
        """Whose files may be seen."""
        return self.session.caller.name

    def page(self, template: str, status: int = 200, /, **values: Any) -> Response:
        """Make a page that knows who is logged in."""
        session = self.session
        return render(template, status, user=session.caller.user, csrf=session.csrf, **values)

    def text(self, name: str) -> str:
        """Give a text of the form; "": it has none of that name."""
        value = self.form.get(name, "")
        return value if isinstance(value, str) else ""


Page = Callable[[Visit], Awaitable[Response]]


class Door:
    """Lets in who is logged in, and sends others to the log-in."""

    def __init__(self, logins: Logins, *, is_secure: bool) -> None:
        """Take who may come in, and whether cookies go over TLS alone."""
        self.logins, self.sessions, self._is_secure = logins, Sessions(), is_secure
        prefix = "__Host-" if is_secure else ""
        self._cookie, self._login_cookie = f"{prefix}leadloader", f"{prefix}leadloader-login"

    def routes(self) -> list[Route]:
        """The addresses of log-in and log-out."""
        return [
            Route(LOGIN, self._log_in_page, methods=["GET"]),
            Route(LOGIN, self._log_in, methods=["POST"]),
            self.route("/logout", self._log_out, "POST"),
        ]

    def route(self, path: str, page: Page, method: str = "GET") -> Route:
        """Give the route of a page for those who are logged in."""

        async def show_page(request: Request) -> Response:
            """Show the page; who is not logged in is sent to do that first."""
            try:
                session = await self._session(request)
                if session is None:
                    return _away(request)
                return await self._visit(page, request, session)
            except Exception as error:
                if (answer := _refuse(error)) is None:
                    raise
                return answer

        return Route(path, show_page, methods=[method])

    async def _session(self, request: Request) -> Session | None:
        """Find the session of a request; None: there is none any more."""
        session = self.sessions.find(request.cookies.get(self._cookie, ""))
        if session is None:
            return None
        try:
            await run_in_threadpool(self.logins.refuse_lost_rights, session.caller)
        except RefusedError as error:
            if error.status == HTTPStatus.FORBIDDEN:
                self.sessions.end(request.cookies[self._cookie])
                return None
            raise
        return session

    async def _visit(self, page: Page, request: Request, session: Session) -> Response:
        if request.method != "POST":
            return await page(Visit(request, session, {}))
        refuse_other_site(request)
        async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
            visit = Visit(request, session, dict(form))
            if not session.is_form(visit.text(CSRF)):
                raise RefusedError("the form is of another session; go back and load it anew", 403)
            return await page(visit)

    # ---- log-in

    async def _log_in_page(self, request: Request) -> Response:
        if self.sessions.find(request.cookies.get(self._cookie, "")):
            return see("/")
        return self._login_form()

    def _login_form(self, status: int = 200, problem: str = "", name: str = "") -> Response:
        token = secrets.token_urlsafe(24)
        page = render("login.html.jinja", status, csrf=token, problem=problem, name=name)
        self._set_cookie(page, self._login_cookie, token)
        return page

    async def _log_in(self, request: Request) -> Response:
        user = ""
        try:
            refuse_other_site(request)
            async with request.form(max_files=0, max_fields=10) as form:
                user, password, token = (str(form.get(it, "")) for it in ("user", "pass", CSRF))
            known = request.cookies.get(self._login_cookie, "")
            if not known or not same_secret(token, known):
                return self._login_form(403, "The form was too old. Please log in again.", user)
            address = request.client.host if request.client else ""
            caller = await run_in_threadpool(self.logins.by_password, user, password, address)
        except RefusedError as error:
            again = f" Try again in {error.wait:.0f} seconds." if error.wait else ""
            return self._login_form(error.status, sentence(str(error)) + again, user[:60])
        self.sessions.end(request.cookies.get(self._cookie, ""))
        answer = see("/")
        self._set_cookie(answer, self._cookie, self.sessions.begin(caller))
        answer.delete_cookie(self._login_cookie, secure=self._is_secure, httponly=True)
        return answer

    async def _log_out(self, visit: Visit) -> Response:
        self.sessions.end(visit.request.cookies[self._cookie])
        answer = see(LOGIN)
        answer.delete_cookie(self._cookie, secure=self._is_secure, httponly=True)
        return answer

    def _set_cookie(self, answer: Response, name: str, value: str) -> None:
        answer.set_cookie(name, value, secure=self._is_secure, httponly=True, samesite="strict")


def see(address: str) -> Response:
    """Send a browser to another page."""
    return RedirectResponse(address, 303, HEADERS)


def sentence(text: str, file: str = "") -> str:
    """Write a message as a sentence, without the name of the file that it may begin with."""
    text = text.removeprefix(f"{file}: ")
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _away(request: Request) -> Response:
    """Send who is not logged in to the log-in; a part of a page takes the whole page there."""
    if request.headers.get("hx-request"):
        return Response(status_code=204, headers={**HEADERS, "HX-Redirect": LOGIN})
    return see(LOGIN)


def _refuse(error: Exception) -> Response | None:
    """Say what is wrong on a page; None: that must not be."""
    headers: dict[str, str] = {}
    match error:
        case RefusedError():
            status, text = error.status, str(error)
        case UsageError():
            status, text = 400, str(error)
        case QueueFullError() | StoppedError() | TooManyUploadsError():
            status, text = 503, "too many files wait; try again in a minute"
            headers["Retry-After"] = "60"
        case NotAllowedError():
            status, text = 403, str(error)
        case LoaderError():
            status, text = 503, str(error)
        case OSError():
            LOG.warning("files: %s", as_loader_error(error))
            status, text = 507, "there is no room for the file, or it cannot be written"
        case HTTPException():
            status, text = error.status_code, error.detail
        case ClientDisconnect():
            status, text = 400, "the request ended before its end"
        case _:
            return None
    name = HTTPStatus(status).phrase
    answer = render("problem.html.jinja", status, name=name, text=sentence(text))
    answer.headers.update(headers)
    return answer
