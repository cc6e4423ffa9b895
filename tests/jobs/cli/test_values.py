"""Values of fields from file to table, by commands: what is stored, said and refused."""

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module

MDY, DMY = "%m/%d/%Y", "%d/%m/%Y"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, where no settings lie about."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


@dataclass(frozen=True)
class Outcome:
    """What became of a file."""

    stored: list[tuple[object, ...]]
    notices: list[str]
    """Of the rows that were loaded."""
    rejected: list[str]
    """Reason and details."""
    remarks: list[str]


def load(columns: dict[str, list[str]], select: str, *flags: str) -> Outcome:
    """Import a file of some columns beside good numbers into an empty database."""
    rows = len(next(iter(columns.values())))
    phones = [f"72755512{number:02}" for number in range(rows)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["phone", *columns])
    writer.writerows(zip(phones, *columns.values(), strict=True))
    Path("in.csv").write_text(text.getvalue(), "utf-8", newline="")
    Path("x.db").unlink(missing_ok=True)
    shutil.rmtree("r", ignore_errors=True)
    to = ["--database", "sqlite:///x.db"]
    assert run(["init", *to]) == 0
    given = [*to, "--list-id", "101", "--results", "r", *flags]
    code = run(["import", "in.csv", *given, "--quiet"])
    assert code == 0
    loaded = read_csv("loaded.csv")
    rejected = [f"{row['reason']} {row['details']}" for row in read_csv("rejected.csv")]
    with closing(sqlite3.connect("x.db")) as connection:
        stored = connection.execute(
            f"SELECT {select} FROM vicidial_list ORDER BY lead_id"
        ).fetchall()
    summary = json.loads(Path("r/summary.json").read_text("utf-8"))
    return Outcome(stored, [row["notices"] for row in loaded], rejected, summary["remarks"])


