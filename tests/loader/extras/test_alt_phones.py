"""Alternate numbers: what is stored, as add_lead stores it, and normalized."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.clock import Clock
from loader.dialer import Column, Dialer, Lookups
from loader.extras.alt_phones import FIELD, TABLE, decide, extra_rows
from loader.findings import Notices
from loader.options.load import LoadOptions
from tests.conformance.reference_extras import Extras
from tests.support.notices import details_of, in_words

NOW = datetime(2026, 1, 15, 14)
UTF8MB3 = {
    "lead_id": Column(),
    "phone_code": Column(width=10, charset="utf8mb3"),
    "phone_number": Column(width=18, charset="utf8mb3"),
    "alt_phone_note": Column(width=30, charset="utf8mb3"),
    "alt_phone_count": Column(),
    "active": Column(width=1, charset="utf8mb3"),
}


def dialer(**columns: Column) -> Dialer:
    tables = {TABLE: columns} if columns else {}
    return Dialer(clock=Clock(now=NOW, offset=timedelta()), columns={}, tables=tables)


def leads(*sent: str, region: str | list[str] = "US") -> pd.DataFrame:
    rows = pd.DataFrame({FIELD: list(sent), "region": region}, dtype="str")
    rows.index = pd.Index(range(2, 2 + 3 * len(sent), 3), dtype="int64", name="row_number")
    return rows


def stored(
    rows: pd.DataFrame, dialer: Dialer, **options: Any
) -> tuple[list[dict[str, Any]], Notices]:
    """Decide, and give the rows that are stored; lead_ids are ten times the row numbers."""
    decided, said = decide(rows, LoadOptions(**options), dialer, Lookups())
    assert decided.index.equals(rows.index)
    assert not decided.isna().any(axis=None)
    inserted = decided.assign(lead_id=decided.index * 10)
    found = list(extra_rows(inserted, LoadOptions(**options), dialer))
    for extra in found:
        assert (extra.rows["lead_id"] == extra.rows.index * 10).all()
        kinds = {name: str(kind) for name, kind in extra.rows.dtypes.items()}
        assert kinds.pop("lead_id") == "int64"
        assert set(kinds.values()) == {"str"}
        assert not extra.rows[list(extra.key)].duplicated().any()
    return [row for extra in found for row in extra.rows.to_dict("records")], said


def one(sent: str, region: str = "US", **options: Any) -> list[tuple[str, str, str]]:
    rows, _ = stored(leads(sent, region=region), dialer(**UTF8MB3), **options)
    names = ("phone_number", "phone_code", "alt_phone_note")
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("7275551212_1_work!7275551213__!7275551214", [
            ("7275551212", "1", "work"), ("7275551213", "1", ""), ("7275551214", "1", ""),
        ]),
        ("12345", []),
        ("", []),
        ("123456", [("123456", "1", "")]),
        ("!!!!!!", [("", "1", "")] * 7),
        ("7275551212!", [("7275551212", "1", ""), ("", "1", "")]),
        ("7275551212_44_a_b_c!x", [("7275551212", "44", "a"), ("x", "1", "")]),
        ("_______", [("", "1", "")]),
        ("(727) 555-1212", [("(727) 555-1212", "1", "")]),
    ],
    ids=str,
)  # fmt: skip
def test_parts_as_add_lead_takes_them(sent: str, expected: list[tuple[str, str, str]]) -> None:
    assert one(sent, phone_format="as-given") == expected


@pytest.mark.parametrize(
    ("sent", "region", "expected"),
    [
        ("(727) 555-1212", "US", ("7275551212", "1", "")),
        ("17275551212_1_work", "US", ("7275551212", "1", "work")),
        ("+44 20 7946 0000__home", "US", ("2079460000", "44", "home")),
        ("0044 20 7946 0000", "US", ("2079460000", "44", "")),
        ("020 7946 0000", "GB", ("2079460000", "44", "")),
        ("020 7946 0000_44", "US", ("2079460000", "44", "")),
        ("7275551212_1", "GB", ("7275551212", "1", "")),
        ("3012345.0_49", "US", ("3012345", "49", "")),
        ("7275551220 home", "US", ("7275551220", "1", "")),
        ("tel: 727\u00b7555\u00b71220", "US", ("7275551220", "1", "")),
        ("7275551220 or 7275551221", "US", ("7275551220", "1", "")),
        ("020 7946 0000_44.0", "US", ("2079460000", "44", "")),
        ("020 7946 0000_+44", "US", ("2079460000", "44", "")),
        ("8765551212_1-876", "GB", ("8765551212", "1", "")),
        ("020 7946 0000_0", "GB", ("2079460000", "44", "")),
        ("020 7946 0000_999", "GB", ("020 7946 0000", "999", "")),
        ("call me_1_x", "US", ("call me", "1", "x")),
        ("5551212", "US", ("5551212", "1", "")),
        ("7275551212", "", ("7275551212", "1", "")),
    ],
    ids=str,
)
def test_numbers_are_normalized_where_that_is_possible(
    sent: str, region: str, expected: tuple[str, str, str]
) -> None:
    assert one(sent, region) == [expected]


def test_numbers_that_a_spreadsheet_damaged_are_not_stored() -> None:
    sent = ["7275551219.0!7.27E+09!7275551220 home", "7.27E+09__x", "7275551212"]
    for phone_format, third in (("national", "7275551220"), ("as-given", "7275551220 home")):
        rows, said = stored(leads(*sent), dialer(**UTF8MB3), phone_format=phone_format)
        assert [row["phone_number"] for row in rows] == ["7275551219", third, "7275551212"]
        assert [row["alt_phone_count"] for row in rows] == ["1", "2", "1"]
        expected = [
            (2, "ALT_PHONES_LOADED", "count=2"),
            (2, "DAMAGED_ALT_PHONE", f"{FIELD} 7.27E+09"),
            (2, "DECIMAL_MENDED", FIELD),
            (2, "WORDS_DROPPED", f"{FIELD} home"),
            (5, "DAMAGED_ALT_PHONE", f"{FIELD} 7.27E+09"),
            (8, "ALT_PHONES_LOADED", "count=1"),
        ]
        if phone_format == "as-given":
            expected = [each for each in expected if each[1] != "WORDS_DROPPED"]
        assert in_words(said) == expected


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("8765551212_1-876", ("8765551212", "1")),
        ("8095551212_1809", ("8095551212", "1")),
        ("020 7946 0958_+44", ("020 7946 0958", "44")),
        ("020 7946 0958_0044", ("020 7946 0958", "0044")),
        ("020 7946 0958_GB", ("020 7946 0958", "44")),
        ("+1 (727) 555 - 12 12_1", ("1 727 555 - 12 12", "1")),
        ("+1 / (727) / 555 / 12 / 12_1", ("17275551212", "1")),
        ("7275551212 after six only_1", ("7275551212", "1")),
        ("7275551212_x", ("7275551212", "x")),
    ],
)
def test_numbers_as_sent_are_not_cut_nor_repeat_their_area(
    sent: str, expected: tuple[str, str]
) -> None:
    assert one(sent, phone_format="as-given") == [(*expected, "")]


def test_numbers_are_not_cut() -> None:
    narrow = UTF8MB3 | {"phone_number": Column(width=12, charset="utf8mb3")}
    sent = leads("+49 1512 3456789012__x!7275551212")
    rows, said = stored(sent, dialer(**narrow))
    assert [row["phone_number"] for row in rows] == ["7275551212"]
    assert in_words(said) == [
        (2, "ALT_PHONES_LOADED", "count=1"),
        (2, "ALT_PHONE_TOO_WIDE", f"{FIELD} 15123456789012"),
    ]


def test_what_is_said() -> None:
    sent = [
        "727555\t1212_1_" + "n" * 31 + "!" + "x" * 19,
        "7275551212__\U0001f600!a!b",
        "short",
        "",
    ]
    rows, said = stored(leads(*sent), dialer(**UTF8MB3), unstorable="reject")
    assert in_words(said) == [
        (2, "ALT_PHONES_LOADED", "count=2"),
        (2, "LINE_BREAKS_REPLACED", FIELD),
        (2, "VALUE_CUT", FIELD),
        (5, "ALT_PHONES_LOADED", "count=3"),
        (5, "UNSTORABLE_REPLACED", FIELD),
    ]
    assert [row["alt_phone_note"] for row in rows] == ["n" * 30, "", "?", "", ""]
    assert [row["alt_phone_count"] for row in rows] == ["1", "2", "1", "2", "3"]
    assert rows[1]["phone_number"] == "x" * 18


def test_only_columns_that_the_table_has_are_given() -> None:
    older = {name: column for name, column in UTF8MB3.items() if name != "active"}
    rows, _ = stored(leads("7275551212"), dialer(**older))
    assert [*rows[0]] == [
        "lead_id", "phone_number", "phone_code", "alt_phone_note", "alt_phone_count"
    ]  # fmt: skip


def test_a_file_without_the_field_is_left_alone() -> None:
    rows = leads("x").drop(columns=FIELD)
    decided, said = decide(rows, LoadOptions(), dialer(), Lookups())
    assert decided is rows
    assert said.empty
    assert not list(extra_rows(rows.assign(lead_id=1), LoadOptions(), dialer()))


def test_no_leads_and_no_numbers_are_no_rows() -> None:
    assert stored(leads(), dialer(**UTF8MB3))[0] == []
    assert stored(leads("", "abc"), dialer(**UTF8MB3))[0] == []


PIECES = st.one_of(
    st.sampled_from(["7275551212", "+442079460000", "1", "44", "__", "_1_", "!", "!!", "\t", "é"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.text("0123456789_!+ ", max_size=25),
)
SENT = st.lists(PIECES, max_size=5).map("".join)


@pytest.mark.property
@given(sent=st.lists(SENT, max_size=4))
def test_rows_are_those_of_the_reference(sent: list[str]) -> None:
    tables: dict[str, list[dict[str, Any]]] = {TABLE: []}
    reference = Extras(tables, NOW, ZoneInfo("UTC"))
    rows = leads(*sent)
    counts = {}
    for row_number, text in rows[FIELD].items():
        for notice in reference.alt_phones({"lead_id": row_number * 10}, {FIELD: text}, "u"):
            counts[row_number] = f"count={notice.rpartition(' - ')[2].split('|')[0]}"
    expected = [
        {name: str(value) for name, value in row.items() if name != "alt_phone_id"}
        for row in tables[TABLE]
    ]
    own_way = {"phone_format": "as-given", "phone_validation": "length", "trim": "N"}
    found, said = stored(rows, dialer(**UTF8MB3), **own_way)
    assert [{name: str(value) for name, value in row.items()} for row in found] == expected
    assert details_of(said)[said["notice"] == "ALT_PHONES_LOADED"].to_dict() == counts


@pytest.mark.property
@given(
    numbers=st.lists(
        st.tuples(
            st.sampled_from(
                ["(727) 555-1212", "1727-555-1212", "020 7946 0000", "+442079460000", "07400123456",
                 "5551212", "030 123456", "x", "", "+1 727 555 1212 ext. 5"]
            ),
            st.sampled_from(["", "1", "44", "49", "7777"]),
        ),
        min_size=1,
        max_size=4,
    ),
    region=st.sampled_from(["US", "GB", "DE", ""]),
)  # fmt: skip
def test_normalized_as_phonenumbers_says(numbers: list[tuple[str, str]], region: str) -> None:
    regions = {"": region, "1": "US", "44": "GB", "49": "DE", "7777": ""}
    sent = "!".join(f"{number}_{code}_note" for number, code in numbers)
    expected = []
    for number, code in numbers:
        parsed = (number, code or "1")
        try:
            found = phonenumbers.parse(number, regions[code] or None)
        except phonenumbers.NumberParseException:
            found = None
        if found and phonenumbers.is_possible_number_with_reason(found) == 0:
            national = phonenumbers.national_significant_number(found)
            parsed = (national, str(found.country_code))
        expected.append((*parsed, "note"))
    assert one(sent, region) == expected
