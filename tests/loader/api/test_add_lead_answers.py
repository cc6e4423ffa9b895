"""Answers of add_lead, as a real dialer gave them and as the document shows them."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.api.add_lead import (
    Added,
    LeadRequest,
    answer_added,
    fields_of_call,
    options_of_calls,
    plain,
    read_request,
    write_request,
)
from loader.api.add_lead_answers import (
    NOT_ALLOWED,
    LeadAnswer,
    UnknownAnswerError,
    read_answer,
)
from loader.options.load import LoadOptions
from loader.reasons import Reason
from tests.conformance.corpus import REQUEST, load_cases

NOT_OF_LEADS = ("Invalid Source", *NOT_ALLOWED)


def recorded() -> list[tuple[list[str], str, str]]:
    """Give the lines of every recorded answer, with the user and the list that were sent."""
    found = []
    for case in load_cases():
        for lead, lines in zip(case["leads"], case["responses"], strict=True):
            sent = REQUEST | case["options"] | lead
            digits = re.sub("[^0-9]", "", sent.get("list_id") or "")
            found.append((lines, plain(sent["user"] or ""), digits if len(digits) >= 3 else ""))
    return found


def test_every_recorded_answer_is_read() -> None:
    counted = {"added": 0, "rejected": 0, "refused": 0}
    for lines, user, list_id in recorded():
        text = "\n".join(lines)
        if any(words in text for words in NOT_OF_LEADS):
            with pytest.raises(UnknownAnswerError):
                read_answer(text, user, list_id)
            counted["refused"] += 1
            continue
        answer = read_answer(text, user, list_id)
        verdict = next(line for line in lines if line.startswith(("SUCCESS", "ERROR")))
        if verdict.startswith("SUCCESS"):
            assert verdict.split("|")[2:4] == [str(answer.lead_id), answer.offset]
            assert len(answer.notices) == sum("NOTICE: " in it for it in lines if "NANPA" not in it)
            counted["added"] += 1
        else:
            sentence = f"ERROR: add_lead {Reason[answer.reason].answer} - "
            lead_id = str(answer.lead_id or "")
            assert f"{sentence}{answer.answer}{lead_id}{answer.answer_tail}" == verdict.rstrip()
            counted["rejected"] += 1
        assert LeadAnswer.of(answer.as_dict()).as_dict() == answer.as_dict()
    assert min(counted.values()) > 10
    assert counted["added"] > 5000


@pytest.mark.parametrize(
    ("line", "lead_id", "reason"),
    [
        ("SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275551111|6666|101|193715|-4", 193715, ""),
        ("SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275551111|101|193715|-4|6666", 193715, ""),
        (
            "ERROR: add_lead DUPLICATE PHONE NUMBER IN LIST - 7275551111|101|8765444",
            8765444, "DUPLICATE_PHONE_NUMBER_IN_LIST",
        ),
        (
            "ERROR: add_lead DUPLICATE PHONE NUMBER IN CAMPAIGN LISTS - 72755511|101|876|101|ALT",
            876, "DUPLICATE_PHONE_OR_ALT_PHONE_IN_CAMPAIGN_LISTS",
        ),
        (
            "ERROR: add_lead DUPLICATE NAME PHONE IN LIST - Bob|Smith|7275551113|101|8765444|101",
            8765444, "DUPLICATE_NAME_PHONE_IN_LIST",
        ),
        (
            "ERROR: add_lead DUPLICATE NAME PHONE IN SYSTEM - B|o|b|101|7275551113|101|8|101",
            8, "DUPLICATE_NAME_PHONE_IN_SYSTEM",
        ),
    ],
)  # fmt: skip
def test_lines_of_the_document(line: str, lead_id: int, reason: str) -> None:
    answer = read_answer(line, "6666", "101")
    assert (answer.lead_id, answer.reason) == (lead_id, reason)


def test_a_user_that_is_named_like_the_list() -> None:
    dialers = "SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275551111|101|55|-5|101"
    documents = "SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275551111|101|101|55|-5"
    assert read_answer(dialers, "101", "101").lead_id == 55
    assert read_answer(documents, "101", "101").lead_id == 55


@pytest.mark.parametrize(
    "text",
    [
        "", "<html><body>It works!</body></html>", "ERROR: NO FUNCTION SPECIFIED",
        "SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275551111|102|55|-5|6666",
        "SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275551111",
        "ERROR: add_lead SOMETHING NEW - 7275551111|6666",
        "ERROR: add_lead LEAD HAS NOT BEEN ADDED, A CHECK CANNOT BE MADE - the table is locked",
        "ERROR: add_lead DUPLICATE PHONE NUMBER IN LIST - 7275551111|202|8765444",
        "SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275551111|101|5|-5|6666\n"
        "ERROR: add_lead PHONE NUMBER IN DNC - 7275551111|6666",
    ],
)  # fmt: skip
def test_what_is_no_answer(text: str) -> None:
    with pytest.raises(UnknownAnswerError):
        read_answer(text, "6666", "101")


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@pytest.mark.property
@given(
    st.from_regex("[0-9]{6,16}", fullmatch=True), st.from_regex("[0-9]{3,12}", fullmatch=True),
    st.from_regex("[a-zA-Z0-9_-]{1,20}", fullmatch=True), st.integers(1, 2**63 - 1),
    st.sampled_from(["-5", "-3.50", "5.5", "0", "12", "-12", ""]),
)  # fmt: skip
def test_our_own_answers_are_read(
    phone: str, list_id: str, user: str, lead_id: int, offset: str
) -> None:
    ours = answer_added(Added(phone, list_id, lead_id, offset), {}, user)
    dialers = f"SUCCESS: add_lead LEAD HAS BEEN ADDED - {phone}|{list_id}|{lead_id}|{offset}|{user}"
    for text in ("\n".join(ours), dialers):
        answer = read_answer(text, user, list_id)
        assert (answer.lead_id, answer.offset) == (lead_id, offset)


@pytest.mark.property
@given(names, names, st.integers(1, 2**31), st.sampled_from(["", "|101", "|101|PHONE"]))
def test_names_in_an_answer_may_have_any_character(
    first: str, last: str, lead_id: int, tail: str
) -> None:
    where = "SYSTEM" if tail else "LIST"
    text = f"ERROR: add_lead DUPLICATE NAME PHONE IN {where} - {first}|{last}|7|101|{lead_id}{tail}"
    assert read_answer(text, "6666", "101").lead_id == lead_id


@pytest.mark.property
@given(st.text())
def test_any_text_is_an_answer_or_none(text: str) -> None:
    with contextlib.suppress(UnknownAnswerError):
        read_answer(text, "6666", "101")


def test_the_parameters_of_a_call_are_read_as_they_were_meant() -> None:
    options = LoadOptions(duplicate_check="DUPSYS", dnc_check="AREACODE", callback="Y", source="ab")
    lead = {"phone_number": "7275551212", "callback": "Y", "gender": "U", "rank": "0", "city": ""}
    lead |= {"add_to_hopper": "N", "custom:color": "blue", "date_of_birth": "1980-01-15"}
    sent = write_request(LeadRequest("6666", options_of_calls(options), fields_of_call(lead)))
    assert sent == {
        "function": "add_lead", "user": "6666", "source": "ab", "duplicate_check": "DUPSYS",
        "dnc_check": "AREACODE", "phone_number": "7275551212", "callback": "Y", "color": "blue",
        "date_of_birth": "1980-01-15",
    }  # fmt: skip
    read = read_request(sent)
    assert read.options | {"source": "ab"} == options_of_calls(options)
    assert read.fields == fields_of_call(lead) | {"function": "add_lead"}
