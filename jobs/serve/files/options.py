"""The options of a load that a request may set: none that names a file of this machine."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from jobs.settings.settings import Settings
from loader.errors import UsageError
from loader.options.load import LoadOptions
from loader.options.option import Group, option_of
from loader.options.suggestion import did_you_mean

REQUEST = "the request"
"""Who gives options, in messages."""

OF_SITE = {"user", "new_lead_url", "new_lead_url_rate", "feed_encoding", "feed_max_age"}
"""Options that are the site's alone: who loads, whom this machine calls, how feeds are read."""

LIMITS_OF_RUN = {"max_reject_rate", "max_duplicate_rate"}
"""Of the options of a run, those that ask nothing of this machine."""


def _names_files(kind: Any) -> bool:
    """Say whether values of a type name files, themselves or within them."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return any(_names_files(field.annotation) for field in kind.model_fields.values())
    return kind is Path or any(map(_names_files, get_args(kind)))


def _is_settable(name: str) -> bool:
    field = LoadOptions.model_fields[name]
    option = option_of(field)
    if name in OF_SITE or option is None or _names_files(field.annotation):
        return False
    is_of_machine = option.group in {Group.LIMITS, Group.RUN, Group.SPEED}
    return not is_of_machine or name in LIMITS_OF_RUN


SETTABLE = tuple(name for name in LoadOptions.model_fields if _is_settable(name))
"""Options that a request may set."""

TABLES = frozenset(
    name for name in SETTABLE if get_origin(LoadOptions.model_fields[name].annotation) is dict
)
"""Those that are given as FIELD=VALUE, as often as is needed."""


def read_parameters(parameters: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Read options of a load from parameters; one that is empty is not given.

    Raises:
        UsageError: there is no such option, or none that a request may set; one is given twice.
    """
    found: dict[str, Any] = {}
    for name, value in parameters:
        if name not in SETTABLE:
            raise UsageError(_unknown(name))
        if name in TABLES:
            key, is_pair, text = value.partition("=")
            if not (key and is_pair):
                raise UsageError(f"{name}: write it as FIELD=VALUE")
            _add(found.setdefault(name, {}), key, text)
        elif _is_repeatable(name):
            found.setdefault(name, []).extend([value] if value else [])
        elif value:
            _add(found, name, value)
    return found


def options_of(settings: Settings, given: Mapping[str, Any], user: str) -> LoadOptions:
    """Put the options of a request before those of the settings.

    Args:
        settings: of the site.
        given: as of `read_parameters`.
        user: of the dialer, as whom is loaded; "": the one of the settings.

    Raises:
        ConfigurationError: they do not go together, or one has a value that it cannot have.
    """
    return settings.options_with(REQUEST, dict(given) | ({"user": user} if user else {}))


def _add(table: dict[str, Any], name: str, value: str) -> None:
    if name in table:
        raise UsageError(f"{name[:60]}: it is given twice; it can have one value")
    table[name] = value


def _is_repeatable(name: str) -> bool:
    option = option_of(LoadOptions.model_fields[name])
    return option is not None and option.repeatable


def _unknown(name: str) -> str:
    if name in LoadOptions.model_fields:
        return f"{name}: a request may not set it; the settings of the service do"
    return f"{name[:60]}: there is no such option{did_you_mean(name[:60], SETTABLE)}"
