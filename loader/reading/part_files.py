"""The files that are loaded together, as if they were one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.errors import NoSuchFileError, SourceFileError, UsageError
from loader.paths import printable_path
from loader.reading.stored import LEFT_BY_SYSTEMS

LEFT_OUT = (".", "_")
"""How names begin of files in a folder that are no parts: hidden ones, and those that programs
write beside what they make, such as _SUCCESS."""


@dataclass(frozen=True)
class PartFiles:
    """The parts of one load, in their order.

    `name` is what the load is called, `paths` are those of its files. `first` is the first path
    that was given, of a file or a folder.
    """

    name: str
    paths: tuple[str, ...]
    first: str

    @classmethod
    def one(cls, path: str) -> "PartFiles":
        """Give a file alone."""
        return cls(path, (path,), path)

    @classmethod
    def find(cls, given: Sequence[str]) -> "PartFiles":
        """Find the parts that paths name: a file is one, the files in a folder are several.

        Those of a folder are in the order of their names.

        Raises:
            NoSuchFileError: a folder is empty, or cannot be read.
            SourceFileError: a folder has a folder in it.
            UsageError: standard input is among them.
        """
        paths = [each for path in given for each in _files_of(path)]
        first = str(Path(given[0])) if Path(given[0]).is_dir() else given[0]
        more = f" and {len(given) - 1} more" if len(given) > 1 else ""
        if len(paths) > 1 and "-" in paths:
            raise UsageError(
                "-: standard input cannot be loaded together with other files; write it to a file,"
                " and name that"
            )
        return cls(f"{first}{more}", tuple(paths), first)


def _is_left_out(name: str) -> bool:
    return name.startswith(LEFT_OUT) or bool(LEFT_BY_SYSTEMS.search(name))


def _files_of(path: str) -> list[str]:
    folder = Path(path)
    if path == "-" or not folder.is_dir():
        return [path]
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise NoSuchFileError(f"{printable_path(path)}: {error.strerror}") from None
    parts = [entry for entry in entries if not _is_left_out(entry.name)]
    if not parts:
        raise NoSuchFileError(
            f"{printable_path(path)}: no file in this folder is to be loaded; those whose names"
            " begin with . or _ do not count"
        )
    for part in parts:
        if part.is_dir():
            raise SourceFileError(
                f"{printable_path(part)}: this is a folder in a folder of parts; move it away, or"
                " load it by itself"
            )
    return [*map(str, parts)]
