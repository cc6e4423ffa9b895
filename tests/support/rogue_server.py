"""A server that speaks the protocol of MySQL and wants what is none of its business.

It greets, answers the login as it is told to, and then asks for a file instead of answering.
"""

import contextlib
import socket
import struct
import threading
from types import TracebackType
from typing import Self

CAPABILITIES = 0xFFFF | 0x00FF << 16
SSL = 0x0800
SALT = b"12345678", b"901234567890"

OK = b"\x00\x00\x00\x02\x00\x00\x00"


class RogueServer:
    """Listens on a free loopback `port` until the end of a `with`.

    Args:
        file: asked for before an answer to a statement.
        at: what the statement has.
        plugin: by which the password is asked for; None: everybody is let in.
        greets_with: the plugin that the greeting names.

    Attributes:
        received: payloads of all packets that clients sent.
    """

    def __init__(
        self,
        file: str = "",
        at: bytes = b"",
        *,
        plugin: bytes | None = None,
        greets_with: bytes = b"mysql_native_password",
        greeting: bytes | None = None,
    ) -> None:
        self._file, self._at, self._plugin, self._named = file, at, plugin, greets_with
        self._greeting = greeting
        self.received: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"mysql://loader:pass-w0rd@127.0.0.1:{self.port}/asterisk?ssl_mode=disabled&connect_timeout=0.2"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    @property
    def heard(self) -> bytes:
        """All that clients sent."""
        return b"\n".join(self.received)

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.settimeout(10)
                with client, contextlib.suppress(OSError, EOFError):
                    _Session(client, self.received).run(
                        self._greeting or greeting(self._named), self._plugin, self._at, self._file
                    )


class _Session:
    """One client: packets have three bytes of length and one of sequence."""

    def __init__(self, client: socket.socket, received: list[bytes]) -> None:
        self._client, self._received, self._sequence = client, received, 0

    def run(self, greeting: bytes, plugin: bytes | None, at: bytes, file: str) -> None:
        self._send(greeting)
        self._receive()
        if plugin is not None:
            # Whatever comes is the password, if the client is so kind; it gets another chance.
            self._send(b"\xfe" + plugin + b"\0" + b"".join(SALT) + b"\0")
            self._receive()
            self._send(b"\x01\x04")  # caching_sha2_password: not by a proof
            self._receive()
        self._send(OK)
        while True:
            self._sequence = 0
            statement = self._receive()
            if statement[:1] != b"\x03":
                return
            if file and at in statement:
                self._send(b"\xfb" + file.encode())
                while self._receive():
                    pass
            for packet in _answer(statement):
                self._send(packet)

    def _send(self, payload: bytes) -> None:
        self._client.sendall(struct.pack("<I", len(payload))[:3] + bytes([self._sequence]))
        self._client.sendall(payload)
        self._sequence = (self._sequence + 1) % 256

    def _receive(self) -> bytes:
        head = self._exactly(4)
        payload = self._exactly(int.from_bytes(head[:3], "little"))
        self._sequence = (head[3] + 1) % 256
        self._received.append(payload)
        return payload

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self._client.recv(size - len(found))
            if not part:
                raise EOFError
            found += part
        return found


def _answer(statement: bytes) -> list[bytes]:
    """Give what looks like the answer to a statement: one value, or that it is done."""
    if not statement[1:].lstrip().upper().startswith((b"SELECT", b"SHOW")):
        return [OK]
    value, kind = (b"16777216", 8) if b"max_allowed_packet" in statement else (b"1", 253)
    if b"VERSION()" in statement:
        value = b"10.11.9-MariaDB"
    column = b"\x03def\0\0\0\x01v\0\x0c" + struct.pack("<HIBHBH", 45, 20, kind, 0, 0, 0)
    end = b"\xfe\0\0\x02\0"
    return [b"\x01", column, end, bytes([len(value)]) + value, end]


def greeting(plugin: bytes, capabilities: int = CAPABILITIES & ~SSL) -> bytes:
    """Give the first packet of a server, which names its way to log in."""
    return (
        b"\x0a5.5.5-10.11.9-MariaDB\0" + struct.pack("<I", 7) + SALT[0] + b"\0"
        + struct.pack("<HBHHB", capabilities & 0xFFFF, 45, 2, capabilities >> 16, 21)
        + b"\0" * 10 + SALT[1] + b"\0" + plugin + b"\0"
    )  # fmt: skip
