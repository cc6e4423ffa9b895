"""Prometheus metrics of runs, in a file that node_exporter's textfile collector reads."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from jobs.telemetry.outcome import RunOutcome
from loader.errors import missing_extra_error
from loader.files import read_whole

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
"""The help text and the labels of each metric. All are gauges of the last command's runs."""

PATIENCE = 10.0
"""Seconds to wait for another command that is writing the same file."""


@dataclass
class Metrics:
    """The metrics of one command; they replace those of the last one with the same job and source.

    Metrics of other jobs and sources stay in the file.
    """

    path: Path
    """The file; the collector reads only names that end in .prom."""
    samples: Samples = field(default_factory=lambda: {name: {} for name in METRICS})

    def __post_init__(self) -> None:
        """Check that the extra is installed.

        Raises:
            ConfigurationError: it is not.
        """
        try:
            import prometheus_client  # noqa: F401, PLC0415 - an extra
        except ImportError:
            raise missing_extra_error("metrics_file", "metrics", "prometheus-client") from None

    def add(self, outcome: RunOutcome) -> None:
        """Count a run and replace the file by a complete new one.

        Raises:
            OSError: it cannot be written.
        """
        self._count(outcome)
        if not self.path.parent.is_dir():
            # The lock would create the folder, where no collector reads.
            raise OSError(errno.ENOENT, f"there is no folder {self.path.parent}")
        # A hidden name that does not end in .prom: the collector skips it.
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=PATIENCE)
        try:
            with lock:
                self._write()
        except Timeout:
            raise OSError("another command has been writing it for long") from None

    def _count(self, run: RunOutcome) -> None:
        key = (run.job, run.source)
        for (outcome, reason), count in run.rows.items():
            self._plus("leadloader_rows", (*key, outcome, reason), count)
        for stage, seconds in run.seconds.items():
            self._plus("leadloader_stage_seconds", (*key, stage), seconds)
        self._plus("leadloader_runs", key, 1)
        self._plus("leadloader_failed_runs", key, int(bool(run.exit_code)))
        self._plus("leadloader_run_seconds", key, (run.ended - run.began).total_seconds())
        ended = run.ended.timestamp()
        self.samples["leadloader_last_end_timestamp_seconds"][key] = ended
        if not run.exit_code:
            self.samples[LAST_SUCCESS][key] = ended

    def _plus(self, name: str, labels: Labels, value: float) -> None:
        self.samples[name][labels] = round(self.samples[name].get(labels, 0) + value, 6)

    def _write(self) -> None:
        from prometheus_client import write_to_textfile  # noqa: PLC0415 - an extra

        own_keys = set(self.samples["leadloader_runs"])
        merged: Samples = {name: dict(samples) for name, samples in self.samples.items()}
        for name, labels, value in read(self.path):
            is_own = labels[:2] in own_keys
            if not is_own or (name == LAST_SUCCESS and labels not in merged[name]):
                merged[name][labels] = value
        write_to_textfile(str(self.path), _Collector(merged))
        # Numbers of rows alone, read by a program of another account.
        self.path.chmod(0o644)


@dataclass(frozen=True)
class _Collector:
    """Gives the samples to prometheus_client."""

    samples: Samples

    def collect(self) -> "Iterator[Metric]":
        """Give the metrics that have samples."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - an extra

        for name, (help_text, labels) in METRICS.items():
            family = GaugeMetricFamily(name, help_text, labels=labels)
            for values, value in sorted(self.samples[name].items()):
                family.add_metric(values, value)
            if family.samples:
                yield family


def read(path: Path) -> Iterator[tuple[str, Labels, float]]:
    """Read the samples in `METRICS` from a file: name, labels, value; none from a damaged file.

    Raises:
        OSError: it cannot be read.
    """
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - an extra

    try:
        families = list(text_string_to_metric_families(read_whole(path).decode()))
    except (FileNotFoundError, ValueError):
        return
    for family in families:
        for sample in family.samples:
            names = METRICS[sample.name][1] if sample.name in METRICS else ()
            if names and sample.labels.keys() == set(names):
                yield sample.name, tuple(sample.labels[name] for name in names), sample.value
