"""Files whose lines are UTF-8, but some are cp1252: named, refused, or read as what each is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SourceFileError
from loader.options.load import LoadOptions
from loader.reading.read_options import ReadOptions
from loader.reading.source import open_source
from tests.support.loads import load_file, outcome_of

HEADER = b"phone,first name\n"
UTF8, WESTERN = "7275551212,José\n".encode(), "7275551213,Muñoz\n".encode("cp1252")
ASCII = b"7275551214,Ann\n"
BOTH = "7275551216,José".encode() + " Muñoz\n".encode("cp1252")
EURO = "7275551217,€5".encode() + " Núñez\n".encode("cp1252")
CYRILLIC = ["Ольга", "ДІ", "ЩЄ"]
"""In cp1251 some are UTF-8 by chance."""


def written(folder: Path, *lines: bytes) -> Path:
    path = folder / "leads.csv"
    path.write_bytes(HEADER + b"".join(lines))
    return path


@pytest.mark.parametrize(
    ("lines", "encoding", "said"),
    [
        ((UTF8, WESTERN), None, r"in line 2: encodings are mixed \(not UTF-8: line 3\)"),
        ((WESTERN, UTF8), None, r"in line 3: encodings are mixed \(not UTF-8: line 2\)"),
        ((UTF8, UTF8, ASCII, WESTERN, WESTERN), None, "in lines 2 and 3: encodings are mixed"),
        ((WESTERN, WESTERN, UTF8), None, "not UTF-8: lines 2 and 3"),
        ((BOTH,), None, "in line 2: encodings are mixed"),
        ((WESTERN,), None, "add --encoding cp1252$"),
        ((b"7275551212,J\x9dn\xe9\n",), None, "nor is it cp1252; add --encoding with the one"),
        ((UTF8, WESTERN), "cp1252", "in line 2, which --encoding cp1252 .* --encoding mixed"),
        ((BOTH,), "cp1252", "in line 2, which --encoding cp1252 .* --encoding mixed"),
        ((UTF8,), "cp1252", "in line 2, which --encoding cp1252 would spoil; leave --encoding out"),
        *(
            ((UTF8, UTF8, UTF8), codec, "would spoil; leave --encoding out")
            for codec in (
                "latin-1",
                "iso8859-15",
                "cp1250",
                "cp1251",
                "cp437",
                "mac-roman",
                "koi8-r",
                "gb18030",
            )
        ),
        *(
            ((UTF8, "7275551213,Zoë\n".encode(codec)), codec, "ask for the file in one encoding")
            for codec in ("mac-roman", "cp850", "cp437", "cp1250", "cp1254", "iso8859-2")
        ),
        ((EURO,), "cp1252", "in line 2, which --encoding cp1252 .* --encoding mixed"),
        ((b"7275551212,J\x9dn\xe9\n",), "mixed", "line 2: .* is neither UTF-8 nor cp1252"),
        ((ASCII, b"7275551212,J\x9d\n"), "mixed", "line 3: .* is neither UTF-8 nor cp1252"),
    ],
)
def test_advice_spoils_no_names(
    lines: tuple[bytes, ...], encoding: str | None, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path, *lines)
    options = ReadOptions(encoding=encoding)
    with pytest.raises(SourceFileError, match=said), open_source(str(path), options):
        pass


LINES = [UTF8, WESTERN, ASCII, '7275551215,"O\u2019Neill\r\nand ß"\n'.encode("cp1252"), b"\n", BOTH]


@pytest.mark.property
@given(
    lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=30),
    block_size=st.sampled_from([7, 16, 64, 1 << 20]),
    chunk_size=st.sampled_from([1, 3, 1000]),
)
def test_each_line_is_read_as_what_it_is(
    lines: list[bytes], block_size: int, chunk_size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("mixed"), *lines)
    names = {UTF8: "José", WESTERN: "Muñoz", ASCII: "Ann", BOTH: "José Muñoz"}
    names[LINES[3]] = "O\u2019Neill\r\nand ß"
    expected = {row: names[line] for row, line in enumerate(lines, start=2) if line in names}
    options = ReadOptions(encoding="mixed", block_size=block_size, chunk_size=chunk_size)
    with open_source(str(path), options) as source:
        chunks = list(source.chunks())
    found = {row: name for chunk in chunks for row, name in chunk.rows["first name"].items()}
    assert found == expected
    western = [row for chunk in chunks for row in chunk.western]
    assert western == [
        row for row, line in enumerate(lines, 2) if line in {WESTERN, LINES[3], BOTH}
    ]


def test_a_notice_a_row(tmp_path: Path) -> None:
    path = written(tmp_path, UTF8, WESTERN, ASCII)
    options = LoadOptions(encoding="mixed")
    load_file(path, options, None, tmp_path / "results", job="validate")
    outcome = outcome_of(tmp_path / "results")
    assert {row: outcome.names(row) for row in outcome.loaded} == {
        2: [], 3: ["READ_AS_CP1252"], 4: [],
    }  # fmt: skip


def test_other_letters_may_look_like_utf8(tmp_path: Path) -> None:
    lines = [f"727555121{n},{name}\n".encode("cp1251") for n, name in enumerate(CYRILLIC)]
    path = written(tmp_path, *lines)
    with open_source(str(path), ReadOptions(encoding="cp1251")) as source:
        (chunk,) = source.chunks()
    assert chunk.rows["first name"].tolist() == CYRILLIC


@pytest.mark.parametrize(("name", "codec"), [("模", "gbk"), ("ﾐｶ", "shift-jis"), ("ДІ", "cp1251")])
def test_one_letter_may_look_like_utf8(name: str, codec: str, tmp_path: Path) -> None:
    path = written(tmp_path, ASCII, f"7275551212,{name}\n".encode(codec))
    with open_source(str(path), ReadOptions(encoding=codec)) as source:
        (chunk,) = source.chunks()
    assert chunk.rows["first name"].tolist() == ["Ann", name]
