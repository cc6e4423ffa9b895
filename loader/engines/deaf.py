"""A worker of our own cluster is set up so: Ctrl-C is for the main process, which ends it."""

import signal


def dask_setup(_worker: object) -> None:
    """Let the worker ignore Ctrl-C; Dask calls it as the worker starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
