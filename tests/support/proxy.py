"""A proxy before the database server that loses connections, or acts, where a test says so.

It reads the packets of the protocol (three bytes of length, one of sequence, the payload), so that
a cut falls between two of them. They must not be encrypted.
"""

import contextlib
import re
import select
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from sqlalchemy import make_url

from tests.support.server import Server

ASKS_FOR_LOCAL_FILE = b"\xfb"
"""First byte of the answer to LOAD DATA LOCAL: the statement goes on with the file's packets."""


Moment = Literal["before", "during", "after"]
"""Before the server sees a packet, as soon as it was sent, or when the answer has come from it."""


@dataclass
class Event:
    """Happens at the `nth` packet from now, of any client, that contains or matches something."""

    moment: Moment
    containing: bytes | re.Pattern[bytes]
    nth: int
    action: Callable[[], object]
    loses: bool

    def is_reached_by(self, packet: bytes) -> bool:
        if isinstance(self.containing, bytes):
            self.nth -= self.containing in packet
        else:
            self.nth -= self.containing.match(packet) is not None
        return self.nth == 0


class Proxy:
    """Forwards a free loopback `port` to `server` until `close`, or to the end of a `with`.

    Every event happens once; a cut loses that one connection, and those made later go through. When
    the client learns of it the server has ended the session: what was not committed is being rolled
    back.

    Attributes:
        port: where it listens.
        connections: how many clients have connected so far.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._ends: list[socket.socket] = []
        self._closed = False
        self._ends_silence = threading.Event()
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def via(self, url: str) -> str:
        """Return the address `url` of something on the server, but through the proxy."""
        address = make_url(url).set(host="127.0.0.1", port=self.port)
        return address.render_as_string(hide_password=False)

    def at(
        self,
        moment: Moment,
        containing: bytes | re.Pattern[bytes],
        action: Callable[[], object],
        *,
        nth: int = 1,
        loses: bool = False,
    ) -> None:
        """Act while the packet or its answer waits here, then let it pass or lose the connection.

        The other connections go on meanwhile. Of LOAD DATA LOCAL the answer is the last one, when
        all rows are in.
        """
        with self._lock:
            self._events.append(Event(moment, containing, nth, action, loses))

    def cut_before(self, containing: bytes, nth: int = 1) -> None:
        """Lose the connection instead of forwarding the packet: the server never sees it."""
        self.at("before", containing, _nothing, nth=nth, loses=True)

    def cut_after(self, containing: bytes, nth: int = 1) -> None:
        """Forward the packet, wait for the server's answer and lose it with the connection.

        The client cannot know whether its statement was done; it was.
        """
        self.at("after", containing, _nothing, nth=nth, loses=True)

    def stall(self, moment: Moment, containing: bytes, nth: int = 1) -> None:
        """Forward nothing more of the connection, and tell neither end: the line is a black hole.

        Before a packet the server never sees it, after it the client never sees the answer. The
        server keeps the session, with all its locks, until `close`.
        """
        self.at(moment, containing, self._ends_silence.wait, nth=nth, loses=True)

    def cut(self) -> None:
        """Lose all connections now, whatever they are doing."""
        with self._lock:
            for end in self._ends:
                _hang_up(end)

    def wait_for_ends(self) -> None:
        """Wait until the server has ended all sessions of clients, which have ended before."""
        for thread in self._threads[1:]:
            thread.join()

    def close(self) -> None:
        """Lose all connections and listen no more."""
        self._closed = True
        self._ends_silence.set()
        _hang_up(self._listener)
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=[client], daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection((self._server.host, self._server.port)) as upstream,
        ):
            for end in (client, upstream):
                # A packet is small, and waiting for company costs 40 ms.
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._ends += [client, upstream]
                if self._closed:
                    return
            with contextlib.suppress(ConnectionError):
                self._forward(client, upstream)
            # The server ends the session when it hears no more, and says so by hanging up.
            upstream.shutdown(socket.SHUT_WR)
            while upstream.recv(1 << 16):
                pass

    def _forward(self, client: socket.socket, upstream: socket.socket) -> None:
        """Forward both ways until a cut is reached; ConnectionError if one side hangs up."""
        events: list[Event] = []
        while True:
            ready, _, _ = select.select([client, upstream], [], [])
            sender = client if client in ready else upstream
            packet = _receive(sender)
            if sender is client:
                events += self._events_at(packet)
                if _lose(events, "before"):
                    return
                upstream.sendall(packet)
                if _lose(events, "during"):
                    return
            else:
                if packet[4:5] != ASKS_FOR_LOCAL_FILE and _lose(events, "after"):
                    return
                client.sendall(packet)

    def _events_at(self, packet: bytes) -> list[Event]:
        with self._lock:
            reached = [event for event in self._events if event.is_reached_by(packet)]
            for event in reached:
                self._events.remove(event)
            return reached


def _nothing() -> None:
    """Do nothing."""


def _lose(events: list[Event], moment: Moment) -> bool:
    """Do and drop what is to happen at this moment; tell whether the connection is lost by it."""
    due = [event for event in events if event.moment == moment]
    for event in due:
        events.remove(event)
        event.action()
    return any(event.loses for event in due)


def _receive(sender: socket.socket) -> bytes:
    """Return the next whole packet; ConnectionError if the sender hangs up before its end."""
    header = _receive_exactly(sender, 4)
    payload = _receive_exactly(sender, int.from_bytes(header[:3], "little"))
    return header + payload


def _receive_exactly(sender: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = sender.recv(min(size, 1 << 20))
        if not part:
            raise ConnectionError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _hang_up(end: socket.socket) -> None:
    # The other side may have been first, or the end be closed already.
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
