"""OpenLineage events: which file became which leads, and which leads were archived."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from jobs.settings.telemetry import LineageSettings
from jobs.telemetry.outcome import RunOutcome
from loader import __version__
from loader.archive.report import ArchiveReport
from loader.errors import ConfigurationError, missing_extra_error
from loader.paths import printable_path
from loader.results.summary import FileSummary, Summary
from loader.undo.report import UndoReport

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunState
    from openlineage.client.transport import Transport

    from loader.reading.source import SourceFile

PRODUCER = f"urn:leadloader:{__version__}"
LEADS, ARCHIVE = "vicidial_list", "vicidial_list_archive"
RETRY = {"total": 2, "connect": 2, "read": 2, "backoff_factor": 0.3}
"""Few and short retries: a load must not wait long for an endpoint that does not answer."""


class Started(NamedTuple):
    """A run whose start was reported."""

    run_id: str
    inputs: "list[InputDataset]"


class Lineage:
    """Sends the events of runs."""

    def __init__(self, settings: LineageSettings) -> None:
        """Create the client; nothing is sent yet.

        Raises:
            ConfigurationError: the extra is not installed, or the address is invalid.
        """
        try:
            from openlineage.client import (  # noqa: PLC0415 - an extra
                OpenLineageClient,
                event_v2,
                facet_v2,
            )
        except ImportError:
            raise missing_extra_error("[lineage]", "lineage", "openlineage-python") from None
        event_v2.set_producer(PRODUCER)
        self._events, self._facets = event_v2, facet_v2
        self._settings = settings
        self._client = OpenLineageClient(transport=_transport(settings))

    @property
    def goes_to(self) -> str:
        """The file or the host that events go to."""
        return str(self._settings.file or urlsplit(self._settings.url).hostname)

    def started(
        self,
        job: str,
        run: str,
        path: str,
        file: "SourceFile",
        fields: Mapping[str, str],
        began: datetime,
    ) -> Started:
        """Report the start of a load; `fields` are columns of the file by field.

        Raises:
            OSError, RuntimeError: the event cannot be delivered.
        """
        started = Started(run_id(run), self._files(path, file, fields.values()))
        self._emit(self._events.RunState.START, job, began, started.run_id, started.inputs)
        return started

    def ended(self, outcome: RunOutcome, started: Started | None = None) -> None:
        """Report the end of a run, and its start if that was not reported.

        Raises:
            OSError, RuntimeError: the event cannot be delivered.
        """
        states = self._events.RunState
        inputs, outputs = self._datasets(outcome, started)
        if started is None:
            started = Started(run_id(outcome.run), inputs)
            self._emit(states.START, outcome.job, outcome.began, started.run_id, inputs)
        facets = {"leadloader": self._run_facet(outcome)}
        if outcome.exit_code:
            error = self._facets.error_message_run.ErrorMessageRunFacet(outcome.message, "Python")
            facets["errorMessage"] = error
        state = states.FAIL if outcome.exit_code else states.COMPLETE
        if isinstance(outcome.report, ArchiveReport) and outcome.report.stopped == "signal":
            state = states.ABORT
        self._emit(state, outcome.job, outcome.ended, started.run_id, inputs, outputs, facets)

    def _run_facet(self, outcome: RunOutcome) -> Any:
        return self._facets.RunFacet().with_additional_properties(
            run=outcome.run,
            outcomes=outcome.outcomes,
            reasons=outcome.reasons,
            seconds=dict(outcome.seconds),
            results=outcome.results,
        )

    def _datasets(
        self, outcome: RunOutcome, started: Started | None
    ) -> "tuple[list[InputDataset], list[OutputDataset]]":
        report, inputs = outcome.report, started.inputs if started else []
        if isinstance(report, Summary):
            file, columns = report.file, report.mapping.fields.values()
            inputs = inputs or self._files(file.name, file, columns)
            return self._counted(inputs, report), [self._leads(report, inputs)]
        if isinstance(report, UndoReport | ArchiveReport):
            tables = (ARCHIVE, LEADS) if report.job == "dearchive" else (LEADS, ARCHIVE)
            source, target = (table_of(report.database, table) for table in tables)
            return [self._events.InputDataset(*source)], [self._table(target, report.moved)]
        return inputs, []

    def _files(
        self, path: str, file: "SourceFile | FileSummary", columns: Iterable[str]
    ) -> "list[InputDataset]":
        """Give the source file, or each of several, with the columns that are loaded."""
        named = [(part.name, part.sha256) for part in file.parts] or [(path, file.sha256)]
        return [self._file(name, sha256, [*columns]) for name, sha256 in named]

    def _file(self, path: str, sha256: str, columns: Iterable[str]) -> "InputDataset":
        """Give a file with the columns that are loaded.

        The other names may be data of a person, if the file has no header after all.
        """
        schema, version = self._facets.schema_dataset, self._facets.dataset_version_dataset
        fields = [schema.SchemaDatasetFacetFields(name=column) for column in columns]
        facets = {
            "schema": schema.SchemaDatasetFacet(fields=fields),
            "version": version.DatasetVersionDatasetFacet(datasetVersion=sha256),
        }
        name = "standard input" if path == "-" else printable_path(Path(path).resolve())
        return self._events.InputDataset("file", name, facets=facets)

    def _counted(self, inputs: "list[InputDataset]", summary: Summary) -> "list[InputDataset]":
        facets = self._facets.input_statistics_input_dataset
        parts, file = summary.file.parts, summary.file
        counted = [(part.rows, part.size) for part in parts] or [(summary.rows_read, file.size)]
        for each, (rows, size) in zip(inputs, counted, strict=True):
            statistics = facets.InputStatisticsInputDatasetFacet(rowCount=rows, size=size)
            each.inputFacets = {"inputStatistics": statistics}
        return inputs

    def _leads(self, summary: Summary, inputs: "list[InputDataset]") -> "OutputDataset":
        leads = self._table(table_of(summary.database or "", LEADS), summary.loaded)
        lineage = self._facets.column_lineage_dataset
        fields = {
            field: lineage.Fields(
                [lineage.InputField(each.namespace, each.name, column) for each in inputs]
            )
            for field, column in summary.mapping.fields.items()
        }
        leads.facets = {"columnLineage": lineage.ColumnLineageDatasetFacet(fields=fields)}
        return leads

    def _table(self, name: tuple[str, str], rows: int) -> "OutputDataset":
        facets = self._facets.output_statistics_output_dataset
        statistics = facets.OutputStatisticsOutputDatasetFacet(rowCount=rows)
        return self._events.OutputDataset(*name, outputFacets={"outputStatistics": statistics})

    def _emit(
        self,
        state: "RunState",
        job: str,
        when: datetime,
        run: str,
        inputs: "list[InputDataset]",
        outputs: "list[OutputDataset] | None" = None,
        facets: dict[str, Any] | None = None,
    ) -> None:
        events, types = self._events, self._facets.job_type_job
        kind = types.JobTypeJobFacet("BATCH", "LEADLOADER", jobType="JOB")
        self._client.emit(
            events.RunEvent(
                eventType=state,
                eventTime=when.isoformat(),
                run=events.Run(run, facets=facets or {}),
                job=events.Job(self._settings.namespace, job, facets={"jobType": kind}),
                inputs=inputs,
                outputs=outputs or [],
                producer=PRODUCER,
            )
        )


def run_id(run: str) -> str:
    """Give the id of a run; it depends on the name alone, so that a resumed run keeps it."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"leadloader:{run}") if run else uuid.uuid4())


