"""Keys are equal where the dialer's database calls texts equal."""

import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from loader.database.weights import read_collation, with_keys
from loader.errors import ConfigurationError
from loader.frames.collation import Collation, fold, fold_text, general_ci, unknown_keys
from tests.conformance import reference_fields
from tests.support.products import PRODUCT, known_collations
from tests.support.server import Server

COLLATIONS = known_collations(
    "utf8mb3_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb3_bin",
    "latin1_swedish_ci", "latin1_general_cs", "latin1_german2_ci", "latin1_danish_ci",
    "utf8mb3_danish_ci", "utf8mb4_turkish_ci", "utf8mb4_croatian_ci", "utf8mb4_spanish2_ci",
    "utf8mb3_general_nopad_ci", "utf8mb4_unicode_nopad_ci", "utf8mb4_nopad_bin",
    "utf8mb4_uca1400_ai_ci", "utf8mb4_uca1400_as_cs", "utf8mb4_uca1400_danish_as_ci",
    "utf8mb4_uca1400_turkish_nopad_ai_ci", "utf8mb4_uca1400_nopad_as_cs", "utf8mb4_thai_520_w2",
    "cp1250_czech_cs", "utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs", "utf8mb4_de_pb_0900_ai_ci",
    "utf8mb4_ja_0900_as_cs", "utf8mb4_0900_bin",
)  # fmt: skip


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


def test_an_exact_collation_ignores_only_trailing_blanks() -> None:
    exact = Collation("utf8mb3_bin", ignores_case=False, is_exact=True)
    texts = pd.Series(["\u00c9a  ", "b", None], dtype="str")
    assert fold(texts, exact).tolist()[:2] == ["\u00c9a", "b"]
    assert fold(texts, replace(exact, pads=False)).tolist()[:2] == ["\u00c9a  ", "b"]
    assert fold(texts, exact).isna().tolist() == [False, False, True]
    assert unknown_keys([texts], exact) == []


@pytest.mark.parametrize(
    ("collation", "unknown"),
    [
        pytest.param(Collation(), [], id="no server"),
        pytest.param(Collation("x_ci"), ["Jos\u00e9", "Ann\u00a0", "a\x01"], id="plain is known"),
        pytest.param(
            Collation("x_ci", ignores_case=None), ["Ann", "Jos\u00e9", "Ann\u00a0", "a\x01"],
            id="none is",
        ),
    ],
)  # fmt: skip
def test_what_a_server_is_asked_about(collation: Collation, unknown: list[str]) -> None:
    columns = [pd.Series(["Ann", "Jos\u00e9", None]), pd.Series(["Ann\u00a0", "Ann", "a\x01"])]
    assert unknown_keys([column.astype("str") for column in columns], collation) == unknown


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
    texts = pd.Series(letters(), dtype="str")
    asked = with_keys(connection, [texts], read_collation(connection, "utf8mb3_general_ci"))
    assert classes(fold(texts)) == classes(fold(texts, asked))


def classes(keys: "pd.Series[str]") -> set[str]:
    """Give the sets of letters that are equal to each other."""
    return set(pd.Series(letters()).groupby(keys).agg("".join))


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
    "aAbBcCdDeEhHiIjJlLnNsSzZ\u00e5\u00c5\u00df\u00e9\u00c9\u0301 "
    "\u00a0\u2003\u00ad\u0130\u0131\u00e6\u0153\u01c4\u017d\u017e\ufb01'-_%"
)
CP1252 = st.sampled_from(
    [c for c in bytes(range(32, 256)).decode("cp1252", "ignore") if c != "\x7f"]
)
"""Letters of Western Europe."""


_NASTY = (
    "| |\u00a0|a|A|a | a|a\u00a0|a\u2003|a\u3000|a\u00ad|aa|AA|Aa|\u00e5|\u00c5|a\u030a|"
    "\u00e4|ae|\u00e6|\u00f6|oe|\u00f8|ss|\u00df|SS|i|I|\u0130|\u0131|dz|DZ|d\u017e|"
    "D\u017d|\u01c6|\u01c5|lj|LJ|Lj|\u01c8|nj|ch|Ch|cH|c|C|\u010d|ll|\u00f1|n|cs|dzs|e|"
    "\u00e9|e\u0301|\u0301|x\u0301 |\u0141|l|1E02|\uff21|\uff11|1|\u0451|\u0435|\u0419|"
    "\u0438|Ann\u00a0|ANN|ann\u2009|O'B|OB|a-b|ab|?|_|\\|%"
)
NASTY = _NASTY.split("|")


