"""New leads into the hopper, from which the dialer takes the leads that it calls next."""

import re
from collections.abc import Iterator

import pandas as pd

from loader.checks.call_times import callable_now
from loader.dialer import Dialer, Lookups
from loader.extras.rows import ExtraRows, rows_of_table
from loader.findings import Notices, join_frames, no_notices, notices
from loader.frames.arrow import two_decimals
from loader.notices import Notice
from loader.options.load import LoadOptions

TABLE = "vicidial_hopper"
PRIORITIES = (-99, 99)


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
        for a lead that does not; and notices. Without a database all are as they were, and none is
        noticed.
    """
    if "add_to_hopper" not in leads or not dialer.knows_leads:
        return leads, no_notices()
    wanted = leads[leads["add_to_hopper"] == "Y"]
    goes_in = pd.Series(data=True, index=wanted.index)
    if options.hopper_local_call_time_check == "Y":
        goes_in = callable_now(wanted, dialer)
    given = wanted["hopper_priority"]
    priorities = given.map({text: str(priority(text)) for text in given.unique()}).astype("str")
    noticed = [
        notices(wanted.index[goes_in], Notice.ADDED_TO_HOPPER, priority=priorities),
        notices(
            wanted.index[~goes_in],
            Notice.NOT_ADDED_TO_HOPPER,
            gmt_offset_now=two_decimals(wanted["gmt_offset_now"]),
        ),
    ]
    priorities = priorities[goes_in].reindex(leads.index, fill_value="")
    return leads.assign(hopper_priority=priorities), join_frames(noticed)


def extra_rows(leads: pd.DataFrame, _options: LoadOptions, dialer: Dialer) -> Iterator[ExtraRows]:
    """Give the hopper's rows of inserted leads.

    Args:
        leads: as from `decide`, with lead_id (int64) and state; vendor_lead_code if there is one.
        dialer: list_campaigns, and the columns that the table has. A lead of a list without a
            defined campaign goes in without one (add_lead).
    """
    if "add_to_hopper" not in leads or not dialer.knows_leads:
        return
    leads = leads[leads["hopper_priority"] != ""]
    if leads.empty:
        return
    values = {
        "lead_id": leads["lead_id"],
        "campaign_id": leads["list_id"].map(dialer.list_campaigns).astype("str").fillna(""),
        "status": "READY",
        "user": "",
        "list_id": leads["list_id"],
        "gmt_offset_now": two_decimals(leads["gmt_offset_now"]),
        "state": leads["state"],
        "alt_dial": "NONE",
        "priority": leads["hopper_priority"],
        "source": "P",
        "vendor_lead_code": leads.get("vendor_lead_code", ""),
    }
    yield ExtraRows(
        table=TABLE,
        notice=Notice.ADDED_TO_HOPPER,
        rows=rows_of_table(TABLE, values, leads.index, dialer),
        generated="hopper_id",
        is_worked_off=True,
    )


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
