"""A feed as the settings name it: the file of its numbers, and how that is read."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from loader.options.option import Option
from loader.options.types import EncodingName, SheetName


def one_or_several(value: object) -> object:
    """Take a name or a number also without a list around it."""
    return [value] if isinstance(value, str | int) else value


class FeedFile(BaseModel):
    """A feed: a file of numbers that must not be loaded.

    The short form is a line `litigators = "litigators.csv"` in the table [feed].
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    # fmt: off
    file: Annotated[Path, Option("The file of numbers", example="litigators.csv")]
    encoding: Annotated[EncodingName | None, Option(
        "Encoding of the file", details="It goes before feed_encoding.", example="cp1252",
    )] = None
    sheet: Annotated[SheetName, Option(
        "Sheet of a spreadsheet",
        details="Its name, its number from 1 on, or all.", example="January",
    )] = None
    column: Annotated[
        tuple[Annotated[int, Field(strict=True, ge=1)] | str, ...],
        BeforeValidator(one_or_several),
        Option(
            "Column of the numbers",
            details="Its name, or its number from 1 on; several in a list.", example="Phone",
        ),
    ] = ()
    header: Annotated[bool | None, Option(
        "Whether the first row names the columns",
        details="Where it is not given, the first row decides.", example=True,
    )] = None
    # fmt: on

    @model_serializer(mode="wrap")
    def _as_given(self, handler: SerializerFunctionWrapHandler) -> Any:
        """Write it as it was given, so that the short form replaces a table as a whole."""
        given = self.model_fields_set
        values = {name: each for name, each in handler(self).items() if name in given}
        return values["file"] if given == {"file"} else values


def file_as_feed(value: object) -> object:
    """Take the path of a file for a feed of which nothing else is said."""
    if isinstance(value, str | Path):
        return {"file": value}
    if not isinstance(value, dict | FeedFile):
        raise ValueError(  # noqa: TRY004 - pydantic takes no TypeError
            'give a file in quotes, or a table such as {file = "dnc.csv", encoding = "cp1252"}'
        )
    return value


FeedSetting = Annotated[FeedFile, BeforeValidator(file_as_feed)]
