"""Callbacks for new leads: for whom, when, and what stops them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from loader.clock import Clock
from loader.dialer import CAMPAIGNS, Column, Dialer, Lookups
from loader.extras import callbacks
from loader.extras.callbacks import days_asked
from loader.extras.rows import ExtraRows
from loader.frames.callback_times import MOST_DAYS
from loader.frames.collation import fold_text
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.results.wording import notice_texts
from tests.conformance.reference_extras import Extras
from tests.conformance.reference_zone import skip_gap

Row = dict[str, Any]

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 1, 15, 14)
OPTIONS = LoadOptions(callback="Y")
UNTRIMMED = LoadOptions(callback="Y", trim="N")
CAMPAIGN_IDS = ("CAMP1", "camp-2")
USERS = {"1001": "AGENTS", "Sue": "ADMIN", "6666": ""}
PROBLEMS = (
    Notice.CALLBACK_CAMPAIGN_NOT_VALID,
    Notice.CALLBACK_USER_NOT_VALID,
    Notice.CALLBACK_DATE_NOT_VALID,
)
TEXTS = {
    "campaign_id": "CAMP1",
    "callback": "Y",
    "callback_status": "",
    "callback_datetime": "NOW",
    "callback_type": "",
    "callback_user": "",
    "callback_comments": "",
}
MADE = (
    "status",
    "callback_time",
    "callback_type",
    "callback_user",
    "callback_status",
    "callback_comments",
)


def dialer_at(clock: datetime = NOW, zone: ZoneInfo = NEW_YORK) -> Dialer:
    now = skip_gap(clock, zone)
    ahead = now.replace(tzinfo=zone).utcoffset() or timedelta()
    folded = pd.Index([fold_text(campaign) for campaign in CAMPAIGN_IDS], dtype="str")
    users = pd.Index([fold_text(user) for user in USERS], dtype="str")
    return Dialer(
        clock=Clock(now=now, offset=ahead),
        columns={},
        campaigns=pd.DataFrame("", folded, list(CAMPAIGNS), dtype="str"),
        users=pd.Series(list(USERS.values()), users, dtype="str"),
    )


def leads(*rows: Row) -> pd.DataFrame:
    """Give leads of which only some values matter, numbered 2, 5, 8."""
    frame = pd.DataFrame([TEXTS | row for row in rows], columns=list(TEXTS), dtype="str")
    frame.index = pd.RangeIndex(2, 2 + 3 * len(rows), 3)
    return frame.assign(list_id=101, first_name="Ann").astype({"first_name": "str"})


def decided(
    frame: pd.DataFrame,
    dialer: Dialer | None = None,
    lookups: Lookups | None = None,
    options: LoadOptions = OPTIONS,
) -> tuple[pd.DataFrame, list[str]]:
    """Give the leads, and all that is said, in the order of the rows."""
    found, said = callbacks.decide(frame, options, dialer or dialer_at(), lookups or Lookups())
    assert found.index.equals(frame.index)
    assert {str(found[name].dtype) for name in MADE} == {"str"}
    assert not found[list(MADE)].isna().any(axis=None)
    told = notice_texts(said).sort_index(kind="stable")
    return found, told.tolist()


def one(**lead: str) -> tuple[Row, list[str]]:
    found, told = decided(leads(lead))
    return {str(name): value for name, value in found.iloc[0].items()}, told


def rows_of(frame: pd.DataFrame, dialer: Dialer | None = None) -> list[ExtraRows]:
    found, _ = decided(frame, dialer)
    stored = found.assign(lead_id=range(7, 7 + len(found)))
    return list(callbacks.extra_rows(stored, OPTIONS, dialer or dialer_at()))


NOON = "2026-02-01 12:00:00"


def is_taken(sent: str) -> bool:
    """Say whether the option takes a time, alone and as a value of all rows."""
    try:
        LoadOptions(callback_datetime=sent)
        LoadOptions(default={"callback_datetime": sent}, force={"callback_datetime": sent})
    except ValidationError:
        return False
    return True


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("NOW", "2026-01-15 14:00:00"),
        ("now", None),
        (" NOW ", "2026-01-15 14:00:00"),
        (" 3DAYS ", "2026-01-18 14:00:00"),
        ("3 DAYS", "2026-01-18 14:00:00"),
        ("0DAYS", "2026-01-15 14:00:00"),
        ("3DAYS", "2026-01-18 14:00:00"),
        ("15days", "2026-01-30 14:00:00"),
        ("1x5DAYS", "2026-01-30 14:00:00"),
        ("+2 Days, or 9", "2026-01-17 14:00:00"),
        ("007DAYS", "2026-01-22 14:00:00"),
        ("1DAYS9DAYS", "2026-01-16 14:00:00"),
        ("-1DAYS", "2026-01-16 14:00:00"),
        ("DAYS", None),
        ("DAYS3", None),
        ("x DAYS", None),
        ("3DAY", None),
        ("1\n5DAYS", None),
        (f"{MOST_DAYS}DAYS", "9965-12-21 14:00:00"),
        (f"{MOST_DAYS + 1}DAYS", None),
        ("9" * 5000 + "DAYS", None),
        ("0" * 5000 + "1DAYS", "2026-01-16 14:00:00"),
        ("2026-02-01 12:00:00", NOON),
        ("2026-02-01T12:00:00", NOON),
        ("2026-02-01+12:00:00", NOON),
        ("2026-02-01 12:00", NOON),
        ("2026-2-1 12:0:0", NOON),
        ("2026-02-01", "2026-02-01 00:00:00"),
        ("2026-02-01 9:05:07", "2026-02-01 09:05:07"),
        ("2026-02-01 23:59:59", "2026-02-01 23:59:59"),
        ("2026-02-01 24:00:00", None),
        ("2026-02-01 12:60:00", None),
        ("2026-02-01 12:00:60", None),
        ("2026-02-01 12", NOON),
        ("2026-02-01 ", "2026-02-01 00:00:00"),
        (" 2026-02-01", "2026-02-01 00:00:00"),
        ("2026-02-01\n", "2026-02-01 00:00:00"),
        ("2026-02-01  12:00:00", NOON),
        ("2026-02-01 12:00:00.5", NOON),
        ("2026/02/01 12:00:00", NOON),
        ("2026.02.01 12.00.00", NOON),
        ("2026_2_1-12", NOON),
        ("20260201120000", NOON),
        ("20260201T120000", NOON),
        ("260201120000", NOON),
        ("26-02-01 12:00:00", NOON),
        ("2026-02-01 12:00 PM", None),
        ("2026-02-01 12:00:00Z", None),
        ("2026-02-01t12:00", None),
        ("2026-02-29", None),
        ("2028-02-29", "2028-02-29 00:00:00"),
        ("2026-13-01", None),
        ("2026-04-31", None),
        ("2026-00-15", None),
        ("2026-02-00 10:00", None),
        ("0000-00-00 00:00:00", None),
        ("26-02-01", "2026-02-01 00:00:00"),
        ("20260201", "2026-02-01 00:00:00"),
        ("02/01/2026 10:00", None),
        ("\u0662026-02-01", None),
        ("tomorrow", None),
        ("junk", None),
        ("", None),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_callback_datetime(sent: str, expected: str | None) -> None:
    lead, (told,) = one(callback_datetime=sent)
    assert lead["callback_time"] == (expected or "")
    assert is_taken(sent) == (expected is not None or not sent)
    assert lead["status"] == ("CBHOLD" if expected else "NEW")
    about = "campaign_id=CAMP1 "
    assert told == (
        f"CALLBACK_ADDED {about}callback_time={expected} recipient=ANYONE status=CALLBK"
        if expected
        else f"CALLBACK_DATE_NOT_VALID {about}callback_datetime={sent.replace(chr(10), ',')}"
    )


def test_a_days_moment_is_the_one_that_the_database_tells() -> None:
    frame = leads({"callback_datetime": "52DAYS"}, {"callback_datetime": "53days"})
    found, _ = decided(frame, None, Lookups(days_ahead={52: datetime(2026, 3, 8, 3, 30)}))
    assert found["callback_time"].tolist() == ["2026-03-08 03:30:00", "2026-03-09 14:00:00"]


@pytest.mark.parametrize(
    ("campaign", "valid"),
    [("CAMP1", True), ("camp1", True), ("CAMP-2", True), ("CAMP3", False), ("", False)],
)
def test_the_campaign_is_one_of_the_dialers_in_any_case(campaign: str, valid: bool) -> None:
    lead, (told,) = one(campaign_id=campaign)
    assert lead["status"] == ("CBHOLD" if valid else "NEW")
    if not valid:
        assert told == f"CALLBACK_CAMPAIGN_NOT_VALID campaign_id={campaign}"


@pytest.mark.parametrize(
    ("kind", "user", "expected"),
    [
        ("USERONLY", "1001", ("USERONLY", "1001")),
        ("USERONLY", "10'01", ("USERONLY", "1001")),
        ("USERONLY", "sue", ("USERONLY", "sue")),
        ("USERONLY", "nobody", None),
        ("USERONLY", "n o;b", None),
        ("USERONLY", "", None),
        ("USERONLY", "'", None),
        ("ANYONE", "1001", ("ANYONE", "")),
        ("", "nobody", ("ANYONE", "")),
        ("useronly", "1001", ("ANYONE", "")),
        ("USERONLY ", "1001", ("ANYONE", "")),
        ("FOO", "1001", ("ANYONE", "")),
    ],
)
def test_the_user(kind: str, user: str, expected: tuple[str, str] | None) -> None:
    lead, (told,) = one(callback_type=kind, callback_user=user)
    if expected is None:
        assert lead["status"] == "NEW"
        kept = "".join(filter(str.isalnum, user))
        assert told == (f"CALLBACK_USER_NOT_VALID campaign_id=CAMP1 user={kept} recipient=USERONLY")
    else:
        assert (lead["callback_type"], lead["callback_user"]) == expected
        assert (f" user={expected[1]} " in told) == (expected[1] != "")


def test_the_first_problem_is_told() -> None:
    bad = {"campaign_id": "X", "callback_type": "USERONLY", "callback_datetime": "a;b"}
    _, told = decided(
        leads(bad, bad | {"campaign_id": "CAMP1"}, bad | {"campaign_id": "CAMP1"} | GOOD_USER)
    )
    assert told == [
        "CALLBACK_CAMPAIGN_NOT_VALID campaign_id=X",
        "CALLBACK_USER_NOT_VALID campaign_id=CAMP1 user= recipient=USERONLY",
        "CALLBACK_DATE_NOT_VALID campaign_id=CAMP1 callback_datetime=a,b",
    ]


GOOD_USER = {"callback_user": "1001"}


@pytest.mark.parametrize(
    ("sent", "stored", "cut"),
    [
        ("", "CALLBK", False),
        ("!?", "CALLBK", False),
        ("CBX", "CBX", False),
        ("C B-1_x!", "CB-1_x", False),
        ("CBHIGHEST", "CBHIGH", True),
    ],
)
def test_callback_status(sent: str, stored: str, cut: bool) -> None:
    lead, told = one(callback_status=sent)
    assert lead["callback_status"] == stored
    assert told[0].endswith(f" status={stored}")
    assert told[1:] == ["VALUE_CUT callback_status"] * cut


def test_callback_comments_are_made_to_fit() -> None:
    facts = replace(
        dialer_at(),
        tables={"vicidial_callbacks": {"comments": Column(width=8, charset="utf8mb3")}},
    )
    frame = leads(
        {"callback_comments": "a\tb\x00c"},
        {"callback_comments": "later \U0001f600 or so"},
        {"callback_comments": "a\tb" * 9, "campaign_id": "X"},
        {"callback_comments": "as is;"},
    )
    for unstorable in ("notice", "reject"):
        options = LoadOptions(callback="Y", unstorable=unstorable)
        found, told = decided(frame, facts, None, options)
        assert found["callback_comments"].tolist() == ["a bc", "later ?", "", "as is;"]
        assert [text for text in told if not text.startswith("CALLBACK")] == [
            "LINE_BREAKS_REPLACED callback_comments",
            "CONTROL_CHARACTERS_DROPPED callback_comments",
            "UNSTORABLE_REPLACED callback_comments",
            "VALUE_CUT callback_comments",
        ]


def test_the_usual_width_of_comments() -> None:
    lead, told = one(callback_comments="x" * 256)
    assert lead["callback_comments"] == "x" * 255
    assert told[1:] == ["VALUE_CUT callback_comments"]


def test_leads_without_a_callback_stay_new() -> None:
    found, told = decided(leads({"callback": "N"}, {}, {"callback": "N"}))
    assert found["status"].tolist() == ["NEW", "CBHOLD", "NEW"]
    assert found["callback_time"].tolist() == ["", "2026-01-15 14:00:00", ""]
    assert len(told) == 1


def test_without_a_database_nothing_is_said() -> None:
    nobody = Dialer(clock=dialer_at().clock, columns={}, knows_leads=False)
    found, told = decided(leads({}, {"callback_datetime": "junk"}), nobody)
    assert found["status"].tolist() == ["NEW", "NEW"]
    assert told == []
    assert rows_of(leads({}), nobody) == []


def test_no_leads() -> None:
    found, told = decided(leads())
    assert (len(found), told) == (0, [])
    assert rows_of(leads()) == []
    assert rows_of(leads({"callback": "N"})) == []
    assert days_asked(leads()) == []


def test_a_run_without_callbacks() -> None:
    frame = leads({}).drop(columns=[name for name in TEXTS if name.startswith("callback")])
    found, said = callbacks.decide(frame, LoadOptions(), dialer_at(), Lookups())
    assert found is frame
    assert said.empty
    assert list(callbacks.extra_rows(frame.assign(lead_id=1), LoadOptions(), dialer_at())) == []
    assert days_asked(frame) == []


def test_days_asked() -> None:
    asked = ("7DAYS", "3days", "0DAYS", "007DAYS", "NOW", "2026-02-01", "DAYS", "9" * 30 + "DAYS")
    frame = leads(
        *({"callback_datetime": sent} for sent in asked),
        {"callback_datetime": "8DAYS", "callback": "N"},
        {"callback_datetime": f"{MOST_DAYS}DAYS"},
    )
    assert days_asked(frame) == [0, 3, 7, MOST_DAYS]


def test_the_rows_of_callbacks() -> None:
    frame = leads(
        {"campaign_id": "camp1", "callback_comments": "call; me", "callback_status": "CBX"},
        {"callback_datetime": "junk"},
        {
            "callback_datetime": "2026-02-01 12:00",
            "callback_type": "USERONLY",
            "callback_user": "SUE",
        },
    )
    (extra,) = rows_of(frame)
    assert (extra.table, extra.key, extra.generated, extra.notice) == (
        "vicidial_callbacks",
        ("lead_id",),
        "callback_id",
        Notice.CALLBACK_ADDED,
    )
    assert extra.unless_stored == {"status": "NEW"}
    assert set(extra.rows.dtypes.drop("lead_id").astype(str)) == {"str"}
    assert str(extra.rows["lead_id"].dtype) == "int64"
    now = "2026-01-15 14:00:00"
    same = {"list_id": "101", "status": "ACTIVE", "entry_time": now, "modify_date": now}
    same |= {"customer_timezone": "", "customer_timezone_diff": ""}
    assert extra.rows.to_dict("index") == {
        2: same
        | {"lead_id": 7, "campaign_id": "camp1", "callback_time": now, "user": ""}
        | {"recipient": "ANYONE", "comments": "call; me", "user_group": "", "lead_status": "CBX"},
        8: same
        | {"lead_id": 9, "campaign_id": "CAMP1", "callback_time": NOON, "user": "SUE"}
        | {"recipient": "USERONLY", "comments": "", "user_group": "ADMIN"}
        | {"lead_status": "CALLBK"},
    }


def test_the_columns_are_those_that_the_table_has() -> None:
    columns = dict.fromkeys(("lead_id", "callback_time", "callback_id"), Column())
    facts = replace(dialer_at(), tables={"vicidial_callbacks": columns})
    (extra,) = rows_of(leads({}), facts)
    assert sorted(extra.rows) == ["callback_time", "lead_id"]


ZONES = ("America/New_York", "Europe/Berlin", "UTC")
TURNS = ("2026-03-07 02:30", "2026-03-08 02:30", "2026-11-01 01:30", "2026-03-29 02:30")
CLOCKS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)) | st.sampled_from(
    [NOW, *map(datetime.fromisoformat, TURNS)]
)
NUMBER = st.integers(0, 70).map(str) | st.sampled_from(("00", "08", "2026", "0000", "9999", ""))
DATES = (
    st.lists(NUMBER, min_size=3, max_size=6).map(
        lambda parts: "-".join(parts[:3]) + " "[: len(parts) > 3] + ":".join(parts[3:])
    )
    | st.builds(
        "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}".format,
        st.integers(0, 9999),
        st.integers(0, 13),
        st.integers(0, 32),
        st.sampled_from(" T+x"),
        *(st.integers(0, top) for top in (25, 61, 61)),
    )
    | st.dates().map(str)
    | st.datetimes().map(str)
)
DAYS = st.builds(
    "{}{}{}".format,
    st.text("0123 -x\n", max_size=4) | st.integers(0, 3000).map(str),
    st.sampled_from(("DAYS", "days", "dAyS", "DAY")),
    st.sampled_from(("", "2", " DAYS")),
)
REQUESTS = st.lists(
    st.fixed_dictionaries(
        {
            "campaign_id": st.sampled_from(("CAMP1", "camp1", "CAMP-2", "CAMP3", "")),
            "callback": st.sampled_from("YYYN"),
            "callback_datetime": st.just("NOW") | DAYS | DATES | st.text(max_size=12),
            "callback_type": st.sampled_from(("USERONLY", "USERONLY", "ANYONE", "useronly", "")),
            "callback_user": st.sampled_from(("1001", "10'01", "SUE", "6666", "zz", "")),
            "callback_status": st.sampled_from(("", "CBX", "C B-1_x!", "TOOLONG")),
            "callback_comments": st.text(max_size=20) | st.just("x" * 300),
        }
    ),
    max_size=8,
)
WIDTHS = {
    name: Column(width=width, charset="utf8mb3")
    for name, width in {
        "lead_id": None, "list_id": None, "campaign_id": 20, "status": 10, "entry_time": None,
        "callback_time": None, "modify_date": None, "user": 20, "recipient": None,
        "comments": 255, "user_group": 20, "lead_status": 6, "email_alert": None,
        "email_result": None, "customer_timezone": 100, "customer_timezone_diff": 6,
        "customer_time": None,
    }.items()
}  # fmt: skip


@pytest.mark.property
@given(clock=CLOCKS, zone=st.sampled_from(ZONES).map(ZoneInfo), requests=REQUESTS)
@example(
    datetime(2026, 1, 15, 14),
    ZoneInfo(ZONES[0]),
    [
        {
            "campaign_id": "CAMP1", "callback": "Y", "callback_datetime": "NOW",
            "callback_type": "USERONLY", "callback_user": "1001", "callback_status": "",
            "callback_comments": comments,
        }
        for comments in ("\r", "\x00 a", "x" * 254 + " y")
    ],
)  # fmt: skip
def test_callbacks_are_those_of_the_reference(
    clock: datetime, zone: ZoneInfo, requests: list[Row]
) -> None:
    clock = skip_gap(clock.replace(microsecond=0), zone)
    tables: dict[str, list[Row]] = {
        "vicidial_campaigns": [{"campaign_id": name} for name in CAMPAIGN_IDS],
        "vicidial_users": [{"user": user, "user_group": group} for user, group in USERS.items()],
        "vicidial_callbacks": [],
    }
    reference = Extras(tables, clock, zone)
    stored = [
        {"lead_id": 7 + number, "list_id": 101, "status": "NEW"} for number in range(len(requests))
    ]
    lines = [
        reference.callback(row, request) if request["callback"] == "Y" else ""
        for row, request in zip(stored, requests, strict=True)
    ]
    dialer = replace(dialer_at(clock, zone), tables={"vicidial_callbacks": WIDTHS})
    frame = leads(*requests)
    ahead = {n: skip_gap(clock + timedelta(days=n), zone) for n in days_asked(frame)}
    # The reference trims nothing.
    found, told = decided(frame, dialer, Lookups(days_ahead=ahead), UNTRIMMED)
    assert found["status"].tolist() == [row["status"] for row in stored]
    answers = [Notice(text.split()[0]).answer for text in told if text.startswith("CALLBACK")]
    assert [f"NOTICE: add_lead {answer} -" for answer in answers] == [
        line[: line.index(" - ") + 2] for line in lines if line
    ]
    extras = callbacks.extra_rows(found.assign(lead_id=range(7, 7 + len(found))), OPTIONS, dialer)
    rows = [row for extra in extras for row in extra.rows.to_dict("records")]
    assert rows == [as_sent(row) for row in tables["vicidial_callbacks"]]


def as_sent(row: Row) -> Row:
    """Give a row of the reference without what the server fills by itself."""
    texts = {
        name: value if name == "lead_id" else str(value)
        for name, value in row.items()
        if value is not None
    }
    del texts["callback_id"]
    return texts


def test_the_order_of_the_rows_does_not_matter() -> None:
    frame = leads({"campaign_id": "X"}, {}, {"callback": "N"}, {"callback_datetime": "3DAYS"})
    found, told = decided(frame)
    backwards, told_backwards = decided(frame[::-1])
    assert backwards[::-1].equals(found)
    assert told_backwards == told
