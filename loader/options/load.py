"""The options of a load: add_lead's, under their own names, and ours."""

from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from loader.errors import UsageError
from loader.fields.lead import usual_names
from loader.options.duplicate_check import DuplicateCheck, parse_duplicate_check
from loader.options.feed import FeedSetting
from loader.options.option import Group, Option
from loader.options.types import Digits, DncCheck, Statuses, Switch, Text, split_at_commas

LIST_ID = r"^([0-9]{3,12})?$"


class LoadOptions(BaseModel):
    """Everything that decides what becomes of a row. The same options give the same answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    # fmt: off
    list_id: Annotated[Digits, Field(pattern=LIST_ID), Option(
        "List of rows that name none", Group.LIST, "3 to 12 digits.",
        values="ID", empty="999", example="101", api="list_id",
    )] = ""
    force_list_id: Annotated[Digits, Field(pattern=LIST_ID), Option(
        "List of all rows, whatever they name", Group.LIST, values="ID", example="101",
    )] = ""
    campaign_id: Annotated[Text, Option(
        "Campaign of rows that name none", Group.LIST,
        "campaign_dnc_check and callbacks need it.",
        values="ID", example="SALES", api="campaign_id",
    )] = ""
    phone_code: Annotated[Digits, Field(max_length=10), Option(
        "Calling code if a row has none", Group.PHONES,
        values="CODE", empty="1", example="1", api="phone_code",
    )] = ""
    force_phone_code: Annotated[Digits, Field(max_length=10), Option(
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
    tz_method: Annotated[str, Option(
        "How to find the time zone", Group.TIME_ZONE,
        "By default phone_code and area code decide. It sets gmt_offset_now.",
        values="POSTAL|TZCODE|NANPA", example="POSTAL", api="tz_method",
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
    hopper_priority: Annotated[Text, Option(
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
    callback_status: Annotated[str, Option(
        "Status of the callback", Group.EXTRAS, "1 to 6 letters or digits.",
        values="STATUS", empty="CALLBK", example="CALLBK", api="callback_status",
    )] = ""
    callback_datetime: Annotated[str, Option(
        "When: YYYY-MM-DD HH:MM:SS, NOW or 3DAYS", Group.EXTRAS,
        values="WHEN", example="3DAYS", api="callback_datetime",
    )] = ""
    callback_type: Annotated[str, Option(
        "Whose callback it is", Group.EXTRAS, "USERONLY is for callback_user alone.",
        values="USERONLY|ANYONE", empty="ANYONE", example="ANYONE", api="callback_type",
    )] = ""
    callback_user: Annotated[Text, Option(
        "User of USERONLY callbacks", Group.EXTRAS,
        values="USER", example="6666", api="callback_user",
    )] = ""
    callback_comments: Annotated[str, Option(
        "Text that the agent sees with it", Group.EXTRAS,
        values="TEXT", example="asked for a call", api="callback_comments",
    )] = ""
    duplicate_statuses: Annotated[Statuses, Option(
        "Only existing leads of these statuses count", Group.DUPLICATES,
        values="NEW,NA,...", example=["NEW", "NA"],
    )] = ()
    duplicate_scope_archive: Annotated[Switch, Option(
        "Leads in vicidial_list_archive count, too", Group.DUPLICATES,
    )] = "N"
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
    feed_encoding: Annotated[str | None, Option(
        "Encoding of the feeds", Group.DNC, values="NAME", empty="UTF-8", example="cp1252",
    )] = None
    feed_max_age: Annotated[Annotated[int, Field(ge=0)] | None, Option(
        "Refuse feeds that are older", Group.DNC, values="DAYS", example=30,
    )] = None
    source: Annotated[str, Option(
        "Origin of the load", Group.LIST,
        "At least two letters or digits; the first 20 characters count.",
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
    mapping_file: Annotated[Path | None, Option(
        "TOML file with a vendor's mapping", Group.SOURCE, values="FILE", example="vendor.toml",
    )] = None
    delimiter: Annotated[str | None, Option(
        "Field delimiter", Group.SOURCE, values="CHARACTER", empty="detected", example=";",
    )] = None
    encoding: Annotated[str | None, Option(
        "Encoding of the file", Group.SOURCE, "UTF-16 with a byte order mark is detected.",
        values="NAME", empty="UTF-8", example="cp1252",
    )] = None
    layout: Annotated[str | None, Option(
        "Columns if no header: vicidial-standard", Group.SOURCE,
        "The order of the columns of a file that has no header.",
        values="NAME", example="vicidial-standard",
    )] = None
    date_format: Annotated[str | None, Option(
        "Dates of birth: %d.%m.%Y", Group.SOURCE, "In strptime's letters.",
        values="FORMAT", empty="ISO", example="%d.%m.%Y",
    )] = None
    chunk_size: Annotated[int, Field(ge=1, le=1_000_000), Option(
        "Rows in memory at a time", Group.RUN, values="N",
    )] = 20_000
    batch_size: Annotated[int, Field(ge=1, le=100_000), Option(
        "Rows of one insert", Group.RUN, values="N",
    )] = 1_000
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

    @field_validator("duplicate_check")
    @classmethod
    def _known_checks(cls, option: str) -> str:
        try:
            return "-".join(map(str, parse_duplicate_check(option)))
        except UsageError as error:
            raise ValueError(str(error)) from None

    @field_validator("invalid_phone_fallback")
    @classmethod
    def _known_fields(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in usual_names() or name == "phone_number":
                raise ValueError(f"{name!r} is no field with another number; give alt_phone, ...")
        return names

    @model_validator(mode="after")
    def _says_it_once(self) -> "LoadOptions":
        for given, table in (("", self.default), ("force_", self.force)):
            for name in ("list_id", "phone_code"):
                if name in table and getattr(self, given + name):
                    raise ValueError(f"{given}{name}: it is given twice, by a table too")
        return self

    @field_validator("default_region")
    @classmethod
    def _known_region(cls, region: str) -> str:
        # Imported late: reading the options has to stay quick.
        from loader.phones.regions import is_region  # noqa: PLC0415

        if region and not is_region(region.upper()):
            raise ValueError(f"{region!r} is no region; give two letters such as US or GB")
        return region.upper()

    @field_validator("date_format")
    @classmethod
    def _known_letters(cls, date_format: str | None) -> str | None:
        if date_format is not None:
            # It has to read what it writes, to the day.
            day = date(1980, 12, 31)
            try:
                read = datetime.strptime(day.strftime(date_format), date_format)  # noqa: DTZ007 - a day
                good = read.date() == day
            except ValueError:
                good = False
            if not good:
                raise ValueError(f"{date_format!r} gives no date; write it such as %d.%m.%Y")
        return date_format

    @field_validator("source")
    @classmethod
    def _tells_something(cls, source: str) -> str:
        if sum(c.isascii() and c.isalnum() for c in source) < 2:
            raise ValueError("Invalid Source: give at least two letters or digits")
        return source[:20]

    @field_validator("user")
    @classmethod
    def _user_as_stored(cls, user: str) -> str:
        # As add_lead: characters that no user name has are dropped.
        return "".join(c for c in user if (c.isascii() and c.isalnum()) or c in "-_")

    @cached_property
    def duplicate_checks(self) -> tuple[DuplicateCheck, ...]:
        """The parsed duplicate_check."""
        return parse_duplicate_check(self.duplicate_check)
