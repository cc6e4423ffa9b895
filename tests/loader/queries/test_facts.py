"""Dialers that are older than ours or odd: what is there is used, what is not is named."""

from pathlib import Path
from typing import Any

import pytest

from jobs.settings import settings as settings_module
from jobs.settings.settings import read_settings
from loader.database.connection import Database
from loader.errors import ConfigurationError, LoaderError, NotAllowedError, UsageError
from loader.options.load import LoadOptions
from loader.queries.facts import read_dialer
from tests.support.extras import CODES
from tests.support.loads import Loads, leads
from tests.support.server import fill, run

A, B = "7275551111", "7275552222"
AGENT = {
    "user": "6666", "user_level": 9, "modify_leads": "1", "vdc_agent_api_access": "1",
    "api_allowed_functions": "ALL_FUNCTIONS", "active": "Y",
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of the test's own, where no settings lie about."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "none.conf")


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def alter(database: Database, *statements: str) -> None:
    with database.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()


def drop(database: Database, *columns: str) -> None:
    """Make tables older: drop columns such as vicidial_list.owner."""
    pairs = [column.split(".") for column in columns]
    alter(database, *(f"ALTER TABLE {table} DROP COLUMN {name}" for table, name in pairs))


@pytest.mark.engines("myisam", "innodb")
def test_a_table_that_differs_by_case_is_another(leads_url: str) -> None:
    run(leads_url, "CREATE TABLE `Vicidial_List` (x INT)")
    database = Database(leads_url)
    columns = read_dialer(database, LoadOptions()).columns
    database.engine.dispose()
    assert "phone_number" in columns
    assert "x" not in columns


@pytest.mark.engines("sqlite")
def test_fields_that_an_older_vicidial_list_lacks_are_named(
    database: Database, loads: Loads
) -> None:
    drop(database, "vicidial_list.province", "vicidial_list.comments", "vicidial_list.email")
    rows = [{"phone_number": A, "first_name": "Ann", "province": "Utah"}]
    outcome = loads.load(rows, database, default={"comments": "5"}, campaign_id="C")
    assert leads(database, "first_name") == [("Ann",)]
    assert [said for said in outcome.summary.remarks if "vicidial_list " in said] == [
        "vicidial_list has no column province: it is not stored",
        "vicidial_list has no column comments: it is not stored",
    ]
    assert not any(
        "is not stored" in said
        for said in loads.load([{"phone_number": B}], database).summary.remarks
    )


HOURS = {"hopper_local_call_time_check": "Y", "add_to_hopper": "Y"}
OTHER_CAMPAIGN = "vicidial_campaigns.use_other_campaign_dnc"


@pytest.mark.sample(2)
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("column", "options", "matters"),
    [
        pytest.param("vicidial_phone_codes.DST_range", {}, True, id="phone-codes"),
        pytest.param("vicidial_phone_codes.tz_code", {"tz_method": "TZCODE"}, True, id="tz_code"),
        pytest.param("vicidial_phone_codes.tz_code", {"tz_method": "POSTAL"}, False, id="no-tz"),
        pytest.param("vicidial_postal_codes.DST_range", {"tz_method": "POSTAL"}, True, id="postal"),
        pytest.param("vicidial_postal_codes.DST_range", {}, False, id="no-postal"),
        pytest.param(
            "vicidial_nanpa_prefix_codes.DST", {"tz_method": "NANPA"}, True, id="nanpa-zones"
        ),
        pytest.param(
            "vicidial_nanpa_prefix_codes.DST", {"nanpa_ac_prefix_check": "Y"}, False, id="nanpa"
        ),
        pytest.param(OTHER_CAMPAIGN, {"campaign_dnc_check": "Y"}, True, id="campaign-dnc"),
        pytest.param(OTHER_CAMPAIGN, {"dnc_check": "Y"}, False, id="no-campaign-dnc"),
        pytest.param("vicidial_lists.local_call_time", HOURS, True, id="list-hours"),
        pytest.param("vicidial_campaigns.local_call_time", HOURS, True, id="campaign-hours"),
        pytest.param("vicidial_lists.local_call_time", {}, False, id="no-hours"),
        pytest.param("vicidial_call_times.ct_sunday_stop", HOURS, True, id="call-times"),
        pytest.param("vicidial_users.active", {}, False, id="no-users"),
    ],
)
def test_columns_that_older_small_tables_lack_are_named(
    column: str, options: dict[str, Any], matters: bool, database: Database, loads: Loads
) -> None:
    fill(database.engine, CODES)
    drop(database, column)
    outcome = loads.load([{"phone_number": A}], database, campaign_id="C", **options)
    table, name = column.split(".")
    said = f"{table} has no column {name}: it counts as empty"
    assert [s for s in outcome.summary.remarks if "has no column" in s] == [said] * matters


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("right", ["api_allowed_functions", "vdc_agent_api_access", "active"])
def test_a_right_without_a_column_is_not_checked(
    right: str, database: Database, loads: Loads
) -> None:
    none = {"api_allowed_functions": "", "vdc_agent_api_access": "0", "active": "N"}
    fill(database.engine, {"vicidial_users": [{**AGENT, right: none[right]}]})
    with pytest.raises(NotAllowedError):
        read_dialer(database, LoadOptions(user="6666"))
    drop(database, f"vicidial_users.{right}")
    outcome = loads.load([{"phone_number": A}], database, user="6666")
    assert f"vicidial_users has no column {right}: it is not checked" in outcome.summary.remarks
    alter(database, "UPDATE vicidial_users SET modify_leads = '0'")
    with pytest.raises(NotAllowedError, match="PERMISSION TO ADD LEADS"):
        read_dialer(database, LoadOptions(user="6666"))


