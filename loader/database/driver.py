"""The driver's connection: a server gets nothing but what is meant for it, and is not waited for.

PyMySQL sends any file that a server names, and the password itself to any server that asks. Here a
server gets the rows that `sending` holds ready, whatever it names, and of the password a proof.
"""

import logging
import re
import select
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

from pymysql import _auth, connections, err
from pymysql.constants import CLIENT, CR

from loader.database.error_codes import FIRST_CODE_OF_SITES
from loader.errors import ConfigurationError, UntrustedServerError
from loader.options.connection import ConnectionOptions

LOG = logging.getLogger("leadloader")

PATIENCE = 5.0
"""Seconds that the database may be silent before it is said."""

PACKET = 1 << 14
"""Bytes of rows that are sent at once."""

TAKES_LONG = re.compile(
    rb"\s*(ALTER|CHECK|CREATE|DROP|LOAD|OPTIMIZE|REPAIR|TRUNCATE)\b", re.IGNORECASE
)

KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""An idle line is asked after a minute whether it is still there, and is gone after another."""

PROOF = "mysql_native_password"
"""What a server is offered that wants more than a proof of the password; it can ask for that."""


# Its types have nothing of what is inside.
INSIDE: Any = connections
AUTH: Any = _auth


class ValueRows(tuple[object, ...]):
    """Values of which each is a row, behind VALUES."""

    __slots__ = ()


class DriverConnection(INSIDE.Connection):  # type: ignore[misc]  # likewise
    """A connection of the driver that trusts no server."""

    _is_open = False
    _auth_plugin_name: str
    _rows: bytes | memoryview | None = None
    advice = "SHOW FULL PROCESSLIST tells whether a table is locked"
    """Where to look while no answer comes."""

    def __init__(
        self, options: ConnectionOptions, tls: ssl.SSLContext | None, name: str, **arguments: Any
    ) -> None:
        """Connect.

        Args:
            options: how long is waited, and whether the line must be encrypted.
            tls: encrypts it; None: nothing is encrypted.
            name: of the database, for messages.
            arguments: of the driver.

        Raises:
            UntrustedServerError: the server wants the password itself, or is none.
            ConfigurationError: its certificate is not in order, or it cannot encrypt.
        """
        self._patience, self._name = options, name
        # LOAD DATA LOCAL has to be announced here; the driver itself answers none.
        flags = arguments.pop("client_flag", 0) | CLIENT.LOCAL_FILES
        super().__init__(
            **arguments,
            client_flag=flags,
            connect_timeout=options.connect_timeout.total_seconds(),
            ssl_disabled=True,
            auth_plugin_map=PLUGINS,
            defer_connect=True,
        )
        if tls is not None:
            self.ssl, self.ctx = True, tls
            self._ssl_required = options.encryption != "preferred"
        self.connect()
        self._is_open = True

    def connect(self, sock: socket.socket | None = None) -> None:
        """Connect within the time for it; raises what the constructor does."""
        self._wait(self._patience.connect_timeout.total_seconds())
        try:
            super().connect(sock or (self._reach_socket() if self.unix_socket else None))
        except err.MySQLError as error:
            raise self._meaning(error) from None
        except (ValueError, LookupError, TypeError, struct.error):
            # As the driver stumbles over what is no handshake.
            raise self._no_server() from None
        if isinstance(self._sock, socket.socket) and not self.unix_socket:
            for name, value in KEEP_ALIVE.items():
                self._sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def _reach_socket(self) -> socket.socket:
        """Connect as the driver does, which leaves a socket open that nobody listens at."""
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(self.connect_timeout)
        try:
            line.connect(self.unix_socket)
        except OSError:
            line.close()
            raise err.OperationalError(CR.CR_CONNECTION_ERROR) from None
        self._secure = True
        return line

    def hang_up(self) -> None:
        """End the line; a thread that waits for an answer gets an error."""
        line = self._sock
        with suppress(OSError):
            if line is not None:
                line.shutdown(socket.SHUT_RDWR)

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody on the line can read along."""
        return bool(self._secure)

    @property
    def is_verified(self) -> bool:
        """Whether the server has shown who it is, or is on this machine for sure."""
        is_checked = self.ssl and self.ctx.verify_mode == ssl.CERT_REQUIRED
        return bool(self._secure and (self.unix_socket or is_checked))

    @property
    def peer(self) -> str:
        """The address of the server; "" of one on this machine, at a unix socket."""
        return "" if self.unix_socket else str(self._sock.getpeername()[0])

    @contextmanager
    def sending(self, rows: bytes | memoryview) -> Iterator[None]:
        """Answer the one LOAD DATA LOCAL in the block by these bytes."""
        self._rows = rows
        try:
            yield
        finally:
            self._rows = None

    def send_rows(self) -> None:
        """Send what `sending` has, once.

        Raises:
            UntrustedServerError: it has nothing, so that the server asks for what is not its.
        """
        rows, self._rows = self._rows, None
        if rows is None:
            self._force_close()
            raise UntrustedServerError(
                f"{self.host} asked for a file of this machine, as no dialer's database does, and "
                "got nothing; see which server that is, and who is on the line"
            )
        try:
            for start in range(0, len(rows), PACKET):
                self.write_packet(rows[start : start + PACKET])
            self.write_packet(b"")
        except BaseException:
            # The server would take a part for all.
            self._force_close()
            raise

    def escape(self, obj: Any, mapping: Any = None) -> str:
        """Escape a value as the driver does; thousands of plain texts, as of numbers, at once."""
        if isinstance(obj, tuple) and {*map(type, obj)} == {str}:
            text, between = "".join(obj), "'),('" if type(obj) is ValueRows else "','"
            if text.isascii() and text.isalnum():
                return f"('{between.join(obj)}')"
        if type(obj) is ValueRows:
            return ",".join(f"({self.escape(each, mapping)})" for each in obj)
        return str(super().escape(obj, mapping))

    def _execute_command(self, command: int, sql: Any) -> None:
        if self._is_open:
            begin = sql[:64].encode() if isinstance(sql, str) else bytes(sql[:64])
            if TAKES_LONG.match(begin):
                self._wait(self._patience.load_timeout.total_seconds())
            else:
                self._wait(
                    self._patience.read_timeout.total_seconds(),
                    self._patience.write_timeout.total_seconds(),
                )
        super()._execute_command(command, sql)

    def _wait(self, read: float, write: float | None = None) -> None:
        """Set how long is waited from now on."""
        self._read_timeout, self._write_timeout = read, read if write is None else write

    def _note_silence(self) -> None:
        """Say that no answer comes, for what it is waited, and how long still."""
        # What is encrypted may have been received already.
        if self._read_timeout <= PATIENCE or getattr(self._sock, "pending", int)():
            return
        coming = select.poll()
        coming.register(self._sock, select.POLLIN)
        if not coming.poll(PATIENCE * 1000):
            LOG.warning(
                "%s: no %s for %d s; it is waited for up to %d s more%s",
                self._name,
                "answer" if self._is_open else "connection",
                PATIENCE,
                self._read_timeout,
                f"; {self.advice}" if self._is_open else "",
            )

    def _read_query_result(self, unbuffered: bool = False) -> int:
        self._result = None
        self._note_silence()
        result = _Result(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return int(result.affected_rows or 0)

    def _read_ok_packet(self) -> Any:
        """Read the answer to what has no rows, such as COMMIT."""
        self._note_silence()
        return super()._read_ok_packet()

    def _get_server_information(self) -> None:
        self._note_silence()
        super()._get_server_information()
        if self._auth_plugin_name not in {PROOF, "caching_sha2_password"}:
            # sha256_password has the password in its very first packet.
            self._auth_plugin_name = PROOF

    def _meaning(self, error: err.MySQLError) -> Exception:
        """Give what an error at connecting means, where its code does not say it."""
        cause = getattr(error, "original_exception", None)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConfigurationError(
                f"the certificate of {self.host} is refused: {cause.verify_message}; see that "
                "ssl_ca is the authority of its certificate, that this has the name in the "
                "address, and the date of both machines; ssl_mode verify-ca leaves the name out"
            )
        if isinstance(cause, ssl.SSLError) and not isinstance(
            cause, ssl.SSLEOFError | ssl.SSLZeroReturnError
        ):
            return ConfigurationError(
                f"no encrypted connection to {self.host} ({cause.reason}); see ssl_mode and what "
                "the server supports"
            )
        if error.args[:1] == (CR.CR_SSL_CONNECTION_ERROR,):
            return ConfigurationError(
                f"{self.host} does not encrypt, and ssl_mode {self._patience.encryption} wants it; "
                "switch TLS on at the server"
            )
        if isinstance(cause, socket.gaierror):
            return err.OperationalError(CR.CR_UNKNOWN_HOST)
        code = next(iter(error.args), None)
        is_known = isinstance(code, int) and 0 < code < FIRST_CODE_OF_SITES
        return error if is_known else self._no_server()

    def _no_server(self) -> UntrustedServerError:
        return UntrustedServerError(
            f"what answers at {self.host}:{self.port} does not do so as a MariaDB or MySQL server; "
            "see that host and port are right"
        )


class _Result(INSIDE.MySQLResult):  # type: ignore[misc]  # likewise
    """The answer to a statement; one that asks for a file gets our rows or nothing."""

    connection: DriverConnection

    def _read_load_local_packet(self, _asked: Any) -> None:
        self.connection.send_rows()
        self.connection._note_silence()
        packet = self.connection._read_packet()
        if not packet.is_ok_packet():
            raise err.OperationalError(CR.CR_COMMANDS_OUT_OF_SYNC, "Commands Out of Sync")
        self._read_ok_packet(packet)


class _Plugin:
    """A way in which a server asks for the password."""

    asks_for: ClassVar[str]
    advice: ClassVar[str] = "let the account have mysql_native_password or ed25519"

    def __init__(self, connection: DriverConnection) -> None:
        self.connection = connection

    def authenticate(self, packet: Any) -> Any:  # noqa: ARG002 - PyMySQL's signature
        """Answer the server's request; raise UntrustedServerError instead of the password."""
        raise UntrustedServerError(
            f"{self.connection.host} asks for the password {self.asks_for}, and does not get it; "
            f"{self.advice}, or see which server that is"
        )


class _Clear(_Plugin):
    asks_for = "in clear"


class _Weak(_Plugin):
    asks_for = "by mysql_old_password, which everybody on the line can read"


SHOWS_WHO_IT_IS = (
    "let it show its certificate (ssl_ca with its ca.pem, ssl_mode verify-ca), connect at its "
    "unix_socket"
)


class _Sha256(_Plugin):
    asks_for = "itself, without having shown a certificate (ssl_mode verify-identity)"
    # Of a name that it does not know, MySQL 8 and newer gives no hint: it asks in any way.
    advice = (
        "MySQL asks so where name or password is wrong, and always if the account has "
        f"sha256_password; {SHOWS_WHO_IT_IS}"
    )

    def authenticate(self, packet: Any) -> Any:
        """Give the password to a server that has shown who it is."""
        if self.connection.is_verified:
            return AUTH.sha256_password_auth(self.connection, packet)
        return super().authenticate(packet)


class _CachingSha2(_Sha256):
    advice = (
        "MySQL asks so once after its start, and where name or password is wrong; "
        f"{SHOWS_WHO_IT_IS}"
    )

    def authenticate(self, packet: Any) -> Any:
        """Give a proof, or the password to a server that has shown who it is."""
        connection = self.connection
        if connection.is_verified or not connection.password:
            return AUTH.caching_sha2_password_auth(connection, packet)
        if packet.is_auth_switch_request():
            salt = packet.read_all().removesuffix(b"\0")
            packet = AUTH._roundtrip(
                connection, AUTH.scramble_caching_sha2(connection.password, salt)
            )
        if packet.get_all_data() == FAST_ENOUGH:
            return connection._read_packet()
        return super().authenticate(packet)


FAST_ENOUGH = b"\x01\x03"
"""The server knows the password well enough for a proof."""

PLUGINS: dict[str, Any] = {
    "mysql_clear_password": _Clear,
    "dialog": _Clear,
    "mysql_old_password": _Weak,
    "sha256_password": _Sha256,
    "caching_sha2_password": _CachingSha2,
}
