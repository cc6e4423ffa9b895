"""What the rules need from the database, as plain data, read once for a run or for a chunk."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from loader.clock import Clock
from loader.frames.collation import CharacterFold, general_ci
from loader.options.duplicate_check import Kind

LEADS, ARCHIVE = "vicidial_list", "vicidial_list_archive"
LISTS_TABLE, HOPPER, CALLBACKS = "vicidial_lists", "vicidial_hopper", "vicidial_callbacks"


@dataclass(frozen=True, kw_only=True)
class Column:
    """What a column of a table can store."""

    width: int | None = None
    """In characters; None: unlimited."""
    charset: str | None = None
    """MySQL's name of its character set; None: all characters."""
    is_date: bool = False
    """It stores a date without a time."""


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What the dialer's user may do (add_lead: user checks)."""

    user: str = ""
    campaigns: frozenset[str] | None = None
    """The folded ids of the campaigns into whose lists the user may load; None: all lists."""


PHONE_CODES = {
    "country_code": "int64",
    "areacode": "str",
    "state": "str",
    "tz_code": "str",
    "gmt_offset": "float64",
    "dst_range": "str",
}
"""Columns and dtypes of `Dialer.phone_codes`; gmt_offset is in hours, standard time."""
POSTAL_CODES = {"postal_code": "str", "gmt_offset": "float64", "dst_range": "str"}
NANPA = {"prefix": "str", "gmt_offset": "float64", "dst_range": "str"}
"""prefix: area code and prefix, six digits. dst_range: SSM-FSN or empty."""
CAMPAIGNS = {"campaign_id": "str", "local_call_time": "str", "use_other_campaign_dnc": "str"}


def _empty(columns: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns)).astype(columns)


@dataclass(frozen=True, kw_only=True)
class Dialer:
    """The dialer's small tables, read once for a run; all are empty without a database."""

    clock: Clock
    columns: Mapping[str, Column]
    """Of vicidial_list, by name."""
    window_starts: Mapping[int, datetime] = field(default_factory=dict)
    """By length of a window in days: the moment after which leads are in the window."""
    permissions: Permissions = field(default_factory=Permissions)
    lists: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """campaign_id by list_id (int64 index), of vicidial_lists."""
    phone_codes: pd.DataFrame = field(default_factory=lambda: _empty(PHONE_CODES))
    """vicidial_phone_codes in the table's order."""
    postal_codes: pd.DataFrame = field(default_factory=lambda: _empty(POSTAL_CODES))
    """vicidial_postal_codes of country 1 in the table's order, if options need it."""
    nanpa: pd.DataFrame = field(default_factory=lambda: _empty(NANPA))
    """vicidial_nanpa_prefix_codes in the table's order, if options need it."""
    campaigns: pd.DataFrame = field(default_factory=lambda: _empty(CAMPAIGNS))
    """vicidial_campaigns, by folded campaign_id."""
    users: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """user_group by folded user, of vicidial_users."""
    list_call_times: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """local_call_time by list_id (int64 index), as in vicidial_lists."""
    call_times: pd.DataFrame = field(default_factory=pd.DataFrame)
    """vicidial_call_times by folded call_time_id: its ct_ columns (hours int64, hhmm; and
    ct_state_call_times, str), if the hopper needs it."""
    state_call_times: pd.DataFrame = field(default_factory=pd.DataFrame)
    """vicidial_state_call_times by folded state_call_time_id: state_call_time_state (str) and its
    sct_ columns (hours int64, hhmm), if the hopper needs it."""
    custom_fields_enabled: bool = False
    """system_settings.custom_fields_enabled."""
    custom_labels: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """Labels of vicidial_lists_fields that store a value (no DISPLAY or SCRIPT, no copies, no
    columns of the lead), by list_id (int64 index, may repeat), if custom_fields is Y."""
    tables: Mapping[str, Mapping[str, Column]] = field(default_factory=dict)
    """By name of the table and of the column, for other tables that the options may need:
    alternate phones, hopper, callbacks, custom_... and the do-not-call lists."""
    missing: tuple[str, ...] = ()
    """Columns that options need and the small tables lack, such as
    `vicidial_phone_codes.tz_code`."""
    fold: CharacterFold | None = general_ci
    """The collation of the database; None: texts are compared exactly."""
    knows_leads: bool = True
    """False without a database: rows are compared only with other rows of the file."""

    @property
    def nanpa_is_loaded(self) -> bool:
        """Whether there is NANPA data: at least ten rows, as in add_lead."""
        return len(self.nanpa) >= 10

    @property
    def area_codes(self) -> pd.Index:
        """The area codes of country 1 (str)."""
        codes = self.phone_codes
        area_codes: pd.Index[str] = pd.Index(codes["areacode"][codes["country_code"] == 1])
        return area_codes.unique()


@dataclass(frozen=True, kw_only=True)
class Lookups:
    """Answers about the leads of one chunk; empty where nothing was asked or found."""

    dnc: pd.Index = field(default_factory=lambda: pd.Index([], dtype="str"))
    """The forms of the chunk's numbers, and `727XXXXXXX` area codes, that are in vicidial_dnc
    (str)."""
    campaign_dnc: pd.Index = field(default_factory=lambda: pd.Index([], dtype="str"))
    """The same of vicidial_campaign_dnc: folded campaign_id, `|` and number or area code (str)."""
    feeds: Mapping[str, pd.Index] = field(default_factory=dict)
    """By name of a feed, the row numbers of leads that have a number of it. The first feed that has
    a number rejects it."""
    other_feeds: Mapping[str, pd.Index] = field(default_factory=dict)
    """The same of other numbers: their index in `loader.checks.other_numbers.numbers_of`."""
    days_ahead: Mapping[int, datetime] = field(default_factory=dict)
    """By number of days: the same clock time so many days from now; a time that clocks skip in
    spring is one hour later."""
    existing: Mapping[Kind, pd.DataFrame] = field(default_factory=dict)
    """Existing leads of which a row of the chunk may be a duplicate: columns `key` (str, folded),
    `list_id` (uint64), `phone_code` (str, null for NULL), `matched` (str, PHONE or ALT),
    `archived` (bool: in vicidial_list_archive).
    For each window of N days that a check of the kind has (0: no window) there is also `lead_id_N`
    (Int64): the lowest lead_id with that key and phone_code in that list."""
