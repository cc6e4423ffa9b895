"""Custom fields: what is stored for which list, as add_lead stores it."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.clock import Clock
from loader.dialer import Column, Dialer, Lookups
from loader.extras.custom_fields import decide, extra_rows, labels_of, reject_encrypted
from loader.extras.rows import ExtraRows
from loader.findings import Notices
from loader.options.load import LoadOptions
from loader.results.wording import notice_texts
from tests.conformance.reference_extras import Extras
from tests.support.call_count import calls
from tests.support.notices import in_words

NOW = datetime(2026, 1, 15, 14)
LABELS = ("color", "size", "born", "due", "tm")
TYPES = {"color": "VARCHAR(10)", "size": "TEXT", "born": "DATE", "due": "DATETIME", "tm": "TIME"}
EMPTY = {
    "color": "", "size": "", "born": "0000-00-00", "due": "0000-00-00 00:00:00", "tm": "00:00:00",
}  # fmt: skip
COLUMNS = {
    "lead_id": Column(),
    "color": Column(width=10, charset="utf8mb3"),
    "size": Column(charset="utf8mb3"),
    "born": Column(moment="date"),
    "due": Column(moment="datetime"),
    "tm": Column(moment="time"),
}
ASKED = LoadOptions(custom_fields="Y")


def dialer(**facts: Any) -> Dialer:
    """Give a dialer whose list 101 has all fields."""
    usual = {
        "custom_fields_enabled": True,
        "custom_labels": labels({101: LABELS}),
        "tables": {"custom_101": COLUMNS},
    }
    return Dialer(clock=Clock(now=NOW, offset=timedelta()), columns={}, **usual | facts)


def labels(by_list: dict[int, tuple[str, ...]]) -> "pd.Series[str]":
    pairs = [(list_id, label) for list_id, names in by_list.items() for label in names]
    index = pd.Index([list_id for list_id, _ in pairs], dtype="int64")
    return pd.Series([label for _, label in pairs], index=index, dtype="str")


def leads(*list_ids: str, **values: str | list[str]) -> pd.DataFrame:
    """Make leads of lists as given, from row 2 on."""
    rows = pd.DataFrame({"list_id_given": list(list_ids)}, dtype="str")
    rows.index = pd.Index(range(2, 2 + 3 * len(list_ids), 3), dtype="int64", name="row_number")
    rows["list_id"] = rows["list_id_given"].replace("", "999").astype("int64")
    for label, of_label in values.items():
        rows[label if label == "entry_list_id" else f"custom:{label}"] = of_label
    return rows.astype(dict.fromkeys(rows.columns.drop("list_id"), "str"))


def decided(
    rows: pd.DataFrame, dialer: Dialer
) -> tuple[pd.DataFrame, Notices, dict[str, ExtraRows]]:
    """Decide, and give the rows that are stored by table; lead_ids are ten times row numbers."""
    done, said = decide(rows, ASKED, dialer, Lookups())
    assert done.index.equals(rows.index)
    assert set(done) == {*rows, "entry_list_id"}
    assert not done.isna().any(axis=None)
    extras = list(extra_rows(done.assign(lead_id=done.index * 10), ASKED, dialer))
    for extra in extras:
        assert (extra.rows["lead_id"] == extra.rows.index * 10).all()
        kinds = {name: str(kind) for name, kind in extra.rows.dtypes.items()}
        assert kinds.pop("lead_id") == "int64"
        assert set(kinds.values()) == {"str"}
        assert extra.replaces
        assert extra.unless_stored == {"entry_list_id": "0"}
    return done, said, {extra.table: extra for extra in extras}


ADDED = (2, "CUSTOM_FIELDS_ADDED", "list_id=101")


@pytest.mark.parametrize(
    ("facts", "list_id", "notice"),
    [
        ({}, "101", ADDED),
        ({"custom_fields_enabled": False}, "101", (2, "CUSTOM_FIELDS_DISABLED", "")),
        ({}, "102", (2, "NO_CUSTOM_FIELDS_FOR_LIST", "list_id=102")),
        ({}, "0101", (2, "NO_CUSTOM_FIELDS_FOR_LIST", "list_id=0101")),
        ({}, "", (2, "NO_CUSTOM_FIELDS_FOR_LIST", "list_id=999")),
        ({"custom_labels": labels({102: LABELS})}, "101", (2, "NO_FIELDS_DEFINED", "list_id=101")),
        ({"tables": {"custom_101": {"lead_id": Column(), "other": Column()}}}, "101",
         (2, "NO_FIELDS_TO_UPDATE", "list_id=101")),
    ],
    ids=str,
)  # fmt: skip
def test_whether_a_list_takes_custom_fields(
    facts: dict[str, Any], list_id: str, notice: tuple[int, str, str]
) -> None:
    done, said, stored = decided(leads(list_id, color="red"), dialer(**facts))
    assert in_words(said)[:1] == [notice]
    assert done["entry_list_id"].tolist() == ["101" if notice == ADDED else "0"]
    assert bool(stored) == (notice == ADDED)


def test_a_list_given_with_zeros_has_a_table_of_its_own() -> None:
    done, said, stored = decided(
        leads("0101", color="red"), dialer(tables={"custom_0101": COLUMNS})
    )
    assert in_words(said) == [(2, "CUSTOM_FIELDS_ADDED", "list_id=0101")]
    assert done["entry_list_id"].tolist() == ["101"]
    assert list(stored) == ["custom_0101"]


@pytest.mark.parametrize(
    ("label", "given", "stored", "notices"),
    [
        ("color", "red", "red", []),
        ("color", "", "", []),
        ("color", "--BLANK--", "", []),
        ("color", " --BLANK--", " --BLANK--", []),
        ("color", "--BLANK--x", "--BLANK--x", []),
        ("color", "a very long colour", "a very lon", ["VALUE_CUT color"]),
        ("size", "x" * 500, "x" * 500, []),
        ("size", "a\tb", "a b", ["LINE_BREAKS_REPLACED size"]),
        ("size", "\U0001f600é", "?é", ["UNSTORABLE_REPLACED size"]),
        ("born", "1980-01-02", "1980-01-02", []),
        ("born", "1980-1-2 10:00", "1980-01-02", []),
        ("born", " 19800102", "1980-01-02", []),
        ("born", "800102", "1980-01-02", []),
        ("born", "", "0000-00-00", []),
        ("born", " ", "0000-00-00", []),
        ("born", "--BLANK--", "0000-00-00", []),
        ("born", "0000-00-00", "0000-00-00", []),
        ("born", "not a date", "0000-00-00", ["INVALID_DATE born value=not a date"]),
        ("born", "1980-02-30", "0000-00-00", ["INVALID_DATE born value=1980-02-30"]),
        ("born", "on 1980-01-02", "0000-00-00", ["INVALID_DATE born value=on 1980-01-02"]),
        ("born", "1980/01/02", "1980-01-02", []),
        ("born", "1980.1.2", "1980-01-02", []),
        ("born", "1980:01:02", "1980-01-02", []),
        ("born", "10:11:12", "2010-11-12", []),
        ("born", "1:2:3", "0001-02-03", []),
        ("born", "1980-01-02x", "1980-01-02", ["DATE_READ_IN_PART born value=1980-01-02x"]),
        ("due", "2027/01/02 10:11:12", "2027-01-02 10:11:12", []),
        ("due", "20270102101112", "2027-01-02 10:11:12", []),
        ("due", "2027-01-02T10", "2027-01-02 10:00:00", []),
        ("due", "27-01-02", "2027-01-02 00:00:00", []),
        ("due", "2027-01-02 10:11:12.75", "2027-01-02 10:11:12", []),
        (
            "due",
            "2027-01-02 10:61",
            "0000-00-00 00:00:00",
            ["INVALID_DATE due value=2027-01-02 10:61"],
        ),
        ("due", "", "0000-00-00 00:00:00", []),
        ("tm", "13:05", "13:05:00", []),
        ("tm", "130559", "13:05:59", []),
        ("tm", "1:05 PM", "01:05:00", ["DATE_READ_IN_PART tm value=1:05 PM"]),
        ("tm", "", "00:00:00", []),
        ("tm", "soon", "00:00:00", ["INVALID_DATE tm value=soon"]),
    ],
)
def test_values_as_they_are_stored(label: str, given: str, stored: str, notices: list[str]) -> None:
    _, said, tables = decided(leads("101", **{label: given}), dialer())
    rows = tables["custom_101"].rows.to_dict("records")
    assert rows == [{"lead_id": 20} | EMPTY | {label: stored}]
    said = said[said["notice"] != "CUSTOM_FIELDS_ADDED"]
    assert notice_texts(said).tolist() == notices


def test_unstorable_characters_do_not_reject_an_accepted_row() -> None:
    options = LoadOptions(custom_fields="Y", unstorable="reject")
    _, said = decide(leads("101", color="\U0001f600"), options, dialer(), Lookups())
    assert in_words(said) == [ADDED, (2, "UNSTORABLE_REPLACED", "color")]


def test_leads_of_several_lists() -> None:
    facts = {
        "custom_labels": labels({101: ("color",), 102: ("color", "weight"), 103: ("color",)}),
        "tables": {
            "custom_101": {"lead_id": Column(), "color": Column(width=3)},
            "custom_102": {"lead_id": Column(), "color": Column(width=4), "weight": Column()},
        },
    }
    rows = leads(
        "102", "101", "103", "102",
        color=["green", "green", "green", "blue"], other="x", entry_list_id="7",
    )  # fmt: skip
    done, said, stored = decided(rows, dialer(**facts))
    assert done["custom:color"].tolist() == ["gree", "gre", "green", "blue"]
    assert done["entry_list_id"].tolist() == ["102", "101", "7", "102"]
    assert in_words(said) == [
        (2, "CUSTOM_FIELDS_ADDED", "list_id=102"),
        (2, "VALUE_CUT", "color"),
        (5, "CUSTOM_FIELDS_ADDED", "list_id=101"),
        (5, "VALUE_CUT", "color"),
        (8, "NO_CUSTOM_FIELDS_FOR_LIST", "list_id=103"),
        (11, "CUSTOM_FIELDS_ADDED", "list_id=102"),
    ]
    assert {table: extra.rows.to_dict("list") for table, extra in stored.items()} == {
        "custom_102": {"lead_id": [20, 110], "color": ["gree", "blue"], "weight": ["", ""]},
        "custom_101": {"lead_id": [50], "color": ["gre"]},
    }
    assert labels_of(dialer(**facts)) == ["color", "weight"]


@pytest.mark.parametrize(
    ("columns", "fields", "stored"),
    [
        (["Color", "SIZE"], ("color", "Size"), {"Color": "c", "SIZE": "S"}),
        (["COLOR", "color"], ("color",), {"color": "c"}),
        (["COLOR"], ("color", "Color"), None),
        (["colour"], ("color",), None),
        (["color"], ("color", "Lead_ID"), {"color": "c"}),
        (["FARBTÖNE"], ("farbtöne",), {"FARBTÖNE": "t"}),
    ],
    ids=str,
)
def test_columns_are_found_in_any_case(
    columns: list[str], fields: tuple[str, ...], stored: dict[str, str] | None
) -> None:
    table = {"lead_id": Column(), **dict.fromkeys(columns, Column(width=1))}
    facts = {"custom_labels": labels({101: fields}), "tables": {"custom_101": table}}
    given = {"color": "cut", "Size": "S", "size": "other", "farbtöne": "t", "Lead_ID": "7"}
    _, said, tables = decided(leads("101", **given), dialer(**facts))
    if stored is None:
        assert in_words(said) == [(2, "NO_FIELDS_TO_UPDATE", "list_id=101")]
        assert not tables
    else:
        assert tables["custom_101"].rows.to_dict("records") == [{"lead_id": 20} | stored]


def test_a_field_without_a_column_costs_the_others_nothing() -> None:
    table = {"lead_id": Column(), "color": Column()}
    facts = {"custom_labels": labels({101: ("color", "gone")}), "tables": {"custom_101": table}}
    rows = leads("101", "101", "101", "101", color="red", gone=["x", "", "--BLANK--", " "])
    _, said, tables = decided(rows, dialer(**facts))
    assert tables["custom_101"].rows["color"].tolist() == ["red"] * 4
    said = said[said["notice"] != "CUSTOM_FIELDS_ADDED"]
    assert in_words(said) == [(2, "CUSTOM_FIELD_WITHOUT_COLUMN", "gone")]


@pytest.mark.parametrize(
    ("facts", "rejected"),
    [
        ({}, [2]),
        ({"custom_fields_enabled": False}, []),
        ({"encrypted_labels": labels({102: ("color",)})}, [14]),
        ({"encrypted_labels": labels({101: ("color", "size"), 102: ("color",)})}, [2, 2, 5, 14]),
    ],
    ids=str,
)
def test_values_that_the_dialer_encrypts(facts: dict[str, Any], rejected: list[int]) -> None:
    rows = leads(
        "101", "101", "101", "101", "102",
        color=["red", "", "--BLANK--", " ", "red"], size=["L", "L", "", "", "L"],
    )  # fmt: skip
    usual = {"encrypted_labels": labels({101: ("color",)})}
    found = reject_encrypted(rows, ASKED, dialer(**usual | facts))
    assert found.index.tolist() == rejected
    assert set(found["reason"]) <= {"ENCRYPTED_CUSTOM_FIELD"}
    assert reject_encrypted(rows, LoadOptions(), dialer(**usual)).empty


def test_lists_in_any_number_take_little_work() -> None:
    list_ids = [str(1000 + place) for place in range(2000)]
    names = tuple(f"field_{place}" for place in range(10))
    # What a label's column holds differs between lists.
    tables = {
        f"custom_{list_id}": {"lead_id": Column()}
        | {name: Column(width=1 + int(list_id) % 3) for name in names}
        for list_id in list_ids
    }
    by_label = labels({int(list_id): names for list_id in list_ids})
    rows = leads(*list_ids, **{name: ["abcd"] * len(list_ids) for name in names[:5]})
    dialer_of_lists = dialer(custom_labels=by_label, tables=tables)
    done, said = decide(rows, ASKED, dialer_of_lists, Lookups())
    leads_of_lists = done.assign(lead_id=done.index * 10)
    extras = list(extra_rows(leads_of_lists, ASKED, dialer_of_lists))
    deciding = calls(lambda: decide(rows, ASKED, dialer_of_lists, Lookups()))
    giving = calls(lambda: list(extra_rows(leads_of_lists, ASKED, dialer_of_lists)))
    # Some 200 a list each; more than 6,000 where pandas is asked list by list.
    assert deciding < 1000 * len(list_ids)
    assert giving < 1000 * len(list_ids)

    stored = {extra.table: extra for extra in extras}
    assert stored.keys() == tables.keys()
    assert done["entry_list_id"].tolist() == list_ids
    assert done["custom:field_0"][:4].tolist() == ["ab", "abc", "a", "ab"]
    assert said["notice"].value_counts().to_dict() == {
        "CUSTOM_FIELDS_ADDED": 2000,
        "VALUE_CUT": 10_000,
    }
    assert stored["custom_1001"].rows.to_dict("records") == [
        {"lead_id": 50} | dict.fromkeys(names[:5], "abc") | dict.fromkeys(names[5:], "")
    ]


@pytest.mark.parametrize(
    ("options", "facts"),
    [(LoadOptions(), {}), (ASKED, {"knows_leads": False})],
    ids=["not asked for", "no database"],
)
def test_nothing_is_said(options: LoadOptions, facts: dict[str, Any]) -> None:
    rows = leads("101", color="red")
    done, said = decide(rows, options, dialer(**facts), Lookups())
    assert done is rows
    assert said.empty
    assert not list(extra_rows(rows.assign(lead_id=1), options, dialer(**facts)))


def test_no_leads_are_no_rows() -> None:
    done, said, stored = decided(leads(color=[]), dialer())
    assert str(done["entry_list_id"].dtype) == "str"
    assert said.empty
    assert not stored


# The dialer keeps controls and all kinds of blanks; the loader replaces them, and says so.
CHARACTERS = st.one_of(st.characters(exclude_categories=["Cs", "Cc", "Z"]), st.just(" "))
VALUES = st.one_of(
    st.text(CHARACTERS, max_size=15).map(lambda text: text.lstrip(" ")),
    st.text("0123456789- :x", max_size=12).map(lambda text: text.lstrip(" ")),
    st.dates().map(str),
    st.sampled_from(["--BLANK--", "", "2000-02-29", "2001-02-29", "20000229", "1980-00-00"]),
)
NOTICES = {
    "VALUES ADDED": "CUSTOM_FIELDS_ADDED",
    "NOT ADDED, CUSTOM FIELDS DISABLED": "CUSTOM_FIELDS_DISABLED",
    "NOT ADDED, NO CUSTOM FIELDS DEFINED FOR THIS LIST": "NO_CUSTOM_FIELDS_FOR_LIST",
    "NOT ADDED, NO FIELDS DEFINED": "NO_FIELDS_DEFINED",
    "NOT ADDED, NO FIELDS TO UPDATE DEFINED": "NO_FIELDS_TO_UPDATE",
}


@pytest.mark.property
@given(
    sent=st.lists(
        st.fixed_dictionaries(
            {"list_id": st.sampled_from(["101", "102", "0101", "103"])},
            optional=dict.fromkeys(LABELS, VALUES),
        ),
        max_size=5,
    ),
    enabled=st.booleans(),
    fields=st.dictionaries(
        st.sampled_from([101, 102, 103]), st.sets(st.sampled_from(LABELS)).map(tuple)
    ),
    tables=st.dictionaries(
        st.sampled_from(["custom_101", "custom_102", "custom_0101"]),
        st.sets(st.sampled_from(LABELS), min_size=1),
    ),
)
def test_the_same_as_the_reference(
    sent: list[dict[str, str]],
    enabled: bool,
    fields: dict[int, tuple[str, ...]],
    tables: dict[str, set[str]],
) -> None:
    reference = Extras(
        {
            "system_settings": [{"custom_fields_enabled": str(int(enabled))}],
            "vicidial_lists_fields": [
                {"list_id": list_id, "field_label": label, "field_type": "TEXT"}
                for list_id, names in fields.items()
                for label in names
            ],
            "custom_tables": [
                {"table": name, "columns": {label: TYPES[label] for label in columns}}
                for name, columns in tables.items()
            ],
        },
        NOW,
        ZoneInfo("UTC"),
    )
    rows = leads(
        *(lead["list_id"] for lead in sent),
        **{label: [lead.get(label, "") for lead in sent] for label in LABELS},
    )
    entry_list_ids, notices = [], []
    for row_number, lead in zip(rows.index, sent, strict=True):
        row = {"lead_id": row_number * 10, "list_id": int(lead["list_id"]), "entry_list_id": 0}
        line = reference.custom_fields(row, {**lead, "phone_number": "7275551212"}, lead)
        entry_list_ids.append(str(row["entry_list_id"]))
        notices.append(NOTICES[line.partition("CUSTOM FIELDS ")[2].partition(" - ")[0]])
    done, said, stored = decided(
        rows,
        dialer(
            custom_fields_enabled=enabled,
            custom_labels=labels(fields),
            tables={
                name: {label: COLUMNS[label] for label in columns}
                for name, columns in tables.items()
            },
        ),
    )
    assert done["entry_list_id"].tolist() == entry_list_ids
    assert said["notice"][said["notice"].isin(NOTICES.values())].sort_index().tolist() == notices
    for name in tables:
        expected = [
            {label: value for label, value in row.items() if value is not None}
            for row in reference.tables.get(name, [])
        ]
        found = stored[name].rows.to_dict("records") if name in stored else []
        assert found == expected
