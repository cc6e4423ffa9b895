"""How much a request may hold."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1_000_000
"""Of the body of a request; one lead has less than a tenth of it."""


class _TooLargeError(Exception):
    """The body is longer than it may be, or than it said."""


class BodyLimit:
    """Refuses bodies that are too large, before they are in memory."""

    def __init__(
        self, app: ASGIApp, most: int = MOST_BYTES, larger: Mapping[str, int] | None = None
    ) -> None:
        """Take the application, the bytes, and those of addresses that take more."""
        self._app, self._most, self._larger = app, most, larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(scope["path"], self._most)
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > most:
            await _refuse(most, scope, receive, send)
            return
        received, has_answered = 0, False

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise _TooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        try:
            await self._app(scope, limited, noted)
        except _TooLargeError:
            if has_answered:
                raise
            await _refuse(most, scope, receive, send)


async def _refuse(most: int, scope: Scope, receive: Receive, send: Send) -> None:
    text = f"the request is larger than {most} bytes\n"
    await PlainTextResponse(text, 413)(scope, receive, send)
