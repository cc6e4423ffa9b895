"""A file through the checks and into the database: row by row what add_lead would answer."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from loader.database import Database
from loader.duplicates import CHECKS, WINDOWS
from loader.facts import read_dialer
from loader.findings import in_words
from loader.findings import notices as notices_of
from loader.insert import LeadInserter
from loader.mapping import map_columns
from loader.options import LoadOptions
from loader.pipeline import Checked, Checks
from loader.queries import look_up
from loader.reasons import Notice
from tests.frozen import frozen, load_zone
from tests.reference import Answer, Reference
from tests.reference_fields import WIDTHS, digits
from tests.server import Server, empty, fill

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
    {"country_code": code, "areacode": area, "state": state, "GMT_offset": gmt, "DST_range": rule}
    for code, area, state, gmt, rule in (
        (1, "727", "FL", "-5.00", "SSM-FSN"),
        (1, "813", "FL", "-6.00", ""),
        (52, "727", "", "-6.00", "FSA-LSO"),
        (44, "", "", "0.00", "LSM-LSO"),
        (61, "", "QLD", "10.00", ""),
        (61, "", "NSW", "10.00", "FSO-FSA"),
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


@dataclass(frozen=True)
class Situation:
    """A dialer, and a file that is loaded into it."""

    tz: str
    clock: datetime
    tables: dict[str, list[Row]]
    options: dict[str, str]
    rows: list[dict[str, str]]
    chunk_size: int


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
    return {
        "servers": [{"local_gmt": local_gmt}],
        "vicidial_users": [{**USER, "api_list_restrict": draw(mostly(("0",), "1"))}],
        "vicidial_user_groups": [{"user_group": "admin", "allowed_campaigns": allowed}],
        "vicidial_lists": [{"list_id": n, "campaign_id": lists[n]} for n in defined],
        "vicidial_campaigns": [
            {"campaign_id": name, "use_other_campaign_dnc": other} for name, other in CAMPAIGNS
        ],
        "vicidial_dnc": [{"phone_number": number} for number in listed],
        "vicidial_campaign_dnc": [
            {"phone_number": number, "campaign_id": campaign}
            for number, campaign in draw(st.lists(of_campaigns, unique=True, max_size=3))
        ],
        "vicidial_phone_codes": draw(st.sampled_from((PHONE_CODE_ROWS, PHONE_CODE_ROWS, []))),
        "vicidial_nanpa_prefix_codes": [
            {"areacode": "727", "prefix": str(555 - n), "DST": "Y"} for n in range(prefixes)
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
    return draw(st.lists(st.fixed_dictionaries(row), min_size=1, max_size=12))


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    tz, clock, local_gmt = draw(st.sampled_from(list(CLOCKS.values())))
    return Situation(
        tz,
        clock,
        draw(tables(clock, local_gmt)),
        draw(OPTIONS),
        draw(files()),
        draw(st.sampled_from((100, 1, 2, 3, 7))),
    )


@dataclass(frozen=True)
class Loaded:
    """What the loader made of a file."""

    answers: dict[int, tuple[str, str, int | None]]
    """Reason, add_lead's line and the existing lead's id of the rejected, by row_number."""
    notices: dict[int, set[str]]
    leads: dict[int, Row]
    """Stored rows by row_number."""


def load(situation: Situation, url: str) -> Loaded:
    """Check the file chunk by chunk, then insert what passes, in batches of three."""
    options = LoadOptions(**situation.options, user="6666", **AS_GIVEN)
    rows = pd.DataFrame(situation.rows, dtype="str")
    rows.index = pd.RangeIndex(1, len(rows) + 1, name="row_number")
    database = frozen(url, situation.clock, situation.tz)
    with tempfile.TemporaryDirectory() as folder:
        dialer = read_dialer(database, options)
        checks = Checks(
            options,
            map_columns("file", list(rows), {}),
            dialer,
            lambda leads: look_up(database, leads, options, dialer),
            Path(folder),
        )
        starts = range(0, len(rows), situation.chunk_size)
        checked = [checks.check(rows.iloc[n : n + situation.chunk_size]) for n in starts]
        for part, start in zip(checked, starts, strict=True):
            there = rows.index[start : start + situation.chunk_size].tolist()
            assert sorted([*part.accepted.index, *part.rejected.index]) == there
        ids = insert(database, checked, dialer.columns)
        with database.connect() as connection:
            found = connection.exec_driver_sql("SELECT * FROM vicidial_list").mappings().all()
    database.engine.dispose()
    stored = {row["lead_id"]: dict(row) for row in found}
    return Loaded(
        answers(checked, ids),
        notices(checked),
        {row: stored[lead_id] for row, lead_id in ids.items()},
    )


AS_GIVEN: dict[str, Any] = {"phone_format": "as-given", "phone_validation": "length"}


def insert(database: Database, checked: list[Checked], columns: Any) -> dict[int, int]:
    inserter = LeadInserter(database, columns)
    accepted = pd.concat([part.accepted for part in checked])
    ids: dict[int, int] = {}
    for start in range(0, len(accepted), 3):
        inserted = inserter.insert(accepted.iloc[start : start + 3], "6666")
        assert not inserted.refused
        assert not inserted.changed
        ids |= inserted.lead_ids.to_dict()
    return ids


def answers(checked: list[Checked], ids: dict[int, int]) -> dict[int, tuple[str, str, int | None]]:
    said = {}
    for number, row in pd.concat([part.rejected for part in checked]).iterrows():
        lead_id = None if pd.isna(row["lead_id"]) else int(row["lead_id"])
        if not pd.isna(row["duplicate_row"]):
            assert lead_id is None
            lead_id = ids[row["duplicate_row"]]
        line = row["answer"] + (f"{lead_id}{row['answer_tail']}" if lead_id else "")
        said[number] = (row["reason"], line, lead_id)
    return said


def notices(checked: list[Checked]) -> dict[int, set[str]]:
    said: dict[int, set[str]] = {}
    for part in checked:
        for number, notice in part.notices.iterrows():
            said.setdefault(number, set()).add(f"{notice['notice']} {notice['details']}".strip())
    return said


def refer(situation: Situation) -> list[Answer]:
    """Let the reference answer row by row."""
    tables = {name: [dict(row) for row in rows] for name, rows in situation.tables.items()}
    options = {**situation.options, "user": "6666", "pass": "1234", "source": "test"}
    reference = Reference(tables, situation.clock, situation.tz, options, **AS_GIVEN)
    return [reference.add_lead(as_request(row)) for row in situation.rows]


def as_request(row: dict[str, str]) -> dict[str, str | None]:
    """Leave out what is empty in the file and has a value for the whole run."""
    unsaid = {"list_id": row.get("list_id", "").strip() == ""}
    unsaid["phone_code"] = digits(row.get("phone_code", "")) == ""
    return {name: value for name, value in row.items() if not unsaid.get(name)}


OUR_NOTICES = {
    "CUT": Notice.VALUE_CUT,
    "CONTROL": Notice.CONTROL_CHARACTERS_DROPPED,
    "GENDER": Notice.UNKNOWN_GENDER,
    "RANK": Notice.INVALID_RANK,
    "DATE_OF_BIRTH": Notice.INVALID_DATE_OF_BIRTH,
    "CAMPAIGN_LISTS": Notice.NO_CAMPAIGN_FOR_LIST,
}
NOT_COMPARED = (
    Notice.TIME_ZONE_OF_NUMBER,
    Notice.NO_TIME_ZONE,
    Notice.INVALID_ENTRY_LIST_ID,
    Notice.NANPA_NOT_LOADED,
)


def expected_notices(answer: Answer) -> set[str]:
    said = [notice.partition(" ") for notice in answer.notices]
    return {f"{OUR_NOTICES[what]} {name}".strip() for what, _, name in said if what != "ZONE"}


def compare(situation: Situation, url: str) -> None:
    loaded = load(situation, url)
    for number, (row, answer) in enumerate(
        zip(situation.rows, refer(situation), strict=True), start=1
    ):
        reason, line, lead_id = loaded.answers.get(number, (None, "", None))
        assert reason == answer.reason, (number, answer.lines)
        if reason is None:
            assert as_text(loaded.leads[number]) == as_text(answer.row or {})
            said = {
                notice.partition(" list_id=")[0]
                for notice in loaded.notices.get(number, ())
                if not notice.startswith(NOT_COMPARED)
            }
            assert said == expected_notices(answer), number
            continue
        assert lead_id == answer.lead_id
        # Of a value that is too long, our line shows what would be stored.
        if line and not any(len(row.get(name, "")) > WIDTHS[name] for name in WIDTHS):
            assert line == answer.lines[-1]


def as_text(row: Row) -> dict[str, str]:
    return {name: str(value) for name, value in row.items()}


@pytest.mark.property
@given(situation=situations())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
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
    situation: Situation, database_url: str, server: Server
) -> None:
    load_zone(server, situation.tz)
    empty(database_url)
    fill(database_url, situation.tables)
    compare(situation, database_url)


def test_the_notices_of_a_row_in_words() -> None:
    cut = notices_of(pd.Index([2, 5]), Notice.VALUE_CUT, "title")
    also = notices_of(pd.Index([5]), Notice.VALUE_CUT, "city")
    gender = notices_of(pd.Index([5, 9]), Notice.UNKNOWN_GENDER, "")
    rows = pd.Index([2, 5, 7])
    words = in_words(pd.concat([cut, also, gender]), rows)
    assert words.to_dict() == {
        2: "VALUE_CUT title",
        5: "VALUE_CUT title; VALUE_CUT city; UNKNOWN_GENDER",
        7: "",
    }
    assert in_words(gender[:0], rows).to_dict() == dict.fromkeys(rows, "")
    assert str(words.dtype) == "str"