def equal_pairs(keys: "pd.Series[str]") -> set[tuple[int, int]]:
    values = keys.tolist()
    return {(i, j) for i, one in enumerate(values) for j in range(i) if one == values[j]}


@pytest.mark.engines("innodb")
@pytest.mark.parametrize("collation", COLLATIONS)
def test_nasty_texts_are_equal_exactly_when_the_server_says_so(
    collation: str, connection: Connection, engine_name: str
) -> None:
    charset = collation.partition("_")[0]
    values = ", ".join(f"({number}, %s)" for number in range(len(NASTY)))
    connection.exec_driver_sql("CREATE DATABASE IF NOT EXISTS leadloader_collations")
    for name in ("one", "other"):
        table = f"leadloader_collations.{name}"
        connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {table}")
        connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE {table} "
            f"(n INT, t VARCHAR(20)) CHARACTER SET {charset} COLLATE {collation}"
        )
        connection.exec_driver_sql(f"INSERT IGNORE INTO {table} VALUES {values}", tuple(NASTY))
    statement = (
        "SELECT one.n, other.n FROM leadloader_collations.one AS one "
        "JOIN leadloader_collations.other AS other ON one.t = other.t WHERE one.n > other.n"
    )
    answered = {(int(i), int(j)) for i, j in connection.exec_driver_sql(statement)}
    stored = connection.exec_driver_sql(
        "SELECT CONVERT(t USING utf8mb4) FROM leadloader_collations.one ORDER BY n"
    )
    texts = pd.Series([row[0] for row in stored], dtype="str")
    asked = with_keys(connection, [texts], read_collation(connection, collation))
    assert equal_pairs(fold(texts, asked)) == answered


def test_a_collation_whose_weights_say_nothing_is_refused(connection: Connection) -> None:
    if not PRODUCT.is_mariadb:
        with pytest.raises(ConfigurationError, match="collation cp1250_czech_cs; convert"):
            read_collation(connection, "cp1250_czech_cs")
    with pytest.raises(ConfigurationError, match="collation big5_chinese_ci; convert the table"):
        read_collation(connection, "big5_chinese_ci")


@pytest.mark.sample(3)
@pytest.mark.property
@pytest.mark.engines("innodb")
@pytest.mark.parametrize("collation", COLLATIONS)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts_are_equal_exactly_when_the_server_says_so(
    data: st.DataObject, collation: str, connection: Connection, engine_name: str
) -> None:
    charset = collation.partition("_")[0]
    alphabet = BASIC_PLANE | COMMON if charset.startswith("utf8") else CP1252
    several = data.draw(st.lists(pairs(alphabet), min_size=1, max_size=20))
    if charset == "cp1250":
        several = [
            tuple(t.encode(charset, "replace").decode(charset) for t in pair) for pair in several
        ]  # type: ignore[misc]
    question = f"CONVERT(%s USING {charset}) COLLATE {collation} = CONVERT(%s USING {charset})"
    statement = "SELECT " + ", ".join([question] * len(several))
    values = tuple(text for pair in several for text in pair)
    answers = connection.exec_driver_sql(statement, values).one()
    texts = pd.Series(values, dtype="str")
    keys = fold(texts, with_keys(connection, [texts], read_collation(connection, collation)))
    assert (keys[::2].array == keys[1::2].array).tolist() == [bool(answer) for answer in answers]


@pytest.mark.parametrize("alphabet", ["Aa\u00c4\u00e4\u00c1Ee\u00c9 ", "\u0401\u0451\u0415"])
def test_the_reference_folds_alike(alphabet: str) -> None:
    for one in alphabet:
        for other in alphabet:
            ours = fold_text(one) == fold_text(other)
            assert ours == (reference_fields.fold(one) == reference_fields.fold(other))


def test_every_character_can_be_folded() -> None:
    everything = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    assert all(len(general_ci(character)) == 1 for character in everything)
