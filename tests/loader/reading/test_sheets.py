"""Which sheet of a workbook is read, and what its cells are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from loader.errors import LoaderError, SourceFileError, UsageError
from loader.fields.recognition import field_namer
from loader.reading.read_options import ReadOptions
from loader.reading.source import SourceFile, open_source
from tests.support.workbooks import Cell, Formula, Shown, xlsx

HEAD: list[Cell] = ["phone", "first name"]
ANN: list[Cell] = [7275551212.0, "Ann"]
BOB: list[Cell] = [7275551213.0, "Bob"]

known = field_namer()

Open = Callable[..., SourceFile]


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., list[list[str]]]:
    """Read a workbook's rows, their numbers first."""

    def read(content: bytes, **options: object) -> list[list[str]]:
        path = tmp_path / "in.xlsx"
        path.write_bytes(content)
        given = ReadOptions(**{"field_of": known, **options})  # type: ignore[arg-type]
        with open_source(str(path), given) as source:
            return [
                [str(number), *row]
                for chunk in source.chunks()
                for number, row in zip(chunk.rows.index, chunk.rows.to_numpy(), strict=True)
            ]

    return read


def message(tmp_path: Path, content: bytes, **options: object) -> tuple[type[LoaderError], str]:
    path = tmp_path / "in.xlsx"
    path.write_bytes(content)
    given = ReadOptions(**{"field_of": known, **options})  # type: ignore[arg-type]
    with pytest.raises(LoaderError) as caught, open_source(str(path), given):
        pass
    return type(caught.value), str(caught.value).replace(str(tmp_path), "")


TWO = xlsx({"January": [HEAD, ANN], "February": [HEAD, BOB]})


@pytest.mark.parametrize(
    ("sheet", "names"),
    [
        ("January", ["Ann"]), ("February", ["Bob"]), ("february", ["Bob"]), (" February ", ["Bob"]),
        ("1", ["Ann"]), ("2", ["Bob"]),
    ],
)  # fmt: skip
def test_a_sheet_by_name_or_number(
    rows: Callable[..., list[list[str]]], sheet: str, names: list[str]
) -> None:
    assert [row[-1] for row in rows(TWO, sheet=sheet)] == names


def test_a_name_goes_before_a_number(rows: Callable[..., list[list[str]]]) -> None:
    content = xlsx({"2": [HEAD, ANN], "January": [HEAD, BOB]})
    assert rows(content, sheet="2") == [["2", "7275551212", "Ann"]]


@pytest.mark.parametrize(
    ("sheets", "hidden", "options", "error", "text"),
    [
        (
            {"January": [HEAD, ANN], "February": [HEAD, BOB]}, (), {}, SourceFileError,
            "/in.xlsx: the spreadsheet has 2 sheets with data, January and February; say which by"
            " --sheet January, or --sheet all",
        ),
        (
            {"Q1 A": [HEAD, ANN], "b": [HEAD, BOB], "c": [HEAD, BOB]}, (), {}, SourceFileError,
            "has 3 sheets with data, Q1 A, b and c; say which by --sheet \"Q1 A\"",
        ),
        (
            {"A": [["x", "y"], ["1", "2"]], "B": [["z"], ["3"]]}, (), {}, SourceFileError,
            "has 2 sheets with data, A and B",
        ),
        ({"A": [HEAD, ANN]}, ("A",), {}, SourceFileError, "no sheet of the spreadsheet has data;"
         " hidden: 'A'; name one by --sheet to load it"),
        ({"A": [], "B": [[None]]}, (), {}, SourceFileError, "no sheet of the spreadsheet has data"),
        ({"A": [HEAD, ANN], "B": []}, ("B",), {"sheet": "C"}, UsageError,
         "--sheet C: /in.xlsx has no such sheet; it has 'A', 'B' (hidden)"),
        ({"A": [HEAD, ANN]}, (), {"sheet": "2"}, UsageError, "has no such sheet"),
        ({"A": [HEAD, ANN]}, (), {"sheet": "0"}, UsageError, "has no such sheet"),
        ({"A": [HEAD, ANN], "B": []}, (), {"sheet": "B"}, SourceFileError, "sheet 'B' has no data"),
        ({"A": [HEAD, ANN], "B": [["phone", "city"], ["1", "x"]]}, (), {"sheet": "all"},
         SourceFileError, "sheet 'B' has another header than 'A' (column 2 is 'city', not 'first"
         " name'); load them one by one, by --sheet"),
        ({"A": [HEAD, ANN], "B": [[*HEAD, "zip"], [*BOB, "1"]]}, (), {"sheet": "all"},
         SourceFileError, "sheet 'B' has another header than 'A' (3 columns, not 2)"),
        ({"A": [[7275551212.0, "Ann"]]}, (), {}, SourceFileError, "row 1 is no header"),
        ({"A": [[7275551212.0, "Ann", "x"]]}, (), {"columns": ("phone_number", "first_name")},
         SourceFileError, "sheet 'A' has rows with 3 cells, but 2 columns are named"),
    ],
)  # fmt: skip
def test_no_sheet_can_be_read(
    tmp_path: Path,
    sheets: dict[str, list[list[Cell]]],
    hidden: tuple[str, ...],
    options: dict[str, object],
    error: type[LoaderError],
    text: str,
) -> None:
    kind, found = message(tmp_path, xlsx(sheets, hidden=hidden), **options)
    assert (kind, text in found) == (error, True), found


