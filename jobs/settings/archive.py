"""The settings of archive and dearchive, and of rules, which each have a name."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, field_validator

from jobs.settings.command import check_addresses
from jobs.settings.validation import validated
from loader.errors import UsageError
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.suggestion import did_you_mean


class ArchiveSettings(ArchiveOptions):
    """The table [archive]: options of archive and dearchive, and in tables of their own, rules."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ArchiveRule] = Field(init=False)

    _addresses = field_validator("replicas")(check_addresses)

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
            existing = f"there is {', '.join(rules)}" if rules else "there is none"
            raise UsageError(
                f"--rule: the settings have no rule {name}, [archive.{name}]; {existing}"
                f"{did_you_mean(name, rules)}"
            )
        named = {} if name is None else rules[name].model_dump(exclude_unset=True)
        return validated(ArchiveRule, {"": flags, "settings": named})
