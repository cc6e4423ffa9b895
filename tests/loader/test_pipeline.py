"""A file through the whole load: row by row what add_lead would answer, and validate the same."""

import csv
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from jobs.load.job import load as run_load
from jobs.load.request import LoadRequest
from jobs.load.summarize import Job
from loader.notices import Notice
from loader.options.duplicate_check import CHECKS, WINDOWS
from loader.options.load import LoadOptions
from tests.conformance.corpus import NOTICE
from tests.conformance.frozen import frozen, load_zone
from tests.conformance.reference import Answer, Reference
from tests.conformance.reference_fields import digits
from tests.conformance.replay import FrameSource, as_text, extra_rows, extras_of
from tests.support.loads import workers_from_the_first_row
from tests.support.server import Server, empty, fill

Row = dict[str, Any]

CLOCKS = {
    "winter": ("America/New_York", datetime(2026, 1, 15, 14), "-5.00"),
    "summer": ("America/New_York", datetime(2026, 7, 1, 9, 30), "-5.00"),
    "a window of a day begins in the hour that the clocks skipped": (
        "America/New_York",
        datetime(2026, 3, 9, 2, 30),
        "-5.00",
    ),
    "east of Greenwich": ("Europe/Berlin", datetime(2026, 10, 25, 1, 15), "1.00"),
}
GOOD_PHONES = ("7275551212", "727-555-1212", "7275551213", "8135550001", "17275551212")
ODD_PHONES = (
    "8130550001",
    "07275551212",
    "9995551212",
    "\uff17\uff12\uff17\uff15\uff15\uff15\uff11\uff12\uff11\uff12",
    "61299998888",
    "727555",
    "72755",
    "12345678901234567",
    "7.27556E+09",
    "7275551212.0",
    "no number",
    "",
)
ALT_PHONES = ("", "7275551212", "7275551213 ", "8135550001", "(813) 555-0001", "(813) 555-", " ")
NAMES = ("", "Ann", "ann  ", "\u00c4nn", "Jos\u00e9", "JOSE", " Ann", "O'Neil", "Ann\x01", "A" * 31)
TITLES = ("", "Mr", "MR ", "Prof", "Prof. Dr.", "\\")
GOOD_LIST_IDS = ("101", "102", "201", "")
ODD_LIST_IDS = (" ", "0101", "555", "12", "000", "x101", "9" * 19, "9" * 20)
PHONE_CODES = ("", "1", "01", "52", "61", "44", "999", "x")
STATES = ("", "FL", "NSW", "nsw", "QLD")
CALLBACK_TIMES = ("NOW", "2DAYS", "x1DAYS", "2026-05-05 10:00:00", "2026-13-05", "soon", "")
POSTAL_CODES = ("", "33760", "33760-1234", "3376", "85001")
ALTERNATES = ("", "727", "7275551213_1_home", "7275551213!8135550001_01_sister house!_")
COLORS = ("", "red", "--BLANK--", "blue and \u00e9", "x" * 11)
BIRTHS = ("", "1980-02-30", "1980-02-29", "19800115", "69-1-5", "tomorrow", "1980-00-00")
SMALL = {
    "gender": ("", "M", "f", "Fx", "male"),
    "rank": ("", "5", "-5", "+7", "1.9", "40000"),
    "date_of_birth": BIRTHS,
    "entry_list_id": ("", "101", "0", "x1"),
    "vendor_lead_code": ("", "V;1#\"'", "V" * 21),
    "comments": ("", "a + b, c\n d"),
}

OLD_LEADS = {
    "list_id": (101, 102, 201, 999, 555),
    "phone_number": ("7275551212", "7275551213", "8135550001", "17275551212", "727555"),
    "alt_phone": (None, "", "7275551212", "8135550001", "(813) 555-00"),
    "title": (None, "", "MR", "mr", "Prof"),
    "first_name": (None, "", "ANN", "Ann ", "jose"),
    "last_name": (None, "", "ann", "Jos\u00e9"),
}

