"""A Dask cluster that computes functions for this process: the one module that imports Dask.

Dask computes a function again where the process that did it, or had its result, is gone; so what it
computes has no effect but its result. Values reach the cluster by its scheduler, and are kept there
until their result was taken, so that no worker has the only copy of anything.
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Security, get_worker

from loader.errors import LoaderError

LOCAL = "local"
"""The scheduler's address that stands for a cluster of this process's own."""
OF_SCHEDULER = ("python", "dask", "distributed")
PACKAGES = (
    *OF_SCHEDULER, "leadloader", "numpy", "pandas", "phonenumbers", "pyarrow", "pydantic"
)  # fmt: skip
"""Those that decide what a worker's checks say, or whether it can be talked to."""
SHOWN = 5
"""Differences that an error names."""
SECONDS_TO_CONNECT = 10
CONFIGURATION = {
    # A chunk of rows is a large graph, in Dask's words.
    "distributed.admin.large-graph-warning-threshold": "10 GB",
    # How long a lost scheduler is waited for: what it knew is lost with it.
    "distributed.comm.timeouts.connect": f"{SECONDS_TO_CONNECT}s",
    # Of a cluster of our own: nothing can be read from its HTTP servers.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


class ClusterError(LoaderError):
    """The Dask cluster cannot be used, or was lost; nothing was inserted."""

    exit_code: ClassVar[int] = 69


class Cluster:
    """A connection to a cluster; any thread may use it.

    Attributes:
        threads: how many functions its workers compute at a time, as it was when connected.
        versions: those of Python and `PACKAGES`, here and everywhere.
    """

    def __init__(self, scheduler: str, workers: int) -> None:
        """Connect to a scheduler, or start one with workers on this machine.

        Args:
            scheduler: its address, such as `tcp://host:8786`; `local`: one of our own.
            workers: processes of a local cluster.

        Raises:
            ClusterError: nobody answers, there is no worker, or the versions of Python or of
                packages differ.
        """
        self._name = "the local Dask cluster" if scheduler == LOCAL else f"Dask at {scheduler}"
        self._stack = ExitStack()
        for name in ("distributed", "distributed.client"):
            # What matters of it is raised.
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._stack.enter_context(dask.config.set(CONFIGURATION))
            address = self._started(workers) if scheduler == LOCAL else scheduler
            with self._explained("cannot be reached"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what differs there is asked afterwards
                client = Client(address, timeout=SECONDS_TO_CONNECT, set_as_default=False)
                self._client = self._stack.enter_context(client)
            self.threads = self._checked()
        except BaseException:  # Ctrl-C too: no process is left behind
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster; one of our own ends. Who waits for a result gets an error."""
        self._stack.close()

    def submit(self, function: Callable[..., Any], *arguments: Any, on: str | None = None) -> Any:
        """Let a worker call a function; first of all the one `on` an address, if it lives.

        Arguments may be what stands for other results, which stay where they are.

        Returns:
            What stands for its result, see `result`.

        Raises:
            ClusterError: the scheduler is lost.
        """
        with self._explained("was lost"):
            return self._client.submit(
                function, *arguments, pure=False,
                workers=on, allow_other_workers=on is not None, priority=1 if on else 0,
            )  # fmt: skip

    def result(self, future: Any) -> Any:
        """Wait for a result.

        Raises:
            ClusterError: the scheduler is lost, or several workers died of this function.
            Exception: that the function raised.
        """
        assert isinstance(future, Future)  # noqa: S101 - for mypy: of `submit`
        with self._explained("was lost"):
            error = future.exception()
            if error is None or isinstance(error, KilledWorker):
                return future.result()
        raise error

    def workers(self) -> list[str]:
        """Give the addresses of the workers that there are now."""
        with self._explained("was lost"):
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        return [*workers]

    def _started(self, workers: int) -> LocalCluster:
        """Start a cluster that nobody else of this machine can use: its lines are encrypted."""
        with self._explained("cannot be started"):
            security = Security.temporary()
            cluster: LocalCluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, security=security,
                host="127.0.0.1", protocol="tls", dashboard_address="127.0.0.1:0",
                worker_dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
                preload=["loader.engines.deaf"],
            )  # fmt: skip
            self._stack.enter_context(cluster)
            return cluster

    def _checked(self) -> int:
        """Count the threads of the workers; all have to have our versions."""
        with self._explained("has no worker that answers"):
            self._client.wait_for_workers(1, timeout=SECONDS_TO_CONNECT)
            threads = self._client.nthreads()
        self.versions = self._common_versions()
        return sum(threads.values())

    def _common_versions(self) -> dict[str, str]:
        with self._explained("does not say its versions"):
            found = self._client.get_versions(packages=list(PACKAGES[1:]))
        ours, scheduler = _versions(found["client"]), _versions(found["scheduler"])
        parts = {"the scheduler": {name: scheduler[name] for name in OF_SCHEDULER}}
        parts |= {f"worker {name}": _versions(each) for name, each in found["workers"].items()}
        differing = [
            f"{part} has {name} {version or 'none'}, this process {ours[name]}"
            for part, versions in parts.items()
            for name, version in versions.items()
            if version != ours[name]
        ]
        if differing:
            raise ClusterError(
                f"{self._name} may check otherwise than this process: "
                f"{'; '.join(differing[:SHOWN])}. Install the same versions everywhere"
            )
        return ours

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except KilledWorker:
            raise ClusterError(
                f"{self._name}: the same rows ended one worker after the other, perhaps because "
                "memory ran out; nothing was inserted. Run the command again, with a smaller "
                "--chunk-size or more memory for each worker"
            ) from None
        except (CancelledError, OSError, TimeoutError) as error:
            detail = str(error).partition("\n")[0] or type(error).__name__
            raise ClusterError(
                f"{self._name} {what} ({detail}); nothing was inserted. Run the command again "
                "when it is there, or with --engine local"
            ) from None


def node_folder() -> Path:
    """Give the folder that the workers of a node share; to be called in a worker."""
    return Path(get_worker().local_directory).parent


def _versions(found: dict[str, Any]) -> dict[str, str]:
    """Give the versions of `PACKAGES` of a part of a cluster; empty: it has none."""
    versions = {**found["packages"], "python": found["host"]["python"].rpartition(".")[0]}
    return {name: str(versions.get(name) or "") for name in PACKAGES}
