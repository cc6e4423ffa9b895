"""What the report tells of loaded and of rejected rows."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loader.findings import FINDING_TYPES
from loader.profile.outcomes import MOST_STATES, LoadedRows, RejectedRows, age_names
from loader.profile.records import OTHERS
from loader.reasons import Reason
from loader.results.all_reasons import BITS

DUP, DNC = Reason.DUPLICATE_PHONE_NUMBER_IN_LIST, Reason.PHONE_NUMBER_IN_DNC

NOW = datetime(2026, 11, 22, 15, 0)


def loaded(*rows: tuple[str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["state", "gmt_offset_now"], index=range(2, len(rows) + 2))
    return frame.astype({"state": "str", "gmt_offset_now": "float64"})


def said(*rows: tuple[int, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["row", "notice", "field"]).set_index("row")
    return frame.astype("str")


def test_states_and_time_zones_are_counted(tmp_path: Path) -> None:
    rows = LoadedRows(tmp_path)
    rows.add(loaded(("FL", -5.0), ("fl ", -5.0), ("", 5.75)), said())
    rows.add(loaded(("NY", -10.0)), said())
    assert rows.states == {"FL": 2, "": 1, "NY": 1}
    assert list(rows.offsets.items()) == [("-10.00", 1), ("-5.00", 2), ("5.75", 1)]


def test_a_column_of_states_may_hold_anything(tmp_path: Path) -> None:
    rows = LoadedRows(tmp_path)
    for chunk in range(3):
        names = [(f"S{chunk}-{number}", 0.0) for number in range(5_000)]
        rows.add(loaded(*names, *[("FL", 0.0)] * 9), said())
    # It comes once in each chunk: what is forgotten of rare values would be missing.
    rows.add(loaded(("S0-4999", 0.0)), said())
    assert len(rows.states) == MOST_STATES + 1
    assert sum(rows.states.values()) == 3 * 5_009 + 1
    assert list(rows.states.items())[:3] == [("FL", 27), ("S0-4999", 2), ("S0-0", 1)]
    assert list(rows.states)[-1] == OTHERS


def test_repairs_are_counted_by_field_and_once_a_row(tmp_path: Path) -> None:
    rows = LoadedRows(tmp_path)
    notices = said(
        (2, "VALUE_CUT", "title"), (2, "VALUE_CUT", "comments"), (2, "VALUE_CUT", "title"),
        (3, "VALUE_CUT", "title"), (3, "EXTENSION_DROPPED", "phone_number"),
        (3, "ADDED_TO_HOPPER", "x"),
    )  # fmt: skip
    rows.add(loaded(("FL", 0.0), ("FL", 0.0)), notices)
    assert rows.repaired == {
        "VALUE_CUT": {"title": 2, "comments": 1},
        "EXTENSION_DROPPED": {"phone_number": 1},
    }


def rejected(*rows: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame([{"tel": "7275550101", **row} for row in rows]).set_index("row")
    frame = frame.reindex(columns=[*FINDING_TYPES, "also", "tel"]).astype(FINDING_TYPES)
    bits = [
        BITS[Reason[reason]] | (BITS[DNC] if also is True else np.uint64(0))
        for reason, also in zip(frame["reason"], frame["also"], strict=True)
    ]
    return frame.drop(columns="also").assign(reason_bits=np.array(bits, dtype=np.uint64))


def test_examples_and_ages_of_duplicates() -> None:
    asked: list[tuple[list[int], bool]] = []

    def entry_dates(ids: "pd.Series[int]", archived: bool) -> "pd.Series[pd.Timestamp]":
        asked.append((ids.tolist(), archived))
        there = {7: NOW - timedelta(days=40), 8: NOW - timedelta(hours=2), 9: NOW}
        return pd.Series({n: there[n] for n in ids if n in there}, dtype="datetime64[us]")

    rows = RejectedRows("tel", NOW, entry_dates)
    dup = {"reason": DUP.value, "also": True}
    rows.add(
        rejected(
            {"row": 9, **dup, "lead_id": 7, "list_id": "101"},
            {"row": 3, **dup, "lead_id": 8, "list_id": "102", "archived": "Y"},
            {"row": 4, **dup, "lead_id": 6, "list_id": "101"},
            {"row": 5, **dup, "duplicate_row": 2, "list_id": "101"},
            {"row": 6, "reason": DNC.value},
        )
    )
    assert asked == [([7, 6], False), ([8], True)]
    assert rows.ages == {"today": 1, "up to 3 months": 1, "unknown": 1}
    assert rows.reasons_all == {DUP: 4, DNC: 5}
    first, second, third, fourth = rows.examples[DUP]
    assert (first.row_number, first.lead_id) == (3, 8)
    assert first.details == {"list_id": "102", "archived": "Y"}
    assert first.entry_date == NOW - timedelta(hours=2)
    assert (second.row_number, second.entry_date, second.details) == (4, None, {"list_id": "101"})
    assert (third.lead_id, third.duplicate_row, third.details) == (None, 2, {"list_id": "101"})
    assert (fourth.row_number, fourth.phone) == (9, "7275550101")


def test_of_many_rows_the_first_are_shown() -> None:
    rows = RejectedRows("tel", NOW, lambda _ids, _archived: pd.Series(dtype="datetime64[us]"))
    for numbers in (range(50, 90), range(2, 4), range(10, 50)):
        chunk = [{"row": n, "reason": DNC.value} for n in numbers]
        rows.add(rejected(*chunk))
    assert [each.row_number for each in rows.examples[DNC]] == [2, 3, 10, 11, 12]
    assert rows.reasons_all == {DNC: 82}


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (-1.0, "today"), (0.0, "today"), (0.99, "today"), (1.0, "up to a week"),
        (7.9, "up to a week"), (8.0, "up to a month"), (365.9, "up to a year"),
        (731.0, "older"), (9999.0, "older"), (None, "unknown"),
    ],
)  # fmt: skip
def test_ages(days: float | None, name: str) -> None:
    entered = pd.NaT if days is None else NOW - timedelta(days=days)
    dates = pd.Series([entered], index=[5], dtype="datetime64[us]")
    assert age_names(dates, NOW).to_dict() == {5: name}
