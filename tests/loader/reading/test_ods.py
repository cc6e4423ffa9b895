"""Cells and sheets of OpenDocument spreadsheets."""

from pathlib import Path

import pytest

from loader.errors import SourceFileError
from loader.reading.read_options import ReadOptions
from loader.reading.source import open_source
from tests.support.workbooks import zipped

NAMES = "urn:oasis:names:tc:opendocument:xmlns"
SPACES = " ".join(f'xmlns:{n}="{NAMES}:{n}:1.0"' for n in ("office", "table", "text", "style"))
CELL = "<table:table-cell {0}><text:p>{1}</text:p></table:table-cell>"
HEAD = CELL.format('office:value-type="string"', "a") + CELL.format(
    'office:value-type="string"', "b"
)


def ods(tables: str, styles: str = "") -> bytes:
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": f'<office:document-content {SPACES} xmlns:calcext="urn:calcext">'
            f"<office:automatic-styles>{styles}</office:automatic-styles><office:body>"
            f"<office:spreadsheet>{tables}</office:spreadsheet></office:body>"
            "</office:document-content>",
        }
    )


def table(name: str, *rows: str, more: str = "") -> str:
    body = "".join(
        row if row.startswith("<table:table-row") else f"<table:table-row>{row}</table:table-row>"
        for row in rows
    )
    return f'<table:table table:name="{name}" {more}>{body}</table:table>'


def number(value: str, kind: str = "float") -> str:
    return f'office:value-type="{kind}" office:value="{value}"'


@pytest.mark.parametrize(
    ("attributes", "shown", "text", "problem"),
    [
        (number("2134"), "02134", "02134", ""),
        (number("21340001"), "02134-0001", "02134-0001", ""),
        (number("7275551212"), "(727) 555-1212", "(727) 555-1212", ""),
        (number("1234567"), "1,234,567", "1234567", ""),
        (number("1234567"), "1 234 567", "1234567", ""),
        (number("7275551212"), "7.28E+09", "7275551212", ""),
        (number("7275551212"), "7275551212.00", "7275551212", ""),
        (number("4.5"), "4.50", "4.5", ""),
        (number("-5"), "(5)", "-5", ""),
        (number("0"), "00000", "00000", ""),
        (number("5", "currency"), "5 €", "5", ""),
        (number("0.125", "percentage"), "12.5%", "12.5%", ""),
        ('office:value-type="date" office:date-value="1980-01-31"', "31.1.80", "1980-01-31", ""),
        ('office:value-type="date" office:date-value="1980-01-31T08:05:00"', "31.1.80 8:05",
         "1980-01-31 08:05:00", ""),
        ('office:value-type="date" office:date-value="1980-01-31T08:05:00"', "Jan 1980",
         "1980-01-31", ""),
        ('office:value-type="time" office:time-value="PT08H05M00S"', "8:05", "08:05:00", ""),
        ('office:value-type="boolean" office:boolean-value="true"', "TRUE", "TRUE", ""),
        ('office:value-type="string"', "x<text:s text:c='2'/>y<text:line-break/>z", "x  y\nz", ""),
        ('office:value-type="string"', "<text:span>x</text:span>y", "xy", ""),
        ('table:formula="of:=[.A1]"', "", "", "cell B2 (b) has a formula that was not calculated"),
        ('table:formula="of:=[.A1]" office:value-type="string"', "#N/A", "#N/A",
         "cell B2 (b) shows #N/A"),
        ('calcext:value-type="error" office:value-type="string"', "Err:502", "Err:502",
         "cell B2 (b) shows Err:502"),
        ('table:formula="of:=[.A1]" office:value-type="string"', "", "", ""),
    ],
)  # fmt: skip
def test_a_cell(tmp_path: Path, attributes: str, shown: str, text: str, problem: str) -> None:
    path = tmp_path / "in.ods"
    first = CELL.format('office:value-type="string"', "x")
    path.write_bytes(ods(table("A", HEAD, first + CELL.format(attributes, shown), first)))
    with open_source(str(path)) as source:
        (chunk,) = source.chunks()
        assert chunk.rows["b"].tolist() == [text, ""]
        assert chunk.cell_problems["text"].tolist() == ([problem] if problem else [])


def test_repeated_rows_and_cells_and_comments(tmp_path: Path) -> None:
    note = "<office:annotation><text:p>a comment</text:p></office:annotation>"
    value = (
        f'<table:table-cell office:value-type="string">{note}<text:p>v</text:p></table:table-cell>'
    )
    blank = '<table:table-cell table:number-columns-repeated="16000"/>'
    rows = [
        HEAD + blank,
        f'<table:table-row table:number-rows-repeated="2">{value}{value}{blank}</table:table-row>',
        '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>',
        value,
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell/>'
        "</table:table-row>",
    ]
    path = tmp_path / "in.ods"
    path.write_bytes(ods(table("A", *rows)))
    with open_source(str(path)) as source:
        (chunk,) = source.chunks()
        assert chunk.rows.index.tolist() == [2, 3, 7]
        assert chunk.rows.to_numpy().tolist() == [["v", "v"], ["v", "v"], ["v", ""]]


def test_a_hidden_sheet(tmp_path: Path) -> None:
    styles = (
        '<style:style style:name="ta1" style:family="table">'
        '<style:table-properties table:display="false"/></style:style>'
    )
    value = CELL.format('office:value-type="string"', "x")
    old = table("old", HEAD, value, more='table:style-name="ta1"')
    path = tmp_path / "in.ods"
    path.write_bytes(ods(old + table("A", HEAD, value * 2), styles))
    with open_source(str(path)) as source:
        assert (source.sheet, source.remarks) == ("A", ("sheet 'old' was not read: it is hidden",))
    with open_source(str(path), ReadOptions(sheet="old")) as source:
        assert source.sheet == "old"


def test_rows_that_are_mostly_blanks_fill_no_memory(tmp_path: Path) -> None:
    """A hundred characters of XML are a million in memory, in each of many rows."""
    blanks = CELL.format('office:value-type="string"', 'x<text:s text:c="999990"/>y')
    path = tmp_path / "a.ods"
    path.write_bytes(ods(table("A", HEAD, *[blanks * 10] * 60)))
    with (
        pytest.raises(SourceFileError, match=r"row 1[0-9] and a few before it have more"),
        open_source(str(path), ReadOptions()) as source,
    ):
        list(source.chunks())
