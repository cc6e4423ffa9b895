"""The facts of a dialer: its small tables, its clock and its collation, read once for a run."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import pandas as pd
from sqlalchemy import Connection

from loader.clock import WEEKDAYS, Clock
from loader.database.connection import Database
from loader.database.server_clock import existing_moments, read_clock
from loader.dialer import (
    ARCHIVE,
    CALLBACKS,
    CAMPAIGNS,
    HOPPER,
    LEADS,
    LISTS_TABLE,
    NANPA,
    NEW_LEAD_URLS,
    PHONE_CODES,
    POSTAL_CODES,
    Dialer,
    empty_table,
)
from loader.errors import ConfigurationError
from loader.frames.collation import GENERAL, Collation
from loader.options.duplicate_check import Kind
from loader.options.load import LoadOptions
from loader.queries.comparisons import CAMPAIGN_ID, Comparisons
from loader.queries.indexes import DNC_TABLES, read_access, searched_tables
from loader.queries.leads import OF_SYSTEM, URL_TYPE, URLS
from loader.queries.tables import ZONE, TableReader, index_by_folded, set_types
from loader.queries.users import GROUPS, USERS, read_permissions, read_users

EXTRA_TABLES = (
    ARCHIVE, "vicidial_list_alt_phones", HOPPER, CALLBACKS,
)  # fmt: skip
"""Tables with rows of leads, besides vicidial_list and custom_<list_id>."""

CALL_TIMES_TABLE, STATE_CALL_TIMES_TABLE = "vicidial_call_times", "vicidial_state_call_times"

SMALL_TABLES = frozenset(
    {"servers", "system_settings", CALL_TIMES_TABLE, "vicidial_campaigns", LISTS_TABLE,
     "vicidial_lists_fields", "vicidial_nanpa_prefix_codes", "vicidial_phone_codes",
     "vicidial_postal_codes", STATE_CALL_TIMES_TABLE, GROUPS, USERS, URLS}
)  # fmt: skip
"""Those that are read whole."""

HOURS = [f"{day}_{edge}" for day in ("default", *WEEKDAYS) for edge in ("start", "stop")]
CALL_TIMES = {"ct_state_call_times": "str"} | {f"ct_{name}": "int64" for name in HOURS}
STATE_CALL_TIMES = {"state_call_time_state": "str"} | {f"sct_{name}": "int64" for name in HOURS}
"""The columns of call times that are read; hours as hhmm."""

VALUELESS = ("DISPLAY", "SCRIPT", "SWITCH", "BUTTON")
"""Types of custom fields that store no value."""


def read_dialer(database: Database, options: LoadOptions) -> Dialer:
    """Read the facts that the options make necessary.

    Raises:
        NotAllowedError: the user may not load leads, or the account may not read.
        ConfigurationError: vicidial_list is missing.
    """
    return database.read(lambda connection: DialerReader(connection, database, options).read())


class DialerReader(TableReader):
    """Reads the dialer's small tables once."""

    def __init__(
        self,
        connection: Connection,
        database: Database,
        options: LoadOptions,
        names: Collection[str] = (),
    ) -> None:
        """Read the columns of tables; else of all that are read, or have rows of leads."""
        super().__init__(connection, database)
        self.options = options
        self.reflect(names or self._all_tables())
        collations = {
            f"{table}.{name}": kind.collation
            for table, columns in self.types.items()
            for name, kind in columns.items()
        }
        self.comparisons = Comparisons(connection, collations)

    def _all_tables(self) -> set[str]:
        names = {LEADS, *EXTRA_TABLES, *DNC_TABLES, *SMALL_TABLES, *searched_tables(self.options)}
        if self.options.custom_fields == "Y" or self.options.new_lead_url == "send":
            names |= {name for name in self.tables if name.startswith("custom_")}
        return names

    def read(self) -> Dialer:
        """Read all tables."""
        if LEADS not in self.tables:
            raise ConfigurationError(
                "the database has no table vicidial_list; is it a dialer's? "
                "`leadloader init` makes the tables on an empty one"
            )
        clock = read_clock(self.connection)
        days = {check.days for check in self.options.duplicate_checks if check.days}
        users, lists, comparisons = read_users(self), self.lists(), self.comparisons
        compares = comparisons.of_checks({check.kind for check in self.options.duplicate_checks})
        of_campaign_id = comparisons.collation(CAMPAIGN_ID)
        of_campaigns = self.of_campaigns(lists)
        return Dialer(
            clock=clock,
            window_starts=window_starts(self.connection, clock, days),
            columns=self.columns[LEADS],
            permissions=read_permissions(self, users, self.options.user),
            lists=lists["campaign_id"],
            list_scopes=comparisons.key(f"{LISTS_TABLE}.campaign_id", lists["campaign_id"]),
            list_campaigns=of_campaigns["campaign_id"],
            list_call_times=of_campaigns["local_call_time"],
            campaigns=self.campaigns(collation=of_campaign_id),
            campaign_collation=of_campaign_id,
            users=index_by_folded(users, "user")["user_group"],
            phone_codes=self.phone_codes(),
            postal_codes=self.postal_codes(),
            nanpa=self.nanpa(),
            call_times=self.call_times(),
            state_call_times=self.state_call_times(),
            custom_fields_enabled=self.custom_fields_enabled(),
            custom_labels=self.custom_labels(),
            new_lead_urls=self.new_lead_urls(),
            encrypted_labels=self.custom_labels(encrypted=True),
            tables={
                name: comparisons.with_collations(name, self.columns[name], self.options)
                for name in self.columns.keys() - SMALL_TABLES
            },
            access=read_access(
                self.connection, searched_tables(self.options) & self.tables, self.collations()
            ),
            fold=compares.get(Kind.NAMEPHONE, compares.get(Kind.TITLEALTPHONE, GENERAL)),
            compares=compares,
            missing=tuple(self.missing),
        )

    def collations(self) -> dict[str, dict[str, str]]:
        """Give the collations of text columns, by table and name."""
        return {
            table: {name: kind.collation for name, kind in columns.items() if kind.collation}
            for table, columns in self.types.items()
        }

    def lists(self) -> pd.DataFrame:
        """Give campaign_id and local_call_time (str, null for NULL) by list_id."""
        names = ("list_id", "campaign_id", "local_call_time")
        frame = pd.DataFrame(self.rows(LISTS_TABLE, *names), columns=names)
        index = pd.Index(frame["list_id"].astype("int64"), name=None)
        return frame[list(names[1:])].astype("str").set_index(index)

    def of_campaigns(self, lists: pd.DataFrame) -> pd.DataFrame:
        """Give the campaigns of lists, see `Comparisons.of_campaigns`."""
        campaigns = self.frame("vicidial_campaigns", "campaign_id", "local_call_time")
        return self.comparisons.of_campaigns(lists, campaigns)

    def campaigns(
        self, names: Iterable[str] = CAMPAIGNS, collation: Collation = GENERAL
    ) -> pd.DataFrame:
        """Give columns of campaigns by folded campaign_id."""
        columns = dict.fromkeys(["campaign_id", *names])
        return index_by_folded(self.frame("vicidial_campaigns", *columns), "campaign_id", collation)

    def phone_codes(self) -> pd.DataFrame:
        """Give the columns of `PHONE_CODES`, typed."""
        names = ("country_code", "areacode", "state", "tz_code", *ZONE)
        return set_types(self.frame("vicidial_phone_codes", *names), PHONE_CODES)

    def postal_codes(self) -> pd.DataFrame:
        """Read the codes of country 1, the only ones that POSTAL uses."""
        frame = self.frame("vicidial_postal_codes", "postal_code", *ZONE, "country_code")
        frame = frame[frame["country_code"] == "1"].reset_index(drop=True)
        return set_types(frame[list(POSTAL_CODES)], POSTAL_CODES)

    def nanpa(self) -> pd.DataFrame:
        """Read areacode and prefix, if a check or the time zone needs them."""
        options = self.options
        asked = options.nanpa_ac_prefix_check == "Y" or "NANPA" in options.tz_method.upper()
        table = "vicidial_nanpa_prefix_codes" if asked else ""
        frame = self.frame(table, "areacode", "prefix", "GMT_offset", "DST")
        if frame.empty:
            return empty_table(*NANPA.items()).copy()
        frame["prefix"] = frame["areacode"] + frame["prefix"]
        # The table has Y or N; all its places have the rule of the USA and Canada.
        frame["dst_range"] = frame["DST"].map({"Y": "SSM-FSN"}).fillna("")
        return set_types(frame[list(NANPA)], NANPA)

    def call_times(self) -> pd.DataFrame:
        """Read the hours in which leads may be called, if the hopper needs them."""
        return self._hours(CALL_TIMES_TABLE, "call_time_id", CALL_TIMES)

    def state_call_times(self) -> pd.DataFrame:
        """Likewise of states."""
        return self._hours(STATE_CALL_TIMES_TABLE, "state_call_time_id", STATE_CALL_TIMES)

    def _hours(self, table: str, key: str, columns: Mapping[str, str]) -> pd.DataFrame:
        asked = table if self.options.hopper_local_call_time_check == "Y" else ""
        return index_by_folded(set_types(self.frame(asked, key, *columns), columns), key)

    def custom_fields_enabled(self) -> bool:
        """Read whether custom fields are switched on in the dialer, if the run uses them."""
        asked = "system_settings" if self.options.custom_fields == "Y" else ""
        return [str(row[0]) for row in self.rows(asked, "custom_fields_enabled")][:1] == ["1"]

    def custom_labels(self, *, encrypted: bool = False) -> "pd.Series[str]":
        """Read the labels of the fields that store a value, or of those that store it encrypted."""
        table = "vicidial_lists_fields" if self.options.custom_fields == "Y" else ""
        names = ("list_id", "field_label", "field_type", "field_duplicate")
        # Old dialers encrypt nothing.
        encrypts = "field_encrypt" in self.columns.get(table, {})
        fields = self.frame(table, *names, *["field_encrypt"] * encrypts)
        if fields.empty:
            return pd.Series(index=pd.Index([], dtype="int64", name="list_id"), dtype="str")
        if encrypted:
            fields = fields[fields["field_encrypt"] == "Y"] if encrypts else fields[:0]
        is_display = fields["field_type"].isin(VALUELESS)
        copies = fields["field_duplicate"] == "Y"
        of_lead = fields["field_label"].isin(self.columns[LEADS])
        fields = fields[~is_display & ~copies & ~of_lead]
        index = pd.Index(fields["list_id"].astype("int64"))
        return pd.Series(fields["field_label"].to_list(), index=index, dtype="str")

    def new_lead_urls(self) -> pd.DataFrame:
        """Read the addresses that are requested for new leads (add_lead: apinewlead)."""
        names = ("campaign_id", "entry_type", "active", "url_type", "url_rank", "url_address")
        urls = self.frame(URLS, *names)
        if urls.empty:
            return empty_table(*NEW_LEAD_URLS.items()).copy()
        is_of_all = (urls["entry_type"] == "system") & (urls["campaign_id"] == OF_SYSTEM)
        is_wanted = is_of_all | (urls["entry_type"] == "list")
        is_wanted &= (urls["url_type"] == URL_TYPE) & (urls["active"] == "Y")
        urls = urls.assign(list_id=urls["campaign_id"].where(~is_of_all, ""))[is_wanted]
        rank = pd.to_numeric(urls["url_rank"], errors="coerce").fillna(0)
        return urls.loc[rank.sort_values(kind="stable").index, list(NEW_LEAD_URLS)]


def window_starts(
    connection: Connection, clock: Clock, days: Collection[int]
) -> dict[int, datetime]:
    """Give the starts of windows of so many days.

    They count calendar days at the same clock time, as add_lead does; a time that clocks skipped in
    spring moves forward by one hour.
    """
    found = existing_moments(connection, [clock.now - timedelta(days=number) for number in days])
    return dict(zip(days, found, strict=True))
