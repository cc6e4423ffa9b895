"""The settings of a command: flags, environment, a TOML file, the dialer's own file, defaults."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from sqlalchemy import URL

from jobs.flags import spelled
from loader.archive_options import ArchiveOptions, ArchiveRule
from loader.errors import ConfigurationError, LoaderError, UsageError
from loader.office_hours import OfficeHours
from loader.options import LoadOptions

Sources = Mapping[str, Mapping[str, Any]]
"""Values by name, from each source; that of the flags is "". The first one that has a value wins.
"""
Model = TypeVar("Model", bound=BaseModel)

PREFIX = "LEADLOADER_"
CONFIG = Path("leadloader.toml")
"""Read from the working folder if no other is named."""
ASTGUICLIENT_CONF = Path("/etc/astguiclient.conf")
"""The dialer's own settings, on every dialer machine."""


class ArchiveSettings(ArchiveOptions):
    """The table [archive]: options of archive and dearchive, and in tables of their own, rules."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ArchiveRule] = Field(init=False)

    @property
    def options(self) -> ArchiveOptions:
        """Those of the command."""
        return ArchiveOptions(**self.model_dump(include=set(ArchiveOptions.model_fields)))

    def rule(self, name: str | None, flags: Mapping[str, Any]) -> ArchiveRule:
        """Give the rule with a name, with the parts that flags give in place of its own.

        Raises:
            UsageError: there is no such rule, or a flag has a value that it cannot have.
        """
        rules = self.__pydantic_extra__
        if name is not None and name not in rules:
            there = f"there is {', '.join(rules)}" if rules else "there is none"
            raise UsageError(f"--rule: the settings have no rule {name}, [archive.{name}]; {there}")
        named = {} if name is None else rules[name].model_dump(exclude_unset=True)
        return _validated(ArchiveRule, {"": flags, "settings": named})


class Settings(LoadOptions, BaseSettings):
    """What a command was told, from wherever; the options of a load are among it.

    All commands read all of it, so that one file can serve them all and none takes a misspelt name.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    database: str = ""
    """Address such as mysql://user:password@host/asterisk, sqlite:///leads.db, or `none`."""
    results: Path | None = None
    """Folder of the result files; results/<run> if not given."""
    json_summary: bool = False
    """Print the summary as JSON."""
    quiet: bool = False
    """Say nothing but errors."""
    archive: ArchiveSettings = ArchiveSettings()
    """Options and rules of archive and dearchive."""
    office_hours: OfficeHours | None = None
    """When nothing is archived."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `read_settings` has put together, nothing behind its back."""
        return (init_settings,)

    @property
    def options(self) -> LoadOptions:
        """Those of the load."""
        return LoadOptions(**self.model_dump(include=set(LoadOptions.model_fields)))


class _Environment(EnvSettingsSource):
    """Tables are JSON; what is none is left to the field, which may take it as plain text."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Read JSON, or leave the text as it is."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def read_settings(flags: Mapping[str, Any], config: Path | None) -> Settings:
    """Put the settings together: flags before environment, TOML file, the dialer's file, defaults.

    Args:
        flags: those that were given, by name.
        config: a TOML file; `CONFIG` if there is one and none is named.

    Raises:
        UsageError: a flag has a value that it cannot have.
        ConfigurationError: the environment or a file has, or cannot be read.
    """
    if config is None and CONFIG.exists():
        config = CONFIG
    sources = {
        "": flags,
        "environment": _Environment(Settings, env_prefix=PREFIX)(),
        str(config): _read_toml(config) if config else {},
        str(ASTGUICLIENT_CONF): read_astguiclient(ASTGUICLIENT_CONF),
    }
    return _validated(Settings, sources)


def _validated(model: type[Model], sources: Sources) -> Model:
    merged: dict[str, Any] = {}
    for values in sources.values():
        merged = _merged(merged, values)
    try:
        return model(**merged)
    except ValidationError as error:
        raise _explain(error, merged, sources) from None


def _merged(first: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Put tables together name by name: a flag adds a feed to those of the file.

    What stands in the place of a table and is none stays, to be found.
    """
    both = {
        name: _merged(first[name], then[name]) if isinstance(then[name], Mapping) else then[name]
        for name in first.keys() & then.keys()
        if isinstance(first[name], Mapping)
    }
    return {**then, **first, **both}


def _explain(error: ValidationError, merged: Mapping[str, Any], sources: Sources) -> LoaderError:
    first = error.errors(include_url=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    place, value = _follow(merged, first["loc"])
    if first["type"] == "value_error" and isinstance(value, Mapping):
        # What is wrong with several settings together begins with the name of one.
        name, _, rest = message.partition(": ")
        place, message = ([*place, name], rest) if name.isidentifier() else (place, message)
    message = _worded(first["type"], first.get("ctx", {}), place) or message
    there = [name for name, has in sources.items() if _follow(has, place)[0] == place]
    value = _follow(merged, place)[1]
    # A table is put together from several: the first is as good as any.
    source = next((n for n in there if _follow(sources[n], place)[1] is value), (*there, "")[0])
    if source:
        return ConfigurationError(f"{source}: {'.'.join(place)}: {message}")
    return UsageError(f"{spelled(place[1] if place[0] == 'archive' else place[0])}: {message}")


def _follow(values: Any, path: Iterable[Any]) -> tuple[list[str], Any]:
    """Follow the names of a path as far as there are tables that have them."""
    place = []
    for name in path:
        if not isinstance(values, Mapping) or name not in values:
            break
        place.append(str(name))
        values = values[name]
    return place, values


EXAMPLES = {
    "archive": "[archive]",
    "feed": '{litigators = "litigators.csv"}',
    "max_load": "{Threads_running = 25}",
    "office_hours": "[office_hours]",
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


def _worded(kind: str, context: Mapping[str, Any], place: Sequence[str]) -> str | None:
    """Say better than pydantic what is wrong."""
    name = place[-1]
    if kind == "string_pattern_mismatch":
        return "give 3 to 12 digits" if name.endswith("list_id") else "give digits only"
    if kind in {"too_long", "string_too_long"}:
        unit = "digits" if name.endswith("phone_code") else "characters"
        return f"give at most {context['max_length']} {unit}"
    if kind == "dict_type" or (kind == "model_type" and len(place) == 1):
        example = EXAMPLES.get(name, '{name = "value"}')
        return f'give a table such as {example}, or in the environment JSON: {{"name": "value"}}'
    if kind in {"extra_forbidden", "model_type"}:
        return "there is no such setting"
    return WORDS[kind].format(**context) if kind in WORDS else None


def _read_toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from None


def read_astguiclient(path: Path) -> Mapping[str, str]:
    """Read the database's address from the dialer's settings file, if there is one to read."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return {}
    found = dict(re.findall(r"^VARDB_(\w+)[ \t]*=>[ \t]*(\S*)", text, flags=re.MULTILINE))
    if "server" not in found:
        return {}
    port = found.get("port", "")
    url = URL.create(
        "mysql",
        username=found.get("user") or None,
        password=found.get("pass") or None,
        host=found["server"],
        port=int(port) if port.isdigit() else None,
        database=found.get("database", "asterisk"),
    )
    return {"database": url.render_as_string(hide_password=False)}
