"""The dialer's function lead_dearchive: what it asks of a request, and the texts of its answers."""

import re
from collections.abc import Hashable, Mapping
from typing import Any

FUNCTION = "lead_dearchive"
MOST_DIGITS = 11


def lead_id_of(text: str) -> str:
    """Give the digits of a lead_id; empty: there are none, or more than 11."""
    digits = re.sub(r"[^0-9]", "", text)
    return digits if len(digits) <= MOST_DIGITS else ""


def refusal(user: str, row: Mapping[Hashable, Any] | None) -> str:
    """Say why a user may not bring leads back; empty: the user may.

    Args:
        user: as the request names it.
        row: the user's row of vicidial_users, columns as in `loader.queries.users.USER_COLUMNS`;
            None: there is no such user.
    """
    if row is None or row["active"] != "Y" or int(row["user_level"] or 0) < 7:
        return f"ERROR: {FUNCTION} Login incorrect: |{user}|"
    functions = f" {row['api_allowed_functions']} "
    if " ALL_FUNCTIONS " not in functions and f" {FUNCTION} " not in functions:
        return (
            f"ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: |{user}|{FUNCTION}|"
        )
    may = str(row["modify_leads"]) == "1" and int(row["user_level"]) >= 8
    if not may or str(row["vdc_agent_api_access"]) != "1":
        return f"ERROR: {FUNCTION} USER DOES NOT HAVE PERMISSION TO MODIFY LEAD INFO: |{user}|0|"
    return ""


def invalid_parameters(user: str) -> str:
    """Answer a request without a lead_id."""
    return f"ERROR: {FUNCTION} INVALID SEARCH PARAMETERS: {user}|"


def not_found(user: str, lead_id: str) -> str:
    """Answer a request for a lead that is not in the archive."""
    return f"ERROR: {FUNCTION} ARCHIVED LEAD NOT FOUND: {user}|{lead_id}||"


def still_active(user: str, lead_id: str, list_id: object) -> str:
    """Answer a request for a lead that is in vicidial_list, too; nothing is changed."""
    return f"ERROR: {FUNCTION} NON-ARCHIVED LEAD FOUND: {user}|{lead_id}|{list_id}"


def brought_back(user: str, lead_id: str, inserted: int, deleted: int) -> str:
    """Answer a request that was carried out."""
    return f"SUCCESS: {FUNCTION} LEAD DE-ARCHIVED: {user}|{lead_id}|{inserted}|{deleted}"
