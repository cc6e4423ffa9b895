"""What is wrong with settings: where it stands, and what to do, in words for who wrote them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from jobs.settings.flags import flag_name
from loader.errors import ConfigurationError, LoaderError, UsageError
from loader.options.suggestion import did_you_mean
from loader.options.types import meant_code
from loader.paths import without_passwords

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

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


def problems_of(
    error: ValidationError, merged: Mapping[str, Any], sources: Sources
) -> list[Problem]:
    """Give what is wrong, each place once, with values that were merged from sources."""
    errors = error.errors(include_url=False, include_input=False)
    found = [_problem(each, merged, sources) for each in errors]
    # A value that could be of several kinds is wrong for each of them: the first says it.
    first = {
        (it.source, it.place, it.message.endswith(MISSING) and it.message): it
        for it in reversed(found)
    }
    # What is missing may be what is mistyped: that comes first.
    return sorted(
        dict(reversed(first.items())).values(), key=lambda it: it.message.endswith(MISSING)
    )


def _problem(wrong: "ErrorDetails", merged: Mapping[str, Any], sources: Sources) -> Problem:
    message = wrong["msg"].removeprefix("Value error, ")
    place, value = follow(merged, wrong["loc"])
    if wrong["type"] == "value_error" and isinstance(value, Mapping):
        # What is wrong with several settings together begins with the name of one.
        name, _, rest = message.partition(": ")
        place, message = ([*place, name], rest) if name.isidentifier() else (place, message)
    message = _describe_error(wrong["type"], wrong.get("ctx", {}), place, value) or message
    if wrong["type"] == "missing":
        message = f"{wrong['loc'][-1]}{MISSING}"
    holders = [name for name, has in sources.items() if follow(has, place)[0] == place]
    value = follow(merged, place)[1]
    # A table is put together from several: the first is as good as any.
    source = next((n for n in holders if follow(sources[n], place)[1] is value), (*holders, "")[0])
    return Problem(source, tuple(place), without_passwords(message))


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


EXAMPLES = {
    "archive": "[archive]",
    "feed": '{litigators = "litigators.csv"}',
    "max_load": "{Threads_running = 25}",
    "nightly": "[nightly]",
    "new_list": "[source.new_list]",
    "lineage": "[lineage]",
    "notify": "[notify]",
    "office_hours": "[office_hours]",
    "serve": "[serve]",
    "target": "[target]",
}
"""Of tables in the settings file."""

WORDS = {
    "tuple_type": "give a list, or text with commas",
    "list_type": "give a list",
    "string_type": "give text, in quotes",
    "path_type": "give a path, in quotes",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
    "greater_than_equal": "give at least {ge:,.15g}",
    "greater_than": "give more than {gt:,.15g}",
    "less_than_equal": "give at most {le:,.15g}",
    "less_than": "give less than {lt:,.15g}",
    "literal_error": "give {expected}",
    "finite_number": "give a whole number",
} | {
    f"{kind}_{how}": f"give a {'whole ' * (kind == 'int')}number"
    for kind in ("int", "float")
    for how in ("type", "parsing", "from_float", "parsing_size")
}
"""Ours for pydantic's, by its type of an error."""


def _describe_error(
    kind: str, context: Mapping[str, Any], place: Sequence[Any], value: object
) -> str | None:
    name = str(place[-1])
    if kind == "string_pattern_mismatch":
        digits = meant_code(str(value)) if name.endswith("phone_code") else _digits_of(value)
        meant = f"; did you mean {digits}?" if digits else ""
        return f"give {'3 to 12 digits' if name.endswith('list_id') else 'digits only'}{meant}"
    if kind in {"too_long", "string_too_long"}:
        unit = "digits" if name.endswith("phone_code") else "characters"
        return f"give at most {context['max_length']} {unit}"
    if kind == "dict_type" or (kind == "model_type" and (len(place) == 1 or name in EXAMPLES)):
        example = EXAMPLES.get(name, '{name = "value"}')
        return f'give a table such as {example}, or in the environment JSON: {{"name": "value"}}'
    if kind in {"extra_forbidden", "model_type"}:
        return f"there is no such setting{_known_setting(name)}"
    return WORDS[kind].format(**context) + _suggest(kind, context, value) if kind in WORDS else None


def _digits_of(value: object) -> str:
    return re.sub("[^0-9]", "", str(value))


def _suggest(kind: str, context: Mapping[str, Any], value: object) -> str:
    """Propose another value: the choice that is near, or a share for a percentage."""
    if kind == "literal_error":
        return did_you_mean(value, re.findall("'([^']*)'", context["expected"]))
    return _as_share(value) if kind == "less_than_equal" and context["le"] == 1 else ""


def _as_share(value: object) -> str:
    """Propose a share for what is a percentage: 20 is 0.2."""
    try:
        percentage = float(str(value))
    except ValueError:
        return ""
    return f"; did you mean {percentage / 100:g}?" if percentage <= 100 else ""


def _known_setting(name: str) -> str:
    """Say where a setting belongs, or which one may be meant."""
    # Imported late: the settings are made with this module.
    from jobs.settings.example import TABLES  # noqa: PLC0415 - it imports this module
    from jobs.settings.settings import Settings  # noqa: PLC0415 - likewise

    if name in Settings.model_fields:
        return "; it belongs before the first [table]"
    tables = {f"[{table}]": set(model.model_fields) for table, model in TABLES}
    own = next((table for table in tables if name in tables[table]), None)
    if own:
        return f"; it belongs into {own}"
    return did_you_mean(name, sorted({*Settings.model_fields}.union(*tables.values())))
