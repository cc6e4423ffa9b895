"""What the service counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

TEXT = "text/plain; version=0.0.4; charset=utf-8"

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Measures:
    """The metrics of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter(
            "leadloader_add_lead_calls", "Calls of add_lead", ["outcome"], registry=self.registry
        )
        self.accepted = Counter(
            "leadloader_accepted_calls", "Calls of add_lead that wait or waited for their turn",
            registry=self.registry,
        )  # fmt: skip
        self.logins = Counter(
            "leadloader_failed_logins", "Calls with a wrong user or password", ["how"],
            registry=self.registry,
        )  # fmt: skip
        self.archive = Counter(
            "leadloader_archive_requests", "Requests that are to move leads", ["job", "outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.batch_calls = Histogram(
            "leadloader_batch_calls", "Calls that were answered together", buckets=SIZES,
            registry=self.registry,
        )  # fmt: skip
        self.batch_seconds = Histogram(
            "leadloader_batch_seconds", "Seconds that this took", registry=self.registry
        )
        self.waiting = Gauge("leadloader_waiting_calls", "Calls that wait", registry=self.registry)

    def note_batch(self, calls: int, seconds: float) -> None:
        """Count a group of calls."""
        self.batch_calls.observe(calls)
        self.batch_seconds.observe(seconds)

    def note_failed_login(self, how: str) -> None:
        """Count a log-in that failed: wrong, or kept waiting."""
        self.logins.labels(how).inc()

    async def page(self, _request: Request) -> Response:
        """Give all metrics."""
        return Response(generate_latest(self.registry), media_type=TEXT)