def test_all_sheets_say_where_a_row_stands(rows: Callable[..., list[list[str]]]) -> None:
    content = xlsx(
        {
            "A": [HEAD, ANN],
            "old": [HEAD, BOB],
            "C": [["Title"], HEAD, [], BOB, ANN],
            "note": [["x"]],
        },
        hidden=("old",),
    )
    assert rows(content, sheet="all") == [
        ["2", "A", "2", "7275551212", "Ann"],
        ["6", "C", "4", "7275551213", "Bob"],
        ["7", "C", "5", "7275551212", "Ann"],
    ]


@pytest.mark.parametrize(
    ("sheets", "hidden", "options", "names", "remarks"),
    [
        ({"A": [HEAD, ANN]}, (), {}, ["Ann"], []),
        ({"Read me": [["How to fill this"]], "A": [HEAD, ANN]}, (), {}, ["Ann"],
         ["sheet 'Read me' was not read: it has no known header"]),
        ({"Codes": [["Code", "Text"], ["A", "x"]], "A": [HEAD, ANN]}, (), {}, ["Ann"],
         ["sheet 'Codes' was not read: it has no known header"]),
        ({"old": [HEAD, BOB], "A": [HEAD, ANN]}, ("old",), {}, ["Ann"],
         ["sheet 'old' was not read: it is hidden"]),
        ({"old": [HEAD, BOB], "A": [HEAD, ANN]}, ("old",), {"sheet": "old"}, ["Bob"], []),
        ({"A": [["Leads of May"], [], ["for Ann", "x"], HEAD, ANN]}, (), {}, ["Ann"],
         ["sheet 'A': rows 1 to 3 are above the header and not read"]),
        ({"A": [["Leads"], HEAD, ANN]}, (), {}, ["Ann"],
         ["sheet 'A': row 1 is above the header and not read"]),
        ({"A": [[], [], HEAD, ANN]}, (), {}, ["Ann"], []),
        ({"A": [["Sales by year"], [*HEAD, 2024.0], [*ANN, "x"]]}, (), {}, ["x"],
         ["sheet 'A': row 1 is above the header and not read"]),
        ({"A": [["Campaign", "Spring"], HEAD, ANN]}, (), {}, ["Ann"],
         ["sheet 'A': row 1 is above the header and not read"]),
        ({"A": [["Who", "Is"], ["mobile", "7275551212"], ANN]}, (), {}, ["7275551212", "Ann"], []),
        ({"A": [ANN, BOB]}, (), {"columns": ("phone_number", "first_name")}, ["Ann", "Bob"], []),
    ],
)  # fmt: skip
def test_the_sheet_that_is_read(
    tmp_path: Path,
    sheets: dict[str, list[list[Cell]]],
    hidden: tuple[str, ...],
    options: dict[str, object],
    names: list[str],
    remarks: list[str],
) -> None:
    path = tmp_path / "in.xlsx"
    path.write_bytes(xlsx(sheets, hidden=hidden))
    given = ReadOptions(**{"field_of": known, **options})  # type: ignore[arg-type]
    with open_source(str(path), given) as source:
        (chunk,) = source.chunks()
        assert chunk.rows.iloc[:, -1].tolist() == names
        assert list(source.remarks) == remarks


