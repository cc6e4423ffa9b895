"""Which leads the dialer could call now, and why not the others."""

from datetime import datetime

import pandas as pd

from loader.checks.call_times import callable_now
from loader.dialer import Dialer
from loader.frames.collation import fold, fold_text
from loader.obstacles import Obstacle

LIST_COLUMNS = ("campaign_id", "active", "expiration_date")
CAMPAIGNS = ("active", "dial_statuses", "lead_filter_id")
"""What is read of lists and campaigns to tell which leads are called."""

KINDS = (
    "list_id", "status", "called_since_last_reset", "gmt_offset_now", "state", "zone_known",
)  # fmt: skip
"""Leads that are alike in these are called, or not, alike."""


def find_obstacles(
    kinds: pd.DataFrame, dialer: Dialer, lists: pd.DataFrame, campaigns: pd.DataFrame
) -> "pd.Series[str]":
    """Say what keeps the dialer from calling leads now; empty: nothing.

    The campaign's lead filter, its do-not-call lists and its recycling rules are not looked at.

    Args:
        kinds: list_id (int64), status, called_since_last_reset, state (str), gmt_offset_now
            (float64, hours; NaN: none), zone_known (bool).
        dialer: its clock, and what says when leads may be called.
        lists: columns of `LIST_COLUMNS` (str) by list_id.
        campaigns: columns of `CAMPAIGNS` (str) by folded campaign_id; dial_statuses is null where
            the database does not have it.
    """
    of_list = lists.reindex(kinds["list_id"]).set_axis(kinds.index)
    campaign = fold(of_list["campaign_id"].fillna(""))
    of_campaign = campaigns.reindex(campaign).set_axis(kinds.index)
    asked = kinds.assign(
        gmt_offset_now=kinds["gmt_offset_now"].fillna(0.0), state_given=kinds["state"]
    )
    closed = ~callable_now(asked, dialer)
    no_zone = ~kinds["zone_known"] | kinds["gmt_offset_now"].isna()
    found = pd.Series("", index=kinds.index, dtype="str")
    # The first that is set stays.
    for obstacle, holds in {
        Obstacle.LIST_UNKNOWN: of_list["active"].isna(),
        Obstacle.LIST_INACTIVE: of_list["active"] != "Y",
        Obstacle.LIST_EXPIRED: _is_past(of_list["expiration_date"], dialer.clock.now),
        Obstacle.CAMPAIGN_UNKNOWN: of_campaign["active"].isna(),
        Obstacle.CAMPAIGN_INACTIVE: of_campaign["active"] != "Y",
        Obstacle.STATUS_NOT_DIALED: ~_is_dialed(kinds["status"], of_campaign["dial_statuses"]),
        Obstacle.CALLED_SINCE_RESET: kinds["called_since_last_reset"] != "N",
        Obstacle.NO_GMT_OFFSET: closed & no_zone,
        Obstacle.OUTSIDE_CALL_TIME: closed,
    }.items():
        found = found.mask((found == "") & holds, obstacle.value)
    return found


def _is_past(dates: "pd.Series[str]", now: datetime) -> "pd.Series[bool]":
    """Say which days are before today; a list without a day has none."""
    days = dates.fillna("")
    return (days != "") & (days < f"{now:%Y-%m-%d}")


def _is_dialed(statuses: "pd.Series[str]", dialed: "pd.Series[str]") -> "pd.Series[bool]":
    """Say which statuses are among dial_statuses, such as ` NEW NA -`; all where it is null."""
    dialed_statuses = {
        text: {fold_text(name) for name in text.split() if name != "-"}
        for text in dialed.dropna().unique()
    }
    answers = [
        status in dialed_statuses.get(text, {status})
        for status, text in zip(fold(statuses), dialed, strict=True)
    ]
    return pd.Series(answers, index=statuses.index, dtype="bool")