def read_csv(name: str) -> list[dict[str, str]]:
    with (Path("r") / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_dates_of_birth_are_not_guessed() -> None:
    odd = ["3/10/2004", "10/10/1940 0:00", "2000/01/01 00:00", "05/06/07", "10.1.2000", "050607"]
    iso = ["1980-01-31 00:00:00", "1980-01-31T00:00:00Z", "19800131"]
    done = load({"dob": [*odd, *iso]}, "date_of_birth")
    assert done.stored == [("0000-00-00",)] * len(odd) + [("1980-01-31",)] * len(iso)
    assert done.notices == [*(f"INVALID_DATE_OF_BIRTH {value}" for value in odd), *[""] * len(iso)]
    assert any("6 of the first 9 values of date_of_birth" in remark for remark in done.remarks)


def test_nobody_is_born_in_the_future() -> None:
    done = load(
        {"dob": ["12/31/68", "5/5/45", "1/5/30"]}, "date_of_birth", "--date-format", "%m/%d/%y"
    )
    assert done.stored == [("1968-12-31",), ("1945-05-05",), ("1930-01-05",)]


def test_formats_that_contradict_each_other_insert_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--date-format", MDY, "--date-format", DMY]
    Path("in.csv").write_text(
        "phone,dob\n7275551201,03/04/2001\n7275551202,13/04/2001\n7275551203,04/13/2001\n", "utf-8"
    )
    to = ["--database", "sqlite:///x.db"]
    assert run(["init", *to]) == 0
    assert run(["import", "in.csv", *to, "--list-id", "101", "--results", "r", *flags]) == 65
    said = capsys.readouterr().err
    assert f"in.csv: date_of_birth: row 4 is {MDY}, row 3 is {DMY}, and row 2 may be" in said
    assert "nothing was inserted" in said
    with closing(sqlite3.connect("x.db")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM vicidial_list").fetchone() == (0,)


def test_several_formats_are_tried_in_order() -> None:
    Path("leadloader.toml").write_text(f'date_format = ["{MDY}", "%Y-%m-%d"]\n', "utf-8")
    done = load({"dob": ["04/13/2001", "2001-04-13"]}, "date_of_birth", "--config=leadloader.toml")
    assert done.stored == [("2001-04-13",)] * 2
    assert done.notices == ["", ""]


def test_line_breaks_become_blanks() -> None:
    values = {"address": ["Unit 1\r\n2 Main St", "Suite 5\tFloor 6"], "comments": ["a\n\nb\n", "x"]}
    done = load(values, "address1, comments")
    assert done.stored == [("Unit 1 2 Main St", "a b"), ("Suite 5 Floor 6", "x")]
    assert done.notices == [
        "LINE_BREAKS_REPLACED address1; LINE_BREAKS_REPLACED comments",
        "LINE_BREAKS_REPLACED address1",
    ]


def test_blanks_around_values_cost_nothing() -> None:
    values = {"first name": [" Ann", "\u00a0Bob\u3000"], "state": ["FL ", " FL"], "mi": [" J", "J"]}
    done = load(values, "first_name, state, middle_initial")
    assert done.stored == [("Ann", "FL", "J"), ("Bob", "FL", "J")]
    assert done.notices == ["", ""]
    done = load(values, "first_name, state, middle_initial", "--trim", "N")
    assert done.stored[0] == (" Ann", "FL", " ")


def test_a_blank_hides_no_duplicate() -> None:
    Path("in.csv").write_text("phone, first name\n7275551212, Ann\n7275551212,Ann\u00a0\n", "utf-8")
    flags = ["--duplicate-check", "DUPNAMEPHONESYS", "--list-id", "101", "--results", "r"]
    assert run(["init", "--database", "sqlite:///x.db"]) == 0
    assert run(["import", "in.csv", "--database", "sqlite:///x.db", *flags, "--quiet"]) == 0
    assert [row["reason"] for row in read_csv("rejected.csv")] == ["DUPLICATE_NAME_PHONE_IN_SYSTEM"]


def test_defaults_are_trimmed_too() -> None:
    flags = ["--default", "title= Mr ", "--force", "city=\u00a0Tampa "]
    done = load({"title": ["", "\u00a0"]}, "title, city", *flags)
    assert done.stored == [("Mr", "Tampa")] * 2


def test_decimals_of_whole_columns_are_mended() -> None:
    values = {
        "zip": ["33701.0", "", "3.37E+04"],
        "vendor id": ["55.0", "A1", ""],
        "list": ["201.0", "", "202.0"],
        "rank": ["5.0", "-3.0", ""],
    }
    done = load(values, "list_id, postal_code, vendor_lead_code, rank")
    assert done.stored == [
        (201, "33701", "55.0", 5), (101, "", "A1", -3), (202, "3.37E+04", "", 0)
    ]  # fmt: skip
    mended = "DECIMAL_MENDED {}".format
    assert sorted(done.notices[0].split("; ")) == [
        "DAMAGED_VALUE field=vendor_lead_code value=55.0",
        *map(mended, ("list_id", "postal_code", "rank")),
    ]
    assert "DAMAGED_VALUE field=postal_code value=3.37E+04" in done.notices[2]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "value",
    ["Spring 2024", "ACME-2024-01", "NULL", "101.0", "+101", "1,001", "101;102", "12", "list 101"],
)
def test_only_a_number_is_a_list(value: str) -> None:
    done = load({"list": [value, "0201", ""]}, "list_id")
    assert done.stored == [(201,), (101,)]
    assert done.rejected == [f"INVALID_LIST_ID list_id={value}"]


def test_words_for_nothing() -> None:
    values = {"list": ["NULL", "n/a"], "first name": ["null", "Null Smith"], "zip": ["\\N", "-"]}
    flags = ["--null-values", "NULL,N/A,\\N"]
    done = load(values, "list_id, first_name, postal_code", *flags)
    assert done.stored == [(101, "", ""), (101, "Null Smith", "-")]
    assert not done.rejected


def test_states_and_genders_in_words() -> None:
    values = {
        "state": ["Florida", "Qu\u00e9bec", "N.Y.", "Mexico City", "Bayern"],
        "sex": ["Female", "m", "W", "x", ""],
    }
    done = load(values, "state, gender")
    assert done.stored == [("FL", "F"), ("QC", "M"), ("NY", "F"), ("", "U"), ("Ba", "U")]
    assert done.notices == [
        "STATE_ABBREVIATED Florida",
        "STATE_ABBREVIATED Qu\u00e9bec",
        "STATE_ABBREVIATED N.Y.",
        "UNKNOWN_GENDER x; STATE_NOT_STORED Mexico City",
        "VALUE_CUT state",
    ]