@pytest.mark.parametrize(
    ("cell", "text", "problem"),
    [
        (Shown(2134.0, "00000"), "02134", ""),
        (Shown(29251.0, "d.m.yyyy"), "1980-01-31", ""),
        ("02134", "02134", ""),
        (" 02134 ", " 02134 ", ""),
        ("_x000D_\n", "\r\n", ""),
        ("_x0041_", "A", ""),
        ("a_x005F_x000D_", "a_x000D_", ""),
        ("=A1", "=A1", ""),
        (True, "TRUE", ""),
        (1e15, "1E+15", ""),
        (Formula("x"), "x", ""),
        (Formula(""), "", ""),
        (Formula(0.0), "0", ""),
        (Formula(), "", "cell B2 (b) has a formula that was not calculated"),
        ("#N/A", "#N/A", "cell B2 (b) shows #N/A"),
        ("#REF!", "#REF!", "cell B2 (b) shows #REF!"),
        ("#DIV/0!", "#DIV/0!", "cell B2 (b) shows #DIV/0!"),
    ],
)
def test_a_cell(tmp_path: Path, cell: Cell, text: str, problem: str) -> None:
    path = tmp_path / "in.xlsx"
    path.write_bytes(xlsx({"A": [["a", "b"], ["1", cell], ["2", "x"]]}))
    with open_source(str(path)) as source:
        (chunk,) = source.chunks()
        assert chunk.rows["b"].tolist() == [text, "x"]
        assert chunk.cell_problems["text"].tolist() == ([problem] if problem else [])
        assert source.sample["b"].tolist() == [text, "x"]


