"""Workbooks made byte by byte, to be read by the loader."""

import datetime
import io
import struct
import zipfile
from collections.abc import Collection, Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr


class Shown(NamedTuple):
    """A number, and the code of its format."""

    value: float
    code: str


class Formula(NamedTuple):
    """A formula, and what it was when it was calculated last; None: it never was."""

    value: "str | float | None" = None


Cell = str | float | bool | datetime.datetime | Shown | Formula | None

Sheets = dict[str, list[list[Cell]]]


def serial(day: datetime.datetime) -> float:
    """Return a date as Excel stores it."""
    return (day - datetime.datetime(1899, 12, 30)) / datetime.timedelta(days=1)


def zipped(members: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return target.getvalue()


def _xlsx_cell(value: Cell, place: str, codes: list[str]) -> str:
    """Write a cell; the code of its format is added to the codes."""
    style = kind = formula = ""
    text: object = value
    match value:
        case None:
            return ""
        case bool():
            kind, text = "b", int(value)
        case Shown(text, code):
            if code not in codes:
                codes.append(code)
            style = f' s="{codes.index(code)}"'
        case Formula(text):
            kind, formula = "str" if isinstance(text, str) else "", "<f>A1&amp;A2</f>"
        case datetime.datetime():
            style, text = ' s="1"', serial(value)
        case str() if value.startswith("#"):
            kind = "e"
        case str():
            text = f'<is><t xml:space="preserve">{escape(value)}</t></is>'
            return f'<c r="{place}" t="inlineStr">{text}</c>'
    kind = f' t="{kind}"' if kind else ""
    result = "" if text is None else f"<v>{text}</v>"
    return f'<c r="{place}"{style}{kind}>{formula}{result}</c>'


def xlsx(
    sheets: Mapping[str, list[list[Cell]]],
    *,
    hidden: Collection[str] = (),
    book: str = "",
    more: Mapping[str, str] | None = None,
) -> bytes:
    """Write a workbook; `book`: elements of workbook.xml, `more`: further members."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    codes = ["General", "mm-dd-yy"]

    def sheet(rows: list[list[Cell]]) -> str:
        cells = [
            [_xlsx_cell(value, f"{chr(64 + x)}{y}", codes) for x, value in enumerate(row, 1)]
            for y, row in enumerate(rows, 1)
        ]
        text = "".join(f'<row r="{y}">{"".join(row)}</row>' for y, row in enumerate(cells, 1))
        return f"<worksheet {main}><sheetData>{text}</sheetData></worksheet>"

    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"

    def relations(*targets: tuple[str, str]) -> str:
        links = "".join(
            f'<Relationship Id="rId{n}" Type="{office}/{kind}" Target="{target}"/>'
            for n, (kind, target) in enumerate(targets, 1)
        )
        return f'<Relationships xmlns="{package}/relationships">{links}</Relationships>'

    hide = ' state="hidden"'
    names = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"'
        f"{hide if name in hidden else ''}/>"
        for n, name in enumerate(sheets, 1)
    )
    parts = [f"worksheets/sheet{number}.xml" for number in range(1, len(sheets) + 1)]
    bodies = {f"xl/{part}": sheet(rows) for part, rows in zip(parts, sheets.values(), strict=True)}
    formats = "".join(
        f'<numFmt numFmtId="{164 + n}" formatCode={quoteattr(code)}/>'
        for n, code in enumerate(codes)
    )
    styles = "".join(f'<xf numFmtId="{164 + n}"/>' for n in range(len(codes)))
    texts = (
        [("sharedStrings", "sharedStrings.xml")] if "xl/sharedStrings.xml" in (more or {}) else []
    )
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
            "_rels/.rels": relations(("officeDocument", "xl/workbook.xml")),
            "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}">{book}'
            f"<sheets>{names}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations(
                *(("worksheet", part) for part in parts), ("styles", "styles.xml"), *texts
            ),
            "xl/styles.xml": f"<styleSheet {main}><numFmts>{formats}</numFmts>"
            f"<cellXfs>{styles}</cellXfs></styleSheet>",
            **bodies,
            **(more or {}),
        }
    )


def xlsb(sheets: Mapping[str, Mapping[tuple[int, int], str | float]]) -> bytes:
    """Write a workbook of binary records from cells by row and column, from 0."""

    def record(kind: int, data: bytes = b"") -> bytes:
        head = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
        return head + bytes([len(data) & 127 | 128, len(data) >> 7]) + data

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    def cell(column: int, value: str | float) -> bytes:
        head = struct.pack("<II", column, 0)
        if isinstance(value, str):
            return record(6, head + text(value))
        return record(5, head + struct.pack("<d", value))

    def sheet(cells: Mapping[tuple[int, int], str | float]) -> bytes:
        rows: dict[int, bytes] = {}
        for (row, column), value in sorted(cells.items()):
            rows[row] = rows.get(row, b"") + cell(column, value)
        body = b"".join(
            record(0, struct.pack("<IIHBBBI", row, 0, 300, 0, 0, 0, 0)) + cells
            for row, cells in rows.items()
        )
        size = record(148, struct.pack("<IIII", 0, 0, 0, 0))
        return record(129) + size + record(145) + body + record(146) + record(130)

    names = b"".join(
        record(156, struct.pack("<II", 0, n) + text(f"rId{n}") + text(name))
        for n, name in enumerate(sheets, 1)
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.bin"/>'
        for n in range(1, len(sheets) + 1)
    )
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.bin", record(143) + names + record(144) + record(132))
        archive.writestr(
            "xl/_rels/workbook.bin.rels",
            f'<Relationships xmlns="{package}">{links}</Relationships>',
        )
        for n, cells in enumerate(sheets.values(), 1):
            archive.writestr(f"xl/worksheets/sheet{n}.bin", sheet(cells))
    return target.getvalue()
