"""The facts of a dialer: its small tables, its clock and its collation, read once for a run."""

import re
from collections.abc import Collection, Hashable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
from sqlalchemy import Connection

from loader.clock import WEEKDAYS, Clock
from loader.database.catalogue import ColumnType, read_columns, table_names
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
    Column,
    Dialer,
    Permissions,
    empty_table,
)
from loader.errors import ConfigurationError, NotAllowedError
from loader.frames.collation import GENERAL, Collation, fold, fold_text
from loader.options.duplicate_check import Kind
from loader.options.load import LoadOptions
from loader.queries.comparisons import CAMPAIGN_ID, Comparisons
from loader.queries.indexes import DNC_TABLES, read_access, searched_tables
from loader.queries.leads import OF_SYSTEM, URL_TYPE, URLS

if TYPE_CHECKING:
    from loader.frames.moments import MomentKind

EXTRA_TABLES = (
    ARCHIVE, "vicidial_list_alt_phones", HOPPER, CALLBACKS,
)  # fmt: skip
"""Tables with rows of leads, besides vicidial_list and custom_<list_id>."""

CALL_TIMES_TABLE, STATE_CALL_TIMES_TABLE = "vicidial_call_times", "vicidial_state_call_times"

SMALL_TABLES = frozenset(
    {"servers", "system_settings", CALL_TIMES_TABLE, "vicidial_campaigns", LISTS_TABLE,
     "vicidial_lists_fields", "vicidial_nanpa_prefix_codes", "vicidial_phone_codes",
     "vicidial_postal_codes", STATE_CALL_TIMES_TABLE, "vicidial_user_groups",
     "vicidial_users", URLS}
)  # fmt: skip
"""Those that are read whole."""

HOURS = [f"{day}_{edge}" for day in ("default", *WEEKDAYS) for edge in ("start", "stop")]
CALL_TIMES = {"ct_state_call_times": "str"} | {f"ct_{name}": "int64" for name in HOURS}
STATE_CALL_TIMES = {"state_call_time_state": "str"} | {f"sct_{name}": "int64" for name in HOURS}
"""The columns of call times that are read; hours as hhmm."""

USER_COLUMNS = (
    "user", "user_level", "modify_leads", "vdc_agent_api_access", "api_list_restrict",
    "api_allowed_functions", "user_group", "active",
)  # fmt: skip
"""The columns of users that are read; never passwords."""

ALL_RIGHTS = {
    "active": "Y", "user_level": "9", "modify_leads": "1", "vdc_agent_api_access": "1",
    "api_allowed_functions": "ALL_FUNCTIONS",
}  # fmt: skip
"""The values of columns that an old dialer lacks."""

VALUELESS = ("DISPLAY", "SCRIPT", "SWITCH", "BUTTON")
"""Types of custom fields that store no value."""

MOMENT_TYPE = re.compile(r"(date|datetime|timestamp|time)(?:\((\d)\))?")
"""The definition of a column of dates or times."""

ALL_CAMPAIGNS = "-ALL"
"""In the allowed_campaigns of a user group: it has all campaigns."""

ZONE = {"GMT_offset": "gmt_offset", "DST_range": "dst_range"}
"""Our names of the columns of a time zone, by the dialer's names."""


def read_dialer(database: Database, options: LoadOptions) -> Dialer:
    """Read the facts that the options make necessary.

    Raises:
        NotAllowedError: the user may not load leads, or the account may not read.
        ConfigurationError: vicidial_list is missing.
    """
    return database.read(lambda connection: DialerReader(connection, database, options).read())


def read_user(database: Database, user: str) -> dict[Hashable, Any] | None:
    """Read what a user may do, columns of `USER_COLUMNS`; None: there is no such user."""

    def read(connection: Connection) -> dict[Hashable, Any] | None:
        reader = DialerReader(connection, database, LoadOptions())
        reader.columns = reader.reflected()
        return reader.row_of_user(reader.users(), user)

    return database.read(read)


