"""Spreadsheets are built here byte by byte, so that no library is needed to write them."""

import datetime
import hashlib
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from loader.errors import SourceFileError
from loader.reading.layouts import LAYOUTS
from loader.reading.old_workbook import cell_text
from loader.reading.read_options import ReadOptions
from loader.reading.source import open_source
from tests.support.workbooks import Cell, Sheets, Shown, serial, xlsx, zipped

HEADER: list[Cell] = ["phone_number", "first_name", "date_of_birth", "opt_in"]
LEADS: list[list[Cell]] = [
    HEADER,
    [7275551212.0, "Ana", datetime.datetime(1970, 1, 31), True],  # has none
    ["07275552222", 'Bo "B"\nLee, Jr', None, False],
]
ROWS = [
    ["7275551212", "Ana", "1970-01-31", "TRUE"],
    ["07275552222", 'Bo "B"\nLee, Jr', "", "FALSE"],
]


def ods(sheets: Sheets) -> bytes:
    def cell(value: Cell) -> str:
        match value:
            case None:
                return "<table:table-cell/>"
            case bool():
                kind = f'boolean" office:boolean-value="{str(value).lower()}'
            case float():
                kind = f'float" office:value="{value!r}'
            case datetime.datetime():
                kind = f'date" office:date-value="{value:%Y-%m-%d}'
            case str():
                kind = "string"
        lines = escape(value).split("\n") if isinstance(value, str) else []
        text = "".join(f"<text:p>{line}</text:p>" for line in lines)
        return f'<table:table-cell office:value-type="{kind}">{text}</table:table-cell>'

    tables = "".join(
        f'<table:table table:name="{name}">'
        + "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
        + "</table:table>"
        for name, rows in sheets.items()
    )
    names = "urn:oasis:names:tc:opendocument:xmlns"
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{names}:manifest:1.0"/>',
            "content.xml": f'<office:document-content xmlns:office="{names}:office:1.0"'
            f' xmlns:table="{names}:table:1.0" xmlns:text="{names}:text:1.0">'
            f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
            "</office:document-content>",
        }
    )


def xls(sheets: Sheets) -> bytes:
    """Write BIFF8 records into the one stream of a compound file."""

    def record(kind: int, data: bytes) -> bytes:
        return struct.pack("<HH", kind, len(data)) + data

    def cell(value: Cell, y: int, x: int) -> bytes:
        match value:
            case None:
                return b""
            case bool():
                return record(0x205, struct.pack("<HHHBB", y, x, 0, value, 0))
            case float():
                return record(0x203, struct.pack("<HHHd", y, x, 0, value))
            case datetime.datetime():
                return record(0x203, struct.pack("<HHHd", y, x, 1, serial(value)))
            case str():
                head = struct.pack("<HHHHB", y, x, 0, len(value), 1)
                return record(0x204, head + value.encode("utf-16-le"))

    end = record(0x0A, b"")
    formats = b"".join(record(0xE0, struct.pack("<HH16x", 0, number)) for number in (0, 14))
    bodies = [
        record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
        + b"".join(cell(v, y, x) for y, row in enumerate(rows) for x, v in enumerate(row))
        + end
        for rows in sheets.values()
    ]
    start = record(0x809, struct.pack("<HHHHII", 0x600, 0x05, 0, 0, 0, 0)) + formats
    at = len(start) + sum(4 + 8 + len(name) for name in sheets) + len(end)
    for name, body in zip(sheets, bodies, strict=True):
        start += record(0x85, struct.pack("<IHBB", at, 0, len(name), 0) + name.encode())
        at += len(body)
    stream = (start + end + b"".join(bodies)).ljust(4096, b"\0")
    stream += b"\0" * (-len(stream) % 512)
    return compound_file(stream)


