"""A server on this machine that notes what it is sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listener:
    """What was sent, and how it is answered."""

    def __init__(self) -> None:
        self.status = 200
        self.posts: list[tuple[str, dict[str, str], Any]] = []
        """Path, headers and JSON."""
        self.port = 0
        self.gets: list[str] = []
        """Paths with their queries."""
        self.next_statuses: list[int] = []
        """How the next GET requests are answered, before `status` is."""

    @property
    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.posts]


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen on a free port."""
    listener = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            listener.posts.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(listener.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            listener.gets.append(self.path)
            statuses = listener.next_statuses
            self.send_response(statuses.pop(0) if statuses else listener.status)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"done")

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
