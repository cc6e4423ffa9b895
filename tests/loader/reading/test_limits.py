"""Files made to fill memory or disk are refused with the limit that they exceed."""

import gzip
import io
import lzma
import os
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from jobs.cli.main import run
from loader.errors import SourceFileError
from loader.reading.limits import DEFAULT_LIMITS, Limits
from loader.reading.read_options import ReadOptions
from loader.reading.source import open_source
from tests.support.workbooks import Sheets, xlsx

HEAD = b"phone_number,city\n7275551212,Tampa\n"
LINES = b"phone_number,city\n" + b"7275551212,Tampa\n" * 1_400_000
BLANK = b"phone_number\n" + b"\n" * 24_000_000


def refused(path: Path, limits: Limits = DEFAULT_LIMITS, **options: Any) -> str:
    with (
        pytest.raises(SourceFileError) as error,
        open_source(str(path), ReadOptions(limits=limits, **options)) as source,
    ):
        for _ in source.chunks():
            pass
    assert str(error.value).startswith(str(path))
    return str(error.value)


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return file.getvalue()


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "pack",
    [gzip.compress, lzma.compress, zipped, lambda text: pa.compress(text, "zstd", asbytes=True)],
    ids=["gz", "xz", "zip", "zst"],
)
@pytest.mark.parametrize("content", [LINES, BLANK], ids=["rows", "rows of nothing"])
def test_what_is_packed_has_limits(
    tmp_path: Path, pack: Callable[[bytes], bytes], content: bytes
) -> None:
    (tmp_path / "a").write_bytes(pack(content))
    assert "100 times as large, which max_unpacked_ratio" in refused(tmp_path / "a")
    limits = Limits(max_unpacked_size=20, max_unpacked_ratio=1_000_000)
    assert "20 MB that max_unpacked_size allows" in refused(tmp_path / "a", limits)


def greedy(stream: bytes) -> bytes:
    """Let the first block of an xz stream ask for 4 GB of memory."""
    begin, size = 12, (stream[12] + 1) * 4
    header = bytearray(stream[begin : begin + size - 4])
    place = header.index(b"\x21\x01") + 2
    header[place] = 40
    crc = zlib.crc32(header).to_bytes(4, "little")
    return stream[:begin] + header + crc + stream[begin + size :]


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_no_stream_of_an_xz_file_takes_much_memory(tmp_path: Path, nth: int) -> None:
    streams = [lzma.compress(HEAD), lzma.compress(HEAD[-17:]), lzma.compress(HEAD[-17:])]
    streams[nth] = greedy(streams[nth])
    (tmp_path / "a").write_bytes(b"".join(streams))
    assert "Memory usage limit" in refused(tmp_path / "a")


@pytest.mark.parametrize("padding", [0, 4, 1 << 17])
def test_all_streams_of_an_xz_file_are_read(tmp_path: Path, padding: int) -> None:
    rest = [b"7275551213,Tampa\n", b"", b"7275551214,Tampa\n"]
    content = (bytes(padding)).join(map(lzma.compress, [HEAD, *rest])) + bytes(padding)
    (tmp_path / "a").write_bytes(content)
    with open_source(str(tmp_path / "a")) as source:
        (chunk,) = source.chunks()
    assert [*chunk.rows.iloc[:, 0]] == ["7275551212", "7275551213", "7275551214"]


@pytest.mark.parametrize("behind", [b"7275551213", lzma.compress(HEAD)[:-9], b"\0\0\0\0x"])
def test_what_is_behind_the_streams_of_an_xz_file_is_not_lost_in_silence(
    tmp_path: Path, behind: bytes
) -> None:
    (tmp_path / "a").write_bytes(lzma.compress(HEAD) + behind)
    assert "the xz file is damaged or incomplete" in refused(tmp_path / "a")


def test_what_is_stored_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(LINES[:1_000_100])
    assert "1 MB that max_file_size allows" in refused(path, Limits(max_file_size=1))


