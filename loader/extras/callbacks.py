"""Callbacks: new leads that a certain user, or anyone, is to call at a certain time."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import pandas as pd

from loader.checks.clean import plain_name
from loader.checks.fit import fit_field
from loader.clock import moment_text
from loader.dialer import Column, Dialer, Lookups
from loader.extras.rows import ExtraRows, rows_of_table
from loader.findings import Notices, join_frames, no_notices, notices
from loader.frames.callback_times import is_now, read_dates, read_days
from loader.frames.collation import fold
from loader.notices import Notice
from loader.options.load import LoadOptions

TABLE = "vicidial_callbacks"
CALLBACK_WIDTHS = {"comments": 255, "lead_status": 6}
"""Where no table says otherwise, in characters."""

DEFAULT_STATUS = "CALLBK"


def days_asked(leads: pd.DataFrame) -> list[int]:
    """Give the numbers of days ahead at which callbacks are asked for (xDAYS), each once."""
    if "callback" not in leads:
        return []
    days = read_days(leads["callback_datetime"][leads["callback"] == "Y"])
    return sorted(days.dropna().unique().tolist())


def decide(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, lookups: Lookups
) -> tuple[pd.DataFrame, Notices]:
    """Decide which leads get a callback (add_lead: callback); they wait for it as CBHOLD.

    A callback that cannot be made leaves the lead NEW, because nobody would ever call it.

    Args:
        leads: if callbacks can occur in the run, campaign_id, callback (Y or N), callback_status,
            callback_datetime, callback_type, callback_user and callback_comments (str).
        options: unstorable characters of comments are replaced, whatever it says of them.
        dialer: clock, campaigns, users, and the columns of the table.
        lookups: days_ahead, of `days_asked`.

    Returns:
        The leads, with status, and callback_time (str, empty: no callback); the other columns of
        callbacks as they are to be stored; and notices. Without a database no callback is made,
        the columns are as they were, and none is noticed.
    """
    if "callback" not in leads:
        return leads, no_notices()
    if not dialer.knows_leads:
        return leads.assign(status="NEW", callback_time=""), no_notices()
    asked = leads[leads["callback"] == "Y"]
    for_user = asked["callback_type"] == "USERONLY"
    asked = asked.assign(
        callback_type=for_user.map({True: "USERONLY", False: "ANYONE"}).astype("str"),
        callback_user=plain_name(asked["callback_user"]).where(for_user, ""),
        callback_time=_times(asked["callback_datetime"], dialer.clock.now, lookups.days_ahead),
    )
    good, of_problems = _without_problem(asked, dialer)
    made, of_made = _made(good, options, dialer.tables.get(TABLE, {}))
    columns = {
        name: made[name].reindex(leads.index, fill_value="")
        for name in (
            "callback_time", "callback_type", "callback_user", "callback_status",
            "callback_comments",
        )
    }  # fmt: skip
    waits = columns["callback_time"] != ""
    status = waits.map({True: "CBHOLD", False: "NEW"}).astype("str")
    return leads.assign(status=status, **columns), join_frames([of_problems, of_made])


def extra_rows(leads: pd.DataFrame, _options: LoadOptions, dialer: Dialer) -> Iterator[ExtraRows]:
    """Give the callbacks of inserted leads.

    Args:
        leads: as from `decide`, with lead_id and list_id (int64).
        dialer: clock, users, and the columns that the table has.
    """
    if "callback" not in leads:
        return
    leads = leads[leads["callback_time"] != ""]
    if leads.empty:
        return
    now = moment_text(dialer.clock.now)
    values = {
        "lead_id": leads["lead_id"],
        "list_id": leads["list_id"],
        "campaign_id": leads["campaign_id"],
        "status": "ACTIVE",
        "entry_time": now,
        "callback_time": leads["callback_time"],
        "modify_date": now,
        "user": leads["callback_user"],
        "recipient": leads["callback_type"],
        "comments": leads["callback_comments"],
        "user_group": fold(leads["callback_user"]).map(dialer.users).astype("str").fillna(""),
        "lead_status": leads["callback_status"],
        "customer_timezone": "",
        "customer_timezone_diff": "",
    }
    yield ExtraRows(
        table=TABLE,
        notice=Notice.CALLBACK_ADDED,
        rows=rows_of_table(TABLE, values, leads.index, dialer),
        generated="callback_id",
        unless_stored={"status": "NEW"},
        is_worked_off=True,
    )


def _without_problem(asked: pd.DataFrame, dialer: Dialer) -> tuple[pd.DataFrame, Notices]:
    """Keep the callbacks that can be made; of the others say what add_lead finds first."""
    user, for_user = asked["callback_user"], asked["callback_type"] == "USERONLY"
    campaign_id = asked["campaign_id"]
    found = (user != "") & fold(user).isin(dialer.users.index)
    problems: tuple[tuple[pd.Series[bool], Notice, dict[str, pd.Series[str]]], ...] = (
        (
            ~fold(campaign_id, dialer.campaign_collation).isin(dialer.campaigns.index),
            Notice.CALLBACK_CAMPAIGN_NOT_VALID,
            {},
        ),
        (
            for_user & ~found,
            Notice.CALLBACK_USER_NOT_VALID,
            {"user": user, "recipient": asked["callback_type"]},
        ),
        (
            asked["callback_time"] == "",
            Notice.CALLBACK_DATE_NOT_VALID,
            {"callback_datetime": asked["callback_datetime"]},
        ),
    )
    good, noticed = pd.Series(data=True, index=asked.index), []
    for has_problem, notice, details in problems:
        rows = asked.index[good & has_problem]
        noticed.append(notices(rows, notice, campaign_id=campaign_id, **details))
        good &= ~has_problem
    return asked[good], join_frames(noticed)


def _made(
    good: pd.DataFrame, options: LoadOptions, columns: Mapping[str, Column]
) -> tuple[pd.DataFrame, Notices]:
    """Make status and comments fit their columns, and tell of the callbacks."""
    # A lead is not rejected because of its callback.
    replacing = options.model_copy(update={"unstorable": "notice"})
    noticed = []
    good = good.assign(callback_status=plain_name(good["callback_status"]))
    for name in ("callback_status", "callback_comments"):
        column = "comments" if name == "callback_comments" else "lead_status"
        good[name], _, of_field = fit_field(
            good[name], columns.get(column, Column(width=CALLBACK_WIDTHS[column])), replacing
        )
        noticed.append(of_field)
    status = good["callback_status"]
    good["callback_status"] = status.where(status != "", DEFAULT_STATUS)
    user = good["callback_user"]
    made = notices(
        good.index,
        Notice.CALLBACK_ADDED,
        campaign_id=good["campaign_id"],
        callback_time=good["callback_time"],
        recipient=good["callback_type"],
        user=user.where(user != ""),
        status=good["callback_status"],
    )
    return good, join_frames([made, *noticed])


def _times(
    sent: "pd.Series[str]", now: datetime, days_ahead: Mapping[int, datetime]
) -> "pd.Series[str]":
    """Read callback_datetime; empty where it is no time of a callback."""
    days = read_days(sent)
    moments = {
        number: moment_text(days_ahead.get(number, now + timedelta(days=number)))
        for number in days.dropna().unique().tolist()
    }
    ahead = days.map(moments).astype("str").fillna("")
    times = read_dates(sent).where(days.isna(), ahead)
    return times.where(~is_now(sent), moment_text(now))
