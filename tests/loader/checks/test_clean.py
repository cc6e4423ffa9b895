"""Values on their way into the columns of vicidial_list."""

from datetime import date, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checks.clean import ALWAYS, LARGEST_ENTRY_LIST_ID, clean_fields
from loader.checks.fit import CODECS, unstorable_characters
from loader.dialer import Column
from loader.fields.lead import WIDTHS
from loader.findings import FINDING_TYPES, Findings, Notices
from loader.options.load import LoadOptions
from loader.results.wording import notice_texts
from tests.conformance import reference_fields
from tests.conformance.reference import BIGGEST_LIST_ID

NARROW = [name for name in WIDTHS if name not in ("phone_number", "alt_phone", "phone_code")]


def cleaned(
    values: dict[str, list[str]], columns: dict[str, Column] | None = None, **options: str
) -> tuple[pd.DataFrame, Findings, Notices]:
    rows = pd.DataFrame(values, dtype="str")
    rows.index = pd.Index(range(2, 2 + 3 * len(rows), 3), dtype="int64", name="row_number")
    leads, rejected, said = clean_fields(rows, LoadOptions(**options), columns or {})
    assert leads.index.equals(rows.index)
    assert set(leads) >= {*rows, *ALWAYS, "list_id", "list_id_given", "state_given"}
    assert {name: str(kind) for name, kind in leads.dtypes.items() if kind != "str"} == {
        "list_id": "int64"
    }
    assert not leads.isna().any(axis=None)
    assert {name: str(kind) for name, kind in rejected.dtypes.items()} == FINDING_TYPES
    assert {"notice", "field", "value"} >= {*said}
    return leads, rejected, said


def one(name: str, value: str, **options: str) -> tuple[str, list[str]]:
    """Clean one value; give what is stored, and the notices."""
    leads, rejected, said = cleaned({name: [value, ""]}, **options)
    assert rejected.empty
    assert said.index.isin([2]).all(), "nothing is said of an empty value"
    words = notice_texts(said)
    return str(leads[name].iloc[0]), words.tolist()


@pytest.mark.parametrize("name", NARROW)
def test_a_value_that_is_too_long_is_cut(name: str) -> None:
    letter = "7" if name == "phone_code" else "\u00e9"
    width = WIDTHS[name]
    assert one(name, letter * width) == (letter * width, [])
    assert one(name, letter * (width + 1)) == (letter * width, [f"VALUE_CUT {name}"])


def test_the_widths_are_those_of_the_table() -> None:
    values = {"first_name": ["Annabelle"], "last_name": ["x" * 5000], "address1": ["y" * 200]}
    columns = {"first_name": Column(width=4), "last_name": Column(width=None)}
    leads, _, said = cleaned(values, columns)
    assert leads.iloc[0][["first_name", "last_name"]].tolist() == ["Anna", "x" * 5000]
    assert said["field"].tolist() == ["first_name", "address1"]


def test_phone_numbers_are_not_cut_here() -> None:
    long = "+1 (727) 555-1212 ext. 12345"
    leads, _, said = cleaned({"phone_number": [long], "alt_phone": [long]})
    assert leads.iloc[0][["phone_number", "alt_phone"]].tolist() == [long, long]
    assert said.empty


@pytest.mark.parametrize("name", ["first_name", "comments", "phone_number", "alt_phone"])
@pytest.mark.parametrize("control", ["\x00", "\t", "\n", "\r", "\x1f", "\x7f", "\x85", "\x9f"])
def test_control_characters_are_taken_out(name: str, control: str) -> None:
    assert one(name, f"{control}7{control}\u00a07") == (
        "7\u00a07",
        [f"CONTROL_CHARACTERS_DROPPED {name}"],
    )


@pytest.mark.parametrize(
    "value", [" Ann ", "a;b#c\"d'e\\f+g", "\u0141\u00f3d\u017a", "\u200b", "--", "%s {}"]
)
def test_all_else_is_kept_as_it_is(value: str) -> None:
    assert one("first_name", value) == (value, [])