def compound_file(stream: bytes) -> bytes:
    free, last = 0xFFFFFFFF, 0xFFFFFFFE
    sectors = len(stream) // 512

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        title = (name + "\0").encode("utf-16-le")
        links = struct.pack("<HBBIII", len(title), kind, 1, free, free, child)
        return title.ljust(64, b"\0") + links + struct.pack("<36xIQ", start, size)

    fat = [0xFFFFFFFD, last, *range(3, sectors + 2), last]
    header = bytes.fromhex("D0CF11E0A1B11AE1") + struct.pack("<16xHHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, last, 0, last, 0)
    header += struct.pack("<109I", 0, *[free] * 108)
    directory = entry("Root Entry", 5, 1, last, 0) + entry("Workbook", 2, free, 2, len(stream))
    table = struct.pack("<128I", *fat, *[free] * (128 - len(fat)))
    return header + table + directory.ljust(512, b"\0") + stream


FORMATS: dict[str, Callable[[Sheets], bytes]] = {"xlsx": xlsx, "ods": ods, "xls": xls}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_spreadsheet_is_read_as_it_is_displayed(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"  # told by content, not by name
    stored = FORMATS[kind]({"Notes": [], "Leads": LEADS, "More": []})
    path.write_bytes(stored)
    with open_source(str(path), ReadOptions(encoding="cp1252", delimiter=";")) as source:
        assert (source.format, source.sheet, source.header) == (kind, "Leads", True)
        assert source.columns == tuple(HEADER)
        assert (source.size, source.sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
        (chunk,) = source.chunks()
        assert chunk.rows.to_numpy().tolist() == ROWS
        assert chunk.rows.index.tolist() == [2, 3]
        assert chunk.rejected.empty
        assert chunk.bytes_read == len(stored)


def test_row_numbers_are_those_of_the_sheet(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsx"
    path.write_bytes(xlsx({"A": [[], ["phone"], ["1"], [], ["", None], ["2"], []]}))
    with open_source(str(path)) as source:
        (chunk,) = source.chunks()
        assert chunk.rows["phone"].to_dict() == {3: "1", 6: "2"}


def test_cells_of_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsx"
    moment = datetime.datetime(2024, 1, 31, 8, 5)  # has none
    shown = Shown(serial(moment), "d.m.yyyy h:mm")
    path.write_bytes(xlsx({"A": [["a", "b", "c"], ["#N/A", shown, 4.5]]}))
    with open_source(str(path)) as source:
        (chunk,) = source.chunks()
        assert chunk.rows.to_numpy().tolist() == [["#N/A", "2024-01-31 08:05:00", "4.5"]]
        problem = chunk.cell_problems.reset_index().to_numpy().tolist()
        assert problem == [[2, "a", "#N/A", "cell A2 (a) shows #N/A"]]


def test_layout_of_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsx"
    path.write_bytes(xlsx({"A": [["V1", "S", 101.0, 1.0, 7275551212.0]]}))
    with open_source(str(path), ReadOptions(layout=LAYOUTS["vicidial-standard"])) as source:
        (chunk,) = source.chunks()
        assert chunk.rows.loc[1, "phone_number"] == "7275551212"
        assert chunk.rows.loc[1, "email"] == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("", "", id="empty"),
        pytest.param(" a ", " a ", id="text"),
        pytest.param(7275551212.0, "7275551212", id="whole-number"),
        pytest.param(-1.0, "-1", id="negative"),
        pytest.param(0.1, "0.1", id="fraction"),
        pytest.param(123456789012345.0, "123456789012345", id="all-the-digits-there-are"),
        pytest.param(1e15, "1E+15", id="too-many-digits"),
        pytest.param(4.47911123456e18, "4.47911123456E+18", id="far-too-many"),
        pytest.param(12, "12", id="int"),
        pytest.param(True, "TRUE", id="true"),
        pytest.param(datetime.date(2024, 1, 31), "2024-01-31", id="date"),
        pytest.param(datetime.datetime(2024, 1, 31), "2024-01-31", id="midnight"),
        pytest.param(datetime.datetime(2024, 1, 31, 8, 5), "2024-01-31 08:05:00", id="time-of-day"),
        pytest.param(datetime.time(8, 5), "08:05:00", id="time"),
    ],
)
def test_cell_text(value: object, text: str) -> None:
    assert cell_text(value) == text


def refused(content: bytes, tmp_path: Path) -> str:
    path = tmp_path / "leads.xlsx"
    path.write_bytes(content)
    with pytest.raises(SourceFileError) as caught, open_source(str(path)):
        pass
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            xlsx({"A": [], "B": [[None]]}), "no sheet of the spreadsheet has data", id="empty"
        ),
        pytest.param(xlsx({"A": [["Ana", 7275551212.0]]}), "row 1 is no header", id="no-header"),
        pytest.param(
            zipped({"xl/workbook.xml": "<x"}), "the spreadsheet cannot be read", id="damaged"
        ),
        pytest.param(xls({"A": LEADS})[:1500], "the spreadsheet cannot be read", id="cut"),
        pytest.param(
            xlsx({"A": LEADS})[:-9], "the zip file is damaged or incomplete", id="cut-zip"
        ),
    ],
)
def test_a_spreadsheet_that_is_no_lead_file(content: bytes, message: str, tmp_path: Path) -> None:
    assert message in refused(content, tmp_path)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    assert " -m pip install 'python-calamine>=0.9', or save it" in refused(
        xls({"A": LEADS}), tmp_path
    )
    path = tmp_path / "new.xlsx"
    path.write_bytes(xlsx({"A": LEADS}))
    with open_source(str(path)) as source:
        assert source.format == "xlsx", "needs no extra"
