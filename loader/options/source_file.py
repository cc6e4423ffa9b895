"""The options of a source file: how it is read, and how its values become those of fields."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from loader.errors import UsageError
from loader.fields.full_name import FIRST_LAST, NAME_PAIRS
from loader.fields.lead import field_of_name
from loader.fields.proposals import unknown_field
from loader.options.field_values import check_field_values
from loader.options.option import Group, Option, options_of
from loader.options.types import (
    ColumnNames,
    DateFormats,
    EncodingName,
    NullValues,
    SheetName,
    Switch,
    Text,
    check_choice,
    split_at_commas,
)
from loader.reading.limits import MOST_COLUMNS, Limits

LIMITS = {field.name for field in fields(Limits)}
"""Options that limit a file."""


class SourceFileOptions(BaseModel):
    """What is known of a file, its columns and its limits."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    # fmt: off
    default: Annotated[dict[str, Text], Option(
        "Value of a field that is blank; repeatable", Group.SOURCE,
        values="FIELD=VALUE", example={"title": "Mr"},
    )] = {}
    force: Annotated[dict[str, Text], Option(
        "Value of a field in all rows; repeatable", Group.SOURCE,
        values="FIELD=VALUE", example={"source_id": "spring"},
    )] = {}
    custom_fields: Annotated[Switch, Option(
        "Store columns named as custom fields", Group.EXTRAS,
        "They go into custom_<list_id>.", api="custom_fields",
    )] = "N"
    unstorable: Annotated[Literal["notice", "reject"], Option(
        "Unstorable characters", Group.SOURCE,
        "Those that the column's character set cannot hold: replace them by ?, or reject the row.",
    )] = "notice"
    map: Annotated[dict[str, str], Option(
        "Column of a field; repeatable", Group.SOURCE, "For columns whose names say too little.",
        values="FIELD=COLUMN", example={"phone_number": "Home Tel"},
    )] = {}
    map_optional: Annotated[tuple[str, ...], BeforeValidator(split_at_commas), Option(
        "Fields whose mapped column may be missing", Group.SOURCE,
        "A file without a column that map or the mapping file names is refused otherwise.",
        values="FIELD,...", example=["email"],
    )] = ()
    mapping_file: Annotated[Path | None, Option(
        "TOML file with what is a vendor's", Group.SOURCE,
        "Columns, and options of reading its files.",
        values="FILE", flags=("--mapping-file", "--mapping"), example="vendor.toml",
    )] = None
    delimiter: Annotated[str | None, Option(
        "Field delimiter", Group.SOURCE, values="CHARACTER", empty="detected", example=";",
    )] = None
    encoding: Annotated[EncodingName | None, Option(
        "Encoding of the file", Group.SOURCE,
        "UTF-16 with a byte order mark is detected. mixed: UTF-8, and cp1252 where it is not.",
        values="NAME", empty="UTF-8", example="cp1252",
    )] = None
    layout: Annotated[str | None, Option(
        "Columns if no header: vicidial-standard", Group.SOURCE,
        "The order of the columns of a file that has no header.",
        values="NAME", example="vicidial-standard",
    )] = None
    columns: Annotated[ColumnNames, Option(
        "Columns if no header, in their order", Group.SOURCE,
        "Fields, or usual names of them; - stands for a column that is not used.",
        values="FIELD,-,...", example=["phone_number", "first_name", "-", "city"],
    )] = ()
    sheet: Annotated[SheetName, Option(
        "Sheet of a spreadsheet: name, number, all", Group.SOURCE,
        "Needed where several have data. all: those that are not hidden and have the same header.",
        values="NAME|N|all", example="January",
    )] = None
    skip_rows: Annotated[Annotated[int, Field(ge=0, le=1_000_000_000)] | None, Option(
        "Rows above the header", Group.SOURCE,
        "Blank lines count. By default the first rows are searched for a header of known names.",
        values="N", empty="found", example=3,
    )] = None
    short_rows: Annotated[Literal["reject", "fill"], Option(
        "Rows with too few fields", Group.SOURCE,
        "fill: the last fields are empty, as where Excel leaves them out.",
    )] = "reject"
    date_format: Annotated[DateFormats, Option(
        "Format of births; repeatable", Group.SOURCE,
        "Of date_of_birth, in strptime's letters. Several are tried in their order.",
        values="FORMAT", empty="ISO", repeatable=True, example=["%d.%m.%Y"],
    )] = ()
    null_values: Annotated[NullValues, Option(
        "Words that stand for an empty value", Group.SOURCE,
        "Whole values, in any letter case, of all columns.",
        values="NULL,N/A,...", example=["NULL", "N/A"],
    )] = ()
    trim: Annotated[Switch, Option(
        "Take blanks off values' ends", Group.SOURCE,
        "Also no-break and other blanks of Unicode. N keeps them, as add_lead does.",
    )] = "Y"
    max_file_size: Annotated[int, Field(ge=1, le=1_000_000), Option(
        "Largest file, in MB", Group.LIMITS,
        "As it is stored; a larger one, a pipe, or standard input is refused.", values="MB",
    )] = Limits.max_file_size
    max_unpacked_size: Annotated[int, Field(ge=1, le=10_000_000), Option(
        "Largest unpacked, in MB", Group.LIMITS,
        "Of gz, zip, zst, xz and spreadsheets.", values="MB",
    )] = Limits.max_unpacked_size
    max_unpacked_ratio: Annotated[int, Field(ge=1, le=1_000_000), Option(
        "Most times that it grows", Group.LIMITS,
        "Unpacked, and with the empty fields that rows lack. Up to 4 MB may come out of any file.",
        values="N",
    )] = Limits.max_unpacked_ratio
    max_line_size: Annotated[int, Field(ge=1, le=100), Option(
        "Longest line, in MB", Group.LIMITS,
        "Of text, and of a row of a spreadsheet.", values="MB",
    )] = Limits.max_line_size
    max_field_length: Annotated[int, Field(ge=1, le=100_000_000), Option(
        "Longest value", Group.LIMITS,
        "In characters; of a field of text and of a cell of a spreadsheet.", values="N",
    )] = Limits.max_field_length
    max_columns: Annotated[int, Field(ge=1, le=MOST_COLUMNS), Option(
        "Most columns", Group.LIMITS, values="N",
    )] = Limits.max_columns
    max_blank_rows: Annotated[int, Field(ge=0, le=1_000_000_000), Option(
        "Most blank rows", Group.LIMITS,
        "Blank lines, and rows of delimiters, blanks or empty quotes.", values="N",
    )] = Limits.max_blank_rows
    max_workbook_memory: Annotated[int, Field(ge=1, le=1_000_000), Option(
        "Memory for xls or xlsb, in MB", Group.LIMITS,
        "Their sheets are read as a whole, up to the last row and column.",
        values="MB",
    )] = Limits.max_workbook_memory
    # fmt: on

    @property
    def limits(self) -> Limits:
        """How much of anything the file may have."""
        return Limits(**self.model_dump(include=LIMITS))

    @property
    def has_custom_fields(self) -> bool:
        """Whether default and force may name custom fields, which are known later."""
        return self.custom_fields == "Y"

    @field_validator("delimiter", "layout")
    @classmethod
    def _can_be_read(cls, given: str | None, info: ValidationInfo) -> str | None:
        if given is not None and info.field_name == "layout":
            # Imported late, likewise.
            from loader.reading.layouts import LAYOUTS  # noqa: PLC0415

            check_choice(given, LAYOUTS)
        elif given is not None:
            from loader.reading.delimiter import parse_delimiter  # noqa: PLC0415

            try:
                parse_delimiter(given)
            except UsageError as error:
                raise ValueError(str(error).removeprefix("--delimiter ")) from None
        return given

    @model_validator(mode="after")
    def _can_be_missing(self) -> Self:
        for name in self.map_optional:
            if name == "phone_number":
                raise ValueError("map_optional: no lead can be loaded without phone_number")
            known = name in NAME_PAIRS or field_of_name(name) == name
            if not known and not self.has_custom_fields:
                raise ValueError(f"map_optional: {unknown_field(name)}")
        return self

    @model_validator(mode="after")
    def _can_be_stored(self) -> Self:
        for table in ("default", "force"):
            try:
                check_field_values(
                    getattr(self, table),
                    has_custom_fields=self.has_custom_fields,
                    date_format=self.date_format,
                )
            except ValueError as error:
                raise ValueError(f"{table}: {error}") from None
        return self

    @model_validator(mode="after")
    def _names_columns_once(self) -> Self:
        if self.columns and self.layout is not None:
            raise ValueError("columns: layout names them too; leave one of them out")
        if self.columns:
            names = [
                each
                for name in self.columns
                if name != "-"
                for each in (FIRST_LAST if name in NAME_PAIRS else (name,))
            ]
            fields = [field_of_name(name) for name in names]
            for name, field in zip(names, fields, strict=True):
                if field is None and self.custom_fields == "N":
                    raise ValueError(f"columns: {unknown_field(name)}; - is not used")
                if field is not None and fields.count(field) > 1:
                    raise ValueError(f"columns: {field} is named twice")
            if "phone_number" not in fields:
                raise ValueError("columns: phone_number is not among them")
        return self


VENDOR_OPTIONS = (
    *(
        name
        for name, option in options_of(SourceFileOptions).items()
        if option.group is Group.SOURCE and name not in {"map", "mapping_file"}
    ),
    *sorted(LIMITS),
    "phone_code",
    "default_region",
)
"""Options that a mapping file may hold: what is a vendor's."""
