"""How much a request may hold."""

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
        self, app: ASGIApp, most: int = MOST_BYTES, unlimited: tuple[str, ...] = ()
    ) -> None:
        """Take the application, the bytes, and the addresses that see to it themselves."""
        self._app, self._most, self._unlimited = app, most, unlimited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 413."""
        if scope["type"] != "http" or scope["path"] in self._unlimited:
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if length.isdecimal() and int(length) > self._most:
            await self._refuse(scope, receive, send)
            return
        received, has_answered = 0, False

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
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
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = f"the request is larger than {self._most} bytes\n"
        await PlainTextResponse(text, 413)(scope, receive, send)