def test_a_pipe_has_a_limit(tmp_path: Path) -> None:
    script = (
        "import sys; from jobs.cli.main import run; "
        "sys.exit(run(['validate', '-', '--max-file-size', '2']))"
    )
    with Path("/dev/zero").open("rb") as zeros:
        done = subprocess.run(
            [sys.executable, "-c", script], stdin=zeros, capture_output=True, text=True,
            check=False, cwd=Path(__file__).parents[3], env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
    assert done.returncode == 65
    assert "standard input: it is larger than the 2 MB that max_file_size allows" in done.stderr


def workbook(path: Path, old: str, new: str, part: str = "") -> Path:
    """Write a workbook, one text of whose parts is replaced."""
    with (
        zipfile.ZipFile(io.BytesIO(xlsx({"S": [["phone_number"], ["7275551212"]]}))) as given,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in given.namelist():
            text = given.read(name).decode()
            target.writestr(name, text.replace(old, new) if part in {"", name} else text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('<row r="2"', '<row r="99999999999"', "a row 99,999,999,999, and at most 1,048,576"),
        ("7275551212", "7" * 20_000_000, "100 times as large"),
        (
            "7275551212",
            "7" * 2_000_000,
            "a cell has more than the 1,000,000 characters that max_field_length",
        ),
        (
            '<row r="2"',
            "".join(
                f'<row r="{n}"><c r="ZZZ{n}" t="str"><v>x</v></c></row>' for n in range(3, 3000)
            )
            + '<row r="3001"',
            "row 3 has 18,278 columns, and max_columns allows 1,000",
        ),
    ],
    ids=["rows of nothing", "part", "cell", "cells of nothing"],
)
def test_a_workbook_has_limits(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert why in refused(workbook(tmp_path / "a.xlsx", old, new))


@pytest.mark.parametrize(
    ("row", "cell", "why"),
    [
        ('table:number-rows-repeated="999999999"', "", "at most 1,048,576 can be read"),
        (
            "",
            'table:number-columns-repeated="999999999"',
            "999,999,999 columns, and max_columns allows 1,000",
        ),
        ("", 'table:number-columns-repeated="1000"', "row 1 is longer than the 1 MB that max_line"),
    ],
)
def test_a_sheet_of_copies_has_limits(tmp_path: Path, row: str, cell: str, why: str) -> None:
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml",
            f"<office:document-content {names}><office:body><office:spreadsheet>"
            f'<table:table table:name="S"><table:table-row {row}><table:table-cell {cell}>'
            '<text:p>phone_number<text:s text:c="9999"/>x</text:p></table:table-cell>'
            "</table:table-row></table:table></office:spreadsheet></office:body>"
            "</office:document-content>",
        )
    assert why in refused(tmp_path / "a.ods", Limits(max_line_size=1))


ODS_PARTS = [
    ('<table:table table:name="S"/>' * 1001, "it has more than 1,000 sheets"),
    ("".join(f'<style:style style:name="s{n}"><style:table-properties table:display="false"/>'
             "</style:style>" for n in range(250_001)), "hidden styles"),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "why"), ODS_PARTS, ids=["sheets", "styles"])
def test_a_sheet_has_limits_of_its_parts(tmp_path: Path, parts: str, why: str) -> None:
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text", "style")
    )
    with zipfile.ZipFile(tmp_path / "a.ods", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml",
            f"<office:document-content {names}><office:body><office:spreadsheet>{parts}"
            "</office:spreadsheet></office:body></office:document-content>",
        )
    limits = replace(DEFAULT_LIMITS, max_unpacked_ratio=10_000)
    assert why in refused(tmp_path / "a.ods", limits)


def test_a_row_of_shared_texts_has_a_limit(tmp_path: Path) -> None:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    texts = f'<sst xmlns="{main}"><si><t>{"x" * 100_000}</t></si></sst>'
    sheets: Sheets = {"S": [["phone_number"] * 20]}
    stored = xlsx(sheets, more={"xl/sharedStrings.xml": texts})
    with (
        zipfile.ZipFile(io.BytesIO(stored)) as given,
        zipfile.ZipFile(tmp_path / "a.xlsx", "w") as target,
    ):
        for name in given.namelist():
            old = ' t="inlineStr"><is><t xml:space="preserve">phone_number</t></is>'
            text = given.read(name).decode()
            target.writestr(name, text.replace(old, ' t="s"><v>0</v>') if name == SHEET else text)
    message = refused(tmp_path / "a.xlsx", Limits(max_line_size=1))
    assert "row 1 is longer than the 1 MB that max_line_size allows" in message