PHONE_CODE_ROWS = [
    {
        "country_code": code,
        "areacode": area,
        "state": state,
        "GMT_offset": gmt,
        "DST_range": rule,
        "tz_code": name,
    }
    for code, area, state, gmt, rule, name in (
        (1, "727", "FL", "-5.00", "SSM-FSN", "EST"),
        (1, "813", "FL", "-6.00", "", "CST"),
        (52, "727", "", "-6.00", "FSA-LSO", "CST"),
        (44, "", "", "0.00", "LSM-LSO", "GMT"),
        (61, "", "QLD", "10.00", "", "AEST"),
        (61, "", "NSW", "10.00", "FSO-FSA", "AEST"),
    )
]
POSTAL_CODE_ROWS = [
    {"postal_code": code, "country_code": "1", "GMT_offset": gmt, "DST_range": rule}
    for code, gmt, rule in (("33760", "-7.00", ""), ("850012", "-8.00", "SSM-FSN"))
]
CALL_TIMES = [
    {
        "call_time_id": name,
        "call_time_name": name,
        "ct_default_start": start,
        "ct_default_stop": stop,
        "ct_state_call_times": states,
    }
    for name, start, stop, states in (("day", 900, 1700, "|florida|"), ("24hours", 0, 2400, ""))
]
STATE_CALL_TIMES = [
    {
        "state_call_time_id": "florida",
        "state_call_time_state": "FL",
        "state_call_time_name": "florida",
        "sct_default_start": 1300,
        "sct_default_stop": 1500,
    }
]
CUSTOM_TABLES = [
    {"table": "custom_101", "columns": {"color": "VARCHAR(10)", "since": "DATE"}},
    {"table": "custom_102", "columns": {"color": "TEXT"}},
    {"table": "custom_201", "columns": {"other": "TEXT"}},
]
CUSTOM_FIELDS = [
    {"list_id": list_id, "field_label": label, "field_type": kind}
    for list_id, label, kind in (
        (101, "color", "TEXT"),
        (101, "since", "DATE"),
        (101, "shown", "DISPLAY"),
        (201, "color", "TEXT"),
        (999, "color", "TEXT"),
    )
]
USER = {
    "user": "6666",
    "pass": "1234",
    "user_level": 9,
    "user_group": "ADMIN",
    "modify_leads": "1",
    "vdc_agent_api_access": "1",
    "api_allowed_functions": " ALL_FUNCTIONS ",
    "active": "Y",
}
CAMPAIGNS = (("CAMP1", ""), ("CAMP2", "CAMP1"), ("CAMP3", "camp2"))


ONE_CHUNK = 100
"""Rows of a chunk that holds a whole file, which then is one batch."""


@dataclass(frozen=True)
class Situation:
    """A dialer, and a file that is loaded into it."""

    tz: str
    clock: datetime
    tables: dict[str, list[Row]]
    options: dict[str, str]
    rows: list[dict[str, str]]
    chunk_size: int
    workers: int


