"""The files that are loaded together, as if they were one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loader.errors import NoSuchFileError, SourceFileError, UsageError
from loader.files import exists
from loader.paths import printable_path
from loader.reading.stored import LEFT_BY_SYSTEMS

LEFT_OUT = (".", "_")
"""How names begin of files in a folder that are no parts: hidden ones, and those that programs
write beside what they make, such as _SUCCESS."""

INCOMPLETE = "_temporary"
"""What a Spark or Hadoop job has in the folder of its parts until all are there."""


@dataclass(frozen=True)
class PartFiles:
    """The parts of one load, in their order.

    `name` is what the load is called, `paths` are those of its files. `first` is the first path
    that was given, of a file or a folder; `folders` are those of which each file is a part.
    """

    name: str
    paths: tuple[str, ...]
    first: str
    folders: tuple[str, ...] = ()

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
            SourceFileError: a folder has a folder in it, or is not complete.
            UsageError: standard input is among them.
        """
        folders = [path for path in given if path != "-" and _is_folder(Path(path))]
        paths = [
            each for path in given for each in (_files_in(path) if path in folders else [path])
        ]
        first = str(Path(given[0])) if given[0] in folders else given[0]
        more = f" and {len(given) - 1} more" if len(given) > 1 else ""
        if len(paths) > 1 and "-" in paths:
            raise UsageError(
                "-: standard input cannot be loaded together with other files; write it to a file,"
                " and name that"
            )
        return cls(f"{first}{more}", tuple(paths), first, tuple(folders))

    def refuse_results(self, results: Path) -> None:
        """Raise UsageError if results would be among the parts, so that they were parts, too."""
        for folder in map(Path, self.folders):
            if results.resolve().is_relative_to(folder.resolve()):
                beside = results.resolve().relative_to(folder.resolve()).parts
                if not beside or not _is_left_out(beside[0]):
                    raise UsageError(
                        f"{printable_path(folder)}: the results would be among these parts, in"
                        f" {printable_path(results)}; name a folder elsewhere by --results"
                    )


def _is_left_out(name: str) -> bool:
    return name.startswith(LEFT_OUT) or bool(LEFT_BY_SYSTEMS.search(name))


def _is_folder(path: Path) -> bool:
    return exists(path) and path.is_dir()


def _files_in(path: str) -> list[str]:
    folder = Path(path)
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise NoSuchFileError(f"{printable_path(path)}: {error.strerror}") from None
    if folder / INCOMPLETE in entries:
        raise SourceFileError(
            f"{printable_path(path)}: {INCOMPLETE} in it says that a program still writes its"
            " parts, or died before all were there; load it when it is complete"
        )
    parts = [entry for entry in entries if not _is_left_out(entry.name)]
    if not parts:
        raise NoSuchFileError(
            f"{printable_path(path)}: no file in this folder is to be loaded; those whose names"
            " begin with . or _ do not count"
        )
    for part in parts:
        if _is_folder(part):
            raise SourceFileError(
                f"{printable_path(part)}: this is a folder in a folder of parts; move it away, or"
                " load it by itself"
            )
    return [*map(str, parts)]
