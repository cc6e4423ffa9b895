"""The files that settings come from: a TOML file, and the dialer's own."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.settings.problems import Problem, follow
from loader.errors import ConfigurationError
from loader.files import read_whole


def read_toml(path: Path) -> Mapping[str, Any]:
    """Read a settings file, with its tables named as in `rename_tables`.

    Raises:
        ConfigurationError: it cannot be read, or is no TOML.
    """
    try:
        values = tomllib.loads(read_whole(path).decode())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from None
    return rename_tables(values)


def rename_tables(values: dict[str, Any]) -> dict[str, Any]:
    """Tell tables from the settings of their names: [[source]] is sources, [profile.a] profiles."""
    for name, kind in (("source", list), ("profile", dict)):
        if isinstance(values.get(name), kind):
            values[f"{name}s"] = values.pop(name)
    return values


def read_astguiclient(path: Path) -> Mapping[str, str]:
    """Read the database's address from the dialer's settings file, if there is one to read.

    Raises:
        ConfigurationError: its port is no number.
    """
    try:
        text = read_whole(path).decode(errors="replace")
    except OSError:
        return {}
    found = dict(re.findall(r"^VARDB_(\w+)[ \t]*=>[ \t]*(\S*)", text, flags=re.MULTILINE))
    if "server" not in found:
        return {}
    # Imported late: a command without a database has no use for it.
    from sqlalchemy import URL  # noqa: PLC0415

    port = found.get("port", "")
    if not re.fullmatch("[0-9]{0,5}", port):
        raise ConfigurationError(f"{path}: VARDB_port: give digits only")
    url = URL.create(
        "mysql",
        username=found.get("user") or None,
        password=found.get("pass") or None,
        host=found["server"],
        port=int(port) if port else None,
        database=found.get("database", "asterisk"),
    )
    return {"database": url.render_as_string(hide_password=False)}


def with_lines(problems: Sequence[Problem], path: Path | None) -> list[Problem]:
    """Give problems with their lines, of those that are in a TOML file; it was read before."""
    own = [it.place for it in problems if it.source == str(path)]
    lines = lines_of(read_whole(path).decode(), own) if path and own else {}
    return [
        it._replace(line=lines.get(it.place)) if it.source == str(path) else it for it in problems
    ]


def lines_of(text: str, places: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    """Find the lines of a TOML file in which settings begin, by parsing longer and longer parts."""
    found: dict[tuple[Any, ...], int] = {}
    lines, begin = text.splitlines(keepends=True), 1
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            begin = number + 1 if begin == number else begin
            continue
        try:
            values = rename_tables(tomllib.loads("".join(lines[:number])))
        except tomllib.TOMLDecodeError:
            continue  # inside a list or a text
        for place in places:
            if place not in found and follow(values, place)[0] == [*place]:
                found[place] = begin
        begin = number + 1
    return found
