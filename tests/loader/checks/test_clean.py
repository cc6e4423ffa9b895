"""Values on their way into the columns of vicidial_list."""

from datetime import date, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checks.clean import ALWAYS, FITTED_LATER, LARGEST_ENTRY_LIST_ID, clean_fields
from loader.checks.fit import CODECS, unstorable_characters
from loader.dialer import Column
from loader.fields.lead import WIDTHS
from loader.findings import FINDING_TYPES, Findings, Notices
from loader.options.load import LoadOptions
from loader.results.wording import notice_texts
from tests.conformance import reference_fields
from tests.conformance.reference import BIGGEST_LIST_ID

TODAY = date(2026, 11, 22)
NARROW = [name for name in WIDTHS if name not in FITTED_LATER]


def cleaned(
    values: dict[str, list[str]], columns: dict[str, Column] | None = None, **options: str
) -> tuple[pd.DataFrame, Findings, Notices]:
    rows = pd.DataFrame(values, dtype="str")
    rows.index = pd.Index(range(2, 2 + 3 * len(rows), 3), dtype="int64", name="row_number")
    leads, rejected, said = clean_fields(rows, LoadOptions(**options), columns or {}, TODAY)
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
@pytest.mark.parametrize(
    "control", ["\x00", "\x08", "\x0e", "\x1f", "\x7f", "\x84", "\x86", "\x9f"]
)
def test_control_characters_are_taken_out(name: str, control: str) -> None:
    assert one(name, f"{control}7{control}\u00a07") == (
        "7\u00a07",
        [f"CONTROL_CHARACTERS_DROPPED {name}"],
    )


@pytest.mark.parametrize("name", ["first_name", "comments", "phone_number", "alt_phone"])
@pytest.mark.parametrize(
    "separator",
    [
        "\t",
        "\n",
        "\v",
        "\f",
        "\r",
        "\r\n",
        "\x85",
        "\u2028",
        "\u2029",
        " \n ",
        "\n\n\u3000\t",
        "\u200b\n",
    ],
)
def test_a_blank_takes_the_place_of_line_breaks(name: str, separator: str) -> None:
    assert one(name, f"Unit 1{separator}2 Main St") == (
        "Unit 1 2 Main St",
        [f"LINE_BREAKS_REPLACED {name}"],
    )


def test_a_column_for_several_lines_keeps_them() -> None:
    lines = "line 1\r\nline\t2\n\nline 3"
    columns = {"comments": Column(is_multiline=True), "city": Column(width=50)}
    values = {"comments": [lines, "a\x00b\nc"], "city": [lines, ""]}
    leads, _, said = cleaned(values, columns)
    assert leads["comments"].tolist() == [lines, "ab\nc"]
    assert leads["city"].tolist() == ["line 1 line 2 line 3", ""]
    assert notice_texts(said).tolist() == [
        "CONTROL_CHARACTERS_DROPPED comments", "LINE_BREAKS_REPLACED city"
    ]  # fmt: skip


@pytest.mark.property
@given(value=st.text(" a\n\t\r\x0b\x85\u2028\u00a0\u200b\x00\u00e9", max_size=12))
def test_line_breaks_and_control_characters_as_a_reference_has_them(value: str) -> None:
    stored, notices = reference_fields.keep(value)
    words = {"LINES": "LINE_BREAKS_REPLACED", "CONTROL": "CONTROL_CHARACTERS_DROPPED"}
    expected = [f"{words[each]} first_name" for each in notices]
    assert one("first_name", value, trim="N") == (stored, expected)


