"""Rows that bring alternate phones, custom fields, a hopper entry and a callback."""

from typing import Any

from tests.support.loads import Rows

OPEN, CLOSED = ("0", "2400"), ("2400", "2400")


def call_time(name: str, hours: tuple[str, str], states: str = "") -> dict[str, Any]:
    return {
        "call_time_id": name, "call_time_name": name, "ct_default_start": hours[0],
        "ct_default_stop": hours[1], "ct_state_call_times": states,
    }  # fmt: skip


CODES = {
    "vicidial_phone_codes": [{"country_code": "1", "areacode": "727", "GMT_offset": "-5"}],
    "vicidial_postal_codes": [{"country_code": "1", "postal_code": "33701", "GMT_offset": "-5"}],
    "vicidial_nanpa_prefix_codes": [{"areacode": "727", "prefix": "555", "GMT_offset": "-5"}],
}
"""Rows of the tables in which time zones and states are looked up."""

TABLES: dict[str, list[dict[str, Any]]] = {
    "system_settings": [{"custom_fields_enabled": "1"}],
    "vicidial_campaigns": [
        {"campaign_id": "EAST", "local_call_time": "never"},
        {"campaign_id": "WEST", "local_call_time": "always"},
    ],
    "vicidial_lists": [
        {"list_id": 101, "campaign_id": "EAST", "local_call_time": "always"},
        {"list_id": 102, "campaign_id": "EAST", "local_call_time": "campaign"},
        {"list_id": 103, "campaign_id": "WEST", "local_call_time": "campaign"},
        {"list_id": 104, "campaign_id": "WEST", "local_call_time": "nowhere"},
    ],
    "vicidial_call_times": [
        call_time("always", OPEN, "|floridaoff|"),
        call_time("never", CLOSED),
    ],
    "vicidial_state_call_times": [
        {
            "state_call_time_id": "floridaoff", "state_call_time_state": "FL",
            "state_call_time_name": "x", "sct_default_start": 2400, "sct_default_stop": 2400,
        }
    ],
    "vicidial_users": [
        {
            "user": "loader", "user_level": 9, "modify_leads": "1", "vdc_agent_api_access": "1",
            "user_group": "ADMIN",
        },
        {"user": "agent", "user_level": 1, "user_group": "SALES"},
    ],
    "vicidial_lists_fields": [
        {"list_id": 101, "field_label": "colour", "field_type": "TEXT"},
        {"list_id": 101, "field_label": "since", "field_type": "DATE"},
        {"list_id": 102, "field_label": "colour", "field_type": "TEXT"},
        {"list_id": 102, "field_label": "Size Of Shoe", "field_type": "TEXT"},
        {"list_id": 103, "field_label": "colour", "field_type": "TEXT"},
        {"list_id": 103, "field_label": "weight", "field_type": "TEXT"},
    ],
    "custom_tables": [
        {"table": "custom_101", "columns": {"colour": "VARCHAR(5)", "since": "DATE"}},
        {"table": "custom_102", "columns": {"colour": "TEXT", "Size Of Shoe": "VARCHAR(10)"}},
        {"table": "custom_103", "columns": {"shape": "TEXT"}},
    ],
}  # fmt: skip

OPTIONS: dict[str, Any] = {
    "user": "loader",
    "campaign_id": "EAST",
    "custom_fields": "Y",
    "hopper_local_call_time_check": "Y",
    "phone_format": "as-given",
}

WHEN = "2030-02-03 04:05:06"

FULL: dict[str, str] = {
    "phone_number": "7275550001", "list_id": "101", "state": "", "colour": "blue",
    "since": "2020-01-31", "Size Of Shoe": "44", "multi_alt_phones": "7275551212_1_work!7275551213",
    "add_to_hopper": "Y", "hopper_priority": "7", "callback": "Y", "callback_datetime": WHEN,
    "callback_type": "USERONLY", "callback_user": "agent", "callback_status": "CALLME",
    "callback_comments": "it's \"she\" \\ 50%", "campaign_id": "", "vendor_lead_code": "V1",
}  # fmt: skip


def row(number: int, **values: str) -> dict[str, str]:
    return FULL | {"phone_number": f"72755500{number:02}"} | values


ROWS: Rows = [
    row(1),
    row(2, list_id="102", callback="N", hopper_priority=""),
    row(3, list_id="103", callback_type="ANYONE", callback_status=""),
    row(4, list_id="999", colour="", multi_alt_phones=""),
    row(5, state="FL", callback_datetime="tomorrow"),
    row(6, list_id="104", callback_user="nobody", add_to_hopper="maybe"),
    row(7, campaign_id="NOWHERE", add_to_hopper="", since="31.1.2020", colour="turquoise"),
    row(8, campaign_id="WEST", callback_datetime="2030-02-31", multi_alt_phones="12345"),
    row(9, callback_datetime="2030-02-28", callback_user="", callback_type=""),
]
