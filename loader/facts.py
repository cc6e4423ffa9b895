"""The facts of a dialer: its small tables, its clock and its ways, read once for a run."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import Connection, inspect

from loader.collation import CharacterFold, fold_text, general_ci
from loader.database import Database
from loader.duplicates import Kind
from loader.errors import ConfigurationError, NotAllowedError
from loader.lookups import Column, Dialer, Permissions
from loader.options import LoadOptions
from loader.timezone import Clock


def read_dialer(database: Database, options: LoadOptions) -> Dialer:
    """Read the facts that the options make necessary.

    Raises:
        NotAllowedError: the user may not load leads, or the account may not read.
        ConfigurationError: vicidial_list is missing.
        DatabaseUnavailableError: no answer after all retries.
    """
    return database.read(lambda connection: _Facts(connection, database, options).read())


class _Facts:
    """One reading of the dialer's small tables."""

    def __init__(self, connection: Connection, database: Database, options: LoadOptions) -> None:
        self.connection, self.database, self.options = connection, database, options
        self.tables = set(inspect(connection).get_table_names())

    def read(self) -> Dialer:
        if "vicidial_list" not in self.tables:
            raise ConfigurationError(
                "the database has no table vicidial_list; is it a dialer's? "
                "`leadloader init` makes the tables on an empty one"
            )
        columns, collation = self.columns()
        prefixes, rows = self.nanpa()
        clock = read_clock(self.connection)
        days = {check.days for check in self.options.duplicate_checks if check.days}
        return Dialer(
            clock=clock,
            window_starts={n: window_start(self.connection, clock, n) for n in days},
            columns=columns,
            permissions=self.permissions(),
            lists=self.lists(),
            phone_codes=self.phone_codes(),
            nanpa_prefixes=prefixes,
            nanpa_rows=rows,
            dnc_campaign=self.dnc_campaign(),
            fold=self.fold(collation),
        )

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Read columns of a table that old dialers may not have: then it counts as empty."""
        if table not in self.tables:
            return []
        statement = f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608 - our own names
        return [tuple(row) for row in self.connection.exec_driver_sql(statement)]

    def columns(self) -> tuple[dict[str, Column], str | None]:
        """Reflect vicidial_list: what its columns hold, and how first_name compares."""
        reflected = {
            c["name"]: c["type"] for c in inspect(self.connection).get_columns("vicidial_list")
        }
        charsets: dict[str, tuple[str | None, str | None]] = {}
        if not self.database.is_sqlite:
            statement = (
                "SELECT column_name, character_set_name, collation_name "
                "FROM information_schema.columns "
                "WHERE table_schema = DATABASE() AND table_name = 'vicidial_list'"
            )
            charsets = {
                row[0]: (row[1], row[2]) for row in self.connection.exec_driver_sql(statement)
            }
        columns = {
            name: Column(
                width=getattr(kind, "length", None), charset=charsets.get(name, (None,))[0]
            )
            for name, kind in reflected.items()
        }
        return columns, charsets.get("first_name", (None, None))[1]

    def fold(self, collation: str | None) -> CharacterFold | None:
        """Learn how the server compares letters, if a check compares text."""
        compares_text = {Kind.TITLEALTPHONE, Kind.NAMEPHONE}
        if collation is None or not compares_text & {c.kind for c in self.options.duplicate_checks}:
            return general_ci
        return server_fold(self.connection, collation)

    def lists(self) -> "pd.Series[str]":
        rows = self.rows("vicidial_lists", "list_id", "campaign_id")
        return pd.Series(
            [str(row[1] or "") for row in rows],
            index=pd.Index([int(row[0]) for row in rows], dtype="int64"),
            dtype="str",
        )

    def phone_codes(self) -> pd.DataFrame:
        rows = self.rows(
            "vicidial_phone_codes", "country_code", "areacode", "state", "GMT_offset", "DST_range"
        )
        names = ["country_code", "areacode", "state", "gmt_offset", "dst_range"]
        frame = pd.DataFrame(rows, columns=names)
        for name in ("country_code", "gmt_offset"):
            frame[name] = pd.to_numeric(frame[name], errors="coerce").fillna(0)
        texts = ["areacode", "state", "dst_range"]
        frame[texts] = frame[texts].fillna("")
        return frame.astype(
            {"country_code": "int64", "gmt_offset": "float64"} | dict.fromkeys(texts, "str")
        )

    def nanpa(self) -> tuple[pd.Index, int]:
        nothing = pd.Index([], dtype="str")
        if self.options.nanpa_ac_prefix_check == "N":
            return nothing, 0
        rows = self.rows("vicidial_nanpa_prefix_codes", "areacode", "prefix")
        return pd.Index([f"{area}{prefix}" for area, prefix in rows], dtype="str"), len(rows)

    def dnc_campaign(self) -> str:
        """Find whose do-not-call list counts (add_lead: use_other_campaign_dnc)."""
        campaign = self.options.campaign_id
        if self.options.campaign_dnc_check == "N":
            return campaign
        for name, other in self.rows("vicidial_campaigns", "campaign_id", "use_other_campaign_dnc"):
            if fold_text(str(name)) == fold_text(campaign) and other:
                return str(other)
        return campaign

    def permissions(self) -> Permissions:
        """Check the user (add_lead: user permission), where users are in the database."""
        columns = (
            "user", "user_level", "modify_leads", "vdc_agent_api_access", "api_list_restrict",
            "api_allowed_functions", "user_group", "active",
        )  # fmt: skip
        users = self.rows("vicidial_users", *columns)
        user = self.options.user
        if not users:
            return Permissions(user=user)
        asked = fold_text(user)
        found = [
            dict(zip(columns, row, strict=True)) for row in users if fold_text(row[0]) == asked
        ]
        if not user or not found or found[0]["active"] != "Y" or int(found[0]["user_level"]) < 7:
            raise NotAllowedError(
                "name an active user of the dialer with --user"
                if not user
                else f"Login incorrect: the dialer has no active user {user!r} of level 8 or more"
            )
        _check_rights(user, found[0])
        if str(found[0]["api_list_restrict"]) != "1":
            return Permissions(user=user)
        return Permissions(user=user, campaigns=self.campaigns(found[0]["user_group"]))

    def campaigns(self, group: str) -> frozenset[str]:
        """Give the campaigns of a user group, folded; all that lists have, if it has all."""
        groups = self.rows("vicidial_user_groups", "user_group", "allowed_campaigns")
        allowed = [row[1] or "" for row in groups if fold_text(row[0]) == fold_text(group)]
        names = " ".join(allowed).split()
        if "-ALL-CAMPAIGNS-" in names:
            return frozenset(map(fold_text, self.lists()))
        return frozenset(map(fold_text, names)) - {"-"}


def _check_rights(user: str, row: dict[str, Any]) -> None:
    functions = f" {row['api_allowed_functions']} "
    if " ALL_FUNCTIONS " not in functions and " add_lead " not in functions:
        raise NotAllowedError(
            f"USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: {user}'s api_allowed_functions "
            "lack add_lead"
        )
    may = str(row["modify_leads"]) in {"1", "2", "3", "4"} and int(row["user_level"]) >= 8
    if not may or str(row["vdc_agent_api_access"]) != "1":
        raise NotAllowedError(
            f"USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM: {user} needs modify_leads, "
            "user_level 8 or more and API access"
        )


def read_clock(connection: Connection) -> Clock:
    """Read the server's clock."""
    now, utc = connection.exec_driver_sql("SELECT NOW(), UTC_TIMESTAMP()").one()
    local = datetime.fromisoformat(str(now))
    # Whole minutes: a second may begin between the two.
    ahead = round((local - datetime.fromisoformat(str(utc))) / timedelta(minutes=1))
    return Clock(now=local, offset=timedelta(minutes=ahead))