class DialerReader:
    """Reads the dialer's small tables once."""

    def __init__(self, connection: Connection, database: Database, options: LoadOptions) -> None:
        self.connection, self.database, self.options = connection, database, options
        self.tables = table_names(connection)
        self.columns: dict[str, dict[str, Column]] = {}
        self.missing: dict[str, None] = {}
        self.comparisons = Comparisons(connection, {})

    def read(self) -> Dialer:
        """Read all tables; the columns first, because old dialers lack some."""
        if LEADS not in self.tables:
            raise ConfigurationError(
                "the database has no table vicidial_list; is it a dialer's? "
                "`leadloader init` makes the tables on an empty one"
            )
        self.columns = self.reflected()
        clock = read_clock(self.connection)
        days = {check.days for check in self.options.duplicate_checks if check.days}
        users, lists, comparisons = self.users(), self.lists(), self.comparisons
        compares = comparisons.of_checks({check.kind for check in self.options.duplicate_checks})
        of_campaign_id = comparisons.collation(CAMPAIGN_ID)
        of_campaigns = self.of_campaigns(lists)
        return Dialer(
            clock=clock,
            window_starts=window_starts(self.connection, clock, days),
            columns=self.columns[LEADS],
            permissions=self.permissions(users),
            lists=lists["campaign_id"],
            list_scopes=comparisons.key(f"{LISTS_TABLE}.campaign_id", lists["campaign_id"]),
            list_campaigns=of_campaigns["campaign_id"],
            list_call_times=of_campaigns["local_call_time"],
            campaigns=self.campaigns(collation=of_campaign_id),
            campaign_collation=of_campaign_id,
            users=_by_folded(users, "user")["user_group"],
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
                self.connection, searched_tables(self.options) & self.tables, self.collations
            ),
            fold=compares.get(Kind.NAMEPHONE, compares.get(Kind.TITLEALTPHONE, GENERAL)),
            compares=compares,
            missing=tuple(self.missing),
        )

    def rows(self, table: str, *names: str) -> list[tuple[Any, ...]]:
        """Read columns of a table. A missing column is null; a missing table has no rows."""
        existing = self.columns.get(table)
        if existing is None:
            return []
        self.missing |= {f"{table}.{name}": None for name in names if name not in existing}
        asked = ", ".join(name if name in existing else "NULL" for name in names)
        statement = f"SELECT {asked} FROM {table}"  # noqa: S608 - our own names
        return [tuple(row) for row in self.connection.exec_driver_sql(statement)]

    def frame(self, table: str, *names: str) -> pd.DataFrame:
        """Read columns of a table as text, named by `ZONE`; a missing table has no rows."""
        rows, columns = self.rows(table, *names), [ZONE.get(name, name) for name in names]
        if not rows:
            return empty_table(*((name, "str") for name in columns)).copy()
        return pd.DataFrame(rows, columns=columns).astype("str").fillna("")

    def reflected(self, names: Collection[str] = ()) -> dict[str, dict[str, Column]]:
        """Read the columns of tables; else of all that are read, or have rows of leads."""
        names = {*names} or self._all_tables()
        found = read_columns(self.connection, names & self.tables)
        collations = {
            f"{table}.{name}": kind.collation
            for table, columns in found.items()
            for name, kind in columns.items()
        }
        self.comparisons = Comparisons(self.connection, collations)
        self.collations = {
            table: {name: kind.collation for name, kind in columns.items() if kind.collation}
            for table, columns in found.items()
        }
        return {
            table: {name: _column(kind) for name, kind in found.get(table, {}).items()}
            for table in sorted(names & self.tables)
        }

    def _all_tables(self) -> set[str]:
        names = {LEADS, *EXTRA_TABLES, *DNC_TABLES, *SMALL_TABLES, *searched_tables(self.options)}
        if self.options.custom_fields == "Y" or self.options.new_lead_url == "send":
            names |= {name for name in self.tables if name.startswith("custom_")}
        return names

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
        return _by_folded(self.frame("vicidial_campaigns", *columns), "campaign_id", collation)

    def phone_codes(self) -> pd.DataFrame:
        """Give the columns of `PHONE_CODES`, typed."""
        names = ("country_code", "areacode", "state", "tz_code", *ZONE)
        return _typed(self.frame("vicidial_phone_codes", *names), PHONE_CODES)

    def postal_codes(self) -> pd.DataFrame:
        """Read the codes of country 1, the only ones that POSTAL uses."""
        frame = self.frame("vicidial_postal_codes", "postal_code", *ZONE, "country_code")
        frame = frame[frame["country_code"] == "1"].reset_index(drop=True)
        return _typed(frame[list(POSTAL_CODES)], POSTAL_CODES)

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
        return _typed(frame[list(NANPA)], NANPA)

    def call_times(self) -> pd.DataFrame:
        """Read the hours in which leads may be called, if the hopper needs them."""
        return self._hours(CALL_TIMES_TABLE, "call_time_id", CALL_TIMES)

    def state_call_times(self) -> pd.DataFrame:
        """Likewise of states."""
        return self._hours(STATE_CALL_TIMES_TABLE, "state_call_time_id", STATE_CALL_TIMES)

    def _hours(self, table: str, key: str, columns: Mapping[str, str]) -> pd.DataFrame:
        asked = table if self.options.hopper_local_call_time_check == "Y" else ""
        return _by_folded(_typed(self.frame(asked, key, *columns), columns), key)

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

    def users(self) -> pd.DataFrame:
        """Read what users may do; if an old dialer lacks a right, all users have it."""
        users = self.frame("vicidial_users", *USER_COLUMNS)
        existing = self.columns.get("vicidial_users", {})
        return users.assign(**{n: full for n, full in ALL_RIGHTS.items() if n not in existing})

    def permissions(self, users: pd.DataFrame) -> Permissions:
        """Check the user (add_lead: user permission), if the database has users.

        A right that the table has no column for is not checked.
        """
        user = self.options.user
        if users.empty:
            return Permissions(user=user)
        found = self.row_of_user(users, user)
        if found is None or found["active"] != "Y" or _level(found) < 7:
            raise NotAllowedError(
                "name an active user of the dialer with --user"
                if not user
                else f"Login incorrect: the dialer has no active user {user!r} of level 8 or more"
            )
        _check_rights(user, found)
        if found["api_list_restrict"] != "1":
            return Permissions(user=user)
        return Permissions(user=user, lists=self.allowed_lists(user, found["user_group"]))

    @staticmethod
    def row_of_user(users: pd.DataFrame, user: str) -> dict[Hashable, Any] | None:
        """Give the row of a user, named in any letter case."""
        found = users[fold(users["user"]) == fold_text(user)].to_dict("records") if user else []
        return found[0] if found else None

    def allowed_lists(self, user: str, group: str) -> frozenset[int]:
        """Give the lists of the campaigns of a user group; if it has all campaigns, all lists.

        Raises:
            NotAllowedError: there is no such group.
        """
        groups = self.rows("vicidial_user_groups", "user_group", "allowed_campaigns")
        allowed = [row[1] or "" for row in groups if fold_text(row[0]) == fold_text(group)]
        if not allowed:
            raise NotAllowedError(
                f"user_group DOES NOT EXIST: |{user}|{group}|; make the group in the dialer, or "
                "load as a user of another one"
            )
        # As the dialer finds it: anywhere, in any letter case.
        if any(ALL_CAMPAIGNS in text.upper() for text in allowed):
            return frozenset(int(row[0]) for row in self.rows(LISTS_TABLE, "list_id"))
        names = [name for name in " ".join(allowed).split() if name != "-"]
        if not names or LISTS_TABLE not in self.columns:
            return frozenset()
        adapter = self.database.adapter
        campaign, texts = adapter.collated("campaign_id"), pd.Series(names, dtype="str")
        found = self.connection.exec_driver_sql(
            f"SELECT list_id FROM {LISTS_TABLE} WHERE {campaign} IN {adapter.list_mark}",  # noqa: S608 - our own names
            (adapter.list_value(adapter.fold(texts).tolist()),),
        )
        return frozenset(int(row[0]) for row in found)