def test_an_archive_in_an_archive_is_refused_at_once(tmp_path: Path) -> None:
    for pack in (zipped, gzip.compress):
        (tmp_path / "a").write_bytes(pack(zipped(LINES[:100])))
        assert "packed twice, there is a zip file in it" in refused(tmp_path / "a")


LONG, SHORT = {"max_field_length": 100}, {"max_blank_rows": 100}
TWO_MB = 2_000_000

TEXTS = [
    ("a field", HEAD + b"7275551213," + b"x" * 101 + b"\n", LONG, "row 3, col"),
    ("a quoted field", HEAD + b'1,"' + b"x\n" * 51 + b'"\n', LONG, "row 3, col"),
    ("of a bad row", HEAD + b"1,2," + b"x" * 101 + b"\n", LONG, "row 3, col"),
    ("of no end", HEAD + b'1,"' + b"x" * 101 + b"\n", LONG, "row 3, col"),
    ("a line", HEAD + b"x" * TWO_MB, {"max_line_size": 1}, "line 3"),
    ("delimiters", HEAD + b"," * TWO_MB, {"max_line_size": 1}, "line 3"),
    ("a first line", b"x," * TWO_MB, {"max_line_size": 1}, "line 1"),
    ("a header", b"phone_number" + b",c" * 30, {"max_columns": 30}, "has 31 columns"),
    ("a wide header", b"phone_number" + b",c" * 9999 + b"\n1\n", {}, "at most 1,000 can be read"),
    ("blank lines", HEAD + b"\n" * 101 + HEAD, SHORT, "the 100 blank rows"),
    ("after them", b"\r\n" * 90 + HEAD + b"\r\n" * 101, SHORT, "100 blank rows"),
    ("rows of delimiters", HEAD + b",\n" * 101, SHORT, "the 100 blank rows"),
    ("rows of quotes", HEAD + b'"",""\n' * 101, SHORT, "the 100 blank rows"),
    ("rows of blanks", HEAD + b" ,\t\n" * 101, SHORT, "the 100 blank rows"),
    ("fields of nothing", b"phone_number" + b",c" * 999 + b"\n" + b"a\n" * 9999, {},
     "max_unpacked_ratio"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "limits", "why"), [it[1:] for it in TEXTS],
                         ids=[it[0] for it in TEXTS])  # fmt: skip
def test_a_text_has_limits(
    tmp_path: Path, content: bytes, limits: dict[str, int], why: str
) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    message = refused(tmp_path / "a.csv", replace(DEFAULT_LIMITS, **limits), short_rows="fill")
    assert why in message
    for name in limits:
        assert f"{name} allows" in message
        assert f"raise --{name.replace('_', '-')}" in message


def test_what_is_within_the_limits_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEAD + b"\n" * 100 + b"1," + b"x" * 100 + b"\n")
    limits = Limits(max_blank_rows=100, max_field_length=100, max_columns=2, max_line_size=1)
    with open_source(str(tmp_path / "a.csv"), ReadOptions(limits=limits)) as source:
        (chunk,) = source.chunks()
    assert [*chunk.rows.index] == [2, 103]


@pytest.mark.parametrize("encoding", ["mixed", "cp1252", "utf-16-le", None])
def test_a_line_without_an_end_fills_no_memory(tmp_path: Path, encoding: str | None) -> None:
    text = "phone_number\n" + "é" * 3 * TWO_MB
    (tmp_path / "a.csv").write_bytes(
        text.encode("cp1252" if encoding in {"mixed", "cp1252"} else encoding or "utf-8")
    )
    assert "longer than the 1 MB that max_line_size allows" in refused(
        tmp_path / "a.csv", Limits(max_line_size=1), encoding=encoding
    )


