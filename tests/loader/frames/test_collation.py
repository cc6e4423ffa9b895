"""Keys are equal where the dialer's database calls texts equal."""

import sys
import unicodedata
from collections.abc import Callable, Iterator

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from loader.database.weights import server_fold
from loader.frames.collation import CharacterFold, fold, fold_text, general_ci
from tests.conformance import reference_fields
from tests.support.server import Server

COLLATIONS = ("utf8mb3_general_ci", "utf8mb4_unicode_ci", "latin1_swedish_ci", "utf8mb3_bin")


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[Connection]:
    engine = create_engine(server.url())
    with engine.connect() as connection:
        connection.exec_driver_sql("SET NAMES utf8mb4")
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", ""),
        ("ann", "ANN"),
        ("Ann  ", "ANN"),
        (" Ann", " ANN"),
        ("Ann\u00a0", "ANN\u00a0"),
        ("Jos\u00e9", "JOSE"),
        ("JOSE\u0301", "JOSE\u0301"),
        ("stra\u00dfe", "STRASE"),
        ("\u0141ukasz", "\u0141UKASZ"),
        ("\u0451\u0416", "\u0415\u0416"),
        ("7275551212 ", "7275551212"),
        ("a_b-'\\%", "A_B-'\\%"),
    ],
)
def test_fold(text: str, key: str) -> None:
    assert fold_text(text) == key
    both = fold(pd.Series([text, "x", text], index=[2, 5, 9], dtype="str"))
    assert both.to_dict() == {2: key, 5: "X", 9: key}
    assert str(both.dtype) == "str"


def test_without_a_fold_only_trailing_blanks_are_ignored() -> None:
    assert fold(pd.Series(["\u00c9a  ", "b"], dtype="str"), None).tolist() == ["\u00c9a", "b"]


def test_no_texts() -> None:
    assert fold(pd.Series([], dtype="str")).empty


@pytest.mark.property
@given(texts=st.lists(st.text(max_size=8), max_size=8))
def test_frames_and_single_texts_are_folded_alike(texts: list[str]) -> None:
    assert fold(pd.Series(texts, dtype="str")).tolist() == [fold_text(text) for text in texts]


# Latin with accents of Europe, Greek, Cyrillic, and Latin of Vietnam.
BLOCKS = ((0x20, 0x180), (0x386, 0x3CF), (0x400, 0x460), (0x1EA0, 0x1EFA))


def letters() -> list[str]:
    return [
        chr(code)
        for start, stop in BLOCKS
        for code in range(start, stop)
        if unicodedata.category(chr(code))[0] == "L"
    ]


@pytest.mark.engines("innodb")
def test_general_ci_agrees_with_the_server_about_equal_letters(
    connection: Connection, engine_name: str
) -> None:
    weigh = server_fold(connection, "utf8mb3_general_ci")
    assert weigh is not None
    assert classes(general_ci) == classes(weigh)


def classes(weigh: CharacterFold) -> set[str]:
    """Give the sets of letters that are equal to each other."""
    equal: dict[str, str] = {}
    for letter in letters():
        equal[weigh(letter)] = equal.get(weigh(letter), "") + letter
    return set(equal.values())


@st.composite
def pairs(draw: st.DrawFn, alphabet: st.SearchStrategy[str]) -> tuple[str, str]:
    """Give two texts, often alike: other case, other accents, other blanks."""
    text = draw(st.text(alphabet, max_size=6))
    changes: list[Callable[[str], str]] = [
        str,
        str.upper,
        str.lower,
        str.swapcase,
        lambda t: unicodedata.normalize("NFD", t),
        lambda t: unicodedata.normalize("NFC", t),
        lambda t: "".join(
            c for c in unicodedata.normalize("NFD", t) if not unicodedata.combining(c)
        ),
        lambda t: f"{t}  ",
        lambda t: f" {t}",
        lambda t: t[::-1],
    ]
    other = draw(st.sampled_from(changes))(text)
    return text, draw(st.sampled_from((other, draw(st.text(alphabet, max_size=6)))))


BASIC_PLANE = st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs", "Cc"))
COMMON = st.sampled_from(
    "aAbBeEsS\u00df\u00e9\u00c9\u0301 \u0130\u0131\u00e6\u0153\u01c4\ufb01'-_%"
)
CP1252 = st.sampled_from(
    [c for c in bytes(range(32, 256)).decode("cp1252", "ignore") if c != "\x7f"]
)
"""Letters of Western Europe."""


@pytest.mark.property
@pytest.mark.engines("innodb")
@pytest.mark.parametrize("collation", COLLATIONS)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts_are_equal_exactly_when_the_server_says_so(
    data: st.DataObject, collation: str, connection: Connection, engine_name: str
) -> None:
    charset = collation.partition("_")[0]
    alphabet = CP1252 if charset == "latin1" else BASIC_PLANE | COMMON
    several = data.draw(st.lists(pairs(alphabet), min_size=1, max_size=20))
    weigh = server_fold(connection, collation)
    question = f"CONVERT(%s USING {charset}) COLLATE {collation} = CONVERT(%s USING {charset})"
    statement = "SELECT " + ", ".join([question] * len(several))
    values = tuple(text for pair in several for text in pair)
    answers = connection.exec_driver_sql(statement, values).one()
    assert [(pair, is_equal(*pair, weigh)) for pair in several] == [
        (pair, bool(answer)) for pair, answer in zip(several, answers, strict=True)
    ]


def is_equal(one: str, other: str, weigh: CharacterFold | None) -> bool:
    keys = fold(pd.Series([one, other], dtype="str"), weigh)
    return bool(keys.iloc[0] == keys.iloc[1])


@pytest.mark.parametrize("alphabet", ["Aa\u00c4\u00e4\u00c1Ee\u00c9 ", "\u0401\u0451\u0415"])
def test_the_reference_folds_alike(alphabet: str) -> None:
    for one in alphabet:
        for other in alphabet:
            ours = fold_text(one) == fold_text(other)
            assert ours == (reference_fields.fold(one) == reference_fields.fold(other))


def test_every_character_can_be_folded() -> None:
    everything = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    assert all(len(general_ci(character)) == 1 for character in everything)
