"""The settings of nightly: its own, and those of each source of files."""

import re
from datetime import date, timedelta
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from loader.options.durations import Duration
from loader.options.load import LoadOptions
from loader.options.types import Switch, Text, separated

UNFINISHED = ("*.part", "*.partial", "*.filepart", "*.tmp", "*.crdownload", "*~")
"""What programs call a file that they have not written to its end."""

WORDS = frozenset({"file", "stem", "source", "date", "list_id"})
"""What every template of a new list may hold."""

Names = Annotated[tuple[str, ...], BeforeValidator(separated)]


class _Anything(dict[str, object]):
    """Has a value for every name."""

    def __missing__(self, name: str) -> str:
        return name


def _no_option(name: str) -> str:
    return (
        f"file_name: the group {name} is no option of a load, and new_list does not use it; name "
        "a group as the option that it sets, such as (?P<list_id>[0-9]+)"
    )


class NewList(BaseModel):
    """A list that is made for each file, all of whose rows it takes.

    Texts may hold {file} (its name), {stem} (that before the first dot), {source}, {list_id},
    {date}, also as {date:%d.%m.%Y}, and the groups of file_name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_list_id: Annotated[int, Field(ge=100, le=999_999_999_999)]
    """The list_id of the first list; later ones get the next above those in use."""
    last_list_id: Annotated[int, Field(ge=100, le=999_999_999_999)] = 999_999_999_999
    """Above which none is made."""
    campaign_id: Text
    """The campaign that it belongs to, which the dialer must have."""
    list_name: str = "{stem}"
    """Its name, cut to the width of the column."""
    list_description: str = "{source} {date}"
    """Its description; behind it comes a mark of the file, by which its list is found again."""
    active: Switch = "N"
    """Whether the dialer calls it at once."""
    columns: dict[str, Text] = {}
    """Further columns of vicidial_lists: {"local_call_time": "9am-9pm"}."""

    @property
    def texts(self) -> dict[str, str]:
        """Give the templates by column of vicidial_lists."""
        names = ("list_name", "list_description", "campaign_id", "active")
        return {**{name: getattr(self, name) for name in names}, **self.columns}

    @property
    def words(self) -> set[str]:
        """Give the names that the templates hold."""
        parts = (Formatter().parse(text) for text in self.texts.values())
        return {name for part in parts for _, name, _, _ in part if name is not None}

    @model_validator(mode="after")
    def _can_be_filled(self) -> "NewList":
        for name, text in self.texts.items():
            try:
                text.format_map(_Anything(date=date(2000, 12, 31), list_id=101))
            except (ValueError, LookupError, AttributeError) as error:
                raise ValueError(f"{name}: {error}; write braces that are meant twice") from None
        for name in ("list_id", "list_changedate"):
            if name in self.columns:
                raise ValueError(f"columns: {name} is set by itself")
        if self.last_list_id < self.first_list_id:
            raise ValueError("last_list_id: it is less than first_list_id")
        return self


class Source(LoadOptions):
    """Where files come from: a folder, the files that are taken from it, and their options.

    Options of a load that stand here go before those of the top level; tables are put together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    """Of the source, in messages and reports: letters, digits, `.`, `_` and `-`."""
    folder: Annotated[str, Field(min_length=1, repr=False)]
    """The drop folder: a path, or an address such as sftp://partner@host/leads, s3://bucket/in."""
    storage: dict[str, Any] = Field(default={}, repr=False)
    """What fsspec needs for the address; "$NAME" is taken from the environment."""
    files: Names = ("*",)
    """Which files of the folder: "*.csv", several in a list. Hidden ones are never taken."""
    unfinished: Names = UNFINISHED
    """Names of files that somebody is still writing."""
    settle: Duration = timedelta(seconds=30)
    """How long size and time of a file must stay what they are before it is taken."""
    file_name: str | None = None
    r"""What the whole name must match; its groups set options: "leads_(?P<list_id>\d+)_.*\.csv"."""
    done: Annotated[str, Field(min_length=1)] = "done"
    """Where loaded files go, by date; in the drop folder, unless it is an absolute path."""
    failed: Annotated[str, Field(min_length=1)] = "failed"
    """Where files go of which nothing was inserted, likewise."""
    new_list: NewList | None = None
    """Make a list for each file."""

    @property
    def is_remote(self) -> bool:
        """Whether the folder is at an address."""
        return "://" in self.folder

    def groups(self, file: str) -> dict[str, str] | None:
        """Give what the groups of file_name match in the name of a file; None: it does not."""
        if self.file_name is None:
            return {}
        found = re.fullmatch(self.file_name, file)
        return None if found is None else {k: v for k, v in found.groupdict().items() if v}

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError(f"{name!r} is no name; give letters, digits, '.', '_' and '-'")
        return name

    @field_validator("file_name")
    @classmethod
    def _is_a_pattern(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _groups_are_used(self) -> "Source":
        groups = set(re.compile(self.file_name or "").groupindex)
        words = self.new_list.words if self.new_list else set()
        for name in sorted(groups - words - LoadOptions.model_fields.keys()):
            raise ValueError(_no_option(name))
        for name in sorted(words - groups - WORDS):
            raise ValueError(
                f"new_list: {{{name}}} is neither {', '.join(f'{{{w}}}' for w in sorted(WORDS))} "
                "nor a group of file_name"
            )
        given = self.model_fields_set | groups | self.force.keys()
        if self.new_list and given & {"list_id", "force_list_id"}:
            raise ValueError("new_list: the list is given twice, by list_id too")
        return self


def _each_once(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two sources have the name {name}; each needs its own")
    return sources


NightlySources = Annotated[tuple[Source, ...], AfterValidator(_each_once)]


class NightlySettings(BaseModel):
    """The table [nightly]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Path("nightly")
    """Where the reports go, and what was fetched from addresses, with its results."""
    archive: Names = ()
    """Names of rules, [archive.NAME], by which leads are archived when all files are loaded."""
