"""Files made to fill memory or disk are refused with the limit that they exceed."""

import gzip
import io
import lzma
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

from loader.errors import SourceFileError
from loader.reading.limits import DEFAULT_LIMITS, Limits
from loader.reading.source import ReadOptions, open_source
from tests.support.workbooks import xlsx

LINES = b"phone_number,city\n" + b"7275551212,Tampa\n" * 2_000_000
BLANK = b"phone_number\n" + b"\n" * 40_000_000


def refused(path: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    with (
        pytest.raises(SourceFileError) as error,
        open_source(str(path), ReadOptions(limits=limits)),
    ):
        pass
    return str(error.value)


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return file.getvalue()


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


def workbook(path: Path, old: str, new: str) -> Path:
    """Write a workbook, one text of whose sheet is replaced."""
    with (
        zipfile.ZipFile(io.BytesIO(xlsx({"S": [["phone_number"], ["7275551212"]]}))) as given,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in given.namelist():
            target.writestr(name, given.read(name).decode().replace(old, new))
    return path


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('<row r="2"', '<row r="99999999999"', "a row 99,999,999,999, and at most 1,048,576"),
        ("7275551212", "7" * 20_000_000, "100 times as large"),
        ("7275551212", "7" * 2_000_000, "a cell of more than the 1,000,000 characters"),
        (
            '<row r="2"',
            "".join(
                f'<row r="{n}"><c r="ZZZ{n}" t="str"><v>x</v></c></row>' for n in range(3, 3000)
            )
            + '<row r="3001"',
            "100 times as large",
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
        ("", 'table:number-columns-repeated="999999999"', "at most 18,278 can be read"),
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
            "<text:p>phone_number</text:p></table:table-cell></table:table-row></table:table>"
            "</office:spreadsheet></office:body></office:document-content>",
        )
    assert why in refused(tmp_path / "a.ods")


def test_an_odd_zip_file_is_damaged_and_no_bug(tmp_path: Path) -> None:
    content = zipped(b"phone_number\n7275551212\n")
    for place in range(len(content)):
        odd = bytearray(content)
        odd[place] ^= 0xFF
        (tmp_path / "a.zip").write_bytes(odd)
        with suppress(SourceFileError), open_source(str(tmp_path / "a.zip")) as source:
            assert list(source.columns)
