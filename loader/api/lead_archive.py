"""The lead archive API: the form of its requests and the texts of its answers."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from loader.errors import LeadIdsError, LoaderError, OfficeHoursError
from loader.options.archive import MOST_LEADS

SUCCESS = "lead_ids batch was successfully processed"
"""The API's message of a 200."""

IN_OFFICE_HOURS = "api cannot be executed during office hours time condition"
"""The API's message of a 403."""


def answer_to(error: LoaderError) -> dict[str, Any]:
    """Give the body with which the API answers an error."""
    if isinstance(error, LeadIdsError):
        lead_ids = list(error.lead_ids)
        return {"message": error.message, "lead_errors": len(lead_ids), "lead_ids": lead_ids}
    return {"message": IN_OFFICE_HOURS if isinstance(error, OfficeHoursError) else str(error)}


LeadIds = npt.NDArray[np.int64]

NOT_INTEGER = "lead_ids must only contain integer values"

NO_VALUE = "lead_ids must contain atleast 1 value"

TOO_MANY = f"lead_ids cannot exceed {MOST_LEADS} values"

DUPLICATE = "lead_ids cannot contain duplicate values"

NOT_THERE = "lead_ids does not exist"


def check_request(lead_ids: Sequence[object] | LeadIds) -> LeadIds:
    """Check the lead_ids of one request as the Lead Archive API does, in its order.

    Args:
        lead_ids: as they came, such as from JSON.

    Returns:
        The ids (int64) in their order.

    Raises:
        LeadIdsError: one is no integer ("0", 1.0 and true are none), there is none, there are
            more than 500, one is there twice, or one is beyond 64 bits and so not there.
    """
    given = lead_ids.tolist() if isinstance(lead_ids, np.ndarray) else list(lead_ids)
    # Not isinstance: True is an int.
    whole = [value for value in given if type(value) is int]
    if len(whole) < len(given):
        wrong = [value for value in given if type(value) is not int]
        texts = [value if isinstance(value, str) else json.dumps(value) for value in wrong]
        raise LeadIdsError(NOT_INTEGER, tuple(dict.fromkeys(texts)))
    if not whole:
        raise LeadIdsError(NO_VALUE)
    if len(whole) > MOST_LEADS:
        raise LeadIdsError(TOO_MANY)
    if twice := tuple(value for value, count in Counter(whole).items() if count > 1):
        raise LeadIdsError(DUPLICATE, twice)
    if huge := tuple(value for value in whole if value.bit_length() > 63):
        raise LeadIdsError(NOT_THERE, huge)
    return np.array(whole, dtype=np.int64)
