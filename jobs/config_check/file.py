"""All faults of the settings and their places: `leadloader config check`."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.config_check.service import Problems, service_problems, target_problems
from jobs.settings.files import with_lines
from jobs.settings.nightly import Source
from jobs.settings.problems import Problem, follow, format_place
from jobs.settings.settings import Settings, check_settings
from loader.database.connection import Database
from loader.errors import LoaderError, missing_extra_error
from loader.fields.mapping import read_mapping_file
from loader.options.load import LoadOptions
from loader.options.source_file import VENDOR_OPTIONS
from loader.paths import without_passwords

EXTRAS = {"sftp": ("remote", "paramiko"), "s3": ("s3", "s3fs")}
"""By the scheme of an address that needs more than fsspec: the extra, and a package of it."""


class Fault(BaseModel):
    """A fault of a setting."""

    source: str
    """Where the setting comes from: a file, `environment`, or `` for a flag or a default."""
    line: int | None
    """The line of the file, from 1; None if it is unknown."""
    setting: str
    message: str

    def __str__(self) -> str:
        """Describe the fault in a line."""
        line = f", line {self.line}" if self.line else ""
        place = f"{self.source}{line}" if self.source else ""
        return ": ".join(part for part in (place, self.setting, self.message) if part)


def check_file(
    flags: Mapping[str, Any], config: Path | None
) -> tuple[Settings | None, list[Fault]]:
    """Find all faults of the settings, and what they name and this machine does not have.

    Returns:
        The settings, None if they are invalid, and the faults.
    """
    try:
        settings, problems, sources = check_settings(flags, config)
    except LoaderError as error:
        return None, [Fault(source="", line=None, setting="", message=str(error))]
    if settings is not None:
        for place, message in _problems_here(settings):
            known = (n for n, values in sources.items() if follow(values, place)[0] == [*place])
            problems.append(Problem(next(known, ""), tuple(place), message))
        problems = with_lines(problems, config)
    faults = [
        Fault(
            source=it.source,
            line=it.line,
            setting=format_place(it.place),
            message=without_passwords(it.message),
        )
        for it in problems
    ]
    return settings, sorted(faults, key=lambda it: (it.source, it.line or 0))


def _problems_here(settings: Settings) -> Problems:
    yield from _load_problems((), settings)
    for number, source in enumerate(settings.sources):
        place = ("sources", number)
        yield from _source_problems(place, source)
        yield from _load_problems(place, source)
        yield from _problem_of(place, partial(settings.options_of, source, {}))
    if settings.database not in {"", "none"}:
        yield from _problem_of(("database",), partial(Database, settings.database))
    for address in settings.archive.replicas:
        yield from _problem_of(("archive", "replicas"), partial(Database, address))
    yield from service_problems(settings)
    yield from target_problems(settings.target)
    yield from _lacking_packages(settings)
    yield from _not_writable(("results",), settings.results)
    yield from _not_writable(("metrics_file",), settings.metrics_file, is_file=True)
    if settings.sources:
        yield from _not_writable(("nightly", "folder"), settings.nightly.folder)
    if settings.lineage:
        yield from _not_writable(("lineage", "file"), settings.lineage.file, is_file=True)


def _load_problems(place: tuple[Any, ...], options: LoadOptions) -> Problems:
    for name, feed in options.feed.items():
        file = feed.file
        if not file.is_file():
            yield (*place, "feed", name), f"there is no file {file}"
        elif not os.access(file, os.R_OK):
            yield (*place, "feed", name), f"{file} cannot be read"
    if options.mapping_file:
        # Whether a custom field exists depends on the list.
        reading = partial(read_mapping_file, options.mapping_file, None, VENDOR_OPTIONS)
        yield from _problem_of((*place, "mapping_file"), reading)


def _source_problems(place: tuple[Any, ...], source: Source) -> Problems:
    if source.is_remote:
        return
    folder = Path(source.folder)
    if not folder.is_dir():
        yield (*place, "folder"), f"there is no folder {folder}; make it, or correct the path"
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield (*place, "folder"), f"{folder} has to be readable and writable: files are moved away"
    else:
        for name in ("done", "failed"):
            yield from _not_writable((*place, name), folder / getattr(source, name))


def _lacking_packages(settings: Settings) -> Problems:
    extras: list[tuple[tuple[Any, ...], object, str, str]] = [
        (("notify",), settings.notify, "notify", "apprise"),
        (("lineage",), settings.lineage, "lineage", "openlineage"),
        (("metrics_file",), settings.metrics_file, "metrics", "prometheus_client"),
        (("serve",), "serve" in settings.model_fields_set, "serve", "starlette"),
        (("target", "url"), settings.target.url, "remote", "httpx2"),
    ]
    for number, source in enumerate(settings.sources):
        scheme = source.folder.partition("://")[0] if source.is_remote else ""
        extra, package = EXTRAS.get(scheme, ("remote", "fsspec"))
        extras.append((("sources", number, "folder"), scheme, extra, package))
    for place, is_given, extra, package in extras:
        if is_given and find_spec(package) is None:
            yield place, str(missing_extra_error("this", extra, package))


def _not_writable(place: tuple[Any, ...], path: Path | None, *, is_file: bool = False) -> Problems:
    """Check that a folder, or the folder of a file, can be created or written to."""
    if path is None:
        return
    folder = (path.parent if is_file else path).absolute()
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    if not existing.is_dir():
        yield place, f"{existing} is no folder"
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield place, f"{existing} cannot be written to"


def _problem_of(place: tuple[Any, ...], action: Callable[[], object]) -> Problems:
    try:
        action()
    except LoaderError as error:
        yield place, str(error)
