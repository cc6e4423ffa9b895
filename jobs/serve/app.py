"""The service as an ASGI application: who answers at which address."""

import logging
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jobs.serve.files import file_service
from jobs.serve.gathering import Gathering
from jobs.serve.intake import Answer, LeadIntake
from jobs.serve.lead_calls import Call, LeadCalls, LeadPage
from jobs.serve.limits import BodyLimit
from jobs.serve.metrics import Measures
from jobs.serve.users import Attempts, UserDirectory
from jobs.settings.serve import ServeSettings
from jobs.settings.settings import Settings
from loader.database.connection import Database
from loader.errors import LoaderError, UsageError
from loader.feeds.files import read_feeds
from loader.options.load import LoadOptions

LOG = logging.getLogger("leadloader")

OF_FILES = {"on_duplicate": "reject", "keep": "first", "invalid_phone_fallback": (),
            "new_lead_url": "skip"}  # fmt: skip
"""Options that only files can have, with the value that is good for calls, too."""


def refuse_options_of_files(options: LoadOptions) -> None:
    """Refuse options that a call cannot follow.

    Raises:
        UsageError: it names the first of them.
    """
    for name, value in OF_FILES.items():
        if getattr(options, name) != value:
            raise UsageError(
                f"{name}: serve cannot follow it, because a call is one lead that add_lead adds "
                "or not; leave it out, or give it to the files alone, in [[source]] or a profile"
            )


def make_app(settings: Settings, database: Database) -> Starlette:
    """Make the application; it connects when the first call comes.

    Raises:
        UsageError: see `refuse_options_of_files`.
        LoaderError: a feed cannot be used.
    """
    options, serve = settings.options, settings.serve
    refuse_options_of_files(options)
    stack = ExitStack()
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="leadloader-serve-")))
    feeds = read_feeds(options, folder)
    measures = Measures()
    intake = LeadIntake(database, options, folder, lambda: feeds, serve.refresh)
    users, attempts = UserDirectory(database, serve.refresh), Attempts()
    calls = LeadCalls(users, attempts, intake, measures)
    gathering = _gathering(calls, serve, measures)
    measures.waiting.set_function(lambda: gathering.waiting)
    files = file_service(settings, database, attempts, measures.note_failed_login)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        """Work while the server runs; what was accepted is answered before it ends."""
        with stack:
            gathering.__enter__()
            files.jobs.__enter__()
            try:
                yield
            finally:
                await run_in_threadpool(files.jobs.__exit__)
                await run_in_threadpool(gathering.__exit__)

    async def ready(_request: Request) -> Response:
        """Say whether the database answers."""
        try:
            await run_in_threadpool(database.read, lambda it: it.exec_driver_sql("SELECT 1").all())
        except LoaderError:
            return JSONResponse({"ready": False}, 503)
        return JSONResponse({"ready": True})

    routes = [
        *LeadPage(gathering, measures).routes,
        *files.routes,
        Route("/health", lambda _request: JSONResponse({"healthy": True})),
        Route("/ready", ready),
        Route("/metrics", measures.page),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.add_middleware(BodyLimit, larger=files.larger)
    return app


def _gathering(
    calls: LeadCalls, serve: ServeSettings, measures: Measures
) -> Gathering[Call, Answer]:
    return Gathering(
        calls.answer,
        seconds=serve.gather_ms / 1000,
        most=serve.most_gathered,
        room=serve.queue,
        note=measures.note_batch,
    )
