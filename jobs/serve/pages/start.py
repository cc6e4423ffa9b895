"""The pages for who has no shell: send a file, see its columns, check it, load it."""

from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from jobs.serve.access.logins import RefusedError
from jobs.serve.files.jobs import FileJobs
from jobs.serve.files.options import REQUEST, options_of
from jobs.serve.files.receiving import FILE, Receiver
from jobs.serve.files.uploads import Upload
from jobs.serve.files.work import outward
from jobs.serve.pages import static_files
from jobs.serve.pages.form import (
    COLUMN,
    FileColumns,
    FileForm,
    chosen_map,
    field_choices,
    option_choices,
    read_columns,
)
from jobs.serve.pages.run import RunPages
from jobs.serve.pages.site_choices import SiteChoices, read_choices
from jobs.serve.pages.visits import Door, Visit, see, sentence
from jobs.settings.settings import Settings
from loader.database.connection import Database
from loader.errors import ConfigurationError, LoaderError, SourceFileError, UsageError
from loader.options.load import LoadOptions

ADDRESS = "/files"
"""Where the form sends a file."""

MOST_READ_AT_ONCE = 2
"""Files whose columns are looked at: each is read to its end."""

T = TypeVar("T")


class Pages:
    """Answers for the pages."""

    def __init__(
        self,
        jobs: FileJobs,
        receiver: Receiver,
        door: Door,
        settings: Settings,
        database: Database,
    ) -> None:
        """Take what does the jobs, who may come in, the options of the site, and its database."""
        self._jobs, self._receiver, self._door = jobs, receiver, door
        self._settings, self._database = settings, database
        self._reading: anyio.CapacityLimiter | None = None

    @property
    def routes(self) -> list[Route]:
        """The addresses."""
        route, of_file = self._door.route, ADDRESS + "/{upload}"
        return [
            route("/", self._start),
            *self._door.routes(),
            route(ADDRESS, self._send, "POST"),
            route(of_file, self._columns),
            route(of_file, self._check, "POST"),
            *RunPages(self._jobs, self._door).routes,
            *static_files.routes(),
        ]

    async def _start(self, visit: Visit) -> Response:
        """Show where a file is sent, and those that were."""
        recent = await run_in_threadpool(self._jobs.recent, visit.owner)
        most = self._settings.max_file_size
        return visit.page("start.html.jinja", recent=recent, most=most, problem="")

    async def _send(self, visit: Visit) -> Response:
        """Take a file."""
        with self._receiver:
            upload = await self._receiver.from_form(visit.owner, visit.form.get(FILE))
        return see(f"{ADDRESS}/{upload.name}")

    async def _columns(self, visit: Visit) -> Response:
        """Show the columns of a file, as an earlier check of it had them if one is named."""
        upload = await self._upload(visit)
        options = self._options(visit, {})
        before = visit.request.query_params.get("as", "")
        job = await run_in_threadpool(self._jobs.find, before, visit.owner)
        if job and job.upload == upload.name:
            options = LoadOptions(**job.options)
        return await self._show(visit, upload, options, FileForm.of_options(options))

    async def _check(self, visit: Visit) -> Response:
        """Check a file as the form says, or show its columns once more."""
        upload, form = await self._upload(visit), FileForm.of_form(visit.form)
        try:
            options = self._options(visit, form.given)
        except ConfigurationError as error:
            return await self._show(visit, upload, self._options(visit, {}), form, _own(error))
        if visit.text("action") == "read":
            return await self._show(visit, upload, options, form)
        if form.read_as != form.reading:
            problem = "The file is read in another way now: look at its columns, and check it then"
            return await self._show(visit, upload, options, form, problem)
        choices = await run_in_threadpool(read_choices, self._database, options)
        try:
            found = await self._read(upload, options, choices)
            columns = chosen_map(visit.form, found, choices.labels)
        except (SourceFileError, UsageError) as error:
            return await self._show(visit, upload, options, form, self._problem_text(error, upload))
        options = options.model_copy(update={"map": columns})
        job = await run_in_threadpool(self._jobs.add, upload, options)
        return see(f"/runs/{job.run}")

    async def _show(
        self,
        visit: Visit,
        upload: Upload,
        options: LoadOptions,
        form: FileForm,
        problem: str = "",
    ) -> Response:
        """Show the columns of a file and the form; `problem` is what is wrong with that."""
        choices = await run_in_threadpool(read_choices, self._database, options)
        found: FileColumns | None = None
        try:
            found = await self._read(upload, options, choices)
        except (SourceFileError, UsageError) as error:
            problem = self._problem_text(error, upload)
        keeps = visit.form and form.read_as == form.reading
        chosen = [
            visit.text(f"{COLUMN}{number}") if keeps else column.chosen
            for number, column in enumerate(found.columns if found else ())
        ]
        return visit.page(
            "columns.html.jinja",
            400 if problem else 200,
            upload=upload, form=form, found=found, chosen=chosen, choices=choices,
            fields=field_choices(choices.labels), options=option_choices(form),
            problem=sentence(problem, upload.file) if problem else "", column=COLUMN,
        )  # fmt: skip

    async def _read(
        self, upload: Upload, options: LoadOptions, choices: SiteChoices
    ) -> FileColumns:
        content = self._receiver.uploads.path(upload.name)
        return await self._one_of_few(
            lambda: read_columns(content, upload.file, options, choices.labels)
        )

    async def _one_of_few(self, work: Callable[[], T]) -> T:
        if self._reading is None:
            self._reading = anyio.CapacityLimiter(MOST_READ_AT_ONCE)
        return await anyio.to_thread.run_sync(work, limiter=self._reading)

    def _options(self, visit: Visit, given: dict[str, Any]) -> LoadOptions:
        return options_of(self._settings, given, visit.session.caller.user)

    async def _upload(self, visit: Visit) -> Upload:
        name = visit.request.path_params["upload"]
        upload = await run_in_threadpool(self._receiver.uploads.find, name, visit.owner)
        if upload is None:
            raise RefusedError("the file is not here any more; send it again", 404)
        self._receiver.uploads.use(upload)
        return upload

    def _problem_text(self, error: LoaderError, upload: Upload) -> str:
        return outward(str(error), {self._receiver.uploads.path(upload.name): upload.file})


def _own(error: LoaderError) -> str:
    """Say what is wrong with an option, to who has just chosen it."""
    return str(error).removeprefix(f"{REQUEST}: ")
