"""The files that settings come from: a TOML file, and the dialer's own."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.settings.problems import Problem
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


Place = tuple[Any, ...]
"""The name of a setting, behind those of the tables that it is in."""


def lines_of(text: str, places: Sequence[Place]) -> dict[Place, int]:
    """Find the lines of a TOML file that can be read in which settings begin."""
    found: dict[Place, int] = {}
    wanted, table, counts = set(places), Place(), dict[Place, int]()
    for line, statement in _statements(text):
        values: Any = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table, values = _table(values, counts), {}
        elif not table:
            values = rename_tables(values)
        for place in (*(table[:end] for end in range(len(table) + 1)), *_below(table, values)):
            if place in wanted:
                found.setdefault(place, line)
    return found


MARKS = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|"(?:\\.|[^"\\\n])*"|'''
    r"""'{3}.*?'{3,5}|'[^'\n]*'|#[^\n]*|[\[\]{}\n]""",
    re.DOTALL,
)
"""What says where a statement of TOML ends: texts, comments, brackets, ends of lines."""


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Give the statements of a TOML file, each with the line in which it begins."""
    begin, line, depth = 0, 1, 0
    text = text.replace("\r\n", "\n")
    for mark in MARKS.finditer(f"{text}\n"):
        depth += (mark[0] in {"[", "{"}) - (mark[0] in {"]", "}"})
        if mark[0] == "\n" and not depth:
            statement = text[begin : mark.start()]
            if statement.strip() and not statement.lstrip().startswith("#"):
                yield line, statement
            begin, line = mark.end(), line + statement.count("\n") + 1


def _table(header: dict[str, Any], counts: dict[Place, int]) -> Place:
    """Give the place of a table, by its header alone; `counts` has the tables of each list."""
    names, inner, is_of_list = [], rename_tables(header), False
    while inner:
        [(name, inner)] = inner.items()
        names.append(name)
        is_of_list = isinstance(inner, list)
        inner = inner[0] if is_of_list else inner
    place = Place()
    for number, name in enumerate(names, 1):
        place += ("sources" if name == "source" and ("sources",) in counts else name,)
        if number == len(names) and is_of_list:
            counts[place] = counts.get(place, 0) + 1
        if place in counts:
            place += (counts[place] - 1,)
    return place


def _below(place: Place, values: Any) -> Iterator[Place]:
    """Give the places of all that is in a table or a list."""
    items = enumerate(values) if isinstance(values, list) else values.items()
    for name, value in items:
        yield (*place, name)
        if isinstance(value, dict | list):
            yield from _below((*place, name), value)
