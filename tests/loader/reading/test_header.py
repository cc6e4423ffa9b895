"""Where the header of a text file is, what above it is not read, and what a name is."""

from pathlib import Path

import pytest

from loader.errors import SourceFileError
from loader.fields.recognition import field_namer
from loader.reading.header import is_column_name
from loader.reading.read_options import ReadOptions
from loader.reading.source import open_source

ROW_1 = "row 1 is above the header and not read"


def read(
    tmp_path: Path, text: str, **options: object
) -> tuple[int | None, list[str], int, tuple[str, ...]]:
    """Give the row of the header, the columns, the number of rows, and what is not read."""
    path = tmp_path / "in.csv"
    path.write_text(text, "utf-8")
    given = ReadOptions(**{"field_of": field_namer(), **options})  # type: ignore[arg-type]
    with open_source(str(path), given) as source:
        rows = sum(len(chunk.rows) for chunk in source.chunks())
        return source.header_row, list(source.columns), rows, source.remarks


@pytest.mark.parametrize(
    ("text", "row", "columns", "remarks"),
    [
        ("phone,first name\n{},x", 1, ["phone", "first name"], ()),
        ("Leads of May\nphone,first name\n{},x", 2, ["phone", "first name"], (ROW_1,)),
        ("Leads of May\n\n;made 2026-05-01\nphone;first name\n{};x", 4, ["phone", "first name"],
         ("rows 1 to 3 are above the header and not read",)),
        ("Campaign;Spring\nphone;first name\n{};x", 2, ["phone", "first name"], (ROW_1,)),
        ("Title;May\nphone;first name\n{};x", 2, ["phone", "first name"], (ROW_1,)),
        ("Source;Title\nphone;first name;city\n{};x;y", 2, ["phone", "first name", "city"],
         (ROW_1,)),
        ("Phone\nphone,first name,city\n{},x,y", 2, ["phone", "first name", "city"], (ROW_1,)),
        ("Phone numbers of May\nphone\n{}", 2, ["phone"], (ROW_1,)),
        ("Contact;sales@example.com\nphone;city\n{};x", 2, ["phone", "city"], (ROW_1,)),
        ("Sales by year\nphone,2024\n{},x", 2, ["phone", "2024"], (ROW_1,)),
        ("sep=;\nphone;city\n{};x", 2, ["phone", "city"], ()),
        *((f"{title}\nphone,first name\n{{}},x", 2, ["phone", "first name"], (ROW_1,))
          for title in ("Generated,2024-01-31 08:15:00", "Period,01/01/2024 - 01/31/2024",
                        "Total,1000000", "Order No.,123456789", "20240131120000", "31.1.2024",
                        "Questions? Call 727-555-1212")),
        # A value of a lead may be the name of a column.
        ("phone,type\n{},Home\n7275551213,Mobile", 1, ["phone", "type"], ()),
        ("phone,type,more\n{},Home,x\n,Mobile,First name\n", 1, ["phone", "type", "more"], ()),
    ],
)  # fmt: skip
def test_the_header_is_found(
    tmp_path: Path, text: str, row: int, columns: list[str], remarks: tuple[str, ...]
) -> None:
    rows = text.rstrip("\n").count("\n") + 1 - row
    assert read(tmp_path, text.format("7275551212")) == (row, columns, rows, remarks)


@pytest.mark.parametrize(
    "text",
    [
        "7275551210,Ann,Tampa\n7275551211,Bob,Miami\nphone,first name,city\n7275551212,Cyd,Ocala\n",
        "Nummer;Vorname\n7275551212;Ann\nPhone;First Name\n7275551213;Bob\n",
        "Kunden\n(727) 555-1212;Ann\nphone;first name\n7275551213;Bob\n",
        "a;b\n0171/1234567;Ann\nphone;first name\n7275551213;Bob\n",
        "Ann,727-555-1212 home\nphone,first name\n7275551213,Bob\n",
        "Ann,tel. 0171 1234567\nphone,first name\n7275551213,Bob\n",
        "Ann,+1 (727) 555-1212 or 8135551212\nphone,first name\n7275551213,Bob\n",
        "Ann;Lee;7275551212\nphone,first name\n7275551213,Bob\n",
    ],
)
def test_a_lead_above_the_header_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceFileError, match="above it has a phone number"):
        read(tmp_path, text)
    row = text[: text.lower().index("phone")].count("\n")
    assert read(tmp_path, text, skip_rows=row)[::2] == (row + 1, 1)


@pytest.mark.parametrize("value", ["n/a", "", "0171/1234568", "unknown"])
def test_a_value_of_a_lead_is_no_header(tmp_path: Path, value: str) -> None:
    text = f"Cust Tel,Nm,Kind\n7275551212,Ann,Home\n{value},Bob,Mobile\n7275551214,Dan,Cell\n"
    assert read(tmp_path, text)[:3] == (1, ["Cust Tel", "Nm", "Kind"], 3)


@pytest.mark.parametrize("first", ["7275551298,Z,early", "7275551298,Z"])
def test_a_stray_value_in_a_column_without_a_name(tmp_path: Path, first: str) -> None:
    rows = "".join(f"72755512{n:02},A\n" for n in range(30))
    assert read(tmp_path, f"phone,first name,\n{first}\n{rows}")[2] == 31


def test_columns_that_are_named_by_hand(tmp_path: Path) -> None:
    columns = ("phone_number", "first_name", "-", "city")
    assert read(tmp_path, "7275551212,Ann,x,Tampa,\n", columns=columns)[2] == 1
    assert read(tmp_path, "7275551212,Ann\n", columns=columns, short_rows="fill")[2] == 1
    for text in ("7275551212,Ann\n", "7275551212,Ann,x,Tampa,y\n"):
        with pytest.raises(SourceFileError, match="but --columns names 4"):
            read(tmp_path, text, columns=columns)


@pytest.mark.parametrize(
    "value",
    [
        "phone",
        "Phone 1",
        "2nd phone",
        "",
        " ",
        "E-mail",
        "Téléphone",
        "電話",
        "#",
        "a@b",
        "x12",
        "%",
    ],
)
def test_what_names_a_column(value: str) -> None:
    assert is_column_name(value)


@pytest.mark.parametrize(
    "value",
    ["7275551111", "+1 (727) 555-1111", "727.555.1111 x12", "7.27556E+09", "7275551212.0", "-1",
     "1", "ana@example.com", "2024-01-31", "1/31/2024", "31.01.2024", "31-Jan-2024", "12:30",
     "2024-01-31T08:00:00Z", "1/31/2024 8:00 AM", " 101 ", "\uff17\uff12\uff17"],
)  # fmt: skip
def test_data_names_no_column(value: str) -> None:
    assert not is_column_name(value)
