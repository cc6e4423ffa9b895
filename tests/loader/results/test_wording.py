"""Findings and notices as the words of the result files."""

import numpy as np
import pandas as pd

from loader.findings import findings, no_notices, notices
from loader.notices import Notice
from loader.reasons import Reason
from loader.results.all_reasons import BITS
from loader.results.wording import finding_texts, notices_text


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
    rows = pd.Index([2, 3])
    given = pd.Series(["1;\n2 ", ""], index=rows, dtype="str")
    cleaned = notices(rows, Notice.UNKNOWN_COUNTRY, value=given)
    assert notices_text(cleaned, rows).tolist() == ["UNKNOWN_COUNTRY 1,,2 ", "UNKNOWN_COUNTRY"]


def test_findings_in_words() -> None:
    feed, same = Reason.PHONE_NUMBER_IN_FEED, Reason.DUPLICATE_PHONE_NUMBER_IN_SYSTEM
    of_feed = findings(pd.Index([2]), feed, phone_number="7275551212", feed="old|one")
    of_lead = findings(pd.Index([3]), same, "7275551212|101|", list_id="201", archived="Y")
    of_lead = of_lead.assign(lead_id=pd.array([9], "Int64"), answer_tail="|201")
    of_row = of_lead.assign(duplicate_row=pd.array([2], "Int64"), lead_id=pd.NA, archived=None)
    found = pd.concat([of_feed, of_lead, of_row.set_axis([4]).astype(of_lead.dtypes)])
    bits = np.array([BITS[feed] | BITS[same], BITS[same], BITS[same]], dtype=np.uint64)
    texts = zip(*finding_texts(found.assign(reason_bits=bits)), strict=True)
    line = "ERROR: add_lead DUPLICATE PHONE NUMBER IN SYSTEM - 7275551212|101|"
    assert list(texts) == [
        (f"{feed}:old|one", f"{feed}:old/one|{same}", "phone_number=7275551212 feed=old|one", ""),
        (same, same, "lead_id=9 list_id=201 archived=Y", f"{line}9|201"),
        (same, same, "row_number=2 list_id=201", f"{line}|201"),
    ]
