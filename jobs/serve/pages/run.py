"""The pages of a check or a load: how far it is, what came out, and the button that loads."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from jobs.serve.access.logins import RefusedError
from jobs.serve.files.job import FileJob
from jobs.serve.files.jobs import FileJobs
from jobs.serve.files.result_files import existing_files, send_file
from jobs.serve.files.uploads import Upload
from jobs.serve.pages.result_view import result_values
from jobs.serve.pages.visits import HEADERS, Door, Visit, see, sentence
from loader.options.load import LoadOptions

ADDRESS = "/runs"

STAGES = {
    "check": "Checking the rows", "compare": "Comparing the rows", "count": "Counting the rows",
    "insert": "Loading the leads",
}  # fmt: skip
STEPS = 20
"""Of the bar that shows how far a job is; more would be told too often."""


class RunPages:
    """Answers for the pages of jobs."""

    def __init__(self, jobs: FileJobs, door: Door) -> None:
        """Take the jobs, and who may come in."""
        self._jobs, self._door = jobs, door

    @property
    def routes(self) -> list[Route]:
        """The addresses."""
        route, of_run = self._door.route, ADDRESS + "/{run}"
        return [
            route(of_run, self._page),
            route(of_run + "/progress", self._progress),
            route(of_run + "/load", self._load, "POST"),
            route(of_run + "/go-on", self._go_on, "POST"),
            route(of_run + "/{name}", self._file),
        ]

    async def _page(self, visit: Visit) -> Response:
        """Show how far a job is, or what came out."""
        job = await self._find(visit)
        folder = self._jobs.folder(job)
        is_over = not job.is_open
        results = await run_in_threadpool(result_values, folder) if is_over else None
        return visit.page(
            "run.html.jinja",
            job=job,
            message=sentence(job.message, job.file) if job.message else "",
            results=results,
            files=existing_files(folder) if is_over else [],
            can_load=self._can_load(job, results),
            has_upload=self._jobs.has_upload(job),
            **self._how_far(job),
        )

    async def _progress(self, visit: Visit) -> Response:
        """Give the part of the page that says how far a job is, if that has changed."""
        job = await self._find(visit)
        if not job.is_open:
            return Response(headers={**HEADERS, "HX-Refresh": "true"})
        values = self._how_far(job)
        if visit.request.query_params.get("seen") == values["seen"]:
            return Response(status_code=204, headers=HEADERS)
        return visit.page("progress.html.jinja", job=job, **values)

    async def _load(self, visit: Visit) -> Response:
        """Load the file of a check, with the options of the check."""
        job = await self._find(visit)
        upload = Upload(name=job.upload, owner=job.owner, file=job.file)
        again = visit.text("again") == "Y"
        if not self._jobs.has_upload(job):
            raise RefusedError("the file is not here any more; send it again", 404)
        options = LoadOptions(**job.options)
        added = await run_in_threadpool(self._jobs.add, upload, options, "import", again=again)
        return see(f"{ADDRESS}/{added.run}")

    async def _go_on(self, visit: Visit) -> Response:
        job = await run_in_threadpool(self._jobs.go_on, await self._find(visit))
        return see(f"{ADDRESS}/{job.run}")

    async def _file(self, visit: Visit) -> Response:
        job = await self._find(visit)
        found = send_file(self._jobs.folder(job), visit.request.path_params["name"], job.file)
        if found is None:
            raise RefusedError("there is no such file, or not yet", 404)
        return found

    async def _find(self, visit: Visit) -> FileJob:
        run = visit.request.path_params["run"]
        job = await run_in_threadpool(self._jobs.find, run, visit.owner)
        if job is None:
            raise RefusedError("there is no such run", 404)
        return job

    def _how_far(self, job: FileJob) -> dict[str, Any]:
        progress, before = self._jobs.progress(job), self._jobs.before(job)
        step = round(progress.share * STEPS)
        stage = STAGES.get(progress.stage, "Reading the file")
        if before:
            stage = f"Waiting for {before} other {'file' if before == 1 else 'files'}"
        return {"stage": stage, "percent": step * 100 // STEPS, "seen": f"{stage}-{step}"}

    def _can_load(self, job: FileJob, results: dict[str, Any] | None) -> bool:
        is_good = job.job == "validate" and job.state == "done" and self._jobs.has_upload(job)
        return is_good and results is not None and results["loaded"] > 0
