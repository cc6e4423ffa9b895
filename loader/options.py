"""The options of a load: add_lead's, under their own names, and ours."""

from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from phonenumbers import SUPPORTED_REGIONS
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from loader.duplicates import DuplicateCheck, parse_duplicate_check
from loader.errors import UsageError

Switch = Literal["Y", "N"]
DncCheck = Literal["Y", "N", "AREACODE"]
Digits = Annotated[str, BeforeValidator(str), Field(pattern=r"^[0-9]*$")]


class LoadOptions(BaseModel):
    """Everything that decides what becomes of a row. The same options give the same answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    list_id: Annotated[Digits, Field(pattern=r"^([0-9]{3,12})?$")] = ""
    """List of the rows that name none (add_lead: 3 to 12 digits); "" stands for 999."""
    campaign_id: Annotated[str, Field(max_length=8)] = ""
    """Campaign whose do-not-call list campaign_dnc_check looks at."""
    phone_code: Annotated[Digits, Field(max_length=10)] = ""
    """Country calling code of the rows that name none; "" stands for 1."""
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
    source: str = "leadloader"
    """What originated the load; at least two letters or digits."""
    user: Annotated[str, Field(max_length=20)] = ""
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

    @field_validator("default_region")
    @classmethod
    def _known_region(cls, region: str) -> str:
        if region and region.upper() not in SUPPORTED_REGIONS:
            raise ValueError(f"{region!r} is no region; give two letters such as US or GB")
        return region.upper()

    @field_validator("date_format")
    @classmethod
    def _known_letters(cls, date_format: str | None) -> str | None:
        if date_format is not None:
            # It has to read what it writes, to the day.
            day = date(1980, 12, 31)
            try:
                good = datetime.strptime(day.strftime(date_format), date_format).date() == day  # noqa: DTZ007
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
        return source

    @field_validator("user")
    @classmethod
    def _user_as_stored(cls, user: str) -> str:
        # As add_lead: characters that no user name has are dropped.
        return "".join(c for c in user if (c.isascii() and c.isalnum()) or c in "-_")

    @cached_property
    def duplicate_checks(self) -> tuple[DuplicateCheck, ...]:
        """The parsed duplicate_check."""
        return parse_duplicate_check(self.duplicate_check)
