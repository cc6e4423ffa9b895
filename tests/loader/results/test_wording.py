"""Notices as the words of loaded.csv."""

import pandas as pd

from loader.findings import no_notices, notices
from loader.reasons import Notice
from loader.results.wording import notices_text


def test_the_notices_of_a_row_in_words() -> None:
    cut = notices(pd.Index([5, 2]), Notice.VALUE_CUT, field="title")
    also = notices(pd.Index([5]), Notice.VALUE_CUT, field="city")
    gender = notices(pd.Index([5, 9]), Notice.UNKNOWN_GENDER)
    rows = pd.Index([2, 5, 7])
    words = notices_text(pd.concat([cut, also, gender]), rows)
    assert words.to_dict() == {
        2: "VALUE_CUT title",
        5: "VALUE_CUT title; VALUE_CUT city; UNKNOWN_GENDER",
        7: "",
    }
    assert notices_text(no_notices(), rows).to_dict() == dict.fromkeys(rows, "")
    assert str(words.dtype) == "str"


def test_details_that_a_row_does_not_have_are_not_shown() -> None:
    rows = pd.Index([2, 3])
    user = pd.Series(["6666", None], index=rows, dtype="str")
    added = notices(rows, Notice.CALLBACK_ADDED, campaign_id="CAMP", user=user, status="")
    assert notices_text(added, rows).tolist() == [
        "CALLBACK_ADDED campaign_id=CAMP user=6666 status=",
        "CALLBACK_ADDED campaign_id=CAMP status=",
    ]


def test_a_detail_ends_neither_its_notice_nor_its_row() -> None:
    cleaned = notices(pd.Index([2]), Notice.LIST_ID_CLEANED, value="1;\n2")
    assert notices_text(cleaned, pd.Index([2])).tolist() == ["LIST_ID_CLEANED 1,,2"]