def test_a_zero_of_a_file_that_is_to_be_calculated(tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    rows: list[list[Cell]] = [["a", "b"], ["1", Formula(0)], ["2", 0.0], ["3", Formula(7)]]
    path.write_bytes(xlsx({"A": rows}, book='<calcPr fullCalcOnLoad="1"/>'))
    with open_source(str(path)) as source:
        (chunk,) = source.chunks()
        assert chunk.rows["b"].tolist() == ["", "0", "7"]
        assert chunk.cell_problems.index.tolist() == [2]


def test_days_from_1904(tmp_path: Path) -> None:
    path = tmp_path / "in.xlsx"
    rows: list[list[Cell]] = [["a", "born"], ["1", Shown(27789.0, "yyyy-mm-dd")]]
    path.write_bytes(xlsx({"A": rows}, book='<workbookPr date1904="1"/>'))
    with open_source(str(path)) as source:
        assert source.sample["born"].tolist() == ["1980-01-31"]


def test_shared_texts(tmp_path: Path) -> None:
    """With runs of formats, and the reading of Japanese names, which is no part of the text."""
    shared = (
        "<sst><si><t>phone</t></si><si><r><t>first </t></r><r><t>name</t></r></si>"
        "<si><t>東京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si><si/></sst>"
    )
    sheet = (
        "<worksheet><sheetData><row><c t='s'><v>0</v></c><c t='s'><v>1</v></c></row>"
        "<row><c><v>7275551212</v></c><c t='s'><v>2</v></c></row>"
        "<row><c><v>7275551213</v></c><c t='s'><v>3</v></c></row></sheetData></worksheet>"
    )
    path = tmp_path / "in.xlsx"
    more = {"xl/sharedStrings.xml": shared, "xl/worksheets/sheet1.xml": sheet}
    path.write_bytes(xlsx({"A": []}, more=more))
    with open_source(str(path)) as source:
        assert source.columns == ("phone", "first name")
        assert source.sample["first name"].tolist() == ["東京", ""]


def test_elements_with_a_prefix(tmp_path: Path) -> None:
    sheet = (
        "<x:worksheet xmlns:x='http://purl.oclc.org/ooxml/spreadsheetml/main'><x:sheetData>"
        "<x:row><x:c t='str'><x:v>phone</x:v></x:c></x:row>\n"
        "<x:row> <x:c> <x:v>7275551212</x:v> </x:c> </x:row></x:sheetData></x:worksheet>"
    )
    path = tmp_path / "in.xlsx"
    path.write_bytes(xlsx({"A": []}, more={"xl/worksheets/sheet1.xml": sheet}))
    with open_source(str(path)) as source:
        assert source.sample["phone"].tolist() == ["7275551212"]


@pytest.mark.parametrize(
    "sheet",
    [
        "<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet>&a;</worksheet>",
        "<worksheet><sheetData><row><c r='1'><v>1</v></c></row></sheetData></worksheet>",
        "<worksheet><sheetData><row><c t='s'><v>7</v></c></row></sheetData></worksheet>",
        "<worksheet><sheetData><row><c><v>x</v></c></row></sheetData></worksheet>",
        "<worksheet><sheetData><row>",
        "",
    ],
    ids=["entities", "no-column", "no-such-text", "no-number", "cut", "empty"],
)
def test_a_damaged_sheet(tmp_path: Path, sheet: str) -> None:
    more = {"xl/worksheets/sheet1.xml": sheet, "xl/sharedStrings.xml": "<sst/>"}
    kind, text = message(tmp_path, xlsx({"A": []}, more=more))
    assert (kind, "the spreadsheet cannot be read" in text) == (SourceFileError, True)


def test_a_sheet_of_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("phone\n7275551212\n")
    with (
        pytest.raises(UsageError, match="is no spreadsheet; leave --sheet out"),
        open_source(str(path), ReadOptions(sheet="A")),
    ):
        pass


@pytest.mark.parametrize(
    ("sheets", "options", "said"),
    [
        ({"A": [["Sales"], ANN, HEAD, BOB]}, {}, "row 3 names columns, but row 2 above it has"),
        ({"A": [HEAD, ANN], "B": [["Tel.nr."], [7275551213.0]]}, {}, "2 sheets with data, A and B"),
        ({"A": [HEAD, ANN], "B": [[7275551213.0]]}, {"sheet": "all"}, "'B' has phone numbers, but"),
    ],
)
def test_no_lead_of_a_sheet_is_left_out(
    tmp_path: Path, sheets: dict[str, list[list[Cell]]], options: dict[str, object], said: str
) -> None:
    kind, text = message(tmp_path, xlsx(sheets), **options)
    assert kind is SourceFileError
    assert said in text


@pytest.mark.parametrize("top", [[], [["Leads of May"]], [[], ["Leads"], []]])
def test_a_sheet_with_a_header_and_no_rows(tmp_path: Path, top: list[list[Cell]]) -> None:
    path = tmp_path / "in.xlsx"
    path.write_bytes(xlsx({"A": [*top, HEAD, []]}))
    with open_source(str(path), ReadOptions(field_of=known)) as source:
        assert source.columns == ("phone", "first name")
        assert not source.has_records
        assert not sum(len(chunk.rows) for chunk in source.chunks())


def test_one_long_text_in_many_cells_fills_no_memory(tmp_path: Path) -> None:
    """Two kilobytes, of which a few hundred rows would take gigabytes."""
    row = "<row>" + '<c t="s"><v>0</v></c>' * 16 + "</row>"
    sheet = f"<worksheet><sheetData>{row * 150}</sheetData></worksheet>"
    more = {
        "xl/sharedStrings.xml": f"<sst><si><t>{'a' * 999_990}</t></si></sst>",
        "xl/worksheets/sheet1.xml": sheet,
    }
    path = tmp_path / "a.xlsx"
    path.write_bytes(xlsx({"A": []}, more=more))
    with (
        pytest.raises(SourceFileError, match="row 7 and a few before it have more than 100"),
        open_source(str(path), ReadOptions()) as source,
    ):
        list(source.chunks())
