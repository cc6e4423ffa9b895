"""Files that are no lead files are named as what they are, with what to do."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from loader.errors import SourceFileError
from loader.fields.mapping import map_columns
from loader.reading.source import open_source

CSV = b"phone,first name\n7275551212,Ann\n"
TABLE = b"<table><tr><td>phone</td></tr><tr><td>7275551212</td></tr></table>"
ODS = "application/vnd.oasis.opendocument.text"


def tar(mode: str = "w") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("leads.csv")
        member.size = len(CSV)
        archive.addfile(member, io.BytesIO(CSV))
    return target.getvalue()


def packed(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return target.getvalue()


WEB_PAGES = [
    TABLE, b"<html><body>" + TABLE, b"<!DOCTYPE html>\n<html>", b"\xef\xbb\xbf  <HTML>",
    b"<!-- export -->\n<table border=1>", b"<meta charset=utf-8><table>", b"<style>td{}</style>",
    b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', b"<body>", b"<div><table>",
]  # fmt: skip
JSON = [
    b'[{"phone": "7275551212"}]', b'{"leads": []}', b'{"phone": "1"}\n{"phone": "2"}\n', b"[]",
    b'\n [\n  {\n "a": 1}]', b"{}", b'["7275551212", "x"]', b'[["phone"], ["7275551212"]]',
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        *((page, "a web page, as many programs export it") for page in WEB_PAGES),
        *((text, "this is JSON") for text in JSON),
        (b"<?xml version='1.0'?><leads/>", "an XML document"),
        (b"<?xml version='1.0'?>\n<?mso-application progid=\"Excel.Sheet\"?>", "Excel 2003"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"{\\rtf1\\ansi phone}", "an RTF document"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"7z\xbc\xaf\x27\x1c\0\0", "a 7-Zip archive"),
        (b"Rar!\x1a\x07\0", "a RAR archive"),
        (bz2.compress(CSV), "a bzip2 file"),
        (b"BEGIN:VCARD\nTEL:7275551212\n", "a vCard file"),
        (b"-- dump\nINSERT INTO leads VALUES (1);\n", "an SQL script"),
        (b"CREATE TABLE leads (phone text);\n", "an SQL script"),
        (tar(), "a tar archive"),
        (gzip.compress(tar()), "a tar archive"),
        (lzma.compress(tar()), "a tar archive"),
        (tar("w:gz"), "a tar archive"),
        (gzip.compress(gzip.compress(CSV)), "packed twice, there is a gz file in it"),
        (gzip.compress(lzma.compress(CSV)), "packed twice, there is a xz file in it"),
        (packed(a_dot_zip=packed(b_dot_csv=CSV)), "packed twice, there is a zip file in it"),
        (packed(a_dot_gz=gzip.compress(CSV)), "packed twice, there is a gz file in it"),
        (gzip.compress(TABLE), "a web page"),
        (packed(a_dot_json=b'[{"phone": 1}]'), "this is JSON"),
        (packed(Index__Document_dot_iwa=b"x"), "Apple Numbers"),
        (packed(word__document_dot_xml=b"x"), "a text document or a presentation"),
        (packed(a_dot_csv=CSV, b_dot_csv=CSV), r"2 members \(a.csv, b.csv\)"),
        ("phone,first name\n7275551212,Ann\n".encode("utf-16-le"), "add --encoding utf-16-le"),
        (b"phone^first name\n7275551212^Ann\n", r"--delimiter '\^'"),
        (b"first name~phone\nAnn~7275551212\n", "--delimiter '~'"),
        (b'"phone"^"first name"\n"7275551212"^"Ann"\n', r"parted by '\^': add --delimiter '\^'"),
        (b"phone^vor\n7275551212^Ann\n", r"--delimiter '\^'"),
        (b"phone\x1fvor\n7275551212\x1fAnn\n", r"--delimiter \$'\\x1f'"),
        (b"tel z^vor\n7275551212^Ann\n", "name what parts them by --delimiter"),
        (b"/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `x`;\n", "an SQL script"),
        (b'SET SQL_MODE = "NO_AUTO";\nSTART TRANSACTION;\n', "an SQL script"),
        (b"<center><table><tr><td>phone</td></tr></table></center>", "a web page"),
        (b"<tr><td>phone</td></tr>", "a web page"),
        ("<html><table><tr><td>phone</td></tr></table></html>".encode("utf-16"), "a web page"),
        (b"<leads>\n<lead><phone>7275551212</phone></lead></leads>", "an XML document"),
    ],
    # What is packed holds the time.
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_what_a_file_is(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(content)
    with pytest.raises(SourceFileError, match=said):
        open_and_map(str(path))


def open_and_map(path: str) -> None:
    with open_source(path) as source:
        map_columns(source.name, source.columns, {})


@pytest.mark.parametrize(
    "beside",
    ["_dot_DS_Store", "__MACOSX__._leads_dot_csv", "folder___dot_DS_Store", "Thumbs_dot_db",
     "desktop_dot_ini", "x__desktop_dot_ini", "_dot_hidden_dot_csv"],
)  # fmt: skip
def test_what_a_computer_leaves_in_a_zip_file_does_not_count(beside: str, tmp_path: Path) -> None:
    path = tmp_path / "leads.zip"
    path.write_bytes(packed(leads_dot_csv=CSV, **{beside: b"\0\0\0\1Bud1"}))
    with open_source(str(path)) as source:
        assert source.columns == ("phone", "first name")


@pytest.mark.parametrize(
    "content",
    [b"[phone],name\n7275551212,Ann\n", b"{phone},name\n7275551212,Ann\n", b"<phone>,name\n1,2\n",
     b"insert date,phone\n2024-01-01,7275551212\n", b"table,phone\n1,7275551212\n"],
)  # fmt: skip
def test_a_header_is_none_of_these(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(content)
    with open_source(str(path)) as source:
        assert len(source.columns) == 2
