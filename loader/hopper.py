"""New leads into the hopper, from which the dialer takes the leads that it calls next."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd

from loader.clock import written_offsets
from loader.collation import fold, fold_text
from loader.dialer import Dialer, Lookups
from loader.extras import ExtraRows, columns_there
from loader.findings import Notices, no_notices, notices
from loader.options import LoadOptions
from loader.reasons import Notice

TABLE = "vicidial_hopper"
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
PRIORITIES = (-99, 99)

NO_CALL_TIME = OTHER_STATE = " "
"""Of leads whose list, or whose state, has none; no folded text ends in a blank."""


def decide(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, _lookups: Lookups
) -> tuple[pd.DataFrame, Notices]:
    """Decide which leads go into the hopper (add_lead: add_to_hopper).

    Args:
        leads: list_id (int64), gmt_offset_now (float64, hours), state_given (str); and, if the run
            can use the hopper, add_to_hopper (Y or N) and hopper_priority (str, as given).
        options: hopper_local_call_time_check is read.
        dialer: clock, lists, and what says when leads may be called.

    Returns:
        The leads, of which hopper_priority (str) is the number with which a lead goes in, empty
        for a lead that does not; and notices. Without a database none goes in, and none is noticed.
    """
    if "add_to_hopper" not in leads:
        return leads, no_notices()
    wanted = leads[(leads["add_to_hopper"] == "Y") & dialer.knows_leads]
    goes_in = pd.Series(data=True, index=wanted.index)
    if options.hopper_local_call_time_check == "Y":
        goes_in = callable_now(wanted, dialer)
    priorities = _priorities(wanted["hopper_priority"])
    said = [
        notices(wanted.index[goes_in], Notice.ADDED_TO_HOPPER, "priority=" + priorities),
        notices(
            wanted.index[~goes_in],
            Notice.NOT_ADDED_TO_HOPPER,
            "gmt_offset_now=" + written_offsets(wanted["gmt_offset_now"]),
        ),
    ]
    priorities = priorities[goes_in].reindex(leads.index, fill_value="")
    return leads.assign(hopper_priority=priorities), pd.concat(said)


def extra_rows(leads: pd.DataFrame, _options: LoadOptions, dialer: Dialer) -> Iterator[ExtraRows]:
    """Give the hopper's rows of inserted leads.

    Args:
        leads: as from `decide`, with lead_id (int64) and state; vendor_lead_code if there is one.
        dialer: lists, and the columns that the table has.
    """
    if "add_to_hopper" not in leads:
        return
    leads = leads[leads["hopper_priority"] != ""]
    if leads.empty:
        return
    values = {
        "lead_id": leads["lead_id"],
        "campaign_id": _found(leads["list_id"], dialer.lists),
        "status": "READY",
        "user": "",
        "list_id": leads["list_id"],
        "gmt_offset_now": written_offsets(leads["gmt_offset_now"]),
        "state": leads["state"],
        "alt_dial": "NONE",
        "priority": leads["hopper_priority"],
        "source": "P",
        "vendor_lead_code": leads.get("vendor_lead_code", ""),
    }
    yield ExtraRows(
        table=TABLE,
        notice=Notice.ADDED_TO_HOPPER,
        rows=columns_there(TABLE, values, leads.index, dialer),
        generated="hopper_id",
        is_worked_off=True,
    )


def callable_now(leads: pd.DataFrame, dialer: Dialer) -> "pd.Series[bool]":
    """Say which leads may be called now (add_lead: hopper_local_call_time_check).

    That is where the local time lies within the call time of the list, else of its campaign. A
    list that is not defined, and a call time that is not, count as closed.

    Args:
        leads: list_id (int64), gmt_offset_now (float64, hours), state_given (str).
        dialer: clock, lists, list_call_times, campaigns, call_times and state_call_times.
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
    call_times = leads["list_id"].map(_call_times_of_lists(dialer))
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


def _call_times_of_lists(dialer: Dialer) -> "pd.Series[str]":
    """Give the folded call_time_id by list_id: the list's own, or its campaign's."""
    own = dialer.list_call_times.reindex(dialer.lists.index, fill_value="")
    of_campaign = _found(fold(dialer.lists), dialer.campaigns["local_call_time"])
    return fold(own.where(~own.isin(("", "campaign")), of_campaign))


def _found(keys: "pd.Series[Any]", table: "pd.Series[str]") -> "pd.Series[str]":
    """Look keys up in the index of a table; empty for those that are not there."""
    return keys.map(table).astype("str").fillna("")


def _is_open(call_time: str, state: str, offset: float, dialer: Dialer) -> bool:
    hours = _hours(call_time, state, dialer)
    if hours is None:
        return False
    local = dialer.clock.utc + timedelta(hours=offset)
    day = DAYS[local.isoweekday() % 7]
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


def _priorities(given: "pd.Series[str]") -> "pd.Series[str]":
    return given.map({text: str(priority(text)) for text in given.unique()}).astype("str")


def priority(given: str) -> int:
    """Read a hopper_priority as add_lead: digits and hyphens count, limited to -99..99.

    What is no number then, such as 5-5, it compares with the limits as text, and takes the number
    at its beginning: 5. So --5 is -99 and 990- is 99.
    """
    text = re.sub(r"[^0-9-]", "", given)
    lowest, highest = PRIORITIES
    number = re.match(r"(-?)0*([0-9]+)", text)
    if number is None or number.end() < len(text):
        if text and text < str(lowest):
            return lowest
        if text > str(highest):
            return highest
    if number is None:
        return 0
    # Three digits are beyond the limits, however many follow.
    return max(lowest, min(highest, int(number[1] + number[2][:3])))
