"""TLS: what a connection to a server is encrypted by, and which certificates count."""

import ipaddress
import logging
import ssl
from pathlib import Path

from loader.database.driver import DriverConnection
from loader.errors import ConfigurationError
from loader.options.connection import VERIFYING, ConnectionOptions

LOG = logging.getLogger("leadloader")

_WARNED: set[str] = set()
"""Servers of which it was said."""


def warn_if_readable(connection: DriverConnection) -> None:
    """Warn, once for a server, if others on the line can read along."""
    if connection.is_encrypted or not connection.password or not is_elsewhere(connection.peer):
        return
    if connection.host not in _WARNED:
        _WARNED.add(connection.host)
        LOG.warning(
            "the connection to %s is not encrypted: who is on the line reads leads, and can find "
            "out the password; switch TLS on at the server, and set ssl_mode",
            connection.host,
        )


def is_elsewhere(peer: str) -> bool:
    """Say whether an address is another machine's; "" is that of a unix socket."""
    return bool(peer) and not ipaddress.ip_address(peer.partition("%")[0]).is_loopback


def tls_context(options: ConnectionOptions) -> ssl.SSLContext | None:
    """Read the certificates; None: nothing is to be encrypted.

    Raises:
        ConfigurationError: a file is missing, or is none of certificates or keys.
    """
    if options.encryption == "disabled":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = options.encryption == "verify-identity"
    context.verify_mode = ssl.CERT_REQUIRED if options.encryption in VERIFYING else ssl.CERT_NONE
    # Certificates that servers make for themselves do not keep to all rules: Python 3.13 would.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if options.ssl_ca:
        _check_file("ssl_ca", options.ssl_ca)
        try:
            context.load_verify_locations(cafile=options.ssl_ca)
        except ssl.SSLError:
            raise ConfigurationError(
                f"ssl_ca: {options.ssl_ca} has no certificate in PEM format"
            ) from None
    elif options.encryption in VERIFYING:
        context.load_default_certs()
    if options.ssl_cert:
        _load_own(context, options.ssl_cert, options.ssl_key)
    return context


def _load_own(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    _check_file("ssl_cert", certificate)
    if key:
        _check_file("ssl_key", key)
    try:
        # Without a passphrase, or the terminal would be asked for it.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError:
        raise ConfigurationError(
            f"ssl_cert, ssl_key: {certificate} and {key or certificate} are no certificate and its "
            "private key in PEM format without a passphrase"
        ) from None


def _check_file(name: str, path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{name}: {path}: {error.strerror}") from None
