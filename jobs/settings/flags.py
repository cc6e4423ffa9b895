"""The flags of the commands, made from the options of which they set a value."""

from collections.abc import Mapping, Set
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from jobs.settings.command import CommandSettings, ConfigFlag, NightlyFlags, SelectionFlags
from jobs.settings.serve import ServeOptions
from jobs.settings.target import TargetFlags
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.connection import ConnectionOptions
from loader.options.load import LoadOptions
from loader.options.option import Group, Option, describe_default, options_of
from loader.options.report import ReportSettings
from loader.options.throttle import PaceOptions


class Flag(NamedTuple):
    """One flag. Its parameter has the name of the setting; `kind` is how Typer reads it."""

    name: str
    option: Option
    kind: Any
    values: str | None
    """How they are written, or, with | between them, which there are."""
    default: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names as Typer takes them."""
        return self.option.flags or (f"--{self.name.replace('_', '-')}",)

    @property
    def help(self) -> str:
        """What it does, and the default unless that is to do nothing."""
        is_said = self.default not in {"", "N"}
        return self.option.help + (f" (default: {self.default})" if is_said else "")

    @property
    def choices(self) -> tuple[str, ...]:
        """The values, if there are only a few."""
        listed = (self.values or "").split("|")
        return tuple(listed) if len(listed) > 1 and "..." not in listed else ()


def _flags_of(*models: type[BaseModel]) -> tuple[Flag, ...]:
    flags = (
        _flag(name, model.model_fields[name], option)
        for model in models
        for name, option in options_of(model).items()
        if option.group
    )
    groups: list[Group | None] = [*Group]
    return tuple(sorted(flags, key=lambda flag: groups.index(flag.option.group)))


def _flag(name: str, field: FieldInfo, option: Option) -> Flag:
    kind = _without_none(field.annotation)
    values = "|".join(get_args(kind)) if get_origin(kind) is Literal else option.values
    if option.repeatable or get_origin(kind) is dict:
        kind = list[str]
    elif kind not in {bool, int, float, Path}:
        kind = str
    return Flag(name, option, kind, values or None, describe_default(field))


def _without_none(annotation: Any) -> Any:
    """Give the type of a value that is given, without what restricts it."""
    if get_origin(annotation) in {Union, UnionType}:
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _example(flag: Flag) -> str:
    name, value = next(iter(flag.option.example.items()))
    return f'{name}="{value}"' if " " in str(value) else f"{name}={value}"


CONNECTING = frozenset({"database", "config", *ConnectionOptions.model_fields})
"""Flags of every command that has a database."""

OF_ALL = CONNECTING | frozenset(
    {
        "results",
        "json_summary",
        "quiet",
        "log_format",
        "metrics_file",
        "lacking",
    }
)
"""Flags of every command that does something."""

COMMAND_FLAGS = _flags_of(CommandSettings, ConfigFlag)
TARGET_FLAGS = _flags_of(TargetFlags)
FLAGS = _flags_of(
    CommandSettings, ConfigFlag, TargetFlags, ReportSettings, PaceOptions, LoadOptions
)
"""Those of import and validate."""
_ALL_OF_ARCHIVE = _flags_of(
    CommandSettings, ConfigFlag, TargetFlags, SelectionFlags, ArchiveRule, ArchiveOptions
)
MOVE_FLAGS = tuple(
    flag for flag in _ALL_OF_ARCHIVE if flag not in COMMAND_FLAGS or flag.name in OF_ALL
)
"""Those of archive or dearchive."""
ARCHIVE_FLAGS = tuple(flag for flag in MOVE_FLAGS if flag.name != "loaded_anew")
DEARCHIVE_FLAGS = tuple(
    flag
    for flag in MOVE_FLAGS
    if flag.name not in {"held", "update", "ignore_office_hours", "leave_dearchived"}
)
UNDO_FLAGS = tuple(
    flag
    for flag in MOVE_FLAGS
    if flag.name in {"dry_run", "create_tables", "loaded_anew", "target", *OF_ALL}
    or (
        flag.option.group is Group.THROTTLE and flag.name not in {"run_time", "ignore_office_hours"}
    )
)
COLUMNS_FLAGS = tuple(
    flag
    for flag in FLAGS
    if flag.name == "config"
    or (
        flag.option.group in {Group.SOURCE, Group.LIMITS}
        and flag.name not in {"default", "force", "unstorable"}
    )
)
"""Those of reading a file."""
NIGHTLY_FLAGS = tuple(
    flag
    for flag in _flags_of(NightlyFlags, CommandSettings, ConfigFlag)
    if flag.name in {"dry_run", "only", "profile", "repair", *OF_ALL} - {"results"}
)

SERVE_FLAGS = tuple(
    flag
    for flag in _flags_of(ServeOptions, CommandSettings, ConfigFlag)
    if flag.name in ServeOptions.model_fields
    or flag.name in CONNECTING | {"results", "quiet", "log_format", "profile", "lacking"}
)

PAIRS: Mapping[str, str] = {
    flag.name: _example(flag)
    for flag in (*FLAGS, *MOVE_FLAGS)
    if isinstance(flag.option.example, Mapping)
}
"""Flags that are given as NAME=VALUE, with an example."""


def flags_named(names: Set[str]) -> tuple[Flag, ...]:
    """Give some of the flags that any command may have."""
    return tuple(flag for flag in (*COMMAND_FLAGS, *TARGET_FLAGS) if flag.name in names)


def flag_name(name: str) -> str:
    """Give the flag of a setting as it is written: the positive one, where there are two."""
    flags = (flag for flag in (*FLAGS, *MOVE_FLAGS) if flag.name == name)
    names = next((flag.names for flag in flags), (f"--{name.replace('_', '-')}",))
    return names[0].partition("/")[0]