BASIC_PLANE = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]


@pytest.mark.parametrize(
    "charset", ["latin1", "latin2", "greek", "hebrew", "cp1251", "koi8r", "ascii"]
)
def test_unstorable_are_exactly_the_characters_that_the_charset_lacks(charset: str) -> None:
    pattern = unstorable_characters(charset)
    found = pc.match_substring_regex(pa.array(BASIC_PLANE, pa.large_string()), pattern)
    codec = CODECS.get(charset, charset)
    assert found.to_pylist() == [not letter.encode(codec, "ignore") for letter in BASIC_PLANE]
    assert pc.match_substring_regex("\U0001f600", pattern).as_py()


@pytest.mark.parametrize("charset", ["utf8", "utf8mb3", "ucs2"])
def test_the_older_utf8_lacks_what_is_beyond_the_basic_plane(charset: str) -> None:
    letters = pa.array(["\U00010000", "\U0010ffff", *BASIC_PLANE], pa.large_string())
    found = pc.match_substring_regex(letters, unstorable_characters(charset))
    assert found.to_pylist() == [True, True, *[False] * len(BASIC_PLANE)]


@pytest.mark.parametrize("charset", [None, "utf8mb4", "utf16le", "utf32", "binary", "dec8"])
def test_charsets_that_hold_everything_or_that_nobody_knows(charset: str | None) -> None:
    assert unstorable_characters(charset) is None


def test_unstorable_characters_get_a_notice_or_reject_the_row() -> None:
    values = {"first_name": ["Ann", "A\U0001f600n", "Zo\u00eb"], "city": ["", "\U0001f600", ""]}
    columns = {name: Column(width=30, charset="utf8mb3") for name in values}
    leads, rejected, said = cleaned(values, columns)
    assert leads["first_name"].tolist() == ["Ann", "A?n", "Zo\u00eb"]
    assert rejected.empty
    assert said["field"].to_dict() == {5: "city"}
    assert said["notice"].tolist() == ["UNSTORABLE_REPLACED"] * 2
    _, rejected, said = cleaned(values, columns, unstorable="reject")
    assert rejected["reason"].to_dict() == {5: "UNSTORABLE_CHARACTERS"}
    assert rejected["field"].tolist() == ["first_name"], "one reason a row"
    assert said.empty


def test_digits_of_other_scripts_in_a_phone_number_outlive_a_small_charset() -> None:
    digits = "\uff17\uff12\uff17\U0001d7ce"
    columns = {name: Column(width=18, charset="latin1") for name in ("phone_number", "alt_phone")}
    leads, _, said = cleaned({"phone_number": [digits], "alt_phone": [digits]}, columns)
    assert leads.iloc[0][["phone_number", "alt_phone"]].tolist() == [digits, digits]
    assert said.empty


@pytest.mark.parametrize(
    ("value", "stored", "known"),
    [
        ("M", "M", True),
        ("F", "F", True),
        ("U", "U", True),
        (" F ", "F", True),
        ("F.", "F", True),
        ("", "U", True),
        ("  ", "U", True),
        ("f", "U", False),
        ("male", "U", False),
        ("FM", "U", False),
        ("Mx", "M", True),
        ("X", "U", False),
        ("\u041c", "U", False),
    ],
)
def test_gender(value: str, stored: str, known: bool) -> None:
    assert one("gender", value) == (stored, [] if known else ["UNKNOWN_GENDER"])
    assert reference_fields.stored_gender(value) == (stored, [] if known else ["GENDER"])


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("5", "5"),
        ("-5", "-5"),
        ("+7", "7"),
        (" 12 ", "12"),
        ("007", "7"),
        ("-0", "0"),
        ("32767", "32767"),
        ("-32768", "-32768"),
        ("0000000000000000000005", "5"),
        ("", "0"),
        ("32768", None),
        ("-32769", None),
        ("1.9", None),
        ("9" * 40, None),
        ("--5", None),
        ("5-", None),
        ("\u0665", None),
        ("high", None),
    ],
)
def test_rank(value: str, stored: str | None) -> None:
    assert one("rank", value) == (stored or "0", [] if stored else ["INVALID_RANK"])
    assert reference_fields.stored_rank(value)[0] == int(stored or 0)


