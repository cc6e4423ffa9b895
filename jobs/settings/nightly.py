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
from loader.options.option import Option
from loader.options.types import Switch, Text, split_at_commas

UNFINISHED = ("*.part", "*.partial", "*.filepart", "*.tmp", "*.crdownload", "*~")
"""What programs call a file that they have not written to its end."""

WORDS = frozenset({"file", "stem", "source", "date", "list_id"})
"""What every template of a new list may hold."""

Names = Annotated[tuple[str, ...], BeforeValidator(split_at_commas)]


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

    # fmt: off
    first_list_id: Annotated[int, Field(ge=100, le=999_999_999_999), Option(
        "The list_id of the first list",
        details="Each further list gets the next number above those in use.", example=90001,
    )]
    last_list_id: Annotated[int, Field(ge=100, le=999_999_999_999), Option(
        "The highest list_id that a list may get", example=99999,
    )] = 999_999_999_999
    campaign_id: Annotated[Text, Option(
        "Campaign of the list", details="The dialer must have it.", example="SALES",
    )]
    list_name: Annotated[str, Option(
        "Name of the list", details="It is cut to the width of the column.",
    )] = "{stem}"
    list_description: Annotated[str, Option(
        "Description of the list",
        details="A mark of the file is added, by which its list is found again.",
    )] = "{source} {date}"
    active: Annotated[Switch, Option("Whether the dialer calls it at once")] = "N"
    columns: Annotated[dict[str, Text], Option(
        "Values of further columns of vicidial_lists", example={"local_call_time": "9am-9pm"},
    )] = {}
    # fmt: on

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

    # fmt: off
    name: Annotated[str, Option(
        "Name of the source in messages and reports",
        details="Letters, digits, `.`, `_` and `-`.", example="vendor",
    )]
    folder: Annotated[str, Field(min_length=1, repr=False), Option(
        "The drop folder",
        details="A path, or an address such as sftp://partner@host/leads or s3://bucket/in.",
        example="/srv/leads/vendor",
    )]
    storage: Annotated[dict[str, Any], Option(
        "What fsspec needs for the address", details='"$NAME" is read from the environment.',
        example={"password": "$VENDOR_PASSWORD"},
    )] = Field(default={}, repr=False)
    files: Annotated[Names, Option(
        "Which files of the folder are loaded",
        details='Such as "*.csv"; several in a list. Hidden files never are.',
    )] = ("*",)
    unfinished: Annotated[Names, Option(
        "Names of files that are still being written",
    )] = UNFINISHED
    settle: Annotated[Duration, Option(
        "How long a file must not change before it is loaded",
        details="Its size and its time count.",
    )] = timedelta(seconds=30)
    file_name: Annotated[str | None, Option(
        "Pattern that the whole file name must match",
        details=r"Its groups set options, such as `leads_(?P<list_id>\d+)_.*\.csv`.",
        example=r"leads_(?P<phone_code>\d+)_.*\.csv",
    )] = None
    done: Annotated[str, Field(min_length=1), Option(
        "Folder for loaded files",
        details="They are put there by date. It is in the drop folder, unless the path is "
        "absolute.",
    )] = "done"
    failed: Annotated[str, Field(min_length=1), Option(
        "Folder for files of which nothing was inserted", details="Likewise.",
    )] = "failed"
    new_list: Annotated[NewList | None, Option("Make a list for each file")] = None
    # fmt: on

    @property
    def has_custom_fields(self) -> bool:
        """They may be switched on for all sources, which is known later."""
        return True

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
    """A night as a whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # fmt: off
    folder: Annotated[Path, Option(
        "Folder for reports",
        details="Files from addresses are put there, too, with their results.",
    )] = Path("nightly")
    archive: Annotated[Names, Option(
        "Rules by which leads are archived when all files are loaded",
        details="Names of tables [archive.NAME].", example=["worked"],
    )] = ()
    # fmt: on