def mostly(usual: tuple[str, ...], *others: str) -> st.SearchStrategy[str]:
    """Give one of the usual values, three times out of four."""
    return st.sampled_from([*usual * max(1, 3 * len(others) // len(usual)), *others])


@st.composite
def duplicate_checks(draw: st.DrawFn) -> str:
    names = draw(st.lists(st.sampled_from(CHECKS), max_size=4, unique=True))
    windows = st.sampled_from(["", *(f"{days}DAY" for days in WINDOWS)])
    return "-".join(name + draw(windows) for name in names)


def old_leads(clock: datetime) -> st.SearchStrategy[list[Row]]:
    edges = [clock - timedelta(days=days) for days in WINDOWS]
    moments = [m + timedelta(seconds=s) for m in edges for s in (-1, 0, 1, 3600)]
    dates = st.sampled_from([None, *(f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments)])
    values = {name: st.sampled_from(some) for name, some in OLD_LEADS.items()}
    return st.lists(st.fixed_dictionaries({"entry_date": dates, **values}), max_size=6).map(
        lambda leads: [{"lead_id": 7 + 2 * n, **lead} for n, lead in enumerate(leads)]
    )


@st.composite
def tables(draw: st.DrawFn, clock: datetime, local_gmt: str) -> dict[str, list[Row]]:
    lists = {101: "CAMP1", 102: "camp1", 201: "CAMP2", 999: "CAMP3"}
    defined = draw(st.lists(st.sampled_from(sorted(lists)), unique=True, min_size=2))
    numbers = st.sampled_from(("7275551212", "8135550001", "727XXXXXXX", "813xxxxxxx"))
    listed = draw(st.lists(numbers, unique=True, max_size=2))
    of_campaigns = st.tuples(numbers, st.sampled_from(("CAMP1", "CAMP2", "")))
    prefixes = draw(st.sampled_from((0, 9, 10)))
    allowed = draw(st.sampled_from((" -ALL-CAMPAIGNS- - -", " CAMP1 -", " camp1 CAMP3 -")))
    call_times = st.sampled_from(("campaign", "", "day", "24hours", "none"))
    custom = draw(st.booleans())
    return {
        "servers": [{"local_gmt": local_gmt}],
        "system_settings": [
            {"use_non_latin": "0", "custom_fields_enabled": draw(mostly(("1",), "0"))}
        ],
        "custom_tables": CUSTOM_TABLES if custom else [],
        "vicidial_lists_fields": CUSTOM_FIELDS if custom else [],
        "vicidial_postal_codes": draw(st.sampled_from((POSTAL_CODE_ROWS, []))),
        "vicidial_call_times": CALL_TIMES,
        "vicidial_state_call_times": STATE_CALL_TIMES,
        "vicidial_users": [{**USER, "api_list_restrict": draw(mostly(("0",), "1"))}],
        "vicidial_user_groups": [{"user_group": "admin", "allowed_campaigns": allowed}],
        "vicidial_lists": [
            {"list_id": n, "campaign_id": lists[n], "local_call_time": draw(call_times)}
            for n in defined
        ],
        "vicidial_campaigns": [
            {
                "campaign_id": name,
                "use_other_campaign_dnc": other,
                "local_call_time": draw(st.sampled_from(("day", "24hours", "none"))),
            }
            for name, other in CAMPAIGNS
        ],
        "vicidial_dnc": [{"phone_number": number} for number in listed],
        "vicidial_campaign_dnc": [
            {"phone_number": number, "campaign_id": campaign}
            for number, campaign in draw(st.lists(of_campaigns, unique=True, max_size=3))
        ],
        "vicidial_phone_codes": draw(st.sampled_from((PHONE_CODE_ROWS, PHONE_CODE_ROWS, []))),
        "vicidial_nanpa_prefix_codes": [
            {"areacode": "727", "prefix": str(555 - n), "GMT_offset": "-9.00", "DST": "YN"[n % 2]}
            for n in range(prefixes)
        ],
        "vicidial_list": draw(old_leads(clock)),
    }


OPTIONS = st.fixed_dictionaries(
    {
        "duplicate_check": duplicate_checks(),
        "dnc_check": mostly(("N",), "Y", "AREACODE"),
        "campaign_dnc_check": mostly(("N",), "Y", "AREACODE"),
        "campaign_id": st.sampled_from(("CAMP1", "camp2", "CAMP3", "OTHER", "")),
        "usacan_prefix_check": mostly(("N",), "Y"),
        "usacan_areacode_check": mostly(("N",), "Y"),
        "nanpa_ac_prefix_check": mostly(("N",), "Y"),
        "list_exists_check": mostly(("N",), "Y"),
        "list_id": st.sampled_from(("", "101", "201")),
        "tz_method": st.sampled_from(
            ("", "", "POSTAL", "TZCODE", "NANPA", "postal", "nanpa-postal")
        ),
        "lookup_state": mostly(("N",), "Y"),
        "custom_fields": st.sampled_from("YN"),
        "add_to_hopper": st.sampled_from("YN"),
        "hopper_priority": st.sampled_from(("0", "5", "99", "-5")),
        "hopper_local_call_time_check": st.sampled_from("YN"),
        "callback": mostly(("N",), "Y"),
        "callback_datetime": st.sampled_from(("NOW", "2DAYS", "2026-05-05 10:00:00", "")),
        "callback_type": st.sampled_from(("", "ANYONE", "USERONLY")),
        "callback_user": st.sampled_from(("", "6666", "nobody")),
    }
)
COLUMNS = {
    "list_id": mostly(GOOD_LIST_IDS, *ODD_LIST_IDS),
    "title": st.sampled_from(TITLES),
    "first_name": st.sampled_from(NAMES),
    "last_name": st.sampled_from(NAMES),
    "alt_phone": st.sampled_from(ALT_PHONES),
    "phone_code": mostly(("1",), *PHONE_CODES),
    "state": st.sampled_from(STATES),
    "postal_code": st.sampled_from(POSTAL_CODES),
    "owner": st.sampled_from(("", "EST", "CST ", "E")),
    "campaign_id": st.sampled_from(("", "CAMP1", "camp2", "NOPE")),
    "multi_alt_phones": st.sampled_from(ALTERNATES),
    "color": st.sampled_from(COLORS),
    "since": st.sampled_from(BIRTHS),
    "callback": st.sampled_from(("", "Y", "N")),
    "callback_datetime": st.sampled_from(CALLBACK_TIMES),
    "callback_status": st.sampled_from(("", "CBX", "too_long")),
    "callback_comments": st.sampled_from(("", "call me")),
    "hopper_priority": st.sampled_from(("", "7", "150", "--5")),
    **{name: st.sampled_from(values) for name, values in SMALL.items()},
}


@st.composite
def files(draw: st.DrawFn) -> list[dict[str, str]]:
    """Give a file in which each column has two or three different values, so that rows meet."""
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), unique=True))
    columns = {"phone_number": mostly(GOOD_PHONES, *ODD_PHONES)}
    columns |= {name: COLUMNS[name] for name in names}
    row = {
        name: st.sampled_from(draw(st.lists(values, min_size=1, max_size=3)))
        for name, values in columns.items()
    }
    rows = draw(st.lists(st.fixed_dictionaries(row), min_size=1, max_size=10))
    # Where all numbers have a .0 they are mended: add_lead knows no file that it could see.
    assume(not all(each["phone_number"].endswith(".0") for each in rows))
    return rows


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    tz, clock, local_gmt = draw(st.sampled_from(list(CLOCKS.values())))
    return Situation(
        tz,
        clock,
        draw(tables(clock, local_gmt)),
        draw(OPTIONS),
        draw(files()),
        draw(st.sampled_from((ONE_CHUNK, ONE_CHUNK, 2, 3, 5))),
        draw(st.sampled_from((1, 2, 4))),
    )


