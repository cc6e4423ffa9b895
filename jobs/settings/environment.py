"""The environment as a source of settings, and what is wrong with the names of its variables.

A setting of a table has a variable of its own, LEADLOADER_TARGET__PASSWORD; or one has the table.
"""

from collections.abc import Collection, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from jobs.settings.problems import ENVIRONMENT, PREFIX, Problem
from loader.options.archive import ArchiveOptions
from loader.options.suggestion import did_you_mean

WITHIN = "__"
"""Between the name of a table and that of a setting in it."""

OF_TESTS = "LEADLOADER_TEST_"
OTHER_VARIABLES = ("LEADLOADER_SCREENSHOTS",)
"""Of the tests, too; and all that begin as `OF_TESTS`."""


class Environment(EnvSettingsSource):
    """Tables are JSON; what is none is left to the field, which may take it as plain text."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Read JSON, or leave the text as it is."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


def environment_problems(
    variables: Mapping[str, str], settings: Mapping[str, FieldInfo]
) -> list[Problem]:
    """Find variables that begin as ours and set nothing: misspelt ones, and empty ones.

    Args:
        variables: of the environment.
        settings: those that there are.
    """
    found = []
    for variable, value in sorted(variables.items()):
        name = variable.upper()
        if not name.startswith(PREFIX) or name.startswith(OF_TESTS) or name in OTHER_VARIABLES:
            continue
        setting = name.removeprefix(PREFIX).lower()
        table, _, within = setting.partition(WITHIN)
        is_known = table in settings and (not within or _is_table(settings[table]))
        if not is_known:
            found.append(Problem(ENVIRONMENT, (setting,), _unknown(setting, settings)))
        elif not value:
            message = "it is empty; give it a value, or unset it"
            found.append(Problem(ENVIRONMENT, (setting,), message))
    return found


def only_in_files(values: Mapping[str, Any]) -> list[Problem]:
    """Find what the environment must not say: it would be forgotten there."""
    target = values.get("target")
    if not isinstance(target, Mapping) or "insecure" not in target:
        return []
    message = "only a settings file can say it, in [target]"
    return [Problem(ENVIRONMENT, ("target", "insecure"), message)]


def _is_table(field: FieldInfo) -> bool:
    kinds = (field.annotation, *get_args(field.annotation))
    return any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds)


def _unknown(setting: str, settings: Collection[str]) -> str:
    message = "there is no such variable"
    if setting == "config":
        return f"{message}; name the settings file by --config"
    if setting in ArchiveOptions.model_fields:
        return f'{message}; {PREFIX}ARCHIVE has it, as JSON: {{"{setting}": ...}}'
    meant = did_you_mean(setting, sorted(settings))
    if meant:
        head, _, name = meant.partition("mean ")
        return f"{message}{head}mean {PREFIX}{name.upper()}"
    return f"{message}; docs/options.md has all settings"
