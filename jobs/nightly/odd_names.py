r"""Names of files on servers, whatever bytes they have: one of them must not hide all others.

fsspec's file systems read names as UTF-8, and a listing ends at the first one that is not. Here
they are read as Python reads those of this machine, `b"\xe9"` as "\udce9", and sent back likewise.
"""

import codecs
import os
from collections.abc import Iterable, Iterator
from typing import Any

ANY_BYTES = "utf_8_any_bytes"
"""The encoding, for libraries that take no more than its name."""

LINE_BREAKS = ("\n", "\r")


def _escaping(name: str) -> codecs.CodecInfo | None:
    if name != ANY_BYTES:
        return None
    utf8, how = codecs.lookup("utf-8"), "surrogateescape"
    return codecs.CodecInfo(
        name=ANY_BYTES,
        encode=lambda text, _errors="": utf8.encode(text, how),
        decode=lambda content, _errors="": utf8.decode(content, how),
        incrementalencoder=lambda _errors="": utf8.incrementalencoder(how),
        incrementaldecoder=lambda _errors="": utf8.incrementaldecoder(how),
    )


codecs.register(_escaping)


def read_all_names(files: Any, address: str) -> None:
    """Let a file system that is connected list every name, where one could hide all others."""
    if address.startswith("ftp://"):
        ftp = files.ftp
        # fsspec takes this option for one of the files' contents, and does not hand it on.
        ftp.encoding, ftp.file = ANY_BYTES, ftp.sock.makefile("r", encoding=ANY_BYTES)
        listed = ftp.mlsd
        ftp.mlsd = lambda path: with_broken_names(listed(path))
    elif address.startswith(("sftp://", "ssh://")):
        files.ftp = _sftp_client(files.client.get_transport())


def with_broken_names(
    listed: Iterable[tuple[str, dict[str, str]]],
) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the entries of an FTP listing: a line without facts is the rest of the name before it.

    All that is known of that name is where it breaks; no command can be given for it.
    """
    before: tuple[str, dict[str, str]] | None = None
    for name, facts in listed:
        if "type" in facts:
            if before:
                yield before
            before = name, facts
        elif before:
            before = before[0].rstrip("".join(LINE_BREAKS)) + LINE_BREAKS[0], before[1]
    if before:
        yield before


def _sftp_client(transport: Any) -> Any:
    """Open a client of paramiko's that takes names of any bytes."""
    import paramiko  # noqa: PLC0415 - an extra

    class Answer(paramiko.Message):  # type: ignore[misc]  # it has no types
        """An answer of the server."""

        def get_text(self) -> str:
            """Read a name."""
            return os.fsdecode(self.get_string())

    class Client(paramiko.SFTPClient):  # type: ignore[misc]  # it has no types
        """Reads and sends names as they are."""

        def listdir_iter(self, path: str = ".", **_how: Any) -> Iterator[Any]:
            """List a folder by the way that reads its answers by `_request`."""
            return iter(self.listdir_attr(path))

        def _request(self, kind: int, *arguments: Any) -> tuple[int, Any]:
            kind, answer = super()._request(kind, *arguments)
            return kind, Answer(answer.get_remainder())

        def _adjust_cwd(self, path: str) -> Any:
            return super()._adjust_cwd(os.fsencode(path))

    return Client.from_transport(transport)
