"""Addresses of folders that fsspec knows: sftp, ftp, s3 and others; their words and failures."""

import ftplib
import sys
from pathlib import Path
from typing import Any

from loader.paths import without_passwords

KNOWN_HOSTS = (Path("~/.ssh/known_hosts"), Path("/etc/ssh/ssh_known_hosts"))


def without_password(address: str) -> str:
    """Give an address without its password, which may have any character: the last @ ends it."""
    scheme, mark, rest = address.partition("://")
    account, at, host = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    if not (mark and at and colon) or "@" in user or "/" in user:
        return without_passwords(address)
    return without_passwords(f"{scheme}://{user}@{host}")


def without_address(said: str, address: str) -> str:
    """Give the words of a library, which may repeat an address, without its password."""
    hidden = without_password(address)
    before, _, host = hidden.partition("@")
    password = address.removeprefix(before).removesuffix(f"@{host}")
    said = said.replace(address, hidden)
    return said.replace(password, "") if password.startswith(":") and host else said


def extra_of(address: str) -> str:
    """Name the extra of leadloader that has the libraries for an address."""
    return "s3" if address.startswith(("s3://", "s3a://")) else "remote"


def missing_package(error: ImportError) -> str:
    """Name the package that is missing; fsspec says it in words of its own, and that as a cause."""
    cause = error.__cause__
    name = error.name or (cause.name if isinstance(cause, ImportError) else None)
    return name or str(error)


def failures(*more: type[BaseException]) -> tuple[type[BaseException], ...]:
    """Give the exceptions of libraries in use for failures of a connection, and more of them."""
    kinds: list[type[BaseException]] = [OSError, EOFError, ftplib.Error, *more]
    for module, name in (
        ("paramiko.ssh_exception", "SSHException"),
        ("paramiko.sftp", "SFTPError"),
        ("botocore.exceptions", "BotoCoreError"),
    ):
        if module in sys.modules:
            kinds.append(getattr(sys.modules[module], name))
    return tuple(kinds)


def message_of(error: BaseException) -> str:
    """Give the words of a library."""
    message = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return message or type(error).__name__


def host_keys(address: str) -> dict[str, Any]:
    """Let sftp trust only the host keys that ssh knows; fsspec would trust all."""
    if not address.startswith(("sftp://", "ssh://")):
        return {}
    import paramiko  # noqa: PLC0415 - an extra

    class KnownHosts(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]  # it has no types
        """Accepts the hosts in the known_hosts files of ssh."""

        def missing_host_key(self, _client: Any, hostname: str, key: Any) -> None:
            """Refuse a key that is in none of the files."""
            keys = paramiko.HostKeys()
            for file in KNOWN_HOSTS:
                if file.expanduser().exists():
                    keys.load(str(file.expanduser()))
            if not keys.check(hostname, key):
                raise paramiko.SSHException(
                    f"the key of {hostname} is not in {KNOWN_HOSTS[0]}; add it by ssh-keyscan, "
                    "and see that it is the right one"
                )

    return {"host_key_policy": KnownHosts()}
