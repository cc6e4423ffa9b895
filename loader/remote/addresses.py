"""The addresses that a dialer requests for a new lead (vicidial_url_multi: apinewlead)."""

import re
from collections.abc import Mapping
from urllib.parse import quote_plus

from loader.errors import ConfigurationError

HAS_VALUES = "VAR"
"""Begins an address in which the values of the lead are put."""
PLACE = re.compile(r"--A--([A-Za-z0-9_]+?)--B--")
LEAD_NAMES = {"vendor_id": "vendor_lead_code"}
"""Names in addresses that differ from those of the columns."""


def fill_address(address: str, lead: Mapping[str, str]) -> str:
    """Put the values of a lead into an address.

    Args:
        address: as the dialer has it, such as `VARhttp://crm/new?phone=--A--phone_number--B--`; one
            without VAR stays as it is.
        lead: its values by column, custom fields included. A name that it lacks stays.

    Returns:
        The address to request.
    """
    if not address.startswith(HAS_VALUES):
        return address

    def value(place: re.Match[str]) -> str:
        name = LEAD_NAMES.get(place[1], place[1])
        return quote_plus(lead[name]) if name in lead else place[0]

    return PLACE.sub(value, address.removeprefix(HAS_VALUES))


def check_address(address: str) -> None:
    """Refuse what cannot be requested.

    Raises:
        ConfigurationError: it is no http or https address.
    """
    bare = address.removeprefix(HAS_VALUES)
    if not bare.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"vicidial_url_multi: {bare[:40]!r} is no http address; correct it in the dialer, "
            "or say --new-lead-url skip"
        )