def _column(kind: ColumnType) -> Column:
    moment = MOMENT_TYPE.fullmatch(kind.definition.lower())
    is_short_text = kind.definition.lower().partition("(")[0].endswith("char")
    return Column(
        width=kind.width if is_short_text else None,
        charset=kind.charset,
        moment=cast("MomentKind", moment[1]) if moment else None,
        fraction_digits=int(moment[2] or 0) if moment else 0,
        is_multiline=kind.definition.lower().endswith("text"),
    )


def _typed(frame: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """Set the types of columns; a text that is no number becomes 0."""
    if frame.empty:
        return empty_table(*(dict.fromkeys(frame, "str") | dict(types)).items()).copy()
    numbers = [name for name, kind in types.items() if kind != "str"]
    frame = frame.assign(
        **{name: pd.to_numeric(frame[name], errors="coerce").fillna(0) for name in numbers}
    )
    missing = [name for name in frame if name not in types]
    return frame.astype({**types, **dict.fromkeys(missing, "str")})


def _by_folded(frame: pd.DataFrame, key: str, collation: Collation = GENERAL) -> pd.DataFrame:
    """Index a table by its folded key; of equal ones the first stays."""
    if frame.empty:
        return frame.set_axis(pd.Index([], dtype="str"))
    by_key = frame.set_index(pd.Index(fold(frame[key], collation), name=None))
    return by_key[~by_key.index.duplicated()]


def _level(row: Mapping[Hashable, Any]) -> int:
    return int(row["user_level"] or 0)


def _check_rights(user: str, row: Mapping[Hashable, Any]) -> None:
    functions = f" {row['api_allowed_functions']} "
    if " ALL_FUNCTIONS " not in functions and " add_lead " not in functions:
        raise NotAllowedError(
            f"USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: {user}'s api_allowed_functions "
            "lack add_lead"
        )
    may = str(row["modify_leads"]) in {"1", "2", "3", "4"} and _level(row) >= 8
    if not may or str(row["vdc_agent_api_access"]) != "1":
        raise NotAllowedError(
            f"USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM: {user} needs modify_leads, "
            "user_level 8 or more and API access"
        )


def window_starts(
    connection: Connection, clock: Clock, days: Collection[int]
) -> dict[int, datetime]:
    """Give the starts of windows of so many days.

    They count calendar days at the same clock time, as add_lead does; a time that clocks skipped in
    spring moves forward by one hour.
    """
    found = existing_moments(connection, [clock.now - timedelta(days=number) for number in days])
    return dict(zip(days, found, strict=True))
