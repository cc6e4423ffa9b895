"""What an option says of itself, beside the name, the type and the default that its field has."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from loader.options.durations import format_duration


class Group(StrEnum):
    """What an option is about: its heading in `--help` and in the list of options."""

    SOURCE = "Source file"
    LIMITS = "Limits of a file"
    LIST = "List and campaign"
    PHONES = "Phones"
    DUPLICATES = "Duplicates"
    DNC = "Do-not-call"
    TIME_ZONE = "Time zone"
    EXTRAS = "What comes with a lead"
    SELECTION = "Which leads"
    STEPS = "What is done"
    THROTTLE = "Throttling"
    RESULTS = "Results"
    MESSAGES = "Questions and messages"
    RUN = "Run"
    SPEED = "Speed and memory"
    CONNECTION = "Connection to the database"
    SERVICE = "Service"
    TARGET = "Another dialer's APIs"


@dataclass(frozen=True)
class Option:
    """The metadata of a field that is an option."""

    help: str
    """What it does, in one short line without a full stop."""
    group: Group | None = None
    """None: it stands in settings files only, and has no flag."""
    details: str = ""
    """Further sentences, for pages and settings files."""
    values: str = ""
    """How values are written in `--help`, where the type does not say it: ID, FILE."""
    empty: str = ""
    """What it stands for if it is not given, where the field's default does not say it."""
    flags: tuple[str, ...] = ()
    """As Typer takes them; otherwise the flag has the name of the field."""
    repeatable: bool = False
    """The flag is given once for each part of a list. That of a table always is."""
    example: Any = None
    """For settings files, where there is no default, or a better example."""
    api: str = ""
    """The name that it has in VICIdial's API."""

    @property
    def description(self) -> str:
        """All that is said of it, in sentences."""
        return f"{self.help}. {self.details}".rstrip()


def options_of(model: type[BaseModel]) -> Mapping[str, Option]:
    """Give the options of a model by name, in the order of its fields."""
    found = ((name, option_of(field)) for name, field in model.model_fields.items())
    return {name: option for name, option in found if option}


def option_of(field: FieldInfo) -> Option | None:
    """Give what a field says of itself as an option."""
    return next((it for it in field.metadata if isinstance(it, Option)), None)


def describe_default(field: FieldInfo) -> str:
    """Write what an option is if it is not given; "" stands for nothing, and for off."""
    option, default = option_of(field), field.default
    if option and option.empty:
        return option.empty
    if default is True:
        return "on"
    if isinstance(default, timedelta) and default:
        return format_duration(default)
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    return str(default) if default and not field.is_required() else ""
