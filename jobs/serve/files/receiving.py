"""A file out of a request, into the folder of files that were sent."""

import shutil
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import Request

from jobs.serve.access.logins import RefusedError
from jobs.serve.files.uploads import TooManyUploadsError, Upload, Uploads
from jobs.serve.gathering import QueueFullError
from loader.errors import UsageError

FILE = "file"
"""The field of a form that has the file."""

MOST_FIELDS = 3000
"""Of a form: a file may have a thousand columns."""

MOST_AT_ONCE = 8
"""Files that may be on their way; each waits for its client."""

PIECE = 1 << 20

BROWSER = {"same-origin", "none"}
"""What a browser says of requests that no other site made (Sec-Fetch-Site)."""


class Receiver:
    """Takes files, a few at a time."""

    def __init__(self, uploads: Uploads, make_room: Callable[[], None]) -> None:
        """Take where they go, and what removes those that nobody needs."""
        self.uploads, self._make_room = uploads, make_room
        self._on_their_way = 0

    async def from_form(self, owner: str, file: object) -> Upload:
        """Take a file of a form.

        Raises:
            UsageError: it is none, or an empty one.
            TooManyUploadsError: so many files are kept.
            OSError: there is no room for it.
        """
        if not isinstance(file, UploadFile) or not file.size:
            raise UsageError(f"the form has no file: the field {FILE} has to have one")
        return await run_in_threadpool(
            self._take, owner, file.filename or "", lambda to: shutil.copyfileobj(file.file, to)
        )

    async def from_body(self, owner: str, name: str, request: Request) -> Upload:
        """Take a file that is the body of a request.

        Raises:
            UsageError: it is empty.
            TooManyUploadsError: so many files are kept.
            OSError: there is no room for it.
        """
        upload, to = await run_in_threadpool(self._begin, owner, name)
        size = 0
        try:
            with to:
                async for piece in _pieces(request):
                    size += await run_in_threadpool(to.write, piece)
        except BaseException:
            self.uploads.remove(upload)
            raise
        if not size:
            self.uploads.remove(upload)
            raise UsageError("the request has no file: its body is empty")
        return upload

    def _take(self, owner: str, name: str, write: Callable[[BinaryIO], None]) -> Upload:
        upload, to = self._begin(owner, name)
        try:
            with to:
                write(to)
        except BaseException:
            self.uploads.remove(upload)
            raise
        return upload

    def _begin(self, owner: str, name: str) -> tuple[Upload, BinaryIO]:
        try:
            return self.uploads.begin(owner, name)
        except TooManyUploadsError:
            self._make_room()
            return self.uploads.begin(owner, name)

    def __enter__(self) -> None:
        """Take the place of a file that is on its way.

        Raises:
            QueueFullError: there are `MOST_AT_ONCE`.
        """
        if self._on_their_way >= MOST_AT_ONCE:
            raise QueueFullError
        self._on_their_way += 1

    def __exit__(self, *_error: object) -> None:
        self._on_their_way -= 1


def refuse_other_site(request: Request) -> None:
    """Refuse what a browser sends for a page of another site, with the passwords that it knows.

    Raises:
        RefusedError: it does.
    """
    site, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    is_ours = site in BROWSER if site else not origin or _host(origin) == _host_of(request)
    if request.method == "POST" and not is_ours:
        raise RefusedError("a page of another site asked for this", 403)


def _host(origin: str) -> str:
    return origin.partition("://")[2]


def _host_of(request: Request) -> str:
    return request.headers.get("host", "")


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Gather what comes into larger pieces."""
    gathered = bytearray()
    async for part in request.stream():
        gathered += part
        if len(gathered) >= PIECE:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)