@pytest.mark.parametrize(
    ("value", "stored", "known"),
    [
        ("", "0", True),
        ("0", "0", True),
        ("101", "101", True),
        ("00101", "101", True),
        ("x101", "101", True),
        (str(LARGEST_ENTRY_LIST_ID), str(LARGEST_ENTRY_LIST_ID), True),
        (str(LARGEST_ENTRY_LIST_ID + 1), str(LARGEST_ENTRY_LIST_ID), False),
        ("9" * 500, str(LARGEST_ENTRY_LIST_ID), False),
        ("none", "0", False),
        ("\u0661", "0", False),
    ],
)
def test_entry_list_id(value: str, stored: str, known: bool) -> None:
    assert one("entry_list_id", value) == (stored, [] if known else ["INVALID_ENTRY_LIST_ID"])
    assert reference_fields.stored_list_id(value) == int(stored)


BIRTHS = [
    "1980-01-15", "1980-1-5", "19800115", "800115", "80115", "8011", "198001151200", "1980",
    "19800115120000", "69-1-5", "70-1-5", "1980-00-00", "1980-01-00", "0000-00-00", "00-00-00",
    "0-0-0", "1980-02-29", "1981-02-29", "1900-02-29", "2000-02-29", "0000-02-29", "1980-02-30",
    "1980-04-31", "1980-13-01", "1980-00-31", "1980-01-32", "10000-01-01", "980-01-15",
    "1980-01-15 12:00:00", "1980/01/15", "01/15/1980", "15.01.1980", "1980-01", "1980-01-", "-",
    "1980--01-15", "-1980-01-15", "born 1980-01-15!", "Jan 5 1980", "", "  ", "x", "00000000",
    "000000", "1" * 30, "1980-000001-0000015", "0080-01-01", "\uff11\uff19\uff18\uff10",
]  # fmt: skip


@pytest.mark.parametrize("value", BIRTHS)
def test_date_of_birth(value: str) -> None:
    stored, notices = reference_fields.stored_date_of_birth(value)
    assert one("date_of_birth", value) == (stored, ["INVALID_DATE_OF_BIRTH"] if notices else [])


@pytest.mark.property
@given(
    value=st.from_regex(r"[0-9]{0,17}|[0-9]{1,5}-[0-9]{1,3}-[0-9]{1,3}[ -9]{0,4}", fullmatch=True)
    | st.dates().map(str)
    | st.dates().map("{:%y%m%d}".format)
    | st.text("0123-/ x", max_size=14)
)
def test_dates_of_birth_are_read_as_the_database_reads_them(value: str) -> None:
    stored, notices = reference_fields.stored_date_of_birth(value)
    assert one("date_of_birth", value) == (stored, ["INVALID_DATE_OF_BIRTH"] if notices else [])


@pytest.mark.parametrize(
    ("date_format", "value", "stored"),
    [
        ("%d.%m.%Y", "15.01.1980", "1980-01-15"),
        ("%d.%m.%Y", " 5.1.1980 ", "1980-01-05"),
        ("%m/%d/%y", "1/15/80", "1980-01-15"),
        ("%d %b %Y", "15 Jan 1980", "1980-01-15"),
        ("%d.%m.%Y", "29.02.2024", "2024-02-29"),
        ("%d.%m.%Y", "15.01.1850", "1850-01-15"),
        ("%d.%m.%Y", "29.02.2023", None),
        ("%d.%m.%Y", "1980-01-15", None),
        ("%d.%m.%Y", "15.01.1980 12:00", None),
        ("%d.%m.%Y", "x", None),
    ],
)
def test_dates_of_birth_by_a_format(date_format: str, value: str, stored: str | None) -> None:
    assert one("date_of_birth", value, date_format=date_format) == (
        stored or "0000-00-00",
        [] if stored else ["INVALID_DATE_OF_BIRTH"],
    )