@pytest.mark.parametrize(
    "value", ["An  n", "a;b#c\"d'e\\f+g", "\u0141\u00f3d\u017a", "\u200b", "--", "%s {}"]
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
        ("f", "F", True),
        ("m", "M", True),
        ("male", "M", True),
        ("Male", "M", True),
        ("FEMALE", "F", True),
        ("w", "F", True),
        ("Weiblich", "F", True),
        ("M\u00c4NNLICH", "M", True),
        ("Hombre", "M", True),
        ("unknown", "U", True),
        ("FM", "U", False),
        ("Mx", "U", False),
        ("X", "U", False),
        ("1", "U", False),
        ("other", "U", False),
        ("fe male", "U", False),
        ("\u041c", "U", False),
    ],
)
def test_gender(value: str, stored: str, known: bool) -> None:
    assert one("gender", value) == (stored, [] if known else [f"UNKNOWN_GENDER {value}"])
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
    good = stored or not value
    assert one("rank", value) == (stored or "0", [] if good else [f"INVALID_RANK {value}"])
    assert reference_fields.stored_rank(value)[0] == int(stored or 0)


@pytest.mark.parametrize(
    ("value", "stored", "known"),
    [
        ("", "0", True),
        ("0", "0", True),
        ("101", "101", True),
        ("00101", "101", True),
        (" 101 ", "101", True),
        ("x101", "0", False),
        ("Spring 2024", "0", False),
        ("101.0", "0", False),
        (str(LARGEST_ENTRY_LIST_ID), str(LARGEST_ENTRY_LIST_ID), True),
        (str(LARGEST_ENTRY_LIST_ID + 1), str(LARGEST_ENTRY_LIST_ID), False),
        ("9" * 500, str(LARGEST_ENTRY_LIST_ID), False),
        ("none", "0", False),
        ("\u0661", "0", False),
    ],
)
def test_entry_list_id(value: str, stored: str, known: bool) -> None:
    expected = [] if known else [f"INVALID_ENTRY_LIST_ID {value}"]
    assert one("entry_list_id", value) == (stored, expected)
    assert reference_fields.stored_list_id(value) == int(stored)


BIRTHS = [
    "3/10/2004", "2/20/2001", "10/10/1940 0:00", "2000/01/01 00:00", "11/1/16", "05/06/07",
    "10.1.2000", "1980-01-31 00:00:00", "1980-01-31T00:00:00Z", "1980-01-31T00:00:00.000+02:00",
    "1980-01-31 12:00 AM", "1980-01-31T00:00", "1980-01-31 00:00:00.0000000", "1980-01-31  9:05",
    "19800131T000000Z", "1980-01-31 25:00", "1980-01-31 12:61", "1980-01-31 x",
    "0000-00-00 00:00:00", "050607", "120568",
    "321231", "320101", "310101", "99-12-31", "32-1-1", "31-1-1", "71-03-09 00:00", "7103091",
    "69-01-01", "12-31-99", "01-15-1980", "29251",
    "2069-01-01", "1980-1-31 1:00", "1980-01-15", "1980-1-5", "19800115", "800115", "80115",
    "8011", "198001151200", "1980", "19800115120000", "69-1-5", "70-1-5", "1980-00-00",
    "1980-01-00", "0000-00-00", "00-00-00", "0-0-0", "1980-02-29", "1981-02-29", "1900-02-29",
    "2000-02-29", "0000-02-29", "1980-02-30", "1980-04-31", "1980-13-01", "1980-00-31",
    "1980-01-32", "10000-01-01", "980-01-15", "1980-01-15 12:00:00", "1980/01/15", "01/15/1980",
    "15.01.1980", "1980-01", "1980-01-", "-", "1980--01-15", "-1980-01-15", "born 1980-01-15!",
    "Jan 5 1980", "", "  ", "x", "00000000", "000000", "1" * 30, "1980-000001-0000015",
    "0080-01-01", "\uff11\uff19\uff18\uff10",
]  # fmt: skip


@pytest.mark.parametrize("value", BIRTHS)
def test_date_of_birth(value: str) -> None:
    stored, notices = reference_fields.stored_date_of_birth(value)
    expected = [f"INVALID_DATE_OF_BIRTH {value}"] if notices else []
    assert one("date_of_birth", value) == (stored, expected)


