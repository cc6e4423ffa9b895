"""The options of a load: add_lead's, under their own names, and ours."""

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from loader.errors import UsageError
from loader.fields.lead import usual_names
from loader.options.duplicate_check import DuplicateCheck, parse_duplicate_check
from loader.options.feed import FeedSetting
from loader.options.option import Group, Option
from loader.options.source_file import SourceFileOptions
from loader.options.suggestion import did_you_mean
from loader.options.types import (
    CallbackTime,
    CallbackType,
    DncCheck,
    EncodingName,
    ListId,
    Name,
    PhoneCode,
    Priority,
    Status,
    Statuses,
    Switch,
    Text,
    TzMethod,
    split_at_commas,
)

LIST_ID = r"^([0-9]{3,12})?$"

SCHEDULER = (
    r"^(|local|(tcp|tls)://[A-Za-z0-9.-]+:[0-9]{1,5}|(tcp|tls)://\[[0-9a-fA-F:]+\]:[0-9]{1,5})$"
)


class LoadOptions(SourceFileOptions):
    """Everything that decides what becomes of a row. The same options give the same answers."""

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
    )] = {}  # noqa: RUF012 - pydantic copies it
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
    chunk_size: Annotated[int, Field(ge=1, le=1_000_000), Option(
        "Rows in memory at a time", Group.SPEED, values="N",
    )] = 20_000
    workers: Annotated[Annotated[int, Field(ge=1, le=256)] | None, Option(
        "Processes that check", Group.SPEED,
        "Each has a chunk of rows in memory. Results are the same with any number.",
        values="N", empty="the cores", example=2,
    )] = None
    engine: Annotated[Literal["local", "dask"], Option(
        "Where rows are checked", Group.SPEED,
        "dask: by a Dask cluster; it needs the extra dask. Results are the same.",
        example="dask",
    )] = "local"
    scheduler: Annotated[str, Field(pattern=SCHEDULER), Option(
        "Address of Dask's scheduler", Group.SPEED,
        "With engine dask. local: a cluster of as many processes as workers, on this machine.",
        values="ADDRESS", empty="local", example="tcp://10.0.0.5:8786",
    )] = ""
    shared_folder: Annotated[str, Option(
        "Cluster's folder", Group.SPEED,
        "With engine dask: one that all its machines see, a path or an address such as "
        "s3://bucket/folder. What workers find of the rows waits there until the checks end.",
        values="FOLDER", empty="beside results", example="/mnt/shared/leadloader",
    )] = ""
    batch_size: Annotated[int, Field(ge=1, le=100_000), Option(
        "Most rows of one insert", Group.SPEED, "The pace may make them fewer.", values="N",
    )] = 20_000
    connections: Annotated[int, Field(ge=1, le=64), Option(
        "Batches inserted at a time", Group.SPEED,
        "Several need InnoDB; then lead_ids do not follow the order of the file.", values="N",
    )] = 1
    read_connections: Annotated[int, Field(ge=1, le=16), Option(
        "Connections that ask at a time", Group.SPEED,
        "One where reads keep writes out, as on MyISAM, or the pace is gentle.", values="N",
    )] = 2
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
    def _says_it_once(self) -> Self:
        for given, table in (("", self.default), ("force_", self.force)):
            for name in ("list_id", "phone_code"):
                if name in table and getattr(self, given + name):
                    raise ValueError(f"{given}{name}: it is given twice, by a table too")
        return self

    @model_validator(mode="after")
    def _has_cluster(self) -> Self:
        if self.scheduler and self.engine != "dask":
            raise ValueError("scheduler: rows are checked by this machine; give engine dask too")
        if self.shared_folder and self.engine != "dask":
            raise ValueError("shared_folder: no other machine checks rows; give engine dask too")
        return self

    @model_validator(mode="after")
    def _has_lists(self) -> Self:
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
