"""The addresses of files: send one to be validated or imported, and ask what became of it."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jobs.serve.access.logins import Caller, Logins, RefusedError
from jobs.serve.files.job import FileJob
from jobs.serve.files.jobs import FileJobs
from jobs.serve.files.options import options_of, read_parameters
from jobs.serve.files.receiving import FILE, MOST_FIELDS, Receiver, refuse_other_site
from jobs.serve.files.result_files import existing_files, send_file
from jobs.serve.files.uploads import TooManyUploadsError, Upload
from jobs.serve.gathering import QueueFullError, StoppedError
from jobs.settings.settings import Settings
from loader.errors import ConfigurationError, UsageError, as_loader_error

LOG = logging.getLogger("leadloader")

ADDRESS = "/api/files"

OF_REQUEST = {"job", "again", "file_name"}
"""Parameters that are no options of a load."""

RETRY_SECONDS = 30
ASK = 'Basic realm="leadloader", charset="UTF-8"'
"""What is asked of who does not say who they are."""

Pairs = list[tuple[str, str]]
Answering = Callable[[Request, Caller], Awaitable[Response]]


class FilesApi:
    """Answers requests about files."""

    def __init__(
        self, jobs: FileJobs, receiver: Receiver, logins: Logins, settings: Settings
    ) -> None:
        """Take what does the jobs, who may ask for them, and the options of the site."""
        self._jobs, self._receiver, self._logins = jobs, receiver, logins
        self._settings = settings

    @property
    def routes(self) -> list[Route]:
        """The addresses."""
        of_run = ADDRESS + "/{run}"
        return [
            Route(ADDRESS, self._for_callers(self._send), methods=["POST"]),
            Route(of_run, self._for_callers(self._state), methods=["GET"]),
            Route(of_run, self._for_callers(self._go_on), methods=["POST"]),
            Route(of_run + "/{name}", self._for_callers(self._file), methods=["GET"]),
        ]

    def _for_callers(self, answer: Answering) -> Callable[[Request], Awaitable[Response]]:
        """Let only callers through, and answer what is wrong."""

        async def answer_caller(request: Request) -> Response:
            """Answer a request of who may load files; what is wrong with it has its status."""
            try:
                refuse_other_site(request)
                address = request.client.host if request.client else ""
                given = request.headers.get("authorization", "")
                caller = await run_in_threadpool(self._logins.by_header, given, address)
                return await answer(request, caller)
            except Exception as error:
                if (refusal := refuse(error)) is None:
                    raise
                return refusal

        return answer_caller

    async def _send(self, request: Request, caller: Caller) -> Response:
        with self._receiver:
            upload, pairs = await self._receive(request, caller)
        try:
            own = {name: value for name, value in pairs if name in OF_REQUEST}
            given = read_parameters(pair for pair in pairs if pair[0] not in OF_REQUEST)
            options = options_of(self._settings, given, caller.user)
            job = await run_in_threadpool(self._jobs.add, upload, options, **_about(own))
        except BaseException:
            self._receiver.uploads.remove(upload)
            raise
        return self._describe(job, 202)

    async def _receive(self, request: Request, caller: Caller) -> tuple[Upload, Pairs]:
        pairs = request.query_params.multi_items()
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            name = request.query_params.get("file_name", "")
            return await self._receiver.from_body(caller.name, name, request), pairs
        async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
            pairs += [(n, it) for n, it in form.multi_items() if n != FILE and isinstance(it, str)]
            return await self._receiver.from_form(caller.name, form.get(FILE)), pairs

    async def _state(self, request: Request, caller: Caller) -> Response:
        return self._describe(await self._find(request, caller))

    async def _go_on(self, request: Request, caller: Caller) -> Response:
        job = await self._find(request, caller)
        if job.state != "unfinished":
            raise UsageError(f"the job is {job.state}: only an unfinished import goes on")
        return self._describe(await run_in_threadpool(self._jobs.go_on, job), 202)

    async def _file(self, request: Request, caller: Caller) -> Response:
        job = await self._find(request, caller)
        found = send_file(self._jobs.folder(job), request.path_params["name"], job.file)
        if found is None:
            raise RefusedError("there is no such file, or not yet", 404)
        return found

    async def _find(self, request: Request, caller: Caller) -> FileJob:
        run = request.path_params["run"]
        job = await run_in_threadpool(self._jobs.find, run, caller.name)
        if job is None:
            raise RefusedError("there is no such file", 404)
        return job

    def _describe(self, job: FileJob, status: int = 200) -> Response:
        """Give the state of a job; with 202, as of one that was taken."""
        address = f"{ADDRESS}/{job.run}"
        shown = job.model_dump(mode="json", exclude={"owner", "upload", "options", "again"})
        if job.is_open:
            progress = self._jobs.progress(job)
            shown |= {"stage": progress.stage, "share": round(progress.share, 3)}
            shown |= {"waits_for": self._jobs.before(job)}
        files = [] if job.is_open else existing_files(self._jobs.folder(job))
        shown["files"] = {name: f"{address}/{name}" for name in files}
        headers = {"Cache-Control": "no-store"} | ({"Location": address} if status == 202 else {})
        return JSONResponse(shown, status, headers)


def _about(own: dict[str, str]) -> dict[str, Any]:
    """Read what is to be done.

    Raises:
        UsageError: it is not known.
    """
    job, again = own.get("job") or "validate", own.get("again") or "N"
    if job not in {"validate", "import"}:
        raise UsageError("job: give validate or import")
    if again not in {"Y", "N"}:
        raise UsageError("again: give Y or N")
    return {"job": job, "again": again == "Y"}


def refuse(error: Exception) -> Response | None:
    """Answer a request that went wrong; None: that must not be."""
    headers: dict[str, str] = {}
    match error:
        case RefusedError():
            status, text = error.status, str(error)
            if status == 401:
                headers["WWW-Authenticate"] = ASK
            if error.wait:
                headers["Retry-After"] = str(round(error.wait + 0.5))
        case UsageError() | ConfigurationError():
            status, text = 400, str(error)
        case QueueFullError() | StoppedError() | TooManyUploadsError():
            status, text = 503, "too many files wait; send it again later"
            headers["Retry-After"] = str(RETRY_SECONDS)
        case OSError():
            # It may name a folder of this machine.
            LOG.warning("files: %s", as_loader_error(error))
            status, text = 507, "there is no room for the file, or it cannot be written"
        case ClientDisconnect():
            status, text = 400, "the request ended before its end"
        case _:
            return None
    return JSONResponse({"error": text}, status, headers)
