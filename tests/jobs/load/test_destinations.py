"""Where rows go, and which checks were off: said of every run, before and after it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from loader.database.connection import Database
from loader.errors import ConfigurationError
from tests.support.loads import Loads, leads
from tests.support.server import fill

pytestmark = pytest.mark.engines("sqlite")

A, B, C = "7275550101", "7275550102", "7275550103"
TABLES: dict[str, list[dict[str, Any]]] = {
    "vicidial_lists": [
        {"list_id": 101, "list_name": "Spring", "campaign_id": "SALES", "active": "Y"},
        {"list_id": 102, "list_name": "Autumn", "campaign_id": "SALES", "active": "N"},
    ],
    "vicidial_campaigns": [{"campaign_id": "SALES"}],
}


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


@pytest.mark.parametrize("job", ["import", "validate"])
def test_the_lists_of_loaded_rows(database: Database, loads: Loads, job: str) -> None:
    fill(database.engine, TABLES)
    rows = [
        {"phone_number": A, "list_id": "102"},
        {"phone_number": B, "list_id": "101"},
        {"phone_number": C, "list_id": "101"},
        {"phone_number": "7275550104", "list_id": ""},
        {"phone_number": "7275550105", "list_id": "103"},
        {"phone_number": "12", "list_id": "101"},
    ]
    summary = loads.load(rows, database, job).summary
    assert [it.model_dump() for it in summary.lists] == [
        {"list_id": 101, "leads": 2, "is_defined": True, "list_name": "Spring", "active": "Y",
         "campaign_id": "SALES"},
        {"list_id": 102, "leads": 1, "is_defined": True, "list_name": "Autumn", "active": "N",
         "campaign_id": "SALES"},
        *({"list_id": list_id, "leads": 1, "is_defined": False, "list_name": "", "active": "",
           "campaign_id": ""} for list_id in (103, 999)),
    ]  # fmt: skip
    assert summary.without_list == 1
    assert sum(it.leads for it in summary.lists) == summary.loaded


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("column", "options", "expected"),
    [
        pytest.param({}, {}, (999, 1), id="no-column"),
        pytest.param({"list_id": " "}, {}, (999, 1), id="blank"),
        pytest.param({"list_id": "999"}, {}, (999, 0), id="named-999"),
        pytest.param({"list_id": ""}, {"list_id": "101"}, (101, 0), id="option"),
        pytest.param({}, {"force_list_id": "101"}, (101, 0), id="force-option"),
        pytest.param({}, {"default": {"list_id": "102"}}, (102, 0), id="default"),
        pytest.param({"list_id": "103"}, {"force": {"list_id": "102"}}, (102, 0), id="force"),
    ],
)
def test_rows_that_name_no_list(
    database: Database,
    loads: Loads,
    column: dict[str, str],
    options: dict[str, Any],
    expected: tuple[int, int],
) -> None:
    summary = loads.load([{"phone_number": A, **column}], database, **options).summary
    assert (summary.lists[0].list_id, summary.without_list) == expected


def test_without_a_database_nothing_is_known_of_the_lists(loads: Loads) -> None:
    summary = loads.load([{"phone_number": A}], None, "validate", list_id="101").summary
    assert [(it.list_id, it.is_defined) for it in summary.lists] == [(101, None)]


def test_a_row_that_updates_a_lead_goes_nowhere(database: Database, loads: Loads) -> None:
    fill(database.engine, TABLES | {"vicidial_list": [
        {"lead_id": 5, "phone_number": A, "list_id": 101, "entry_date": "2026-01-01 00:00:00"},
    ]})  # fmt: skip
    rows = [{"phone_number": A, "city": "Rome"}, {"phone_number": B}]
    options = {"duplicate_check": "DUPSYS", "on_duplicate": "update"}
    summary = loads.load(rows, database, list_id="102", **options).summary
    assert [(it.list_id, it.leads) for it in summary.lists] == [(102, 1)]
    options["on_duplicate"] = "move"
    summary = loads.load([{"phone_number": A}], database, list_id="102", **options).summary
    assert [(it.list_id, it.leads) for it in summary.lists] == [(102, 1)]


@pytest.mark.parametrize(
    ("options", "off"),
    [
        ({}, ["duplicate_check", "dnc_check", "campaign_dnc_check"]),
        ({"duplicate_check": "DUPSYS"}, ["dnc_check", "campaign_dnc_check"]),
        ({"dnc_check": "AREACODE"}, ["duplicate_check", "campaign_dnc_check"]),
        ({"duplicate_check": "DUPLIST", "dnc_check": "Y", "campaign_dnc_check": "Y"}, []),
    ],
)
def test_checks_that_were_off(
    database: Database, loads: Loads, options: dict[str, str], off: list[str]
) -> None:
    assert loads.load([{"phone_number": A}], database, **options).summary.checks_off == off


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("campaign", "list_id", "is_listed", "notice"),
    [
        ("SALES", "101", True, ""),
        ("", "101", True, ""),
        ("", "103", False, "NO_CAMPAIGN_FOR_DNC"),
        ("SALSE", "103", False, "NO_CAMPAIGN_FOR_DNC"),
        ("SALSE", "101", True, "CAMPAIGN_NOT_DEFINED"),
    ],
)
def test_the_campaign_whose_do_not_call_list_is_asked(
    database: Database,
    loads: Loads,
    campaign: str,
    list_id: str,
    is_listed: bool,
    notice: str,
) -> None:
    listed = [{"phone_number": A, "campaign_id": "SALES"}]
    fill(database.engine, {**TABLES, "vicidial_campaign_dnc": listed})
    row = {"list_id": list_id, "campaign_id": campaign}
    rows = [{"phone_number": A, **row}, {"phone_number": B, **row}]
    summary = loads.load(rows, database, campaign_dnc_check="Y").summary
    assert (summary.reasons == {"PHONE_NUMBER_IN_CAMPAIGN_DNC": 1}) is is_listed
    assert {name for name in summary.notices if "CAMPAIGN" in name} == {notice} - {""}
    # As the dialer compares, a row without a campaign has none.
    as_sent = {"phone_format": "as-given", "phone_validation": "length"}
    summary = loads.load(rows, database, campaign_dnc_check="Y", **as_sent).summary
    assert bool(summary.rejected) is (campaign == "SALES")
    assert not [name for name in summary.notices if "CAMPAIGN" in name]


def test_without_a_database_no_do_not_call_list_is_asked(loads: Loads) -> None:
    checks = {"duplicate_check": "DUPSYS", "dnc_check": "Y", "campaign_dnc_check": "Y"}
    summary = loads.load([{"phone_number": A}], None, "validate", **checks).summary
    assert summary.checks_off == ["dnc_check", "campaign_dnc_check"]


@pytest.mark.parametrize(
    "options",
    [
        {"campaign_id": "SALSE"},
        {"campaign_id": "SALSE", "campaign_dnc_check": "Y"},
        {"default": {"campaign_id": "SALSE"}},
        {"force": {"campaign_id": "SALSE"}},
    ],
)
def test_a_campaign_that_the_dialer_does_not_have(
    database: Database, loads: Loads, options: dict[str, Any]
) -> None:
    fill(database.engine, TABLES)
    with pytest.raises(ConfigurationError, match="no campaign 'SALSE'; did you mean SALES"):
        loads.load([{"phone_number": A}], database, list_id="101", **options)
    assert leads(database, "lead_id") == []
    assert not loads.results.exists()
    loads.load([{"phone_number": A}], database, list_id="101", campaign_id="sales")


# What is said by the commands.


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")
    url = f"sqlite:///{tmp_path / 'leads.db'}"
    assert run(["init", "--database", url]) == 0
    fill(url, TABLES)
    Path("none.csv").write_text(f"phone_number\n{A}\n{B}\n", "utf-8")
    Path("some.csv").write_text(f"phone_number,list_id\n{A},101\n{B},\n", "utf-8")
    return url


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        pytest.param(
            ["import", "none.csv"],
            "leadloader: none.csv: the rows name no list, so they go to list 999; --list-id names",
            id="import",
        ),
        pytest.param(["import", "none.csv", "--quiet"], "leadloader: none.csv: the rows name no",
                     id="quiet"),
        pytest.param(["import", "none.csv", "--yes"], "leadloader: none.csv: the rows name no",
                     id="yes"),
        pytest.param(
            ["validate", "none.csv"],
            "none.csv: the rows name no list, so they would go to list 999", id="validate",
        ),
        pytest.param(
            ["import", "none.csv", "--profile", "safe"],
            "leadloader: none.csv: the rows name no list, so list_exists_check rejects them",
            id="list-exists-check",
        ),
        pytest.param(
            ["import", "some.csv", "--quiet"],
            "leadloader: some.csv: 1 row that names no list goes to list 999; --list-id names",
            id="some-rows",
        ),
        pytest.param(["import", "none.csv", "--quiet", "--list-id", "101"], "", id="list"),
        pytest.param(["validate", "none.csv", "--quiet"], "", id="validate-quiet"),
    ],
)  # fmt: skip
def test_a_script_is_told_in_the_first_line(
    site: str, arguments: list[str], first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run([*arguments, "--database", site, "--no-page"]) == 0
    line, *_ = [*capsys.readouterr().err.splitlines(), ""]
    assert line.startswith(first)
    assert bool(line) == bool(first)


def test_the_terminal_the_page_and_the_summary_say_it(
    site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "some.csv", "--database", site, "--results", "out"]) == 0
    shown = capsys.readouterr().out
    assert "\nno duplicate check, no do-not-call check: --profile safe switches them on\n" in shown
    assert "\nwent into list  leads\n" in shown
    assert re.search("^ +101  Spring +1  campaign SALES, active$", shown, re.MULTILINE)
    assert re.search("^ +999 +1  not defined in vicidial_lists$", shown, re.MULTILINE)
    assert "\nnote: 1 row that names no list is in list 999\n" in shown
    page = Path("out", "report.html").read_text("utf-8")
    assert "Checks that were off: no duplicate check, no do-not-call check." in page
    assert "1 row that names no list is in list 999." in page
    assert "Lists that the rows went into" in page
    assert "not defined in vicidial_lists" in page
    assert "Spring" in page
    summary = json.loads(Path("out", "summary.json").read_text("utf-8"))
    assert summary["checks_off"] == ["duplicate_check", "dnc_check", "campaign_dnc_check"]
    assert [(it["list_id"], it["is_defined"]) for it in summary["lists"]] == [
        (101, True), (999, False),
    ]  # fmt: skip


def test_the_safe_profile_leaves_nothing_to_say(
    site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--database", site, "--profile", "safe", "--list-id", "101", "--campaign-id", "SALES"]
    assert run(["import", "none.csv", *flags]) == 0
    shown = capsys.readouterr().out
    assert "check:" not in shown
    assert "--profile" not in shown
    assert run(["import", "none.csv", "--again", *flags, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reasons"] == {"DUPLICATE_PHONE_NUMBER_IN_SYSTEM": 2}
