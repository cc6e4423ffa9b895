"""The server: where it listens, and how it ends."""

import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from jobs.serve.connections import PatientProtocol
from jobs.settings.listening import certificate_problem, refuse_open_address, server_tls
from jobs.settings.serve import ServeSettings
from loader.errors import ResultsError, describe_bug

LOG = logging.getLogger("leadloader")

ENDING = (signal.SIGTERM, signal.SIGINT)

MORE_CONNECTIONS = 200
"""Those that are at work or idle, besides as many as there are calls that may wait."""

PATIENCE = 60
"""Seconds that calls may take to be answered once the server is told to end."""


def listen(
    app: Starlette, serve: ServeSettings, say: Callable[[str], None] = lambda _text: None
) -> None:
    """Answer requests until a signal comes, and then those that were accepted.

    Args:
        app: the application.
        serve: where.
        say: takes the address, once it is listened at.

    Raises:
        SettingError: see `refuse_open_address` and `server_tls`.
        ResultsError: the address cannot be listened at.
    """
    refuse_open_address(serve)
    server = uvicorn.Server(server_config(app, serve))
    if problem := certificate_problem(serve):
        LOG.warning("%s", problem)
    with _end_by_signal(server), log_of_server(), listening_socket(serve) as listening:
        host, port = listening.getsockname()[:2]
        scheme = "https" if serve.tls_cert else "http"
        shown = f"[{host}]" if ":" in host else host
        say(f"listening at {scheme}://{shown}:{port}")
        server.run(sockets=[listening])


def server_config(app: Starlette, serve: ServeSettings) -> uvicorn.Config:
    """Say how connections are served.

    Raises:
        SettingError: see `server_tls`.
    """
    tls, is_forwarded = server_tls(serve), serve.behind_proxy
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        log_config=None,
        # Addresses have passwords and phones.
        access_log=False,
        ssl_context_factory=(lambda *_defaults: tls) if tls else None,
        proxy_headers=is_forwarded,
        forwarded_allow_ips=[*serve.forwarded_allow] if is_forwarded else [],
        server_header=False,
        limit_concurrency=serve.queue + MORE_CONNECTIONS,
        timeout_graceful_shutdown=PATIENCE,
        lifespan="on",
    )


class _OfServer(logging.Handler):
    """Passes on what the server complains of, but no text of an error: that may have data."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception) and error.__traceback__ is not None:
            text = describe_bug(error)
        else:
            text = str(record.msg).partition("\n")[0]
        LOG.log(record.levelno, "the server says: %s", text)


@contextmanager
def log_of_server() -> Iterator[None]:
    """Log what the server complains of, in the block."""
    of_server, handler = logging.getLogger("uvicorn.error"), _OfServer(logging.WARNING)
    of_server.addHandler(handler)
    try:
        yield
    finally:
        of_server.removeHandler(handler)


@contextmanager
def _end_by_signal(server: uvicorn.Server) -> Iterator[None]:
    """Take a signal for the usual end of a service, also before it has begun to answer.

    The server raises it again when all is done.
    """

    def end(_number: int, _frame: object) -> None:
        server.should_exit = True

    before = {each: signal.signal(each, end) for each in ENDING}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def listening_socket(serve: ServeSettings) -> socket.socket:
    """Give a socket that listens where it is wanted.

    Raises:
        ResultsError: the address cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in serve.host else socket.AF_INET
    # Named, or asyncio does not see that it is TCP: answers would wait for acknowledgements.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((serve.host, serve.port))
        listening.listen(1024)
    except OSError as error:
        listening.close()
        raise ResultsError(
            f"serve: cannot listen at {serve.host}, port {serve.port}: {error.strerror}"
        ) from None
    return listening
