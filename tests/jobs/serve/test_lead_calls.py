"""The page that scripts call: its forms, its functions, and what it does with wrong calls."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from jobs.serve.app import application
from loader.database.connection import Database
from loader.errors import UsageError
from tests.jobs.serve.serving import PAGE, add_lead, serving, settings_of
from tests.support.server import fill
from tests.support.service import add_user

pytestmark = pytest.mark.engines("sqlite")

USER = {"source": "test", "user": "6666", "pass": "1234"}
ELSEWHERE = {
    "vicidial_phone_codes": {
        "country_code": 1, "areacode": "727", "GMT_offset": "-5", "DST_range": "SSM-FSN",
        "tz_code": "EST",
    },
    "vicidial_postal_codes": {
        "postal_code": "33760", "country_code": 1, "GMT_offset": "-5", "DST_range": "SSM-FSN",
    },
}  # fmt: skip
"""Time zones of another country than that of the lead."""
ADDED = "SUCCESS: add_lead LEAD HAS BEEN ADDED - 7275551111|6666|999|1|-5"


@pytest.fixture
def client(database: Database, database_url: str, tmp_path: Path) -> Any:
    add_user(database_url)
    with serving(settings_of(tmp_path), database) as found:
        yield found


@pytest.mark.parametrize(
    "path",
    [
        "/api/leads", "/non_agent_api.php", "/vicidial/non_agent_api.php",
        "/goAPIv2/goDashboard/goAPI.php", "/goAPIv2/goDashboard/goAPI.API/lmapi.php",
        "/goAPIv2/goDashboard/goAPI.server/vicidial/non_agent_api.php",
    ],
)  # fmt: skip
def test_the_addresses_of_the_document(client: httpx2.Client, path: str) -> None:
    sent = {**USER, "function": "add_lead", "phone_number": "7275551111"}
    assert client.get(path, params=sent).text == f"{ADDED}\n"


def test_the_forms_of_the_document(client: httpx2.Client) -> None:
    sent = {
        "goAction": "add_lead", "goUser": "6666", "goPass": "1234", "source": "test",
        "responsetype": "json", "phone_number": "7275551111",
    }  # fmt: skip
    answer = client.post("/goAPIv2/goDashboard/goAPI.php", data=sent)
    assert answer.json() == {"result": "success", "lines": [ADDED]}


def test_a_form_goes_before_the_query(client: httpx2.Client) -> None:
    sent = {"phone_number": "7275551111"}
    answer = client.post(
        PAGE, params={**USER, "function": "add_lead", "phone_number": "1"}, data=sent
    )
    assert answer.text == f"{ADDED}\n"


def test_the_spelling_of_the_document(client: httpx2.Client, database: Database) -> None:
    for statement in (
        "INSERT INTO vicidial_campaign_dnc VALUES ('7275551111', 'SALES')",
        "INSERT INTO vicidial_campaigns (campaign_id) VALUES ('SALES')",
    ):
        database.write(lambda it, each=statement: it.exec_driver_sql(each))
    lines = add_lead(client, phone_number="7275551111", campaing="SALES", campaign_dnc_check="Y")
    assert lines == ["ERROR: add_lead PHONE NUMBER IN CAMPAIGN DNC - 7275551111|SALES|6666"]


def test_the_version(client: httpx2.Client) -> None:
    text = client.get(PAGE, params={"function": "version"}).text
    names = [part.partition(": ")[0] for part in text.strip().split("|")]
    assert names == ["VERSION", "BUILD", "DATE", "EPOCH"]


@pytest.mark.parametrize("function", ["", "agentTimeUsage", "add_lea", "ADD_LEAD "])
def test_an_unknown_function(client: httpx2.Client, function: str) -> None:
    answer = client.get(PAGE, params={**USER, "function": function})
    assert (answer.status_code, answer.text) == (200, "ERROR: NO FUNCTION SPECIFIED\n")


def test_only_the_address_of_leads_needs_no_function(client: httpx2.Client) -> None:
    sent = {**USER, "phone_number": "7275551111"}
    assert client.get("/api/leads", params=sent).text == f"{ADDED}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duplicate_check", "DUPFOO"), ("duplicate_check", "DUPSYS45DAY"), ("dnc_check", "YES"),
        ("tz_method", "MOON"), ("callback", "y"), ("list_exists_check", "true"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_understood(client: httpx2.Client, name: str, value: str) -> None:
    lines = add_lead(client, phone_number="7275551111", **{name: value})
    assert len(lines) == 1
    assert lines[0].startswith(f"ERROR: add_lead INVALID PARAMETER - {name}|")


@pytest.mark.parametrize(
    "name", ["mapping_file", "feed", "max_file_size", "workers", "on_duplicate", "phone_format"]
)
def test_options_that_the_api_lacks_do_nothing(client: httpx2.Client, name: str) -> None:
    assert add_lead(client, phone_number="7275551111", **{name: "/etc/passwd"}) == [ADDED]


def test_a_rejected_lead_is_nobodys_duplicate(client: httpx2.Client) -> None:
    check = {"duplicate_check": "DUPSYS"}
    assert add_lead(client, phone_number="72755", **check) == [
        "ERROR: add_lead INVALID PHONE NUMBER LENGTH - 72755|6666"
    ]
    assert add_lead(client, phone_number="7275551111", **check) == [ADDED]
    assert add_lead(client, phone_number="1 (727) 555-1111", **check) == [
        "ERROR: add_lead DUPLICATE PHONE NUMBER IN SYSTEM - 7275551111|999|1|999"
    ]


@pytest.mark.parametrize(
    ("given", "offset"),
    [
        ({}, ""),
        ({"tz_method": "POSTAL", "owner": "MSK"}, ""),
        ({"tz_method": "TZCODE", "owner": "M"}, ""),
        ({"tz_method": "TZCODE", "owner": "MSK"}, "0"),
    ],
)
def test_the_offset_of_a_lead_whose_zone_nobody_knows(
    client: httpx2.Client, database_url: str, given: dict[str, str], offset: str
) -> None:
    """As the dialer has it: 0 once the zone that the owner names was looked for."""
    fill(database_url, {name: [row] for name, row in ELSEWHERE.items()})
    lines = add_lead(client, phone_number="9161234567", phone_code="7", **given)
    assert lines == [f"SUCCESS: add_lead LEAD HAS BEEN ADDED - 9161234567|6666|999|1|{offset}"]


def test_bodies_are_bounded(client: httpx2.Client) -> None:
    answer = client.post(PAGE, content=b"a" * 1_000_001)
    assert answer.status_code == 413


def test_bodies_without_a_length_are_bounded(client: httpx2.Client) -> None:
    answer = client.post(
        PAGE, content=(b"a" * 100_000 for _ in range(11)),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert answer.status_code == 413


def test_what_is_no_text_is_stored_as_text(client: httpx2.Client, database: Database) -> None:
    query = "source=test&user=6666&pass=1234&function=add_lead&phone_number=7275551111"
    answer = client.get(f"{PAGE}?{query}&first_name=%ff%fe&city=a%00b")
    assert answer.text == f"{ADDED}\n"


def test_health(client: httpx2.Client) -> None:
    assert client.get("/health").json() == {"healthy": True}
    assert client.get("/ready").json() == {"ready": True}


@pytest.mark.parametrize(
    "given",
    [
        {"on_duplicate": "update"}, {"keep": "last"}, {"new_lead_url": "send"},
        {"invalid_phone_fallback": ("alt_phone",)},
    ],
)  # fmt: skip
def test_options_of_files_are_refused(
    database: Database, tmp_path: Path, given: dict[str, Any]
) -> None:
    settings = settings_of(tmp_path, **given)
    with pytest.raises(UsageError, match=next(iter(given))), application(settings, database):
        pass


def test_options_of_the_site_hold_unless_a_call_says_otherwise(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database_url)
    settings = settings_of(tmp_path, duplicate_check="DUPSYS", list_id="101")
    with serving(settings, database) as client:
        assert "|101|1|" in add_lead(client, phone_number="7275551111")[0]
        assert "DUPLICATE" in add_lead(client, phone_number="7275551111")[0]
        other = {"duplicate_check": "DUPLIST", "list_id": "102"}
        assert "|102|2|" in add_lead(client, phone_number="7275551111", **other)[0]