ARCHIVE = {"duplicate_scope_archive": "Y"}


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("table", "options"),
    [
        ("vicidial_dnc", {"dnc_check": "Y"}),
        ("vicidial_dnc", {"dnc_check": "AREACODE"}),
        ("vicidial_campaign_dnc", {"campaign_dnc_check": "Y"}),
    ],
)
def test_a_missing_do_not_call_list_stops_the_load(
    table: str, options: dict[str, Any], database: Database, loads: Loads
) -> None:
    alter(database, f"DROP TABLE {table}")
    lacks = f"^{next(iter(options))} needs {table}, a table that the database lacks$"
    with pytest.raises(ConfigurationError, match=lacks):
        loads.load([{"phone_number": A}], database, **options)
    assert not loads.results.exists()
    assert len(loads.load([{"phone_number": A}], database).loaded) == 1


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("column", "check", "options"),
    [
        ("vicidial_list.title", "DUPTITLEALTPHONESYS", {}),
        ("vicidial_list.alt_phone", "DUPTITLEALTPHONELIST", {}),
        ("vicidial_list.alt_phone", "DUPPHONEALTSYS90DAY", {}),
        ("vicidial_list.first_name", "DUPNAMEPHONECAMP", {}),
        ("vicidial_list_archive.last_name", "DUPNAMEPHONESYS", ARCHIVE),
    ],
)
def test_a_missing_column_that_a_duplicate_check_compares_stops_the_load(
    column: str, check: str, options: dict[str, Any], database: Database, loads: Loads
) -> None:
    drop(database, column)
    rows = [{"phone_number": A}]
    lacks = f"^{check} needs {column}, a column that the database lacks$"
    with pytest.raises(ConfigurationError, match=lacks):
        loads.load(rows, database, duplicate_check=check, **options)
    assert not loads.results.exists()
    # Another check does not miss it.
    assert len(loads.load(rows, database, duplicate_check="DUPSYS", **options).loaded) == 1


@pytest.mark.parametrize("given", ["NEW;DNC", "NEW DNC", "TOOLONG", "é", "'"])
def test_what_is_no_status_is_a_usage_error(given: str) -> None:
    with pytest.raises(UsageError, match=r"--duplicate-statuses: .* is no status"):
        read_settings({"duplicate_statuses": f"NA,{given}"}, None)
    assert LoadOptions(duplicate_statuses="A-1, b_2").duplicate_statuses == ("A-1", "b_2")


def settings_of(toml: str) -> LoadOptions:
    path = Path("site.toml")
    path.write_text(toml, "utf-8")
    return read_settings({}, path).options


def test_whole_numbers_of_a_settings_file_are_text() -> None:
    options = settings_of(
        "user = 6666\ncampaign_id = 1234\nhopper_priority = -5\n"
        "[default]\nrank = 5\n[force]\nlist_id = 101\n"
    )
    assert (options.user, options.campaign_id, options.hopper_priority) == ("6666", "1234", "-5")
    assert (options.default, options.force) == ({"rank": "5"}, {"list_id": "101"})


@pytest.mark.parametrize(
    "toml",
    ["user = true", "campaign_id = 1.5", "hopper_priority = 5.0", "[default]\nrank = true",
     "[force]\nrank = 1.0"],
)  # fmt: skip
def test_other_values_of_a_settings_file_are_not(toml: str) -> None:
    said = r"site\.toml, line \d: [\w.]+: .*give text, in quotes"
    with pytest.raises(ConfigurationError, match=said):
        settings_of(toml)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"phone_code": "9" * 11}, "--phone-code: give at most 10 digits"),
        ({"force_phone_code": "9" * 11}, "--force-phone-code: give at most 10 digits"),
        ({"user": "x" * 21}, "--user: give at most 20 characters"),
    ],
)
def test_what_is_too_long(flags: dict[str, str], said: str) -> None:
    with pytest.raises(LoaderError, match=f"^{said}$"):
        read_settings(flags, None)
