"""What the server did, in the notices of leads."""

import pandas as pd
import pytest

from loader.extras.rows import ExtraRows
from loader.findings import Notices, no_notices, notices
from loader.notices import Notice
from loader.results.wording import notices_text
from loader.writing.changes import CHANGE_TYPES
from loader.writing.extras import InsertedExtra
from loader.writing.notices import (
    changed_by_server,
    of_changes,
    with_stored_extra,
    without_extras,
)

ROWS = pd.Index([2, 3, 4])
HOPPER = ExtraRows(
    table="vicidial_hopper",
    notice=Notice.ADDED_TO_HOPPER,
    rows=pd.DataFrame({"lead_id": [20, 30]}, index=[2, 3]),
    generated="hopper_id",
)


@pytest.fixture
def noticed() -> Notices:
    return pd.concat(
        [
            notices(ROWS, Notice.VALUE_CUT, field="ADDED_TO_HOPPER"),
            notices(ROWS[:2], Notice.ADDED_TO_HOPPER, priority="0"),
            notices(ROWS, Notice.CALLBACK_ADDED, campaign_id="C"),
        ]
    )


def texts(noticed: Notices) -> list[list[str]]:
    """Give the notices of each row but the first and the last."""
    return [text.split("; ")[1:-1] for text in notices_text(noticed, ROWS)]


def test_numbers_stand_with_the_notice_of_their_row(noticed: Notices) -> None:
    stored = InsertedExtra(stored=(2, 3), generated=pd.Series({2: 7, 3: 8}))
    assert texts(with_stored_extra(noticed, HOPPER, stored)) == [
        ["ADDED_TO_HOPPER hopper_id=7 priority=0"], ["ADDED_TO_HOPPER hopper_id=8 priority=0"], [],
    ]  # fmt: skip


def test_what_is_not_stored_takes_the_place_of_what_would_be(noticed: Notices) -> None:
    # The dialer itself may have put the lead into the hopper.
    stored = InsertedExtra(refused={2: 1062}, generated=pd.Series({2: 7}))
    assert texts(with_stored_extra(noticed, HOPPER, stored)) == [
        ["EXTRA_NOT_STORED table=vicidial_hopper error=1062"],
        ["EXTRA_NOT_STORED table=vicidial_hopper error=unknown"],
        [],
    ]
    assert (
        texts(without_extras(noticed, [HOPPER]))[:2]
        == [["EXTRA_NOT_STORED table=vicidial_hopper error=unknown"]] * 2
    )


def test_what_the_server_changed_comes_last(noticed: Notices) -> None:
    stored = InsertedExtra(stored=(2, 3), changed=(3,))
    found = with_stored_extra(pd.concat([noticed, changed_by_server([3])]), HOPPER, stored)
    assert notices_text(found, ROWS)[3].split("; ")[-2:] == [
        "CHANGED_BY_SERVER", "CHANGED_BY_SERVER table=vicidial_hopper",
    ]  # fmt: skip


def test_changes_of_existing_leads() -> None:
    changes = pd.DataFrame(
        [(1, "title", "", "MR"), (1, "city", None, "X"), (5, "list_id", "101", "102")],
        columns=list(CHANGE_TYPES), index=[2, 2, 3],
    ).astype(CHANGE_TYPES)  # fmt: skip
    assert notices_text(of_changes(ROWS, changes), ROWS).tolist() == [
        "UPDATED_EXISTING_LEAD fields=title,city",
        "MOVED_EXISTING_LEAD from_list_id=101",
        "EXISTING_LEAD_UNCHANGED",
    ]
    assert of_changes(ROWS[:0], changes[:0]).equals(no_notices())
