"""Connections of clients: how long each may take for a request, and for taking its answer."""

import asyncio
from asyncio.events import TimerHandle
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

SECONDS_OF_REQUEST = 20.0
"""In which a request has to come, head and body, besides those for its bytes."""

SECONDS_OF_ANSWER = 60.0
"""After which a client must have taken something of what waits for it."""

BYTES_PER_SECOND = 1000
"""So much has to come or go: who has less has a line that is cut, or means harm."""

MOST_OF_HEAD = 1 << 16
"""Bytes of the head of a request that comes in pieces; a lead in an address has fewer."""


class PatientProtocol(HttpToolsProtocol):
    """A connection that is closed when its client falls silent in the middle of something.

    uvicorn bounds the time between two requests, and this the time within one. A request that comes
    in one piece, as nearly all do, needs no timer.
    """

    _is_coming = False
    """A request has begun, and is not complete."""
    _has_head = False
    _received = 0
    """Bytes of the request, as far as they came in later pieces than its first."""
    _since = 0.0
    _request_timer: TimerHandle | None = None
    _answer_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as there
        """Wait for the first request."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(1)  # whatever is not taken counts
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece, and wait for the rest of its request."""
        self._received += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self._stop()
        elif self._is_coming and not self._has_head and self._received > MOST_OF_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif not self._is_coming and not self._is_idle:
            self._stop()
        elif self._request_timer is None:
            self._wait_for_request(len(data))

    @property
    def _is_idle(self) -> bool:
        """No request is at work."""
        return self.cycle is None or self.cycle.response_complete

    def on_message_begin(self) -> None:
        """Begin to count anew."""
        self._is_coming, self._has_head, self._received = True, False, 0
        self._stop()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head is there."""
        self._has_head = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that all is there."""
        self._is_coming = False
        super().on_message_complete()

    def _wait_for_request(self, received: int = 0) -> None:
        """Begin to wait; what has come already counts for the time, too."""
        self._since = self.loop.time() + received / BYTES_PER_SECOND
        self._request_timer = self.loop.call_later(SECONDS_OF_REQUEST, self._look_at_request)

    def _stop(self) -> None:
        if self._request_timer:
            self._request_timer.cancel()
            self._request_timer = None

    def _look_at_request(self) -> None:
        """End a connection that has had its time."""
        # It may be the server that keeps a client waiting, even one that sends requests in advance.
        if self.flow.read_paused or not (self._has_head or self._is_idle):
            self._wait_for_request()
            return
        seconds = SECONDS_OF_REQUEST + self._received / BYTES_PER_SECOND
        left = self._since + seconds - self.loop.time()
        if left > 0:
            self._request_timer = self.loop.call_later(left, self._look_at_request)
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Close the connection; say why, if nothing was said yet of a request that has begun."""
        self._stop()
        is_silent = not self.cycle.response_started if self._has_head else self._is_idle
        if self._is_coming and is_silent:
            text = f"{status.phrase.lower()}\n"
            self.transport.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain\r\n"
                f"content-length: {len(text)}\r\nconnection: close\r\n\r\n{text}".encode()
            )
        self.transport.close()

    def pause_writing(self) -> None:
        """Wait for the client to take what there is."""
        super().pause_writing()
        if self._answer_timer is None:
            self._wait_for_taking()

    def resume_writing(self) -> None:
        """Note that all was taken."""
        if self._answer_timer:
            self._answer_timer.cancel()
            self._answer_timer = None
        super().resume_writing()

    def _wait_for_taking(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        self._answer_timer = self.loop.call_later(SECONDS_OF_ANSWER, self._look_at_taking, unsent)

    def _look_at_taking(self, unsent_before: int) -> None:
        """End a connection whose client takes nothing, or hardly anything."""
        taken = unsent_before - self.transport.get_write_buffer_size()
        if taken < BYTES_PER_SECOND * SECONDS_OF_ANSWER:
            self.transport.abort()
        else:
            self._wait_for_taking()
