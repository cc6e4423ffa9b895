"""The settings of a command: flags, environment, a TOML file, the dialer's own file, defaults."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from sqlalchemy import URL

from loader.errors import ConfigurationError, LoaderError, UsageError
from loader.options import LoadOptions

PREFIX = "LEADLOADER_"
CONFIG = Path("leadloader.toml")
"""Read from the working folder if no other is named."""
ASTGUICLIENT_CONF = Path("/etc/astguiclient.conf")
"""The dialer's own settings, on every dialer machine."""


class Settings(LoadOptions, BaseSettings):
    """What a command was told, from wherever; the options of the load are among it."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    database: str = ""
    """Address such as mysql://user:password@host/asterisk, sqlite:///leads.db, or `none`."""
    results: Path | None = None
    """Folder of the result files; results/<run> if not given."""
    json_summary: bool = False
    """Print the summary as JSON."""
    quiet: bool = False
    """Say nothing but errors."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
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
    sources: dict[str, Mapping[str, Any]] = {
        "": flags,
        "environment": _Environment(Settings, env_prefix=PREFIX)(),
        str(config): _read_toml(config) if config else {},
        str(ASTGUICLIENT_CONF): read_astguiclient(ASTGUICLIENT_CONF),
    }
    merged: dict[str, Any] = {}
    for values in sources.values():
        # Tables are put together name by name: a flag adds a feed to those of the file.
        tables = {
            name: {**table, **merged[name]}
            for name, table in values.items()
            if isinstance(table, dict) and isinstance(merged.get(name), dict)
        }
        merged = {**values, **merged, **tables}
    try:
        return Settings(**merged)
    except ValidationError as error:
        raise _explain(error, sources) from None


def _explain(error: ValidationError, sources: Mapping[str, Mapping[str, Any]]) -> LoaderError:
    first = error.errors(include_url=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    name = str(first["loc"][0]) if first["loc"] else message.partition(":")[0]
    if first["type"] == "string_pattern_mismatch":
        message = "give 3 to 12 digits" if name.endswith("list_id") else "give digits only"
    if first["type"] in {"too_long", "string_too_long"}:
        unit = "digits" if name.endswith("phone_code") else "characters"
        message = f"give at most {first['ctx']['max_length']} {unit}"
    if first["type"] == "dict_type":
        message = 'give a table, or in the environment JSON such as {"name": "value"}'
    if first["type"] == "extra_forbidden":
        message = "there is no such setting"
    source = next((source for source, values in sources.items() if name in values), "")
    if source:
        return ConfigurationError(f"{source}: {name}: {message}")
    said = message.removeprefix(f"{name}: ")
    return UsageError(f"--{name.replace('_', '-')}: {said}")


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
