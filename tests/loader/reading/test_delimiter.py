"""The delimiter that splits a text most evenly."""

import pytest

from loader.reading.delimiter import find_delimiter


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [
        pytest.param("a,b\n1,2\n", ",", id="comma"),
        pytest.param("a\tb\n1\t2\n", "\t", id="tab"),
        pytest.param("a|b\n1|2\n", "|", id="pipe"),
        pytest.param("a;b\n1;2\n", ";", id="semicolon"),
        pytest.param("name\nLee, Ann\nBo\n", ",", id="one-column"),
        pytest.param("phone\n7275551111\n", ",", id="one-column-without-any"),
        pytest.param("name;phone\nLee, Ann;1\nFox, Bo;2\n", ";", id="commas-in-the-values"),
        pytest.param("name;note\nLee;a,b,c\nFox;a,b\n", ";", id="more-commas-than-semicolons"),
        pytest.param('"a;b","c;d"\n"1;2","3;4"\n', ",", id="quoted-delimiters"),
        pytest.param('a,b\n"x;\n;y",1\n', ",", id="quoted-line-ends"),
        pytest.param("a,b,c\n1;2,3,4\n1;2,3,4\n1,2\n", ",", id="a-bad-row"),
        pytest.param("\n\na|b\n\n1|2\n", "|", id="blank-lines"),
        pytest.param("\n" * 70_000 + "a|b\n", "|", id="many-blank-lines"),
        pytest.param("a,b|c\n" + "1,2|3\n" * 9, ",", id="a-draw"),
        pytest.param("a|b|c,d\n" + "1|2|3,4\n" * 9, "|", id="more-fields"),
        pytest.param('a;b\n"x;1\n2;3\n', ";", id="stray-quote"),
        pytest.param("a\tb\r" + "1,5\t2\r" * 40_000, "\t", id="long-cr"),
    ],
)
def test_the_delimiter_is_found(head: str, delimiter: str) -> None:
    assert find_delimiter(head.encode()) == delimiter
