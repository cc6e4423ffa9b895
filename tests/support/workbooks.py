"""Workbooks made byte by byte, to be read by the loader."""

import datetime
import io
import zipfile
from xml.sax.saxutils import escape

Cell = str | float | bool | datetime.datetime | None

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


def xlsx(sheets: Sheets) -> bytes:
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'

    def cell(value: Cell, place: str) -> str:
        match value:
            case None:
                return ""
            case bool():
                return f'<c r="{place}" t="b"><v>{value:d}</v></c>'
            case float():
                return f'<c r="{place}"><v>{value!r}</v></c>'
            case datetime.datetime():
                return f'<c r="{place}" s="1"><v>{serial(value)}</v></c>'
            case str() if value.startswith("#"):
                return f'<c r="{place}" t="e"><v>{value}</v></c>'
        return (
            f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
        )

    def sheet(rows: list[list[Cell]]) -> str:
        cells = [
            [cell(value, f"{chr(64 + x)}{y}") for x, value in enumerate(row, 1)]
            for y, row in enumerate(rows, 1)
        ]
        text = "".join(f'<row r="{y}">{"".join(row)}</row>' for y, row in enumerate(cells, 1))
        return f"<worksheet {main}><sheetData>{text}</sheetData></worksheet>"

    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"

    def relations(kind: str, *targets: str) -> str:
        links = "".join(
            f'<Relationship Id="rId{n}" Type="{office}/{kind}" Target="{target}"/>'
            for n, target in enumerate(targets, 1)
        )
        return f'<Relationships xmlns="{package}/relationships">{links}</Relationships>'

    names = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1)
    )
    parts = [f"worksheets/sheet{number}.xml" for number in range(1, len(sheets) + 1)]
    return zipped(
        {
            "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
            "_rels/.rels": relations("officeDocument", "xl/workbook.xml"),
            "xl/workbook.xml": f'<workbook {main} xmlns:r="{office}">'
            f"<sheets>{names}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relations("worksheet", *parts),
            "xl/styles.xml": f'<styleSheet {main}><cellXfs count="2">'
            '<xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
            **{
                f"xl/{part}": sheet(rows) for part, rows in zip(parts, sheets.values(), strict=True)
            },
        }
    )