@dataclass(frozen=True)
class Loaded:
    """What the loader made of a file."""

    rejected: dict[int, dict[str, str]]
    """Reason, details and add_lead's line, by row_number."""
    notices: dict[int, set[str]]
    lead_ids: dict[int, int]
    """By row_number."""
    rows: dict[int, Row]
    """Stored rows by row_number."""
    extras: dict[str, list[dict[str, Any]]]
    """Rows of the other tables."""


AS_GIVEN: dict[str, Any] = {"phone_format": "as-given", "phone_validation": "length"}


def load(situation: Situation, url: str, job: Job) -> Loaded:
    """Load the file chunk by chunk, in small batches."""
    options = LoadOptions(
        **situation.options,
        user="6666",
        batch_size=3 if situation.chunk_size < ONE_CHUNK else ONE_CHUNK,
        workers=situation.workers,
        trim="N",
        **AS_GIVEN,  # type: ignore[arg-type]
    )
    rows = pd.DataFrame(situation.rows, dtype="str")
    rows.index = pd.Index(range(1, len(rows) + 1), dtype="int64", name="row_number")
    source = FrameSource(tuple(rows), rows, situation.chunk_size)
    database = frozen(url, situation.clock, situation.tz)
    with tempfile.TemporaryDirectory() as name, workers_from_the_first_row():
        folder = Path(name) / "results"
        run_load(LoadRequest(source, options, database, folder, job=job, allow_reload=True))  # type: ignore[arg-type]
        loaded, rejected = (read_csv(folder / file) for file in ("loaded.csv", "rejected.csv"))
    ids = {row: int(each["lead_id"]) for row, each in loaded.items() if each["lead_id"]}
    with database.connect() as connection:
        found = connection.exec_driver_sql("SELECT * FROM vicidial_list").mappings().all()
    stored = {row["lead_id"]: dict(row) for row in found}
    extras = extra_rows(database)
    database.engine.dispose()
    return Loaded(
        rejected,
        {row: {*filter(None, each["notices"].split("; "))} for row, each in loaded.items()},
        ids,
        {row: stored[lead_id] for row, lead_id in ids.items()},
        extras,
    )


