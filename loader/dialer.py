"""What the rules need from the database, as plain data, read once for a run or for a chunk."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache

import pandas as pd

from loader.clock import Clock
from loader.frames.collation import GENERAL, Collation
from loader.frames.moments import MomentKind
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
    moment: MomentKind | None = None
    """What it stores if that is a date or a time."""
    fraction_digits: int = 0
    """Of the seconds of a time that it stores."""
    collation: Collation = GENERAL
    """How it compares, of the columns of do-not-call lists that the options read."""
    is_multiline: bool = False
    """It is made for texts of several lines."""


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What the dialer's user may do (add_lead: user checks)."""

    user: str = ""
    lists: frozenset[int] | None = None
    """The lists into which the user may load, of those that are defined; None: all lists."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """How the leads, or other rows, of a table are found."""

    indexes: Mapping[str, str] | None = None
    """The name of an index by the column that it has first; None: none matters."""
    locks: bool = False
    """Writes wait as long as it is read."""
    collations: Mapping[str, str] = field(default_factory=dict)
    """Of its text columns, as far as they are known."""

    def finds(self, column: str) -> bool:
        """Say whether a value of a column is found without reading the whole table."""
        return self.indexes is None or column in self.indexes


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

NEW_LEAD_URLS = {"list_id": "str", "url_address": "str"}
"""list_id is empty where the address is for the leads of all lists."""


def _empty(columns: Mapping[str, str]) -> pd.DataFrame:
    return empty_table(*columns.items()).copy()


@cache
def empty_table(*columns: tuple[str, str]) -> pd.DataFrame:
    """Give the frame of a table without rows, by name and dtype of its columns; not to be changed.

    To make it each time takes as long as to read a table.
    """
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns})


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
    """campaign_id by list_id (int64 index), of vicidial_lists; null where it is NULL."""
    list_campaigns: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """campaign_id as vicidial_campaigns spells it by list_id (int64 index), of the lists whose
    campaign is defined."""
    phone_codes: pd.DataFrame = field(default_factory=lambda: _empty(PHONE_CODES))
    """vicidial_phone_codes in the table's order."""
    postal_codes: pd.DataFrame = field(default_factory=lambda: _empty(POSTAL_CODES))
    """vicidial_postal_codes of country 1 in the table's order, if options need it."""
    nanpa: pd.DataFrame = field(default_factory=lambda: _empty(NANPA))
    """vicidial_nanpa_prefix_codes in the table's order, if options need it."""
    campaigns: pd.DataFrame = field(default_factory=lambda: _empty(CAMPAIGNS))
    """vicidial_campaigns, by campaign_id folded by `campaign_collation`."""
    campaign_collation: Collation = GENERAL
    """How campaign_id of vicidial_campaigns compares."""
    users: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """user_group by folded user, of vicidial_users."""
    list_call_times: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """The call_time_id that counts, the list's own or its campaign's, by list_id (int64 index), of
    the lists whose campaign is defined."""
    call_times: pd.DataFrame = field(default_factory=pd.DataFrame)
    """vicidial_call_times by folded call_time_id: its ct_ columns (hours int64, hhmm; and
    ct_state_call_times, str), if the hopper needs it."""
    state_call_times: pd.DataFrame = field(default_factory=pd.DataFrame)
    """vicidial_state_call_times by folded state_call_time_id: state_call_time_state (str) and its
    sct_ columns (hours int64, hhmm), if the hopper needs it."""
    custom_fields_enabled: bool = False
    """system_settings.custom_fields_enabled."""
    custom_labels: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """Labels of vicidial_lists_fields that store a value (no DISPLAY, SCRIPT, SWITCH or BUTTON, no
    copies, no columns of the lead), by list_id (int64 index, may repeat), if custom_fields is Y."""
    encrypted_labels: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """Those of them whose values the dialer encrypts."""
    tables: Mapping[str, Mapping[str, Column]] = field(default_factory=dict)
    """By name of the table and of the column, for other tables that the options may need:
    alternate phones, hopper, callbacks, custom_... and the do-not-call lists."""
    new_lead_urls: pd.DataFrame = field(default_factory=lambda: _empty(NEW_LEAD_URLS))
    """The active addresses of vicidial_url_multi for new leads, in the order of url_rank."""
    missing: tuple[str, ...] = ()
    """Columns that options need and the small tables lack, such as
    `vicidial_phone_codes.tz_code`."""
    fold: Collation = GENERAL
    """How the database compares texts, as far as it goes without its keys of texts."""
    compares: Mapping[Kind, Collation] = field(default_factory=dict)
    """How the columns compare by which a kind of duplicate check finds leads, for the kinds that
    the options name; without the keys of texts, which `Lookups.compares` has."""
    list_scopes: "pd.Series[str]" = field(default_factory=lambda: pd.Series(dtype="str"))
    """By list_id (int64 index), of vicidial_lists: the same text for lists of the same campaign, as
    the database compares campaign_id; null where it is NULL."""
    access: Mapping[str, Access] = field(default_factory=dict)
    """How the tables are searched that look-ups read, by name."""
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


NO_NUMBERS: "pd.Index[str]" = pd.Index([], dtype="str")


@dataclass(frozen=True, kw_only=True)
class Lookups:
    """Answers about the leads of one chunk; empty where nothing was asked or found."""

    dnc: pd.Index = field(default_factory=lambda: NO_NUMBERS)
    """The forms of the chunk's numbers, and `727XXXXXXX` area codes, that are in vicidial_dnc
    (str)."""
    campaign_dnc: pd.Index = field(default_factory=lambda: NO_NUMBERS)
    """The same of vicidial_campaign_dnc: folded campaign_id, `|` and number or area code (str)."""
    feeds: Mapping[str, pd.Index] = field(default_factory=dict)
    """By name of a feed, the row numbers of leads that have a number of it. The first feed that has
    a number rejects it."""
    other_feeds: Mapping[str, pd.Index] = field(default_factory=dict)
    """The same of other numbers: their index in `loader.checks.other_numbers.numbers_of`."""
    days_ahead: Mapping[int, datetime] = field(default_factory=dict)
    """By number of days: the same clock time so many days from now; a time that clocks skip in
    spring is one hour later."""
    compares: Mapping[Kind, Collation] = field(default_factory=dict)
    """`Dialer.compares` with the keys of the texts of the chunk."""
    existing: Mapping[Kind, pd.DataFrame] = field(default_factory=dict)
    """Existing leads of which a row of the chunk may be a duplicate: columns `key` (str, folded),
    `list_id` (uint64), `phone_code` (str, null for NULL), `matched` (str, PHONE or ALT),
    `archived` (bool: in vicidial_list_archive).
    For each window of N days that a check of the kind has (0: no window) there is also `lead_id_N`
    (Int64): the lowest lead_id with that key and phone_code in that list."""

    def with_texts_of(self, other: "Lookups") -> "Lookups":
        """Give the same answer with the keys of texts that another one has."""
        compares = {**other.compares}
        for kind, collation in self.compares.items():
            keys = (collation.keys, compares.get(kind, collation).keys)
            known = {text: key for each in keys if each for text, key in each.items()}
            compares[kind] = collation.knowing(known) if known else collation
        return replace(self, compares=compares)

    @property
    def is_empty(self) -> bool:
        """Whether no number is listed, and no existing lead was found."""
        found: tuple[pd.Index | pd.DataFrame, ...] = (
            self.dnc, self.campaign_dnc, *self.feeds.values(), *self.other_feeds.values(),
            *self.existing.values(),
        )  # fmt: skip
        return all(each.empty for each in found)
