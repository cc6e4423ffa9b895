"""What the rules need to know of the database, as plain data: asked beforehand, set by set."""

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
    """What a column can hold."""

    width: int | None = None
    """In characters; None: any length."""
    charset: str | None = None
    """MySQL's name of its character set; None: every character."""
    is_date: bool = False
    """It holds a date without a time."""


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What the dialer's user may do (add_lead: user checks)."""

    user: str = ""
    campaigns: frozenset[str] | None = None
    """The campaigns into whose lists the user may load, folded; None: every list."""


PHONE_CODES = {
    "country_code": "int64",
    "areacode": "str",
    "state": "str",
    "tz_code": "str",
    "gmt_offset": "float64",
    "dst_range": "str",
}
"""Columns of the frames of the dialer's time zone tables; gmt_offset: hours, standard time."""
POSTAL_CODES = {"postal_code": "str", "gmt_offset": "float64", "dst_range": "str"}
NANPA = {"prefix": "str", "gmt_offset": "float64", "dst_range": "str"}
"""prefix: area code and prefix, six digits; dst_range: SSM-FSN or empty."""
CAMPAIGNS = {"campaign_id": "str", "local_call_time": "str", "use_other_campaign_dnc": "str"}


def _empty(columns: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(columns=list(columns)).astype(columns)


@dataclass(frozen=True, kw_only=True)
class Dialer:
    """The dialer's small tables, read once for a run. Without a database all are empty."""

    clock: Clock
    columns: Mapping[str, Column]
    """Of vicidial_list, by name."""
    window_starts: Mapping[int, datetime] = field(default_factory=dict)
    """For a window of so many days, the moment after which a lead lies within it."""
    permissions: Permissions = field(default_factory=Permissions)
    lists: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """campaign_id by list_id (int64 index)."""
    phone_codes: pd.DataFrame = field(default_factory=lambda: _empty(PHONE_CODES))
    """vicidial_phone_codes in the table's order."""
    postal_codes: pd.DataFrame = field(default_factory=lambda: _empty(POSTAL_CODES))
    """vicidial_postal_codes of country 1 in the table's order, if it is asked for."""
    nanpa: pd.DataFrame = field(default_factory=lambda: _empty(NANPA))
    """vicidial_nanpa_prefix_codes in the table's order, if it is asked for."""
    campaigns: pd.DataFrame = field(default_factory=lambda: _empty(CAMPAIGNS))
    """vicidial_campaigns, by folded campaign_id."""
    users: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """user_group by folded user, of vicidial_users."""
    list_call_times: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """local_call_time by list_id (int64 index), as in vicidial_lists."""
    call_times: pd.DataFrame = field(default_factory=pd.DataFrame)
    """vicidial_call_times by folded call_time_id: its ct_ columns (hours int64, hhmm; and
    ct_state_call_times, str), if the hopper asks for it."""
    state_call_times: pd.DataFrame = field(default_factory=pd.DataFrame)
    """vicidial_state_call_times by folded state_call_time_id: state_call_time_state (str) and its
    sct_ columns (hours int64, hhmm), likewise."""
    custom_fields_enabled: bool = False
    """system_settings: custom fields are switched on."""
    custom_labels: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """Labels of vicidial_lists_fields that hold a value (no DISPLAY or SCRIPT, no copies, no
    columns of the lead), by list_id (int64 index, repeating), if custom_fields is on."""
    tables: Mapping[str, Mapping[str, Column]] = field(default_factory=dict)
    """The columns of the other tables that a lead has rows in: alternate phones, hopper,
    callbacks, and every custom_..., and of the do-not-call lists, by name; those that the options
    may need."""
    missing: tuple[str, ...] = ()
    """What was asked for and the small tables have no column for, such as
    `vicidial_phone_codes.tz_code`."""
    fold: CharacterFold | None = general_ci
    """How the database compares text; None: exactly."""
    knows_leads: bool = True
    """False without a database: then only the file itself is looked at."""

    @property
    def nanpa_is_loaded(self) -> bool:
        """Say whether there is NANPA data: as for add_lead, at least ten rows."""
        return len(self.nanpa) >= 10

    @property
    def nanpa_prefixes(self) -> "pd.Series[str]":
        """Area code and prefix, six digits, of vicidial_nanpa_prefix_codes."""
        return self.nanpa["prefix"]

    @property
    def area_codes(self) -> pd.Index:
        """The area codes of country 1 (str)."""
        codes = self.phone_codes
        area_codes: pd.Index[str] = pd.Index(codes["areacode"][codes["country_code"] == 1])
        return area_codes.unique()


EXISTING_COLUMNS = ("key", "list_id", "matched", "archived")
"""Columns of the frames in `Lookups.existing`, beside one `lead_id_N` (Int64) for each window of
N days that a check of the kind has (0: no window): the lowest lead_id with that key in that list.
`key` (str) is folded, `list_id` uint64, `matched` (str) is PHONE or ALT, `archived` (bool) says
that the lead is in vicidial_list_archive."""


@dataclass(frozen=True, kw_only=True)
class Lookups:
    """What the database says of the leads of one chunk."""

    dnc: pd.Index = field(default_factory=lambda: pd.Index([], dtype="str"))
    """Those of the numbers, and of the `727XXXXXXX` area codes, that are in vicidial_dnc."""
    campaign_dnc: pd.Index = field(default_factory=lambda: pd.Index([], dtype="str"))
    """Likewise for vicidial_campaign_dnc: folded campaign_id, `|` and the number or area code."""
    days_ahead: Mapping[int, datetime] = field(default_factory=dict)
    """The moments so many days after now, as asked for: same clock time; a time that the clocks
    skip in spring moves one hour on."""
    existing: Mapping[Kind, pd.DataFrame] = field(default_factory=dict)
    """Existing leads that some row of the chunk may be a duplicate of, see `EXISTING_COLUMNS`."""
