"""Whether the service is there, and whether the database answers it."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jobs.serve.gathering import Gathering, QueueFullError, StoppedError
from loader.database.connection import Database
from loader.errors import LoaderError, TransientDatabaseError

SECONDS = 3.0
"""After which a database counts as one that does not answer."""


class Health:
    """Answers who watches the service."""

    def __init__(self, database: Database) -> None:
        """Take the database, with connections of its own."""
        self._database = database
        # However many ask, it takes one thread.
        self.asking: Gathering[None, bool] = Gathering(
            self.ask_database, seconds=0, most=1000, room=1000
        )

    @property
    def routes(self) -> list[Route]:
        """The addresses."""
        return [Route("/health", self._health), Route("/ready", self._ready)]

    def ask_database(self, who: Sequence[None]) -> list[bool]:
        """Say to each who asks whether the database answers; it is asked once."""
        try:
            with self._database.connect() as connection:
                connection.exec_driver_sql("SELECT 1").all()
        except (LoaderError, TransientDatabaseError):
            return [False] * len(who)
        return [True] * len(who)

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"healthy": True})

    async def _ready(self, _request: Request) -> Response:
        try:
            is_ready = await asyncio.wait_for(self.asking.ask(None), SECONDS)
        except (TimeoutError, QueueFullError, StoppedError):
            is_ready = False
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)