def test_a_sheet_has_limits(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(
        xlsx({"S": [["phone_number"], *([None] for _ in range(101)), ["7275551212"]]})
    )
    assert "blank rows" in refused(tmp_path / "a.xlsx", Limits(max_blank_rows=100))
    assert "max_field_length" in refused(tmp_path / "a.xlsx", Limits(max_field_length=5))


SHEET = "xl/worksheets/sheet1.xml"
STYLES = "xl/styles.xml"
HEX = os.urandom(TWO_MB).hex()
UNORDERED = '<row><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>'


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("part", "old", "new", "why"),
    [
        (SHEET, "<sheetData>", "<sheetData>" + "<a>" * 30_000, "elements inside one another"),
        (STYLES, "<numFmts>", "<numFmts>" + "<a/>" * 300_000, "more than 250,000 elements"),
        (STYLES, "<numFmts>", f'<numFmts a="{HEX}{"b" * TWO_MB}">', "a tag of"),
        (STYLES, "<numFmts>", "<numFmts>" + f'<a b="{HEX[:200_000]}"/>' * 200, "the attributes of"),
        ("xl/workbook.xml", "<sheets>", "<sheets>" + '<sheet name="S" r:id="rId1"/>' * 1001,
         "it has more than 1,000 sheets"),
        (SHEET, '<row r="2"', '<row r="1"', "its rows are in no order"),
        (SHEET, "<sheetData>", f"<sheetData>{UNORDERED}",
         "the cells of row 1 are in no order"),
    ],
    ids=["depth", "elements", "tag", "attributes", "sheets", "rows", "cells"],
)  # fmt: skip
def test_parts_of_a_workbook_have_limits(
    tmp_path: Path, part: str, old: str, new: str, why: str
) -> None:
    assert why in refused(workbook(tmp_path / "a.xlsx", old, new, part))


def test_the_list_of_members_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(HEAD))
    (tmp_path / "a.xlsx").write_bytes(xlsx({"S": [["phone_number"], ["7275551212"]]}))
    monkeypatch.setattr("loader.reading.zip_file.LONGEST_LIST", 40)
    for name in ("a.zip", "a.xlsx"):
        assert "its list of members has" in refused(tmp_path / name)


@pytest.mark.parametrize("name", ["max_line_size", "max_field_length", "max_columns",
                                  "max_blank_rows"])  # fmt: skip
@pytest.mark.parametrize("where", ["flag", "variable"])
def test_limits_are_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    name: str, where: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    content = HEAD + b"\n\n1," + b"y" * TWO_MB + b"\n"
    Path("a.csv").write_bytes(content)
    flags = [] if where == "variable" else [f"--{name.replace('_', '-')}", "1"]
    if not flags:
        monkeypatch.setenv(f"LEADLOADER_{name.upper()}", "1")
    assert run(["validate", "a.csv", "--database", "none", *flags]) == 65
    said = capsys.readouterr().err
    assert "a.csv" in said
    assert f"{name} allows" in said
    assert list(tmp_path.iterdir()) == [tmp_path / "a.csv"]


WIDE = b"phone_number" + b"," * 999 + b"\n"


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("content", "code", "most"),
    [
        (WIDE + b"7275551212\n" * 12_000, 0, 335),
        (WIDE.replace(b",", b",c") + b"a\n" * 12_000, 0, 450),
        (HEAD + (b"7275551212," + b"x" * 999_000 + b"\n") * 100, 0, 700),
        (HEAD + (b"a" + b",x" * 49_000 + b"\n") * 200, 0, 700),
        (HEAD + b'"' * 15_000_000 + b"\n", 65, 700),
        (HEAD + b",\n" * 5_000_000, 65, 700),
    ],
    ids=["short rows", "bad rows", "long values", "long rows", "quotes", "blank rows"],
)
def test_memory_is_bounded(tmp_path: Path, content: bytes, code: int, most: int) -> None:
    """`most`: MB, 200 of them for libraries. All short or bad rows at once need 75 MB more."""
    (tmp_path / "a.csv").write_bytes(content)
    script = (
        "import sys; from jobs.cli.main import run; code = run(sys.argv[1:]);"
        # Not ru_maxrss, which begins with that of the process that started this one.
        "status = open('/proc/self/status').read();"
        "print(int(status.partition('VmHWM:')[2].split()[0]) // 1024); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "validate", str(tmp_path / "a.csv"), "--quiet",
         "--database", "none", "--results", str(tmp_path / "r"), "--max-unpacked-ratio", "1000000"],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert int(done.stdout.split()[-1]) < most


def test_an_odd_zip_file_is_damaged_and_no_bug(tmp_path: Path) -> None:
    content = zipped(b"phone_number\n7275551212\n")
    for place in range(len(content)):
        odd = bytearray(content)
        odd[place] ^= 0xFF
        (tmp_path / "a.zip").write_bytes(odd)
        with suppress(SourceFileError), open_source(str(tmp_path / "a.zip")) as source:
            assert list(source.columns)