def test_no_date_at_all_by_a_format() -> None:
    assert one("date_of_birth", "", date_format="%d.%m.%Y") == ("0000-00-00", [])
    assert one("date_of_birth", "0000-00-00", date_format="%d.%m.%Y") == ("0000-00-00", [])


def test_every_day_of_a_leap_year_by_a_format() -> None:
    days = [date(1984, 1, 1) + timedelta(days=number) for number in range(366)]
    values = [f"{day:%d/%m/%Y}" for day in days]
    leads, _, _ = cleaned({"date_of_birth": values}, date_format="%d/%m/%Y")
    assert leads["date_of_birth"].tolist() == [str(day) for day in days]


LIST_IDS = [
    "", " ", "101", " 101 ", "0101", "x101", "1 0 1", "12", "1", "0", "00", "000", "0000", "-101",
    "101.0", "x", "\u0661\u0661\u0661", str(BIGGEST_LIST_ID), str(BIGGEST_LIST_ID + 1),
    "0" * 20 + "101", "9" * 19, "9" * 400, "18446744073709551615",
]  # fmt: skip


@pytest.mark.parametrize("default", ["", "201"])
@pytest.mark.parametrize("value", LIST_IDS)
def test_list_id(value: str, default: str) -> None:
    leads, _, _ = cleaned({"list_id": [value]}, list_id=default)
    sent = value if value.strip() else default
    digits = reference_fields.digits(sent)
    possible = not sent or (len(digits) >= 3 and int(digits) <= BIGGEST_LIST_ID)
    assert leads["list_id"].tolist() == [int(digits or 999) if possible else -1]
    assert leads["list_id_given"].tolist() == [digits]


@pytest.mark.parametrize(
    ("value", "stored", "notices"),
    [
        ("1", "1", []),
        ("+44", "44", []),
        ("0044", "0044", []),
        ("x", "", []),
        ("(00) 0000 0000 44", "000000000044", []),
        ("44.0", "44", ["DECIMAL_MENDED phone_code"]),
        ("+1.00", "1", ["DECIMAL_MENDED phone_code"]),
        ("1.5", "15", []),
    ],
)
def test_phone_code(value: str, stored: str, notices: list[str]) -> None:
    """It is made to fit its column when it is read."""
    assert one("phone_code", value) == (stored, notices)


def test_the_whole_state_is_kept_for_look_ups() -> None:
    leads, _, said = cleaned({"state": ["NSW", "FL"]})
    assert leads["state"].tolist() == ["NS", "FL"]
    assert leads["state_given"].tolist() == ["NSW", "FL"]
    assert said["field"].to_dict() == {2: "state"}


def test_a_chunk_without_rows() -> None:
    columns = ["phone_number", "date_of_birth", "rank", "gender", "entry_list_id", *ALWAYS]
    leads, rejected, said = cleaned({name: [] for name in columns})
    assert leads.empty
    assert rejected.empty
    assert said.empty


def test_fields_that_are_looked_at_later_are_there() -> None:
    leads, _, said = cleaned({"phone_number": ["7275551212"]})
    assert leads[list(ALWAYS)].iloc[0].tolist() == [""] * len(ALWAYS)
    assert leads["list_id"].tolist() == [999]
    assert said.empty


def test_the_notices_of_a_row_come_in_the_order_of_the_columns() -> None:
    values = {"title": ["Professor"], "rank": ["x"], "gender": ["x"], "city": ["a\tb"]}
    _, _, said = cleaned(values)
    assert said["notice"].tolist() == [
        "VALUE_CUT", "CONTROL_CHARACTERS_DROPPED", "UNKNOWN_GENDER", "INVALID_RANK"
    ]  # fmt: skip
