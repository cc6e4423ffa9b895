"""What pydantic finds wrong with settings, in words for who wrote them."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from jobs.settings.problems import MISSING, Problem, Sources, follow, merge
from loader.options.suggestion import did_you_mean
from loader.options.types import meant_code
from loader.paths import without_passwords

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)

LAYOUTS = ("layout", "columns")
"""Options of which only one can be given."""

NO_SUCH_SETTING = "there is no such setting"

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


def _no_place(_name: str) -> str:
    return ""


def validated(model: type[Model], sources: Sources) -> Model:
    """Make a set of options of what sources give, whose names are known.

    Raises:
        LoaderError: what is wrong first, see `problems_of`.
    """
    merged = all_merged(sources)
    try:
        return model(**merged)
    except ValidationError as error:
        raise problems_of(error, merged, sources)[0].error from None


def all_merged(sources: Sources) -> dict[str, Any]:
    """Put the values of all sources together; the first source that has one wins."""
    merged: dict[str, Any] = {}
    for values in sources.values():
        # They say the same in two ways: the source that comes first decides about both.
        other = [b for a, b in (LAYOUTS, LAYOUTS[::-1]) if a in merged]
        merged = merge(merged, {name: values[name] for name in values if name not in other})
    return merged


def problems_of(
    error: ValidationError,
    merged: Mapping[str, Any],
    sources: Sources,
    place_of: Callable[[str], str] = _no_place,
) -> list[Problem]:
    """Give what is wrong, each place once, with values that were merged from sources.

    `place_of` says of an unknown name where it belongs, or which one may be meant.
    """
    errors = error.errors(include_url=False, include_input=False)
    found = [_problem(each, merged, sources, place_of) for each in errors]
    # A value that could be of several kinds is wrong for each of them: the first says it.
    first = {(it.source, it.place, it.is_missing and it.message): it for it in reversed(found)}
    return sorted(dict(reversed(first.items())).values(), key=lambda it: it.is_missing)


def _problem(
    wrong: "ErrorDetails",
    merged: Mapping[str, Any],
    sources: Sources,
    place_of: Callable[[str], str],
) -> Problem:
    message = wrong["msg"].removeprefix("Value error, ")
    place, value = follow(merged, wrong["loc"])
    if wrong["type"] == "value_error" and isinstance(value, Mapping):
        # What is wrong with several settings together begins with the name of one.
        name, _, rest = message.partition(": ")
        place, message = ([*place, name], rest) if name.isidentifier() else (place, message)
    message = _describe_error(wrong["type"], wrong.get("ctx", {}), place, value) or message
    if message == NO_SUCH_SETTING:
        message += place_of(str(place[-1]))
    if wrong["type"] == "missing":
        message = f"{wrong['loc'][-1]}{MISSING}"
    holders = [name for name, has in sources.items() if follow(has, place)[0] == place]
    value = follow(merged, place)[1]
    # A table is put together from several: the first is as good as any.
    source = next((n for n in holders if follow(sources[n], place)[1] is value), (*holders, "")[0])
    return Problem(source, tuple(place), without_passwords(message))


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
        return NO_SUCH_SETTING
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
