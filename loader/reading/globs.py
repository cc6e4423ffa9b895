"""The files that names and patterns of a command line mean."""

import glob
from collections.abc import Sequence
from pathlib import Path

from loader.errors import NoSuchFileError
from loader.files import exists


def expand_globs(patterns: Sequence[str]) -> list[str]:
    """Return the files that names and globs match, in their order, each once; `-` stays `-`.

    Raises:
        NoSuchFileError: one matches no file.
    """
    paths: dict[str, None] = {}
    for pattern in patterns:
        if pattern == "-" or exists(Path(pattern)):
            found = [pattern]
        else:
            # Path.glob takes no absolute pattern, and drops a leading ./
            names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - see above
            found = [name for name in names if not Path(name).is_dir()]
        if not found:
            raise NoSuchFileError(f"{pattern}: there is no such file")
        paths.update(dict.fromkeys(found))
    return list(paths)