def read_csv(path: Path) -> dict[int, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {int(row["row_number"]): row for row in csv.DictReader(file)}


def refer(situation: Situation) -> tuple[list[Answer], dict[str, list[dict[str, Any]]]]:
    """Let the reference answer row by row; and give the rows of the other tables after it."""
    tables = {name: [dict(row) for row in rows] for name, rows in situation.tables.items()}
    options = {**situation.options, "user": "6666", "pass": "1234", "source": "test"}
    reference = Reference(tables, situation.clock, situation.tz, options, **AS_GIVEN)
    answers = [reference.add_lead(as_request(row)) for row in situation.rows]
    return answers, extras_of(tables)


RUN_WIDE = ("campaign_id", "callback", "callback_datetime", "callback_status", "hopper_priority")


def as_request(row: dict[str, str]) -> dict[str, str | None]:
    """Leave out what is empty in the file and has a value for the whole run."""
    unsaid = {name: row.get(name, "").strip() == "" for name in ("list_id", *RUN_WIDE)}
    unsaid["phone_code"] = digits(row.get("phone_code", "")) == ""
    return {name: value for name, value in row.items() if not unsaid.get(name)}


OUR_NOTICES = {
    "CUT": Notice.VALUE_CUT,
    "CONTROL": Notice.CONTROL_CHARACTERS_DROPPED,
    "LINES": Notice.LINE_BREAKS_REPLACED,
    "GENDER": Notice.UNKNOWN_GENDER,
    "RANK": Notice.INVALID_RANK,
    "DATE_OF_BIRTH": Notice.INVALID_DATE_OF_BIRTH,
    "CAMPAIGN_LISTS": Notice.NO_CAMPAIGN_FOR_LIST,
}
NOT_COMPARED = (
    Notice.TIME_ZONE_OF_NUMBER,
    Notice.AMBIGUOUS_TIME_ZONE,
    Notice.NO_TIME_ZONE,
    Notice.INVALID_ENTRY_LIST_ID,
    "INVALID_DATE since",
    Notice.STATE_ABBREVIATED,
    Notice.STATE_NOT_STORED,
    Notice.COUNTRY_ABBREVIATED,
    Notice.COUNTRY_NOT_STORED,
    "VALUE_CUT color",
    "VALUE_CUT callback_",
)


VALUED = (Notice.UNKNOWN_GENDER, Notice.INVALID_RANK, Notice.INVALID_DATE_OF_BIRTH)
"""Notices with the value, which the reference does not repeat."""


def expected_notices(answer: Answer) -> set[str]:
    said = [notice.partition(" ") for notice in answer.notices]
    ours = {f"{OUR_NOTICES[what]} {name}".strip() for what, _, name in said if what != "ZONE"}
    lines = [line.removeprefix(NOTICE) for line in answer.lines if line.startswith(NOTICE)]
    return ours | {line.partition(" - ")[0] for line in lines}


def told(said: set[str]) -> set[str]:
    """Put our notices into the reference's words."""
    words = {
        notice.partition(" ")[0] if notice.startswith(VALUED) else notice.partition(" list_id=")[0]
        for notice in said
        if not notice.startswith(NOT_COMPARED)
    }
    answers = {word: Notice[word.partition(" ")[0]].answer for word in words}
    return {answers[word] or word for word in words}


def compare(situation: Situation, url: str) -> None:
    would = load(situation, url, "validate")
    loaded = load(situation, url, "import")
    check_validation(would, loaded)
    answers, extras = refer(situation)
    for number, answer in enumerate(answers, start=1):
        rejected = loaded.rejected.get(number)
        assert (rejected and rejected["reason"]) == answer.reason, (number, answer.lines)
        if rejected is None:
            assert texts(loaded.rows[number]) == texts(answer.row or {})
            assert told(loaded.notices[number]) == expected_notices(answer), number
            continue
        assert f"lead_id={answer.lead_id} " in rejected["details"] or answer.lead_id is None
        if line := rejected["add_lead"]:
            assert line == answer.lines[-1]
    assert loaded.extras == extras


def check_validation(would: Loaded, loaded: Loaded) -> None:
    """A validation writes nothing and says the same, but for ids that are not given out yet."""
    assert not would.lead_ids
    assert not {name for name, rows in would.extras.items() if rows}
    plain = {
        row: {re.sub(r" (hopper|callback)_id=\d+", "", notice) for notice in said}
        for row, said in loaded.notices.items()
    }
    assert would.notices == plain
    assert would.rejected.keys() == loaded.rejected.keys()
    for row, rejected in loaded.rejected.items():
        assert would.rejected[row]["reason"] == rejected["reason"]


def texts(row: Row) -> dict[str, str | None]:
    return {name: as_text(value) for name, value in row.items()}


@pytest.mark.property
@given(situation=situations())
@settings(
    # A load of a few rows takes as long as one of a thousand.
    max_examples=max(settings().max_examples // 4, 1),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_outcome_is_that_of_sending_row_by_row(
    situation: Situation, database_with_tables: Callable[[str], str], tmp_path: Path
) -> None:
    template = str(make_url(database_with_tables("sqlite")).database)
    copy = shutil.copy(template, tmp_path / "leads.sqlite")
    fill(f"sqlite:///{copy}", situation.tables)
    compare(situation, f"sqlite:///{copy}")


@pytest.mark.property
@pytest.mark.engines("innodb", "myisam")
@given(situation=situations())
@settings(
    # A server takes longer to be emptied and filled again.
    max_examples=max(settings().max_examples // 10, 1),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_outcome_is_the_same_on_a_server(
    situation: Situation, database_url: str, server: Server, engine_name: str
) -> None:
    if engine_name == "innodb":
        # It leaves gaps between the ids of batches, which the reference does not.
        situation = replace(situation, chunk_size=ONE_CHUNK)
    load_zone(server, situation.tz)
    empty(database_url)
    fill(database_url, situation.tables)
    compare(situation, database_url)