def table_of(database: str, table: str) -> tuple[str, str]:
    """Give namespace and name of a table, as OpenLineage defines them; without the outcome."""
    # Imported late: each command has this module, and few send events.
    from loader.database.address import read_address  # noqa: PLC0415

    if database.startswith(("http://", "https://")):
        return database, table  # of another dialer, which only its API knows
    url = read_address(database).url
    if url.get_backend_name() == "sqlite":
        return "sqlite", f"{Path(url.database or '').resolve()}.{table}"
    return f"mysql://{url.host}:{url.port or 3306}", f"{url.database}.{table}"


def _transport(settings: LineageSettings) -> "Transport":
    from openlineage.client.transport.file import (  # noqa: PLC0415 - an extra
        FileConfig,
        FileTransport,
    )
    from openlineage.client.transport.http import (  # noqa: PLC0415 - an extra
        HttpConfig,
        HttpTransport,
    )

    if settings.file:
        return FileTransport(FileConfig(str(settings.file.absolute()), append=True))
    key = settings.api_key.get_secret_value() if settings.api_key else None
    auth = {"type": "api_key", "apiKey": key} if key else {}
    options = {
        "url": settings.url, "endpoint": settings.endpoint, "timeout": settings.timeout,
        "auth": auth, "retry": RETRY,
    }  # fmt: skip
    try:
        return HttpTransport(HttpConfig.from_dict(options))
    except ValueError:
        raise ConfigurationError("lineage.url: give an address such as http://host:5000") from None
