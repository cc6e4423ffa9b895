"""An SFTP server, of which paramiko has all but the files."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paramiko

USER, PASSWORD = "me", "se:cret"


class _Account(paramiko.ServerInterface):
    """Knows one account, by password."""

    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_channel_request(self, _kind: str, _channel: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def get_allowed_auths(self, _username: str) -> str:
        return "password"


def _answered(action: Callable[[], Any]) -> int:
    """Do something and give SFTP's code of how it went."""
    try:
        action()
    except OSError as error:
        return paramiko.SFTPServer.convert_errno(error.errno or 0)
    return paramiko.SFTP_OK


class _Files(paramiko.SFTPServerInterface):
    """The files below a folder."""

    def __init__(self, server: Any, root: Path) -> None:
        super().__init__(server)
        self._root = root

    def _at(self, path: str) -> Path:
        return self._root / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> Any:
        try:
            files = sorted(self._at(path).iterdir())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return [paramiko.SFTPAttributes.from_stat(f.lstat(), os.fsencode(f.name)) for f in files]

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._at(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, _attributes: Any) -> Any:
        try:
            descriptor = os.open(self._at(path), flags, 0o666)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        file = os.fdopen(descriptor, "wb" if writes else "rb")
        handle = paramiko.SFTPHandle(flags)
        handle.filename, handle.readfile, handle.writefile = path, file, file
        handle.stat = lambda: self.stat(path)
        return handle

    def remove(self, path: str) -> int:
        return _answered(self._at(path).unlink)

    def posix_rename(self, old: str, new: str) -> int:
        return _answered(lambda: self._at(old).replace(self._at(new)))

    def mkdir(self, path: str, _attributes: Any) -> int:
        return _answered(self._at(path).mkdir)

    def rmdir(self, path: str) -> int:
        return _answered(self._at(path).rmdir)


class _Request(paramiko.Message):
    """A request of a client, with names of any bytes."""

    def get_text(self) -> str:
        return os.fsdecode(self.get_string())


class _Server(paramiko.SFTPServer):
    """Takes names of any bytes, as OpenSSH does."""

    def _process(self, kind: int, number: int, request: Any) -> None:
        super()._process(kind, number, _Request(request.get_remainder()))


class SftpPartner:
    """A server with a folder `in`, and a key that `known_hosts` names."""

    def __init__(self, root: Path) -> None:
        self.drop = root / "in"
        self.drop.mkdir(parents=True)
        self._root, self._key = root, paramiko.ECDSAKey.generate()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def known_hosts(self) -> str:
        """The line by which ssh knows the server."""
        key = self._key
        return f"[127.0.0.1]:{self.port} {key.get_name()} {key.get_base64()}\n"

    @property
    def toml(self) -> str:
        """The settings as a source has them in a file; the key is trusted."""
        options = f'username = "{USER}", password = "{PASSWORD}", host_key_policy = "auto_add"'
        storage = f"{{{options}, look_for_keys = false, allow_agent = false}}"
        return f'folder = "sftp://127.0.0.1:{self.port}/in"\nstorage = {storage}'

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                transport = paramiko.Transport(client)
                self._transports.append(transport)
                transport.add_server_key(self._key)
                transport.set_subsystem_handler("sftp", _Server, _Files, self._root)
                with contextlib.suppress(paramiko.SSHException, EOFError):
                    transport.start_server(server=_Account())

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)
        for transport in self._transports:
            transport.close()
