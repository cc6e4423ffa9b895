"""What users of the dialer may do."""

from typing import Any

import pytest

from loader.database.connection import Database
from loader.errors import NotAllowedError
from loader.options.load import LoadOptions
from loader.queries.facts import read_dialer
from tests.support.server import fill

LISTS = {
    "vicidial_lists": [
        {"list_id": 101, "campaign_id": "CAMP1"}, {"list_id": 102, "campaign_id": "camp1"},
        {"list_id": 201, "campaign_id": "CAMP2"},
    ],
    "vicidial_campaigns": [{"campaign_id": "CAMP1"}, {"campaign_id": "CAMP2"}],
}  # fmt: skip

MAY = {
    "user_level": 9, "modify_leads": "1", "vdc_agent_api_access": "1", "api_list_restrict": "0",
    "api_allowed_functions": " ALL_FUNCTIONS ", "user_group": "ADMIN", "active": "Y",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({}, None, id="all"),
        pytest.param({"user_level": 8, "modify_leads": "4"}, None, id="just"),
        pytest.param({"api_allowed_functions": " add_lead "}, None, id="function"),
        pytest.param({"active": "N"}, "Login incorrect", id="inactive"),
        pytest.param({"user_level": 6}, "Login incorrect", id="level-6"),
        pytest.param({"user_level": 7}, "PERMISSION TO ADD LEADS", id="level-7"),
        pytest.param({"modify_leads": "0"}, "PERMISSION TO ADD LEADS", id="modify-leads"),
        pytest.param({"modify_leads": "5"}, "PERMISSION TO ADD LEADS", id="modify-leads-5"),
        pytest.param({"vdc_agent_api_access": "0"}, "PERMISSION TO ADD LEADS", id="api"),
        pytest.param({"api_allowed_functions": " version "}, "add_lead", id="no-function"),
    ],
)
def test_who_may_load_leads(change: dict[str, Any], said: str | None, database: Database) -> None:
    fill(database.engine, {
        "vicidial_users": [{"user": "6666", **MAY, **change}],
    })  # fmt: skip
    options = LoadOptions(user="6666")
    if said is None:
        assert read_dialer(database, options).permissions.lists is None
    else:
        with pytest.raises(NotAllowedError, match=said):
            read_dialer(database, options)


@pytest.mark.parametrize(
    ("allowed", "lists"),
    [
        pytest.param(" camp1 - ", {101, 102}, id="some"),
        pytest.param(" CAMP2 NOSUCH -", {201}, id="one"),
        pytest.param(" -ALL-CAMPAIGNS- - -", {101, 102, 201}, id="all"),
        pytest.param(" -all-campaigns- - -", {101, 102, 201}, id="all in small letters"),
        pytest.param(" -All -", {101, 102, 201}, id="all in short"),
        pytest.param("", set(), id="none"),
        pytest.param(" - -", set(), id="only ends"),
    ],
)
def test_lists_of_a_users_campaigns(allowed: str, lists: set[int], database: Database) -> None:
    fill(database.engine, {
        "vicidial_users": [{"user": "7", **MAY, "api_list_restrict": "1", "user_group": "G"}],
        "vicidial_user_groups": [{"user_group": "g", "allowed_campaigns": allowed}],
        **LISTS,
    })  # fmt: skip
    assert read_dialer(database, LoadOptions(user="7")).permissions.lists == lists


def test_a_user_group_that_does_not_exist(database: Database) -> None:
    fill(database.engine, {
        "vicidial_users": [{"user": "7", **MAY, "api_list_restrict": "1", "user_group": "NOGROUP"}],
    })  # fmt: skip
    with pytest.raises(NotAllowedError, match=r"user_group DOES NOT EXIST: \|7\|NOGROUP\|"):
        read_dialer(database, LoadOptions(user="7"))
