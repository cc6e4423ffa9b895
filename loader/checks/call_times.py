"""Call times: when a lead may be called, by the call times of its list and state."""

from datetime import timedelta
from typing import Any

import pandas as pd

from loader.clock import WEEKDAYS
from loader.dialer import Dialer
from loader.frames.collation import fold, fold_text

NO_CALL_TIME = OTHER_STATE = " "
"""Of leads whose list, or whose state, has none; no folded text ends in a blank."""


def callable_now(leads: pd.DataFrame, dialer: Dialer) -> "pd.Series[bool]":
    """Say which leads may be called now (add_lead: hopper_local_call_time_check).

    That is where the local time lies within the call time of the list, else of its campaign. A
    list that is not defined, one without a defined campaign, and a call time that is not defined
    count as closed.

    Args:
        leads: list_id (int64), gmt_offset_now (float64, hours), state_given (str).
        dialer: clock, list_call_times, call_times and state_call_times.
    """
    asked = call_kinds(leads, dialer)
    distinct = asked.drop_duplicates()
    distinct = distinct.assign(is_open=open_now(distinct, dialer))
    return asked.merge(distinct, how="left")["is_open"].set_axis(leads.index).astype("bool")


def call_kinds(leads: pd.DataFrame, dialer: Dialer) -> pd.DataFrame:
    """Give what says when leads may be called; those that are alike in it are called alike.

    Args:
        leads: see `callable_now`.
        dialer: likewise.

    Returns:
        call_time (str, folded; `NO_CALL_TIME` where the list has none), state (str, folded;
        `OTHER_STATE` for all that have no hours of their own) and offset (float64, hours).
    """
    states = fold(leads["state_given"])
    known = {fold_text(state) for state in dialer.state_call_times.get("state_call_time_state", ())}
    call_times = leads["list_id"].map(fold(dialer.list_call_times))
    return pd.DataFrame(
        {
            "call_time": call_times.astype("str").fillna(NO_CALL_TIME),
            "state": states.where(states.isin(known), OTHER_STATE),
            "offset": leads["gmt_offset_now"].round(2) + 0.0,
        }
    )


def open_now(kinds: pd.DataFrame, dialer: Dialer) -> "pd.Series[bool]":
    """Say which kinds, as from `call_kinds`, may be called at the dialer's time; few, distinct."""
    answers = [
        _is_open(call_time, state, offset, dialer)
        for call_time, state, offset in kinds[["call_time", "state", "offset"]].itertuples(
            index=False
        )
    ]
    return pd.Series(answers, index=kinds.index, dtype="bool")


def _is_open(call_time: str, state: str, offset: float, dialer: Dialer) -> bool:
    hours = _hours(call_time, state, dialer)
    if hours is None:
        return False
    local = dialer.clock.utc + timedelta(hours=offset)
    day = WEEKDAYS[local.isoweekday() % 7]
    start, stop = hours[f"{day}_start"], hours[f"{day}_stop"]
    if not start and not stop:
        start, stop = hours["default_start"], hours["default_stop"]
    return bool(start <= local.hour * 100 + local.minute < stop)


def _hours(call_time: str, state: str, dialer: Dialer) -> dict[str, Any] | None:
    """Find the hours (hhmm) of a week: of the first of its state call times that is the state's.

    None: the call time is not defined.
    """
    week = _row(dialer.call_times, call_time)
    if week is None:
        return None
    for listed in filter(None, week["ct_state_call_times"].split("|")):
        of_state = _row(dialer.state_call_times, fold_text(listed))
        if of_state and fold_text(of_state["state_call_time_state"]) == state:
            return {name.removeprefix("sct_"): hour for name, hour in of_state.items()}
    return {name.removeprefix("ct_"): hour for name, hour in week.items()}


def _row(table: pd.DataFrame, key: str) -> dict[str, Any] | None:
    if key not in table.index:
        return None
    return {str(name): value for name, value in table.loc[key].items()}