def window_start(connection: Connection, clock: Clock, days: int) -> datetime:
    """Give the moment after which a lead lies within a window of so many days.

    By calendar days at the same clock time, as add_lead counts; a time that the clocks skipped
    in spring moves one hour on.
    """
    start = clock.now - timedelta(days=days)
    statement = f"SELECT FROM_UNIXTIME(UNIX_TIMESTAMP('{start:%Y-%m-%d %H:%M:%S}'))"
    exists = (
        datetime.fromisoformat(str(connection.exec_driver_sql(statement).scalar_one())) == start
    )
    return start if exists else start + timedelta(hours=1)


def server_fold(connection: Connection, collation: str) -> CharacterFold | None:
    """Learn from the server how a collation weighs each character; None: it compares exactly."""
    if collation.endswith(("_bin", "_cs")):
        return None
    version = str(connection.exec_driver_sql("SELECT VERSION()").scalar_one())
    if (version, collation) not in _FOLDS:
        _FOLDS[version, collation] = _ask_weights(connection, collation)
    return _FOLDS[version, collation]


_FOLDS: dict[tuple[str, str], CharacterFold] = {}


def _ask_weights(connection: Connection, collation: str) -> CharacterFold:
    """Ask for the weight of every character of the basic plane, in one statement.

    Characters that the collation's character set does not have weigh as "?", which is how they
    are stored.
    """
    digits = " UNION ALL ".join(f"SELECT {number} AS d" for number in range(16))
    place = " CROSS JOIN ".join(f"({digits}) AS p{power}" for power in range(4))
    code = " + ".join(f"p{power}.d * {16**power}" for power in range(4))
    statement = (
        "SELECT code, HEX(WEIGHT_STRING(CONVERT(CHAR(code USING ucs2) "  # noqa: S608 - numbers
        f"USING {collation.partition('_')[0]}) COLLATE {collation})) "
        f"FROM (SELECT {code} AS code FROM {place}) AS codes "
        "WHERE NOT code BETWEEN 55296 AND 57343"
    )
    weights = {chr(row[0]): str(row[1]) for row in connection.exec_driver_sql(statement)}
    width = len(weights["A"])
    # ASCII is folded to its capitals without asking; the others' weights have to meet it there.
    letters = {weights[chr(number)]: chr(number).upper() for number in range(127, 31, -1)}

    def weight(character: str) -> str:
        text = weights.get(character, character)
        units = (text[start : start + width] for start in range(0, len(text), width))
        return "".join(letters.get(unit, unit) for unit in units)

    return weight
