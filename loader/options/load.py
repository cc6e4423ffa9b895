"""The options of a load: add_lead's, under their own names, and ours."""

from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

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
from loader.fields.lead import field_of_name, usual_names
from loader.fields.proposals import unknown_field
from loader.options.duplicate_check import DuplicateCheck, parse_duplicate_check
from loader.options.feed import FeedSetting
from loader.options.field_values import check_field_values
from loader.options.option import Group, Option, options_of
from loader.options.suggestion import did_you_mean
from loader.options.types import (
    CallbackTime,
    CallbackType,
    ColumnNames,
    DateFormats,
    DncCheck,
    EncodingName,
    ListId,
    Name,
    NullValues,
    PhoneCode,
    Priority,
    SheetName,
    Status,
    Statuses,
    Switch,
    Text,
    TzMethod,
    check_choice,
    split_at_commas,
)
from loader.reading.limits import MOST_COLUMNS, Limits

LIST_ID = r"^([0-9]{3,12})?$"

SCHEDULER = (
    r"^(|local|(tcp|tls)://[A-Za-z0-9.-]+:[0-9]{1,5}|(tcp|tls)://\[[0-9a-fA-F:]+\]:[0-9]{1,5})$"
)

LIMITS = {field.name for field in fields(Limits)}
"""Options that limit a file."""


