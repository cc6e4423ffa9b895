"""Everything that is wrong with the settings, and where: `leadloader config check`."""

import codecs
import difflib
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.settings.example import TABLES
from jobs.settings.nightly import Source
from jobs.settings.problems import Problem, follow, format_place
from jobs.settings.settings import Settings, check_settings
from loader.database.connection import Database
from loader.errors import LoaderError, missing_extra_error
from loader.fields.mapping import read_mapping_file
from loader.options.load import LoadOptions
from loader.reading.source import LAYOUTS

Wrong = Iterator[tuple[tuple[Any, ...], str]]
"""The place of a setting, and what is wrong with it."""

EXTRAS = {
    "ftp": ("remote", "fsspec"),
    "sftp": ("remote", "paramiko"),
    "s3": ("s3", "s3fs"),
}
"""By what an address begins with: the extra that it needs, and a package of it."""


class Fault(BaseModel):
    """Something that is wrong."""

    source: str
    """Of the setting: a file, `environment`, or `` for a flag or a default."""
    line: int | None
    """Of the file, from 1; None where it cannot be told."""
    setting: str
    message: str

    def __str__(self) -> str:
        """Say it in a line."""
        line = f", line {self.line}" if self.line else ""
        place = f"{self.source}{line}" if self.source else ""
        return ": ".join(part for part in (place, self.setting, self.message) if part)


def check_file(
    flags: Mapping[str, Any], config: Path | None
) -> tuple[Settings | None, list[Fault]]:
    """Find all that is wrong with the settings and with what they name on this machine.

    Args:
        flags: those that were given, by name.
        config: a settings file.

    Returns:
        The settings, unless they cannot be.
    """
    try:
        settings, problems, sources = check_settings(flags, config)
    except LoaderError as error:
        return None, [Fault(source="", line=None, setting="", message=str(error))]
    if settings is None:
        problems = [it._replace(message=it.message + _meant(it)) for it in problems]
    else:
        for place, message in _wrong_here(settings):
            known = (n for n, values in sources.items() if follow(values, place)[0] == [*place])
            problems.append(Problem(next(known, ""), tuple(place), message))
    text = config.read_text("utf-8") if config and problems else ""
    lines = lines_of(text, [it.place for it in problems if it.source == str(config)])
    faults = [
        Fault(
            source=it.source,
            line=lines.get(it.place) if it.source == str(config) else None,
            setting=format_place(it.place),
            message=it.message,
        )
        for it in problems
    ]
    return settings, sorted(faults, key=lambda it: (it.source, it.line or 0))


def lines_of(text: str, places: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    """Find the lines of a TOML file in which settings begin: what is cut before them lacks them."""
    found: dict[tuple[Any, ...], int] = {}
    lines, begin = text.splitlines(keepends=True), 1
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            begin = number + 1 if begin == number else begin
            continue
        try:
            values = tomllib.loads("".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a list or of a text
        if isinstance(values.get("source"), list):
            values["sources"] = values["source"]
        for place in places:
            if place not in found and follow(values, place)[0] == [*place]:
                found[place] = begin
        begin = number + 1
    return found


def _meant(problem: Problem) -> str:
    """Name a setting that may be meant by one that there is not."""
    if problem.message != "there is no such setting":
        return ""
    name = str(problem.place[-1])
    tables = {f"[{table}]": set(model.model_fields) for table, model in TABLES}
    if name in Settings.model_fields:
        return "; it belongs before the first [table]"
    own = next((table for table in tables if name in tables[table]), None)
    if own:
        return f"; it belongs into {own}"
    names = sorted({*Settings.model_fields}.union(*tables.values()))
    close = difflib.get_close_matches(name, names, 1)
    return f"; is {close[0]} meant?" if close else ""


def _wrong_here(settings: Settings) -> Wrong:
    """Look for what the settings name and this machine does not have."""
    yield from _wrong_with_load((), settings)
    for number, source in enumerate(settings.sources):
        place = ("sources", number)
        yield from _wrong_with_source(place, source)
        yield from _wrong_with_load(place, source)
        yield from _raised(place, partial(settings.options_of, source, {}))
    if settings.database not in {"", "none"}:
        yield from _raised(("database",), partial(Database, settings.database))
    for address in settings.archive.replicas:
        yield from _raised(("archive", "replicas"), partial(Database, address))
    yield from _lacking_packages(settings)
    yield from _not_writable(("results",), settings.results)
    yield from _not_writable(("metrics_file",), settings.metrics_file, is_file=True)
    if settings.sources:
        yield from _not_writable(("nightly", "folder"), settings.nightly.folder)
    if settings.lineage:
        yield from _not_writable(("lineage", "file"), settings.lineage.file, is_file=True)


def _wrong_with_load(place: tuple[Any, ...], options: LoadOptions) -> Wrong:
    for name, file in options.feed.items():
        if why := _why_unreadable(file):
            yield (*place, "feed", name), why
    if options.mapping_file:
        # Whether a custom field that it names is there depends on the list.
        reading = partial(read_mapping_file, options.mapping_file, _Any())
        yield from _raised((*place, "mapping_file"), reading)
    if options.layout is not None and options.layout not in LAYOUTS:
        yield (*place, "layout"), f"there is no such layout; there is {', '.join(LAYOUTS)}"
    if options.encoding is not None:
        try:
            codecs.lookup(options.encoding)
        except LookupError:
            yield (*place, "encoding"), f"{options.encoding!r} is no encoding; give such as cp1252"


def _wrong_with_source(place: tuple[Any, ...], source: Source) -> Wrong:
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


def _lacking_packages(settings: Settings) -> Wrong:
    wanted: list[tuple[tuple[Any, ...], object, str, str]] = [
        (("notify",), settings.notify, "notify", "apprise"),
        (("lineage",), settings.lineage, "lineage", "openlineage"),
        (("metrics_file",), settings.metrics_file, "metrics", "prometheus_client"),
    ]
    for number, source in enumerate(settings.sources):
        scheme = source.folder.partition("://")[0] if source.is_remote else ""
        extra, package = EXTRAS.get(scheme, ("remote", "fsspec"))
        wanted.append((("sources", number, "folder"), scheme, extra, package))
    for place, is_given, extra, package in wanted:
        if is_given and find_spec(package) is None:
            yield place, str(missing_extra_error("this", extra, package))


def _why_unreadable(file: Path) -> str:
    if not file.is_file():
        return f"there is no file {file}"
    return "" if os.access(file, os.R_OK) else f"{file} cannot be read"


def _not_writable(place: tuple[Any, ...], path: Path | None, *, is_file: bool = False) -> Wrong:
    """See that a folder, or the folder of a file, can be made or written to."""
    if path is None:
        return
    folder = (path.parent if is_file else path).absolute()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir():
        yield place, f"{there} is no folder"
    elif not os.access(there, os.W_OK | os.X_OK):
        yield place, f"{there} cannot be written to"


def _raised(place: tuple[Any, ...], question: Callable[[], object]) -> Wrong:
    try:
        question()
    except LoaderError as error:
        yield place, str(error)


class _Any(frozenset[str]):
    """Holds everything."""

    def __contains__(self, _name: object) -> bool:
        return True
