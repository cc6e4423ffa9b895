"""Values that are not UTF-8 (only paths may be that), and paths that no file can have."""

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.settings.problems import Problem
from loader.paths import is_utf8

PATHS = frozenset(
    {"compare", "done", "failed", "file", "folder", "lead_ids_file", "mapping_file",
     "metrics_file", "pause_file", "results", "ssl_ca", "ssl_cert", "ssl_key",
     "ca_file", "password_file", "key_file"}
)  # fmt: skip
"""Settings that name files and folders; so do the values of feed."""


def encoding_problems(source: str, values: Any, place: tuple[Any, ...] = ()) -> Iterator[Problem]:
    """Find texts that are not UTF-8 in the values of a source, at any depth, and names that are."""
    if isinstance(values, Mapping | list | tuple):
        named = values.items() if isinstance(values, Mapping) else enumerate(values)
        for name, value in named:
            if isinstance(name, str) and not is_utf8(name):
                yield _problem(source, place or (name,))
            else:
                yield from encoding_problems(source, value, (*place, name))
    elif isinstance(values, str) and "\0" in values and _is_path(place):
        yield Problem(source, place, "it has a NUL character, which no name of a file has")
    elif isinstance(values, str) and not is_utf8(values) and not _is_path(place):
        yield _problem(source, place)


def _is_path(place: tuple[Any, ...]) -> bool:
    return place[-1] in PATHS or place[-2:-1] == ("feed",)


def _problem(source: str, place: tuple[Any, ...]) -> Problem:
    # The value may be a secret, such as an address with its password.
    return Problem(source, place, "it is not UTF-8; give it in UTF-8")
