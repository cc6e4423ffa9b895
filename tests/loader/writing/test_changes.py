"""What a duplicate changes in the existing lead, without a database."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.database.schema import metadata
from loader.options.load import LoadOptions
from loader.writing.changes import (
    CHANGE_TYPES,
    as_changes,
    differing_cells,
    fields_to_change,
    no_changes,
    wanted_values,
)

COLUMNS = list(metadata.tables["vicidial_list"].columns.keys())
EMPTY = LoadOptions(on_duplicate="update")
ALL = LoadOptions(on_duplicate="update", update_fields="all")
MOVE = LoadOptions(on_duplicate="move")


def held(**columns: list[str | None]) -> pd.DataFrame:
    """Make what leads hold, from row 2 on."""
    rows = len(next(iter(columns.values())))
    frame = pd.DataFrame({"lead_id": range(11, rows + 11)}, index=pd.RangeIndex(2, rows + 2))
    return frame.assign(**columns).astype(dict.fromkeys(columns, "str"))


# --- which fields ---


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["first_name", "comments"], ["first_name", "comments"]),
        (["comments", "first_name"], ["first_name", "comments"]),
        (["gender", "date_of_birth", "rank"], ["gender", "date_of_birth", "rank"]),
        (["phone_number", "phone_code", "list_id", "entry_list_id"], []),
        (["status", "called_count", "user", "entry_date", "modify_date", "lead_id"], []),
        (["gmt_offset_now", "called_since_last_reset", "last_local_call_time"], []),
        (["custom:colour", "multi_alt_phones", "callback", "hopper_priority"], []),
        ([], []),
    ],
    ids=str,
)
def test_the_files_fields_are_updated_but_what_is_the_dialers(
    fields: list[str], expected: list[str]
) -> None:
    assert fields_to_change(ALL, fields, COLUMNS) == expected
    assert fields_to_change(EMPTY, fields, COLUMNS) == expected
    assert fields_to_change(MOVE, fields, COLUMNS) == ["list_id"]


def test_a_column_that_the_table_lacks_is_left_out() -> None:
    assert fields_to_change(ALL, ["owner", "city"], ["lead_id", "city"]) == ["city"]


# --- which values ---


@pytest.mark.parametrize(
    ("field", "before", "given_value", "filled", "replaced"),
    [
        ("city", None, "Rome", "Rome", "Rome"),
        ("city", "", "Rome", "Rome", "Rome"),
        ("city", "Oslo", "Rome", "Oslo", "Rome"),
        ("city", "Oslo", "", "Oslo", "Oslo"),
        ("city", None, "", None, None),
        ("city", " ", "Rome", " ", "Rome"),
        ("city", "Rome", "rome", "Rome", "rome"),
        ("city", "Rome", "Rome ", "Rome", "Rome "),
        ("city", "U", "0", "U", "0"),
        ("city", "0", "Rome", "0", "Rome"),
        ("gender", "U", "F", "F", "F"),
        ("gender", None, "F", "F", "F"),
        ("gender", "M", "F", "M", "F"),
        ("gender", "M", "U", "M", "M"),
        ("gender", None, "U", None, None),
        ("date_of_birth", "0000-00-00", "1980-02-03", "1980-02-03", "1980-02-03"),
        ("date_of_birth", None, "0000-00-00", None, None),
        ("date_of_birth", "1980-02-03", "0000-00-00", "1980-02-03", "1980-02-03"),
        ("rank", "0", "5", "5", "5"),
        ("rank", "7", "5", "7", "5"),
        ("rank", "7", "0", "7", "7"),
        ("rank", "0", "-3", "-3", "-3"),
    ],
)
def test_an_update_takes_what_the_row_says(
    field: str, before: str | None, given_value: str, filled: str | None, replaced: str | None
) -> None:
    leads, there = held(**{field: [given_value]}), held(**{field: [before]})
    for options, expected in ((EMPTY, filled), (ALL, replaced)):
        after = wanted_values(leads, there, options)
        assert not differing_cells(after, held(**{field: [expected]})).any(axis=None)
        assert len(as_changes(there, after)) == (before != expected)


def test_a_move_takes_the_list_alone() -> None:
    leads = pd.DataFrame({"list_id": [101, 102], "city": ["Rome", "Oslo"]}, index=[2, 3])
    before = held(list_id=["101", "999"])
    changes = as_changes(before, wanted_values(leads, before, MOVE))
    assert changes.to_dict("index") == {
        3: {"lead_id": 12, "field": "list_id", "old": "999", "new": "102"}
    }


# --- changes ---


def test_changes_go_by_row_and_say_null() -> None:
    before = held(title=["Mr", None, "", "Dr"], city=["a", None, None, "\u00e4"])
    after = held(title=["Mr", "", None, "dr"], city=["a ", "b", None, "\u00e4"])
    changes = as_changes(before, after)
    assert [tuple(row) for row in changes.fillna("NULL").itertuples()] == [
        (2, 11, "city", "a", "a "),
        (3, 12, "title", "NULL", ""),
        (3, 12, "city", "NULL", "b"),
        (4, 13, "title", "", "NULL"),
        (5, 14, "title", "Dr", "dr"),
    ]


@pytest.mark.parametrize("rows", [0, 3])
def test_no_changes_are_a_frame_as_any(rows: int) -> None:
    same = held(title=["a"] * rows, city=[None] * rows)
    for changes in (as_changes(same, same), no_changes()):
        assert changes.empty
        assert dict(changes.dtypes.astype(str)) == CHANGE_TYPES
        assert changes.index.dtype == "int64"


cells = st.one_of(st.none(), st.sampled_from(["", " ", "a", "A", "a ", "NULL", "\u00e4", "'"]))


@pytest.mark.property
@given(pairs=st.lists(st.tuples(cells, cells, cells, cells), max_size=8))
def test_changes_lead_there_and_back(pairs: list[tuple[Any, ...]]) -> None:
    one = held(title=[pair[0] for pair in pairs], city=[pair[1] for pair in pairs])
    other = held(title=[pair[2] for pair in pairs], city=[pair[3] for pair in pairs])
    changes = as_changes(one, other)
    there, back = one.copy(), other.copy()
    for row, _lead, field, old, new in changes.itertuples():
        there.loc[row, field], back.loc[row, field] = new, old
    assert not differing_cells(there, other).any(axis=None)
    assert not differing_cells(back, one).any(axis=None)
    assert len(changes) == sum((a != c) + (b != d) for a, b, c, d in pairs)
