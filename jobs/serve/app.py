"""The service as an ASGI application: who answers at which address."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from jobs.serve import documentation
from jobs.serve.access.users import Attempts, UserDirectory, refuse_hashing
from jobs.serve.access_log import AccessLog
from jobs.serve.archive import calls as archive_calls
from jobs.serve.archive.calls import ArchiveCalls
from jobs.serve.feeds import CurrentFeeds
from jobs.serve.file_service import file_service
from jobs.serve.gathering import Gathering
from jobs.serve.health import Health
from jobs.serve.leads.answers import Answer
from jobs.serve.leads.calls import Call, LeadCalls, LeadPage
from jobs.serve.leads.intake import LeadIntake
from jobs.serve.limits import BodyLimit
from jobs.serve.metrics import Measures
from jobs.settings.serve import ServeSettings, refuse_options_of_files
from jobs.settings.settings import Settings
from loader.database.connection import Database
from loader.rights import needs
from loader.rights.refusal import refuse_unreadable, refuse_unwritable


@contextmanager
def application(settings: Settings, database: Database) -> Iterator[Starlette]:
    """Give the application.

    Raises:
        UsageError: see `refuse_options_of_files`.
        NotAllowedError: the account may not read, or not write, what calls need.
        ConfigurationError: see `refuse_hashing`.
        LoaderError: a feed cannot be used; the database does not answer.
    """
    options, serve = settings.options, settings.serve
    refuse_options_of_files(options)
    refuse_unreadable(database, lambda site: needs.of_calls(options, site))
    refuse_unwritable(database, lambda site: needs.of_calls(options, site))
    refuse_hashing(database)
    with TemporaryDirectory(prefix="leadloader-serve-") as name:
        feeds = CurrentFeeds(options, Path(name))
        intake = LeadIntake(database, options, Path(name), lambda: feeds, serve.refresh)
        # Its work is that of other threads.
        of_archive, of_health = database.anew(), database.anew()
        try:
            yield _application(intake, settings, database, of_archive, Health(of_health))
        finally:
            of_archive.engine.dispose()
            of_health.engine.dispose()


def _application(
    intake: LeadIntake,
    settings: Settings,
    database: Database,
    of_archive: Database,
    health: Health,
) -> Starlette:
    serve, measures = settings.serve, Measures()
    users, attempts = UserDirectory(database, serve.refresh), Attempts()
    calls = LeadCalls(users, attempts, intake, measures)
    archive = ArchiveCalls(settings, of_archive, calls)
    gathering = _gathering(calls, serve, measures)
    measures.waiting.set_function(lambda: gathering.waiting)
    files = file_service(settings, database, attempts, measures.note_failed_login)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        """Work while the server runs; what was accepted is answered before it ends."""
        stack = ExitStack()
        at_work: list[AbstractContextManager[Any]] = [
            health.asking, gathering, *archive.gatherings, files.jobs,
        ]  # fmt: skip
        for each in at_work:
            stack.enter_context(each)
        try:
            yield
        finally:
            await run_in_threadpool(stack.close)

    routes = [
        *LeadPage(gathering, measures, archive.functions).routes,
        *archive.routes,
        *files.routes,
        *documentation.ROUTES,
        *health.routes,
        Route("/metrics", measures.page),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    # Those of the archive see to it themselves, in words of their own.
    larger = {**files.larger, **dict.fromkeys(archive_calls.ADDRESSES, sys.maxsize)}
    app.add_middleware(BodyLimit, larger=larger)
    if serve.access_log:
        app.add_middleware(AccessLog)
    return app


def _gathering(
    calls: LeadCalls, serve: ServeSettings, measures: Measures
) -> Gathering[Call, Answer]:
    return Gathering(
        calls.answer,
        seconds=serve.gather_ms / 1000,
        most=serve.most_gathered,
        room=serve.queue,
        accepted=measures.accepted.inc,
        note=measures.note_batch,
    )
