"""Prometheus metrics of runs, in a file that node_exporter's textfile collector reads."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from jobs.telemetry.outcome import RunOutcome
from loader.errors import missing_extra_error

if TYPE_CHECKING:
    from prometheus_client import Metric

Labels = tuple[str, ...]
Samples = dict[str, dict[Labels, float]]
"""Values by name of the metric and by its labels, in the order of `METRICS`."""

JOB, SOURCE = "job", "source"
LAST_SUCCESS = "leadloader_last_success_timestamp_seconds"
METRICS: dict[str, tuple[str, tuple[str, ...]]] = {
    "leadloader_rows": (
        "Rows of the files, or leads of the archiving, that were last dealt with",
        (JOB, SOURCE, "outcome", "reason"),
    ),
    "leadloader_stage_seconds": (
        "Seconds that the stages of the last loads took",
        (JOB, SOURCE, "stage"),
    ),
    "leadloader_runs": ("How many files or rules were last dealt with", (JOB, SOURCE)),
    "leadloader_failed_runs": ("How many of them failed", (JOB, SOURCE)),
    "leadloader_run_seconds": ("Seconds that they took", (JOB, SOURCE)),
    "leadloader_last_end_timestamp_seconds": ("When the last of them ended", (JOB, SOURCE)),
    LAST_SUCCESS: ("When one last ended well", (JOB, SOURCE)),
}
"""What each tells, and its labels. All are gauges: each command tells its own runs only."""

PATIENCE = 10.0
"""Seconds to wait for another command that writes the same file."""


@dataclass
class Metrics:
    """The metrics of one command, which replace those of the last with the same job and source.

    What other jobs and sources have in the file stays.
    """

    path: Path
    """Of the file; its name has to end in .prom to be read."""
    samples: Samples = field(default_factory=lambda: {name: {} for name in METRICS})

    def __post_init__(self) -> None:
        """Look for the extra.

        Raises:
            ConfigurationError: it is not installed.
        """
        try:
            import prometheus_client  # noqa: F401, PLC0415 - an extra
        except ImportError:
            raise missing_extra_error("metrics_file", "metrics", "prometheus-client") from None

    def add(self, account: RunOutcome) -> None:
        """Count a run and write the file, whole, then renamed into place.

        Raises:
            OSError: it cannot be written.
        """
        self._count(account)
        if not self.path.parent.is_dir():
            # The lock would make one, where nobody reads.
            raise OSError(errno.ENOENT, f"there is no folder {self.path.parent}")
        # Hidden, and not .prom: the collector does not read it.
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=PATIENCE)
        try:
            with lock:
                self._write()
        except Timeout:
            raise OSError("another command has been writing it for long") from None

    def _count(self, account: RunOutcome) -> None:
        key = (account.job, account.source)
        for (outcome, reason), count in account.rows.items():
            self._plus("leadloader_rows", (*key, outcome, reason), count)
        for stage, seconds in account.seconds.items():
            self._plus("leadloader_stage_seconds", (*key, stage), seconds)
        self._plus("leadloader_runs", key, 1)
        self._plus("leadloader_failed_runs", key, int(bool(account.exit_code)))
        took = (account.ended - account.began).total_seconds()
        self._plus("leadloader_run_seconds", key, took)
        ended = account.ended.timestamp()
        self.samples["leadloader_last_end_timestamp_seconds"][key] = ended
        if not account.exit_code:
            self.samples[LAST_SUCCESS][key] = ended

    def _plus(self, name: str, labels: Labels, value: float) -> None:
        self.samples[name][labels] = round(self.samples[name].get(labels, 0) + value, 6)

    def _write(self) -> None:
        from prometheus_client import write_to_textfile  # noqa: PLC0415 - an extra

        ours = set(self.samples["leadloader_runs"])
        merged: Samples = {name: dict(samples) for name, samples in self.samples.items()}
        for name, labels, value in read(self.path):
            is_ours = labels[:2] in ours
            if not is_ours or (name == LAST_SUCCESS and labels not in merged[name]):
                merged[name][labels] = value
        write_to_textfile(str(self.path), _Collector(merged))


@dataclass(frozen=True)
class _Collector:
    """Gives samples as prometheus_client asks for them."""

    samples: Samples

    def collect(self) -> "Iterator[Metric]":
        """Give the metrics that have samples."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - an extra

        for name, (told, labels) in METRICS.items():
            family = GaugeMetricFamily(name, told, labels=labels)
            for values, value in sorted(self.samples[name].items()):
                family.add_metric(values, value)
            if family.samples:
                yield family


def read(path: Path) -> Iterator[tuple[str, Labels, float]]:
    """Read our samples of a file: name, labels, value; none of a file that is damaged.

    Raises:
        OSError: it cannot be read.
    """
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - an extra

    try:
        families = list(text_string_to_metric_families(path.read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return
    for family in families:
        for sample in family.samples:
            names = METRICS[sample.name][1] if sample.name in METRICS else ()
            if names and sample.labels.keys() == set(names):
                yield sample.name, tuple(sample.labels[name] for name in names), sample.value
