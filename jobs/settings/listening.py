"""Where serve listens: who could read what is sent, and the files of its TLS."""

import ipaddress
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from jobs.settings.serve import ServeSettings
from loader.errors import SettingError
from loader.files import read_whole


def refuse_open_address(serve: ServeSettings) -> None:
    """Refuse to listen where others could read what is sent.

    Raises:
        SettingError: other machines reach the address, and nothing encrypts.
    """
    if serve.tls_cert or serve.behind_proxy or _is_loopback(serve.host):
        return
    raise SettingError(
        "serve", "host",
        f"{serve.host} can be reached from other machines, and passwords and persons "
        "would pass in clear: give --tls-cert and --tls-key, or --behind-proxy if a proxy does TLS",
    )  # fmt: skip


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def server_tls(serve: ServeSettings) -> ssl.SSLContext | None:
    """Give what encrypts; None: nothing does.

    Raises:
        SettingError: a file cannot be read, is none of its kind, or does not fit the others.
    """
    if serve.tls_cert is None or serve.tls_key is None:
        return None
    passphrase = b""

    def unlock() -> bytes:
        # Without this OpenSSL would ask on the terminal, which a service has not.
        nonlocal passphrase
        passphrase = _passphrase(serve)
        return passphrase

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(serve.tls_cert, serve.tls_key, unlock)
    except (OSError, ValueError) as error:  # ValueError: the passphrase is too long
        raise _unusable(serve, error, is_locked=bool(passphrase)) from None
    return context


def certificate_problem(serve: ServeSettings, ahead: timedelta = timedelta()) -> str:
    """Say why clients refuse the certificate now, or will before so much time has passed; else "".

    It needs the extra `serve`, and files that `server_tls` can use.
    """
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - an extra

    if serve.tls_cert is None:
        return ""
    # The first one is the server's; those behind it are of who signed it.
    certificate = load_pem_x509_certificate(read_whole(serve.tls_cert))
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    now = datetime.now(UTC)
    if now < begin:
        return f"{serve.tls_cert} is good from {begin:%Y-%m-%d} on: clients refuse it before"
    if now + ahead < end:
        return ""
    if now < end:
        return f"{serve.tls_cert} ends on {end:%Y-%m-%d}: get another one in time"
    return f"{serve.tls_cert} ended on {end:%Y-%m-%d}: clients refuse it; get another one"


def _passphrase(serve: ServeSettings) -> bytes:
    file = serve.tls_passphrase_file
    if file is None:
        raise SettingError(
            "serve", "tls_key",
            f"{serve.tls_key}: it has a passphrase: name a file with it, by tls_passphrase_file in "
            "[serve], or take the passphrase off the key",
        )  # fmt: skip
    try:
        passphrase = read_whole(file).rstrip(b"\r\n")
    except OSError as error:
        raise SettingError("serve", "tls_passphrase_file", f"{file}: {error.strerror}") from None
    if not passphrase:
        raise SettingError("serve", "tls_passphrase_file", f"{file}: it is empty")
    return passphrase


def _unusable(serve: ServeSettings, error: Exception, *, is_locked: bool) -> SettingError:
    """Say which of the files cannot be used."""
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return SettingError("serve", "tls_key", f"{serve.tls_key}: it is not the key of tls_cert")
    if is_locked:
        problem = f"{serve.tls_passphrase_file}: it has not the passphrase of tls_key"
        return SettingError("serve", "tls_passphrase_file", problem)
    for name in ("tls_cert", "tls_key"):
        file = getattr(serve, name)
        try:
            read_whole(file)
        except OSError as unreadable:
            return SettingError("serve", name, f"{file}: {unreadable.strerror}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(serve.tls_cert)
    except ssl.SSLError:
        problem = f"{serve.tls_cert}: it is no certificate in PEM format"
        return SettingError("serve", "tls_cert", problem)
    problem = f"{serve.tls_key}: it is no private key in PEM format"
    return SettingError("serve", "tls_key", problem)
