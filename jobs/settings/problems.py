"""Something wrong with settings: where it stands, and what to do; and the sources of settings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jobs.settings.flags import flag_name
from loader.errors import ConfigurationError, LoaderError, UsageError

Sources = Mapping[str, Mapping[str, Any]]
"""Values by name, from each source; that of the flags is "". The first one that has a value wins.
"""


ENVIRONMENT, PREFIX = "environment", "LEADLOADER_"
"""The name of the environment among the sources, and what names of variables begin with."""


MISSING = " is missing"


class Problem(NamedTuple):
    """Something in the settings that cannot be."""

    source: str
    """Which of the sources has it."""
    place: tuple[Any, ...]
    """Its name, behind those of the tables that it is in."""
    message: str
    """What is wrong, and what to do."""
    line: int | None = None
    """The line of the file, from 1; None if it is unknown."""

    @property
    def is_missing(self) -> bool:
        """Whether it is not there; what is mistyped may be just that, and goes before it."""
        return self.message.endswith(MISSING)

    @property
    def where(self) -> str:
        """Name the source, and the line in it; "": a flag or a default."""
        return f"{self.source}, line {self.line}" if self.line else self.source

    @property
    def error(self) -> LoaderError:
        """Give it as what ends a command."""
        if self.source == ENVIRONMENT:
            name, *places = self.place
            within = f": {format_place(places)}" if places else ""
            return ConfigurationError(
                f"{ENVIRONMENT}: {PREFIX}{str(name).upper()}{within}: {self.message}"
            )
        if self.source:
            return ConfigurationError(f"{self.where}: {format_place(self.place)}: {self.message}")
        return UsageError(f"{flag_name(_flag_of(self.place))}: {self.message}")


def _flag_of(place: Sequence[Any]) -> str:
    """Name the setting that has the flag of a place: some of those of tables have one."""
    if place[0] in {"archive", "serve", "target"} and place[1:] not in {(), ("url",)}:
        return str(place[1])
    return str(place[0])


def format_place(place: Sequence[Any]) -> str:
    """Write a place of a settings file as it stands there."""
    if place[0] == "sources" and len(place) > 1:
        _, number, *names = place
        return ": ".join([f"[[source]] {number + 1}", *([format_place(names)] if names else [])])
    names = list(map(str, place))
    return ".".join(["profile", *names[1:]] if names[0] == "profiles" else names)


def merge(first: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Put tables together name by name: a flag adds a feed to those of the file.

    A value that should be a table is kept, so that validation reports it.
    """
    both = {
        name: merge(first[name], then[name]) if isinstance(then[name], Mapping) else then[name]
        for name in first.keys() & then.keys()
        if isinstance(first[name], Mapping)
    }
    return {**then, **first, **both}


def follow(values: Any, path: Iterable[Any]) -> tuple[list[Any], Any]:
    """Follow the names of a path as far as there are tables, or lists of them, that have them."""
    place = []
    for name in path:
        names = range(len(values)) if isinstance(values, list) else values
        if not isinstance(values, Mapping | list) or name not in names:
            break
        place.append(name)
        values = values[name]
    return place, values