@pytest.mark.property
@given(
    value=st.from_regex(
        r"(19|20)?[0-9]{2}-?[01]?[0-9]-?[0-3]?[0-9]([T ][0-2]?[0-9]:[0-6][0-9](:[0-6][0-9](\.0+)?)?"
        r"( ?(Z|AM|pm|EST|[+-][0-9]{2}(:?[0-9]{2})?))?)?",
        fullmatch=True,
    )
    | st.datetimes().map(str)
    | st.dates().map("{:%Y%m%d}".format)
    | st.text("0123-/ :TZ.x", max_size=19)
)
def test_dates_of_birth_are_those_of_a_reference(value: str) -> None:
    stored, notices = reference_fields.stored_date_of_birth(value)
    leads, _, said = cleaned({"date_of_birth": [value]})
    assert leads["date_of_birth"].tolist() == [stored]
    assert len(said) == len(notices)


@pytest.mark.parametrize(
    ("date_format", "value", "stored"),
    [
        ("%m/%d/%y", "12/31/68", "1968-12-31"),
        ("%m/%d/%y", "5/5/45", "1945-05-05"),
        ("%m/%d/%y", "1/5/30", "1930-01-05"),
        ("%m/%d/%y", "11/22/26", "2026-11-22"),
        ("%m/%d/%y", "11/23/26", "1926-11-23"),
        ("%d.%m.%y", "29.02.48", "1948-02-29"),
        ("%y%m%d", "681231", "1968-12-31"),
        ("%m/%d/%Y", "12/31/2068", "2068-12-31"),
        ("%m/%d/%Y %H:%M", "10/10/1940 0:00", "1940-10-10"),
        ("%d%m%Y", "11121980", "1980-12-11"),
        ("%d%m%Y", "1121980", None),
        ("%d%b%y", "1DEC68", "1968-12-01"),
        ("%d.%m.%Y", "today", None),
        ("%d.%m.%Y", "now", None),
        ("%d.%m.%Y", "15.01.1980", "1980-01-15"),
        ("%d.%m.%Y", " 5.1.1980 ", "1980-01-05"),
        ("%m/%d/%y", "1/15/80", "1980-01-15"),
        ("%d %b %Y", "15 Jan 1980", "1980-01-15"),
        ("%d.%m.%Y", "29.02.2024", "2024-02-29"),
        ("%d.%m.%Y", "15.01.1850", "1850-01-15"),
        ("%d.%m.%Y", "29.02.2023", None),
        ("%d.%m.%Y", "1980-01-15", "1980-01-15"),
        ("%m/%d/%Y", "1980-1-15 00:00:00", "1980-01-15"),
        ("%m/%d/%Y", "1980-15-01", None),
        ("%Y-%d-%m", "1980-01-15", None),
        ("%Y-%d-%m", "1980-15-01", "1980-01-15"),
        ("%d.%m.%Y", "19800115", None),
        ("%d.%m.%Y", "15.01.1980 12:00", None),
        ("%d.%m.%Y", "x", None),
    ],
)
def test_dates_of_birth_by_a_format(date_format: str, value: str, stored: str | None) -> None:
    assert one("date_of_birth", value, date_format=date_format) == (
        stored or "0000-00-00",
        [] if stored else [f"INVALID_DATE_OF_BIRTH {value}"],
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
    "101.0", "x", "Spring 2024", "ACME-2024-01", "NULL", "+101", "1,001", "1e3", "#101",
    "101;102", "\u0661\u0661\u0661", str(BIGGEST_LIST_ID), str(BIGGEST_LIST_ID + 1),
    "0" * 20 + "101", "9" * 19, "9" * 400, "18446744073709551615",
]  # fmt: skip


@pytest.mark.parametrize("default", ["", "201"])
@pytest.mark.parametrize("value", LIST_IDS)
def test_list_id(value: str, default: str) -> None:
    leads, _, said = cleaned({"list_id": [value]}, list_id=default)
    sent = value.strip() or default
    is_number = reference_fields.is_number(sent) and len(sent) >= 3
    possible = not sent or (is_number and int(sent) <= BIGGEST_LIST_ID)
    assert leads["list_id"].tolist() == [int(sent or 999) if possible else -1]
    assert leads["list_id_given"].tolist() == [sent]
    assert said.empty


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
        "VALUE_CUT", "LINE_BREAKS_REPLACED", "UNKNOWN_GENDER", "INVALID_RANK"
    ]  # fmt: skip