class LoadOptions(BaseModel):
    """Everything that decides what becomes of a row. The same options give the same answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    # fmt: off
    list_id: Annotated[ListId, Field(pattern=LIST_ID), Option(
        "List of rows that name none", Group.LIST, "3 to 12 digits.",
        values="ID", empty="999", example="101", api="list_id",
    )] = ""
    force_list_id: Annotated[ListId, Field(pattern=LIST_ID), Option(
        "List of all rows, whatever they name", Group.LIST, values="ID", example="101",
    )] = ""
    campaign_id: Annotated[Name, Option(
        "Campaign of rows that name none", Group.LIST,
        "campaign_dnc_check and callbacks need it.",
        values="ID", example="SALES", api="campaign_id",
    )] = ""
    phone_code: Annotated[PhoneCode, Option(
        "Calling code if a row has none", Group.PHONES,
        values="CODE", empty="1", example="1", api="phone_code",
    )] = ""
    force_phone_code: Annotated[PhoneCode, Option(
        "Calling code of all rows", Group.PHONES, values="CODE", example="1",
    )] = ""
    default: Annotated[dict[str, Text], Option(
        "Value of a field that is blank; repeatable", Group.SOURCE,
        values="FIELD=VALUE", example={"title": "Mr"},
    )] = {}
    force: Annotated[dict[str, Text], Option(
        "Value of a field in all rows; repeatable", Group.SOURCE,
        values="FIELD=VALUE", example={"source_id": "spring"},
    )] = {}
    duplicate_check: Annotated[str, Option(
        "Checks, joined by -: DUPLIST-DUPSYS90DAY", Group.DUPLICATES,
        "A row for which one of them finds a lead is a duplicate.",
        values="CHECKS", example="DUPCAMP-DUPSYS90DAY", api="duplicate_check",
    )] = ""
    dnc_check: Annotated[DncCheck, Option(
        "Reject numbers on the do-not-call list", Group.DNC,
        "AREACODE also rejects numbers whose area code is on it.", api="dnc_check",
    )] = "N"
    campaign_dnc_check: Annotated[DncCheck, Option(
        "Reject numbers on the campaign's list", Group.DNC,
        "That is the do-not-call list of campaign_id. AREACODE is as for dnc_check.",
        api="campaign_dnc_check",
    )] = "N"
    dnc_alt_phones: Annotated[Literal["notice", "clear", "reject"] | None, Option(
        "If another number of the lead is listed", Group.DNC,
        "alt_phone, address3 and multi_alt_phones are looked for in the do-not-call lists and "
        "feeds that are on: say it, empty the field, or reject the row.",
        values="notice|clear|reject", example="clear",
    )] = None
    usacan_prefix_check: Annotated[Switch, Option(
        "Reject a fourth digit of 0 or 1", Group.PHONES, api="usacan_prefix_check",
    )] = "N"
    usacan_areacode_check: Annotated[Switch, Option(
        "Reject unknown area codes", Group.PHONES,
        "Only ten-digit numbers of country 1 with a known area code pass.",
        api="usacan_areacode_check",
    )] = "N"
    nanpa_ac_prefix_check: Annotated[Switch, Option(
        "Reject area code and prefix not in NANPA", Group.PHONES,
        "It needs the NANPA data in the dialer.", api="nanpa_ac_prefix_check",
    )] = "N"
    list_exists_check: Annotated[Switch, Option(
        "Reject lists that the dialer does not have", Group.LIST, api="list_exists_check",
    )] = "N"
    tz_method: Annotated[TzMethod, Option(
        "How to find the time zone", Group.TIME_ZONE,
        "By default phone_code and area code decide. It sets gmt_offset_now.",
        values="POSTAL|NANPA|POSTAL-NANPA|TZCODE", example="POSTAL", api="tz_method",
    )] = ""
    ambiguous_tz: Annotated[Literal["earliest", "latest", "reject"], Option(
        "If several zones fit", Group.TIME_ZONE,
        "The zone of a number that can be in several, where nothing else decides; or reject it.",
    )] = "earliest"
    lookup_state: Annotated[Switch, Option(
        "Fill an empty state by the area code", Group.TIME_ZONE, api="lookup_state",
    )] = "N"
    custom_fields: Annotated[Switch, Option(
        "Store columns named as custom fields", Group.EXTRAS,
        "They go into custom_<list_id>.", api="custom_fields",
    )] = "N"
    add_to_hopper: Annotated[Switch, Option(
        "Put new leads into the hopper", Group.EXTRAS, api="add_to_hopper",
    )] = "N"
    hopper_priority: Annotated[Priority, Option(
        "-99 to 99, higher is sooner", Group.EXTRAS, values="N", api="hopper_priority",
    )] = "0"
    hopper_local_call_time_check: Annotated[Switch, Option(
        "Only leads that may be called now", Group.EXTRAS,
        "The call times of list, campaign and state decide.", api="hopper_local_call_time_check",
    )] = "N"
    callback: Annotated[Switch, Option(
        "Schedule a callback for each new lead", Group.EXTRAS, "It needs campaign_id.",
        api="callback",
    )] = "N"
    callback_status: Annotated[Status, Option(
        "Status of the callback", Group.EXTRAS, "1 to 6 letters, digits, _ or -.",
        values="STATUS", empty="CALLBK", example="CALLBK", api="callback_status",
    )] = ""
    callback_datetime: Annotated[CallbackTime, Option(
        "When: YYYY-MM-DD HH:MM:SS, NOW or 3DAYS", Group.EXTRAS,
        values="WHEN", example="3DAYS", api="callback_datetime",
    )] = ""
    callback_type: Annotated[CallbackType, Option(
        "Whose callback it is", Group.EXTRAS, "USERONLY is for callback_user alone.",
        values="USERONLY|ANYONE", empty="ANYONE", example="ANYONE", api="callback_type",
    )] = ""
    callback_user: Annotated[Name, Option(
        "User of USERONLY callbacks", Group.EXTRAS,
        values="USER", example="6666", api="callback_user",
    )] = ""
    callback_comments: Annotated[str, Option(
        "Text that the agent sees with it", Group.EXTRAS,
        values="TEXT", example="asked for a call", api="callback_comments",
    )] = ""
    new_lead_url: Annotated[Literal["skip", "send"], Option(
        "Addresses for new leads", Group.EXTRAS,
        "The dialer requests those of vicidial_url_multi, of type apinewlead. skip: the run says "
        "that there are some.",
    )] = "skip"
    new_lead_url_rate: Annotated[float, Field(gt=0, le=1000), Option(
        "Such requests a second", Group.EXTRAS, values="N",
    )] = 10
    duplicate_statuses: Annotated[Statuses, Option(
        "Only existing leads of these statuses count", Group.DUPLICATES,
        values="NEW,NA,...", example=["NEW", "NA"],
    )] = ()
    duplicate_scope_archive: Annotated[Switch, Option(
        "Leads in vicidial_list_archive count, too", Group.DUPLICATES,
    )] = "N"
    duplicate_compare: Annotated[Literal["number", "code+number"], Option(
        "What is compared", Group.DUPLICATES,
        "number: the digits alone, as in add_lead. code+number: leads of another phone_code are "
        "no duplicates.",
    )] = "number"
    on_duplicate: Annotated[Literal["reject", "update", "move"], Option(
        "If the lead exists already", Group.DUPLICATES,
        "Reject the row, update the existing lead by it, or move that lead to the row's list.",
    )] = "reject"
    update_fields: Annotated[Literal["empty", "all"], Option(
        "Which fields to update", Group.DUPLICATES,
        "Those that the existing lead leaves empty, or all that the row has.",
    )] = "empty"
    keep: Annotated[Literal["first", "last", "best"], Option(
        "Which repeated row to load", Group.DUPLICATES,
        "Of rows of the file that are duplicates of one another; the best has the most fields.",
    )] = "first"
    invalid_phone_fallback: Annotated[
        tuple[str, ...], BeforeValidator(split_at_commas), Option(
        "Fields with another number to try", Group.PHONES,
        "Their numbers replace one that is invalid, a duplicate or do-not-call.",
        values="alt_phone,...", example=["alt_phone"],
    )] = ()
    feed: Annotated[dict[str, FeedSetting], Option(
        "File of numbers not to load; repeatable", Group.DNC,
        "In a settings file a table [feed.NAME] may also say how the file is read.",
        values="NAME=FILE", example={"litigators": "litigators.csv"},
    )] = {}
    feed_encoding: Annotated[EncodingName | None, Option(
        "Encoding of the feeds", Group.DNC, values="NAME", empty="UTF-8", example="cp1252",
    )] = None
    feed_max_age: Annotated[Annotated[int, Field(ge=0, le=36_525)] | None, Option(
        "Refuse feeds that are older", Group.DNC, values="DAYS", example=30,
    )] = None
    source: Annotated[str, Option(
        "Origin of the load", Group.LIST,
        "At least two letters or digits; the first 20 characters count. The name of a [[source]] "
        "of nightly: the file is loaded as nightly would.",
        values="TEXT", api="source",
    )] = "leadloader"
    user: Annotated[Text, Field(max_length=20), Option(
        "Dialer user to load as", Group.LIST,
        "Where the dialer has users, it must be one that may load.",
        values="USER", example="6666", api="user",
    )] = ""
    default_region: Annotated[str, Option(
        "Region of numbers that nothing else places", Group.PHONES, "ISO 3166, such as GB.",
        values="US|GB|...", example="US",
    )] = ""
    phone_validation: Annotated[Literal["length", "possible", "valid"], Option(
        "Strictness of the check", Group.PHONES,
        "length: 6 to 16 digits, as add_lead has it. possible, valid: as phonenumbers judges.",
    )] = "possible"
    phone_format: Annotated[Literal["national", "as-given"], Option(
        "Digits that are stored", Group.PHONES,
        "national: the national number that phonenumbers finds. as-given: the digits as sent.",
    )] = "national"
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
    chunk_size: Annotated[int, Field(ge=1, le=1_000_000), Option(
        "Rows in memory at a time", Group.RUN, values="N",
    )] = 20_000
    workers: Annotated[Annotated[int, Field(ge=1, le=256)] | None, Option(
        "Processes that check", Group.RUN,
        "Each has a chunk of rows in memory. Results are the same with any number.",
        values="N", empty="the cores", example=2,
    )] = None
    engine: Annotated[Literal["local", "dask"], Option(
        "Where rows are checked", Group.RUN,
        "dask: by a Dask cluster; it needs the extra dask. Results are the same.",
        example="dask",
    )] = "local"
    scheduler: Annotated[str, Field(pattern=SCHEDULER), Option(
        "Address of Dask's scheduler", Group.RUN,
        "With engine dask. local: a cluster of as many processes as workers, on this machine.",
        values="ADDRESS", empty="local", example="tcp://10.0.0.5:8786",
    )] = ""
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
    batch_size: Annotated[int, Field(ge=1, le=100_000), Option(
        "Most rows of one insert", Group.RUN, "The pace may make them fewer.", values="N",
    )] = 20_000
    connections: Annotated[int, Field(ge=1, le=64), Option(
        "Batches inserted at a time", Group.RUN,
        "Several need InnoDB; then lead_ids do not follow the order of the file.", values="N",
    )] = 1
    max_reject_rate: Annotated[float, Field(ge=0, le=1), Option(
        "Largest share of bad rows", Group.RUN,
        "If something is wrong with more of the rows, nothing is inserted. Duplicates and "
        "do-not-call numbers do not count.", values="0...1",
    )] = 1.0
    max_duplicate_rate: Annotated[float, Field(ge=0, le=1), Option(
        "Largest share of duplicates", Group.RUN,
        "If more of the rows are duplicates or have a do-not-call number, nothing is inserted.",
        values="0...1",
    )] = 1.0
    # fmt: on

    @property
    def limits(self) -> Limits:
        """How much of anything the file may have."""
        return Limits(**self.model_dump(include=LIMITS))

    @field_validator("duplicate_check")
    @classmethod
    def _known_checks(cls, option: str) -> str:
        try:
            checks = parse_duplicate_check(option)
        except UsageError as error:
            raise ValueError(str(error)) from None
        if option and not checks and option.upper() != "NONE":
            raise ValueError(f"{option!r} names no check; give such as DUPLIST, or NONE")
        return "-".join(map(str, checks))

    @field_validator("invalid_phone_fallback")
    @classmethod
    def _known_fields(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in usual_names() or name == "phone_number":
                raise ValueError(
                    f"{name!r} is no field with another number; give alt_phone, ..."
                    + did_you_mean(name, usual_names())
                )
        return names

    @model_validator(mode="after")
    def _can_be_missing(self) -> "LoadOptions":
        for name in self.map_optional:
            if name == "phone_number":
                raise ValueError("map_optional: no lead can be loaded without phone_number")
            known = name in NAME_PAIRS or field_of_name(name) == name
            if not known and not self.has_custom_fields:
                raise ValueError(f"map_optional: {unknown_field(name)}")
        return self

    @property
    def has_custom_fields(self) -> bool:
        """Whether default and force may name custom fields, which are known later."""
        return self.custom_fields == "Y"

    @model_validator(mode="after")
    def _can_be_stored(self) -> "LoadOptions":
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
    def _says_it_once(self) -> "LoadOptions":
        for given, table in (("", self.default), ("force_", self.force)):
            for name in ("list_id", "phone_code"):
                if name in table and getattr(self, given + name):
                    raise ValueError(f"{given}{name}: it is given twice, by a table too")
        return self

    @model_validator(mode="after")
    def _names_columns_once(self) -> "LoadOptions":
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

    @model_validator(mode="after")
    def _has_cluster(self) -> "LoadOptions":
        if self.scheduler and self.engine != "dask":
            raise ValueError("scheduler: rows are checked by this machine; give engine dask too")
        return self

    @model_validator(mode="after")
    def _has_lists(self) -> "LoadOptions":
        lists_are_off = self.dnc_check == self.campaign_dnc_check == "N" and not self.feed
        if self.dnc_alt_phones and lists_are_off:
            raise ValueError(
                "dnc_alt_phones: no do-not-call list is on; give dnc_check, campaign_dnc_check "
                "or feed too"
            )
        return self

    @field_validator("default_region")
    @classmethod
    def _known_region(cls, region: str) -> str:
        if region:
            # Imported late: reading the options has to stay quick.
            from loader.phones.regions import is_region, named_region  # noqa: PLC0415

            if not is_region(region.upper()):
                meant = named_region(region)
                raise ValueError(
                    f"{region!r} is no region; give two letters such as US or GB"
                    + (f"; did you mean {meant}?" if meant else "")
                )
        return region.upper()

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

    @field_validator("source")
    @classmethod
    def _tells_something(cls, source: str) -> str:
        if "://" in source:
            raise ValueError("it is an address; name where the leads come from, in a few letters")
        if sum(c.isascii() and c.isalnum() for c in source) < 2:
            raise ValueError("Invalid Source: give at least two letters or digits")
        return source[:20]

    @field_validator("user")
    @classmethod
    def _user_as_stored(cls, user: str) -> str:
        # As add_lead: characters that no user name has are dropped.
        return "".join(c for c in user if (c.isascii() and c.isalnum()) or c in "-_")

    @property
    def one_form(self) -> bool:
        """Whether a number is looked for as it is sent and in no other form, as in add_lead."""
        return self.phone_format == "as-given" and self.phone_validation == "length"

    @property
    def cluster(self) -> str:
        """The address of the cluster that checks rows, or `local`; empty: none does."""
        return (self.scheduler or "local") if self.engine == "dask" else ""

    @cached_property
    def duplicate_checks(self) -> tuple[DuplicateCheck, ...]:
        """The parsed duplicate_check."""
        return parse_duplicate_check(self.duplicate_check)


VENDOR_OPTIONS = (
    *(
        name
        for name, option in options_of(LoadOptions).items()
        if option.group is Group.SOURCE and name not in {"map", "mapping_file"}
    ),
    *sorted(LIMITS),
    "phone_code",
    "default_region",
)
"""Options that a mapping file may hold: what is a vendor's."""
