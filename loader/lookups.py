"""What the rules need to know of the database, as plain data: asked beforehand, set by set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from loader.collation import CharacterFold, general_ci
from loader.duplicates import Kind
from loader.timezone import PHONE_CODES, Clock


@dataclass(frozen=True, kw_only=True)
class Column:
    """What a column of vicidial_list can hold."""

    width: int | None = None
    """In characters; None: any length."""
    charset: str | None = None
    """MySQL's name of its character set; None: every character."""


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """What the dialer's user may do (add_lead: user checks)."""

    user: str = ""
    campaigns: frozenset[str] | None = None
    """The campaigns into whose lists the user may load, folded; None: every list."""


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
    phone_codes: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(
            columns=[*PHONE_CODES, "gmt_offset", "dst_range"]
        ).astype({**PHONE_CODES, "gmt_offset": "float64", "dst_range": "str"})
    )
    """vicidial_phone_codes, see `loader.timezone.PHONE_CODES`."""
    nanpa_prefixes: pd.Index = field(default_factory=lambda: pd.Index([], dtype="str"))
    """Area code and prefix, six digits, of vicidial_nanpa_prefix_codes, if they are checked."""
    nanpa_rows: int = 0
    """How many rows vicidial_nanpa_prefix_codes has."""
    dnc_campaign: str = ""
    """The campaign whose do-not-call list counts (add_lead: use_other_campaign_dnc)."""
    fold: CharacterFold | None = general_ci
    """How the database compares text; None: exactly."""
    knows_leads: bool = True
    """False without a database: then only the file itself is looked at."""

    @property
    def nanpa_is_loaded(self) -> bool:
        """Say whether there is NANPA data: as for add_lead, at least ten rows."""
        return self.nanpa_rows >= 10

    @property
    def area_codes(self) -> pd.Index:
        """The area codes of country 1 (str)."""
        codes = self.phone_codes
        area_codes: pd.Index[str] = pd.Index(codes["areacode"][codes["country_code"] == 1])
        return area_codes.unique()


EXISTING = ("key", "list_id", "matched")
"""Columns of the frames in `Lookups.existing`, beside one `lead_id_N` (Int64) for each window of
N days that a check of the kind has (0: no window): the lowest lead_id with that key in that list.
`key` (str) is folded, `list_id` int64, `matched` (str) is PHONE or ALT."""


@dataclass(frozen=True, kw_only=True)
class Lookups:
    """What the database says of the leads of one chunk."""

    dnc: pd.Index = field(default_factory=lambda: pd.Index([], dtype="str"))
    """Those of the numbers, and of the `727XXXXXXX` area codes, that are in vicidial_dnc."""
    campaign_dnc: pd.Index = field(default_factory=lambda: pd.Index([], dtype="str"))
    """Likewise for vicidial_campaign_dnc and the run's campaign."""
    existing: Mapping[Kind, pd.DataFrame] = field(default_factory=dict)
    """Existing leads that some row of the chunk may be a duplicate of, see `EXISTING`."""
