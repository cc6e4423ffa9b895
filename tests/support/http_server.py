"""An HTTP server on this machine whose answers are a test's: a dialer, or a line that is cut."""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Reply(NamedTuple):
    """An answer."""

    text: str = ""
    status: int = 200
    headers: Mapping[str, str] = {}
    is_cut: bool = False
    """Half of the text is sent."""


class Request(NamedTuple):
    """A request that came."""

    number: int
    """From 1, in the order in which they came."""
    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body, keep_blank_values=True))


Answer = Callable[[Request], Reply | None]
"""Answers a request; None: the connection is cut."""


@dataclass
class HttpServer:
    """What came, and where it listens."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    """Answers requests of one connection."""

    protocol_version = "HTTP/1.1"
    # A packet is small, and waiting for company costs 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: "_Server"

    def setup(self) -> None:
        super().setup()
        self.server.state.connections += 1

    def do_POST(self) -> None:
        state = self.server.state
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with state.lock:
            request = Request(len(state.requests) + 1, self.path, dict(self.headers), body)
            state.requests.append(request)
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            reply = self.server.answer(request)
        finally:
            with state.lock:
                state.at_once -= 1
        if reply is None:
            self.close_connection = True
            self.connection.close()
        else:
            self._reply(reply)

    def _reply(self, reply: Reply) -> None:
        content = reply.text.encode()
        self.send_response(reply.status)
        for name, value in {**reply.headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if reply.is_cut else content)
        self.close_connection |= reply.is_cut

    def handle(self) -> None:
        # The other end hung up, or this one did.
        with suppress(OSError, ValueError):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_arguments: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.state = answer, HttpServer()


@contextmanager
def http_server(answer: Answer, certificate: Path | None = None) -> Iterator[HttpServer]:
    """Listen on a free port; with a certificate, beside which is its key, by TLS."""
    server = _Server(answer)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https" if certificate else "http"
    server.state.url = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def forward(url: str) -> Callable[[Request], Reply]:
    """Give what answers as another server does."""
    parts = urlsplit(url)

    def ask(request: Request) -> Reply:
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            names = request.headers.keys() & {"Content-Type", "Authorization"}
            headers = {name: request.headers[name] for name in names}
            line.request("POST", request.path, request.body, headers)
            response = line.getresponse()
            return Reply(response.read().decode(), response.status)
        finally:
            line.close()

    return ask
