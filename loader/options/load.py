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
from loader.options.types import Digits, DncCheck, Statuses, Switch, Text, separated


class LoadOptions(BaseModel):
    """Everything that decides what becomes of a row. The same options give the same answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    list_id: Annotated[Digits, Field(pattern=r"^([0-9]{3,12})?$")] = ""
    """List of the rows that name none (add_lead: 3 to 12 digits); "" stands for 999."""
    force_list_id: Annotated[Digits, Field(pattern=r"^([0-9]{3,12})?$")] = ""
    """List of all rows, whatever they say."""
    campaign_id: Text = ""
    """Campaign of campaign_dnc_check and of callbacks, for the rows that name none."""
    phone_code: Annotated[Digits, Field(max_length=10)] = ""
    """Country calling code of the rows that name none; "" stands for 1."""
    force_phone_code: Annotated[Digits, Field(max_length=10)] = ""
    """Country calling code of all rows, whatever they say."""
    default: dict[str, Text] = {}
    """Value by field, for the rows that leave the field blank: {"title": "Mr"}."""
    force: dict[str, Text] = {}
    """Value by field for all rows, whatever they say: {"source_id": "spring"}."""
    duplicate_check: str = ""
    """Checks such as DUPLIST or DUPSYS90DAY, joined by `-`."""
    dnc_check: DncCheck = "N"
    """Y: reject numbers in vicidial_dnc; AREACODE: also those whose area code is there."""
    campaign_dnc_check: DncCheck = "N"
    """Likewise for the do-not-call list of campaign_id."""
    usacan_prefix_check: Switch = "N"
    """Reject numbers whose fourth digit is 0 or 1."""
    usacan_areacode_check: Switch = "N"
    """Reject all but ten-digit numbers of country 1 with a known area code."""
    nanpa_ac_prefix_check: Switch = "N"
    """Reject numbers whose area code and prefix are not in the NANPA data."""
    list_exists_check: Switch = "N"
    """Reject rows whose list is not defined in the dialer."""
    tz_method: str = ""
    """Where gmt_offset_now comes from: empty (phone_code and area code), POSTAL, TZCODE, NANPA."""
    ambiguous_tz: Literal["earliest", "latest", "reject"] = "earliest"
    """Numbers of several time zones: which to take, or reject them, where nothing else decides."""
    lookup_state: Switch = "N"
    """Fill an empty state by the area code."""
    custom_fields: Switch = "N"
    """Store columns that are named as custom fields of the list in custom_<list_id>."""
    add_to_hopper: Switch = "N"
    """Put new leads into the hopper."""
    hopper_priority: Text = "0"
    """From -99 to 99, the higher the sooner."""
    hopper_local_call_time_check: Switch = "N"
    """Into the hopper only where the call times of list, campaign and state allow a call now."""
    callback: Switch = "N"
    """Schedule a callback for each new lead; campaign_id is needed."""
    callback_status: str = ""
    """Status of the callback, 1 to 6 letters or digits; "" stands for CALLBK."""
    callback_datetime: str = ""
    """When: YYYY-MM-DD HH:MM:SS, NOW, or 3DAYS."""
    callback_type: str = ""
    """USERONLY, for callback_user alone, or ANYONE (which "" stands for)."""
    callback_user: Text = ""
    """The user of USERONLY callbacks."""
    callback_comments: str = ""
    """Shown to the agent when the callback comes."""
    duplicate_statuses: Statuses = ()
    """Only existing leads of these statuses count as duplicates: NEW,NA; empty: all."""
    duplicate_scope_archive: Switch = "N"
    """Leads of vicidial_list_archive count as duplicates too."""
    on_duplicate: Literal["reject", "update", "move"] = "reject"
    """What a row does to the existing lead that it is a duplicate of."""
    update_fields: Literal["empty", "all"] = "empty"
    """Of on_duplicate update: fill what the lead leaves empty, or replace what the row has."""
    keep: Literal["first", "last", "best"] = "first"
    """Which of the file's rows that are duplicates of one another; best: most fields filled."""
    invalid_phone_fallback: Annotated[tuple[str, ...], BeforeValidator(separated)] = ()
    """Fields whose number takes the place of one that is invalid, duplicate or do-not-call."""
    feed: dict[str, Path] = {}
    """Further files of numbers not to load, by name: {"litigators": "litigators.csv"}."""
    feed_max_age: Annotated[int, Field(ge=0)] | None = None
    """Days after which a feed is too old to load by."""
    source: str = "leadloader"
    """What originated the load; at least two letters or digits, of which 20 count."""
    user: Annotated[Text, Field(max_length=20)] = ""
    """Dialer user in whose name leads are loaded; must be allowed to, where users are defined."""
    default_region: str = ""
    """Region (ISO 3166, such as GB) of numbers that neither row nor phone_code places."""
    phone_validation: Literal["length", "possible", "valid"] = "possible"
    """length: 6 to 16 digits, add_lead's rule; possible, valid: as phonenumbers judges."""
    phone_format: Literal["national", "as-given"] = "national"
    """national: the national number that phonenumbers finds; as-given: the digits as sent."""
    unstorable: Literal["notice", "reject"] = "notice"
    """What to do about characters that the column's character set cannot hold."""
    map: dict[str, str] = {}
    """Columns by field, where their names do not tell: {"phone_number": "Home Tel"}."""
    mapping_file: Path | None = None
    """A TOML file with a vendor's mapping."""
    delimiter: str | None = None
    """Between fields; found by itself if not given."""
    encoding: str | None = None
    """Of the source file; UTF-8, or UTF-16 with a byte order mark, if not given."""
    layout: str | None = None
    """Order of the columns of a file without a header: vicidial-standard."""
    date_format: str | None = None
    """Of date_of_birth, in strptime's letters, such as %d.%m.%Y; ISO if not given."""
    chunk_size: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Rows held in memory at a time."""
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Rows of one insert."""
    max_reject_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of rejected rows above which nothing is inserted, from 0 to 1."""

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
