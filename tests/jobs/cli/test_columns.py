"""The command columns, --columns, --sheet and mapping files, from the command line."""

import csv
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from tests.support.workbooks import Formula, Shown, xlsx

TEXT = "Fone Number;Street Addr;Name\n727-555-0112;1 Elm St;Ann Lee\n727-555-0113;2 Elm St;\n"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    Path("in.csv").write_text(TEXT, "utf-8")


def summary(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["validate", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_columns_are_shown_with_proposals(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["columns", "in.csv"]) == 0
    out = capsys.readouterr().out
    assert "Fone Number  ? phone_number" in out
    assert '--map address1="Street Addr"' in out
    assert '--map first_name+last_name="Name"' in out
    assert "727-555-0112 | 727-555-0113" in out
    assert run(["columns", "in.csv", "--mask"]) == 0
    out = capsys.readouterr().out
    assert "999-999-9999" in out
    assert "727" not in out


def test_a_mapping_file_is_written_and_used(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--map", "phone_number=Fone Number", "--map", "first_name+last_name=Name"]
    assert run(["columns", "in.csv", *given, "--write", "v.toml"]) == 0
    text = Path("v.toml").read_text("utf-8")
    assert tomllib.loads(text) == {
        "delimiter": ";",
        "map": {"phone_number": "Fone Number", "first_name+last_name": "Name"},
    }
    assert '# address1 = "Street Addr"' in text
    assert "555" not in text, "values are masked"
    capsys.readouterr()
    found = summary(capsys, "in.csv", "--mapping-file", "v.toml")
    assert found["loaded"] == 2
    assert any("did you mean address1? --map address1=" in it for it in found["remarks"])


@pytest.mark.parametrize(
    ("header", "candidates"),
    [
        ("Phone;Mobile;City", ("Phone", "Mobile")),
        ("Home Phone,Cell Phone,City", ("Home Phone", "Cell Phone")),
        ("Phone,City,Phone", ("Phone", "Phone (2)")),
    ],
)
def test_columns_that_all_stand_for_a_field(
    capsys: pytest.CaptureFixture[str], header: str, candidates: tuple[str, str]
) -> None:
    values = ";".join(["7275550112"] * 3)
    text = f"{header}\n{values}\n"
    Path("in.csv").write_text(text if ";" in header else text.replace(";", ","), "utf-8")
    assert run(["columns", "in.csv", "--write", "v.toml"]) == 0
    out = capsys.readouterr().out
    first, second = candidates
    for name in candidates:
        assert re.search(rf"^  {re.escape(name)} +\? phone_number +7", out, re.MULTILINE)
    ways = f'--map phone_number="{first}" or --map phone_number="{second}"'
    assert f"2 columns could be phone_number; choose one by {ways}" in out
    assert "choose the column of phone_number in it" in out
    assert "no column is known" not in out
    # Nothing is guessed: what was not edited is not loaded.
    text = Path("v.toml").read_text("utf-8")
    assert tomllib.loads(text)["map"] == {"city": "City"}
    assert run(["validate", "in.csv", "--mapping", "v.toml"]) == 65
    assert "all stand for phone_number" in capsys.readouterr().err
    assert "# Choose the column of phone_number: take the # off one of these lines." in text
    text = text.replace(f'# phone_number = "{second}"', f'phone_number = "{second}"')
    Path("v.toml").write_text(text, "utf-8")
    found = summary(capsys, "in.csv", "--mapping", "v.toml")
    assert found["mapping"]["fields"] == {"phone_number": second, "city": "City"}


def test_a_file_is_not_replaced_without_force(capsys: pytest.CaptureFixture[str]) -> None:
    Path("v.toml").write_text("kept", "utf-8")
    assert run(["columns", "in.csv", "--write", "v.toml"]) == 64
    assert Path("v.toml").read_text("utf-8") == "kept"
    assert "add --force" in capsys.readouterr().err
    assert run(["columns", "in.csv", "--write", "v.toml", "--force"]) == 0
    assert run(["columns", "in.csv", "--write", "no/v.toml"]) == 64


def test_command_line_before_mapping_file_before_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("in.csv").write_text("phone|a;b\n7275550112|x;y\n", "utf-8")
    Path("leadloader.toml").write_text('delimiter = ";"\ndefault_region = "GB"\n', "utf-8")
    Path("v.toml").write_text('delimiter = "|"\n', "utf-8")
    found = summary(capsys, "in.csv", "--mapping", "v.toml")
    assert (found["file"]["delimiter"], found["options"]["default_region"]) == ("|", "GB")
    assert run(["validate", "in.csv", "--mapping", "v.toml", "--delimiter", ";"]) == 65
    Path("v.toml").write_text('columns = "phone_number,city"\n', "utf-8")
    assert run(["validate", "in.csv", "--mapping", "v.toml", "--layout", "vicidial-standard"]) == 0


def test_map_of_the_settings_yields_to_the_mapping_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("in.csv").write_text("a,b,c\n7275550112,7275550113,x\n", "utf-8")
    Path("leadloader.toml").write_text('[map]\nphone_number = "a"\ncity = "c"\n', "utf-8")
    Path("v.toml").write_text('[map]\nphone_number = "b"\n', "utf-8")
    found = summary(capsys, "in.csv", "--mapping", "v.toml")
    assert found["mapping"]["fields"] == {"phone_number": "b", "city": "c"}
    found = summary(capsys, "in.csv", "--mapping", "v.toml", "--map", "phone_number=a")
    assert found["mapping"]["fields"]["phone_number"] == "a"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('delimeter = ";"', "unknown delimeter; is delimiter meant?"),
        ("list_id = 101", "unknown list_id"),
        ("encoding = 5", "v.toml: encoding: give text, in quotes"),
        ('columns = "city"', "v.toml: columns: phone_number is not among them"),
    ],
)
def test_a_wrong_mapping_file(
    capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    Path("v.toml").write_text(content, "utf-8")
    assert run(["validate", "in.csv", "--mapping", "v.toml"]) == 78
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("phone_number,fist_name", "did you mean first_name?"),
        ("first_name,city", "phone_number is not among them"),
        ("phone_number,city,city", "city is named twice"),
        ("phone_number,Phone", "phone_number is named twice"),
        ("phone_number,,city", "a column has no name; write -"),
    ],
)
def test_wrong_columns(capsys: pytest.CaptureFixture[str], columns: str, message: str) -> None:
    assert run(["validate", "in.csv", "--columns", columns]) == 64
    assert message in capsys.readouterr().err


