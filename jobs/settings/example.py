"""An example of a settings file: every setting there is, with what it does.

The checks of the profile safe are on in it; all else is commented out.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping, Set
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from jobs.settings.nightly import Source
from jobs.settings.profiles import BUILT_IN, OptionSet
from jobs.settings.settings import Settings
from jobs.settings.tables import TABLES
from loader.options.durations import format_duration
from loader.options.load import LoadOptions
from loader.options.option import options_of

WIDTH = 100

ABOUT = """\
#:schema leadloader.schema.json

# All settings of leadloader, as `leadloader config example` writes them. Take what you need into a
# leadloader.toml of your own, without the leading #; `leadloader config check` tells what is wrong.
# The checks against duplicates and do-not-call lists are on, as in the profile safe.
# What stands here is the default, or an example where there is none. Flags of the command line and
# variables such as LEADLOADER_LIST_ID go before this file, and before the defaults the dialer's own
# /etc/astguiclient.conf, which knows the database.
"""

LOAD = "## Any option of a load, such as list_id and mapping_file above, can stand here too.\n"

OF_A_LOAD = (Source, OptionSet)
"""Tables that may have the options of a load."""

ELSEWHERE = {"source", "sources", "profile", "profiles"}
"""Settings that stand in the tables below, or whose names these have."""

ONE_OF_TWO = {
    "columns", "lineage.url", "lineage.api_key", "target.password_file", "target.key_file",
}  # fmt: skip
"""Cannot be given beside the one above."""


def settings_example() -> str:
    """Give the text of the file."""
    parts = [ABOUT, "\n".join(_settings("", Settings, ELSEWHERE))]
    for table, model in TABLES:
        elsewhere = set(LoadOptions.model_fields) if model in OF_A_LOAD else set()
        lines = _settings(f"{table.strip('[]')}.", model, elsewhere)
        about = " ".join((model.__doc__ or "").split("\n\n")[0].split())
        load = LOAD if model in OF_A_LOAD else ""
        parts.append("\n".join([_comment(about), f"# [{table}]\n{load}", *lines]))
    return "\n".join(parts)


def _settings(path: str, model: type[BaseModel], elsewhere: Set[str]) -> Iterator[str]:
    """Give each setting that is no table, below what it does."""
    tables = {name.strip("[]") for name, _ in TABLES}
    tables |= {name.partition(".")[0] for name in tables}
    for name, option in options_of(model).items():
        place = f"{path}{name}"
        if name not in elsewhere and place not in tables:
            value = _default(model.model_fields[name]) if option.example is None else option.example
            mark = "# or: " if place in ONE_OF_TWO else "# "
            if place in BUILT_IN["safe"]:
                mark, value = "", BUILT_IN["safe"][place]
            yield f"{_comment(option.description)}\n{mark}{name} = {_toml(value)}\n"


def _default(field: FieldInfo) -> Any:
    if isinstance(field.default, timedelta):
        return format_duration(field.default)
    return str(field.default) if isinstance(field.default, Path) else field.default


def _comment(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="## ", subsequent_indent="## ")


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str) and "\\" in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)
