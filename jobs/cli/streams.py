"""Standard output and standard error, whose readers may leave before the work is done."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO, cast

from loader.errors import ResultsError


class Listened:
    """A stream that can lose its reader: what nobody can read any more is dropped."""

    def __init__(self, stream: TextIO, name: str = "") -> None:
        """Take a stream.

        Args:
            stream: of the process.
            name: of one that has data; "": messages, which may fail in any way.
        """
        self._stream, self._name = stream, name

    def __getattr__(self, name: str) -> Any:
        """Be like the stream in everything else."""
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write.

        Raises:
            ResultsError: data cannot be written, although its reader is there: a full disk.
        """
        with self._dropping():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered; raises what `write` does."""
        with self._dropping():
            self._stream.flush()

    @contextmanager
    def _dropping(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # What is still buffered would fail again, at the latest when Python ends.
            with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())
            # EIO: the terminal was hung up.
            if self._name and error.errno not in {errno.EPIPE, errno.EIO}:
                raise ResultsError(f"{self._name}: {error.strerror}") from None


def listen() -> None:
    """Wrap standard output and error; leave closed streams alone."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal or a locale may lack letters that names of files and columns have.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is not None:
        sys.stdout = cast("TextIO", Listened(sys.stdout, "standard output"))
    if sys.stderr is not None:
        sys.stderr = cast("TextIO", Listened(sys.stderr))