def test_columns_of_a_file_without_a_header(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_text("7275550112,Ann,x,Tampa\n7275550113,Bob,x,Miami\n", "utf-8")
    given = ["in.csv", "--columns", "phone_number,first_name,-,city"]
    found = summary(capsys, *given)
    assert found["mapping"] == {
        "fields": {"phone_number": "phone_number", "first_name": "first_name", "city": "city"},
        "unmapped": ["column 3"], "set_by_dialer": [],
    }  # fmt: skip
    assert (found["loaded"], found["file"]["header"]) == (2, False)
    assert run(["validate", *given, "--layout", "vicidial-standard"]) == 64
    assert "layout names them too" in capsys.readouterr().err
    assert run(["validate", "in.csv", "--columns", "phone_number,first_name"]) == 65
    assert "row 1, the first, has 4 fields, but --columns names 2" in capsys.readouterr().err
    Path("in.csv").write_text("phone_number,city\n7275550112,Tampa\n", "utf-8")
    assert run(["validate", "in.csv", "--columns", "phone_number,city"]) == 65
    assert "leave --columns out" in capsys.readouterr().err


def test_a_column_of_full_names_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_text("7275550112,Ann Fox,x,Tampa\n", "utf-8")
    given = ["--columns", "phone_number,first_name+last_name,-,city"]
    found = summary(capsys, "in.csv", *given)
    assert found["mapping"]["fields"]["last_name"] == "first_name+last_name"
    assert (found["loaded"], found["mapping"]["unmapped"]) == (1, ["column 3"])
    assert run(["validate", "in.csv", *given[:1], "phone,first_name,first_name+last_name,-"]) == 64
    assert "first_name is named twice" in capsys.readouterr().err


def test_a_workbook(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        ["phone", "first name", "zip", "extra"],
        [7275550112.0, "Ann", Shown(2134.0, "00000"), "#N/A"],
        [7275550113.0, Formula(), Shown(2135.0, "00000"), "x"],
        [7275550114.0, "#REF!", "02136", "x"],
    ]
    Path("in.xlsx").write_bytes(xlsx({"January": rows, "old": rows}, hidden=("old",)))
    found = summary(capsys, "in.xlsx", "--results", "r")
    assert (found["file"]["format"], found["file"]["sheet"]) == ("xlsx", "January")
    assert (found["loaded"], found["reasons"]) == (1, {"CELL_WITHOUT_VALUE": 2})
    assert "sheet 'old' was not read: it is hidden" in found["remarks"]
    with Path("r/rejected.csv").open(encoding="utf-8-sig", newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [row["details"] for row in rejected] == [
        "cell B3 (first name) has a formula that was not calculated",
        "cell B4 (first name) shows #REF!",
    ]
    assert [row["zip"] for row in rejected] == ["02135", "02136"]
    # Loaded again without a correction, they are rejected again.
    assert summary(capsys, "r/rejected.csv")["reasons"] == {"CELL_WITHOUT_VALUE": 2}
    # An error may stand for an empty value; a formula without a value is still unknown.
    found = summary(capsys, "in.xlsx", "--null-values", "#ref!")
    assert (found["loaded"], found["reasons"]) == (2, {"CELL_WITHOUT_VALUE": 1})


def test_all_sheets_of_a_workbook(capsys: pytest.CaptureFixture[str]) -> None:
    head = ["phone", "first name"]
    sheets = {"Jan": [head, [7275550112.0, "Ann"]], "Feb": [head, [12.0, "Bob"]]}
    Path("in.xlsx").write_bytes(xlsx(sheets))
    assert run(["validate", "in.xlsx"]) == 65
    assert "has 2 sheets with data, Jan and Feb" in capsys.readouterr().err
    found = summary(capsys, "in.xlsx", "--sheet", "all", "--results", "r")
    assert (found["file"]["sheet"], found["rows_read"], found["loaded"]) == ("Jan, Feb", 2, 1)
    with Path("r/rejected.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["sheet"], row["sheet_row"], row["row_number"]) == ("Feb", "2", "4")
    assert run(["validate", "in.xlsx", "--sheet", "May"]) == 64
    assert run(["validate", "in.csv", "--sheet", "Jan"]) == 64
