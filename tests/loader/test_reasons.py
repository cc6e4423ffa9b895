"""The words that stand on each reason and notice."""

import pytest

from loader.notices import Notice
from loader.reasons import Reason, title_of


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_has_all_its_words(reason: Reason) -> None:
    assert reason == reason.name
    assert reason.meaning
    assert reason.advice
    assert reason.because
    assert reason.cause.endswith(".")
    assert not any(text.endswith(".") for text in (reason.meaning, reason.advice, reason.because))


@pytest.mark.parametrize("reason", [it for it in Reason if it.startswith("DUPLICATE_")])
def test_a_duplicate_says_where_and_how(reason: Reason) -> None:
    assert reason.because.removesuffix(" already") not in reason.in_file
    assert reason.in_file.endswith("in the file already")
    assert reason.likeness.endswith(" as")
    assert reason.answer.startswith("DUPLICATE ")


@pytest.mark.parametrize("notice", Notice)
def test_a_notice_has_a_meaning(notice: Notice) -> None:
    assert notice == notice.name
    assert notice.meaning


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("PHONE_NUMBER_IN_DNC", "Phone number in DNC"),
        ("NANPA_NOT_LOADED", "NANPA not loaded"),
        ("BROKEN_QUOTE", "Broken quote"),
        ("", ""),
    ],
)
def test_titles(name: str, title: str) -> None:
    assert title_of(name) == title
