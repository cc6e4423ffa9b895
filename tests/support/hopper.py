"""A dialer whose hopper takes leads."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from loader.clock import Clock
from loader.dialer import CAMPAIGNS, Dialer
from loader.frames.collation import fold, fold_text
from tests.conformance import reference_extras
from tests.conformance.reference_zone import skip_gap

Row = dict[str, Any]

Tables = dict[str, list[Row]]

NEW_YORK = ZoneInfo("America/New_York")

WINTER = datetime(2026, 1, 15, 14)


def week(prefix: str, **hours: tuple[int, int]) -> Row:
    """Return the hours of a week, 0/0 where none are named, as columns of a table."""
    days = ("default", *reference_extras.DAYS)
    return {
        f"{prefix}_{day}_{edge}": hour
        for day in days
        for edge, hour in zip(("start", "stop"), hours.get(day, (0, 0)), strict=True)
    }


def call_time(name: str, states: str = "", **hours: tuple[int, int]) -> Row:
    return {"call_time_id": name, "ct_state_call_times": states, **week("ct", **hours)}


def state_call_time(name: str, state: str, **hours: tuple[int, int]) -> Row:
    return {
        "state_call_time_id": name,
        "state_call_time_state": state,
        **week("sct", **hours),
    }


TABLES: Tables = {
    "vicidial_lists": [
        {"list_id": 101, "campaign_id": "CAMP1", "local_call_time": "campaign"},
        {"list_id": 102, "campaign_id": "camp1", "local_call_time": ""},
        {"list_id": 103, "campaign_id": "CAMP1", "local_call_time": "NIGHT"},
        {"list_id": 104, "campaign_id": "CAMP1", "local_call_time": "nothing"},
        {"list_id": 201, "campaign_id": "CAMP2", "local_call_time": "campaign"},
        {"list_id": 301, "campaign_id": "GONE", "local_call_time": "campaign"},
        {"list_id": 302, "campaign_id": "", "local_call_time": "night "},
    ],
    "vicidial_campaigns": [
        {"campaign_id": "CAMP1", "local_call_time": "9am-9pm"},
        {"campaign_id": "CAMP2", "local_call_time": "STATES"},
    ],
    "vicidial_call_times": [
        call_time("9AM-9PM", default=(900, 2100)),
        call_time("NIGHT", default=(2100, 2400)),
        call_time("STATES", "none|FLA|tex|TEX2|SHUT", default=(900, 2100), thursday=(1300, 1500)),
    ],
    "vicidial_state_call_times": [
        state_call_time("FLA", "FL", default=(800, 1400), thursday=(1000, 1401)),
        state_call_time("TEX", "tx", default=(800, 1300)),
        state_call_time("TEX2", "TX", default=(0, 2400)),
        state_call_time("SHUT", "NSW", default=(0, 2400), thursday=(2400, 2400)),
        state_call_time("UNLISTED", "GA", default=(0, 1)),
    ],
}


def dialer_of(tables: Tables, clock: datetime = WINTER, zone: ZoneInfo = NEW_YORK) -> Dialer:
    """Return a dialer's facts as they are read from its tables."""
    now = skip_gap(clock, zone)
    ahead = now.replace(tzinfo=zone).utcoffset() or timedelta()
    columns = ["list_id", "campaign_id", "local_call_time"]
    lists = pd.DataFrame(tables["vicidial_lists"], columns=columns).set_index("list_id")
    lists = lists.astype("str")
    campaigns = by_folded(tables["vicidial_campaigns"], CAMPAIGNS)
    own_name = {
        fold_text(row["campaign_id"]): row["campaign_id"]
        for row in reversed(tables["vicidial_campaigns"])
    }
    folded = fold(lists["campaign_id"])
    spelled = folded.map(own_name).astype("str").dropna()
    own = lists["local_call_time"]
    of_campaign = folded.map(campaigns["local_call_time"])
    counting = own.where(~fold(own).isin(("", "CAMPAIGN")), of_campaign)[spelled.index].astype(
        "str"
    )
    return Dialer(
        clock=Clock(now=now, offset=ahead),
        columns={},
        lists=lists["campaign_id"],
        list_campaigns=spelled,
        # They are read one after the other.
        list_call_times=counting[::-1],
        campaigns=campaigns,
        call_times=by_folded(tables["vicidial_call_times"], call_time("")),
        state_call_times=by_folded(tables["vicidial_state_call_times"], state_call_time("", "")),
    )


def by_folded(rows: list[Row], columns: Iterable[str]) -> pd.DataFrame:
    """Return rows by what their key, the first column, compares by."""
    key, *others = columns
    frame = pd.DataFrame(rows, columns=[key, *others])
    keyed = frame[others].set_index(pd.Index(fold(frame[key].astype("str"))))
    return keyed[~keyed.index.duplicated()]


STATES = ("", "FL", "fl", "NSW", "T\u00e9", "te")
