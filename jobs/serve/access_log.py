"""A message for each request, without what is secret in it."""

from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.telemetry.logs import log


class AccessLog:
    """Writes method, path and status of each request; queries and bodies have persons in them.

    The path is that of the route: what else somebody asks for may be anything.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Take the application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and say how it was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            address = (scope["client"] or ("",))[0]
            path = getattr(scope.get("route"), "path", "(no such address)")
            seconds = round(monotonic() - began, 3)
            text = f"{address} {scope['method']} {path} {status or 500}"
            log().info(text, seconds=seconds)
