"""The Lead Archive API: the format of its requests and the texts of its responses."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from loader.errors import LeadIdsError, LoaderError, OfficeHoursError
from loader.options.archive import MOST_LEADS

SUCCESS = "lead_ids batch was successfully processed"
"""The API's message with status 200."""

IN_OFFICE_HOURS = "api cannot be executed during office hours time condition"
"""The API's message with status 403."""


def answer_to(error: LoaderError) -> dict[str, Any]:
    """Return the body of the API's response to an error."""
    if isinstance(error, LeadIdsError):
        lead_ids = list(error.lead_ids)
        return {"message": error.message, "lead_errors": len(lead_ids), "lead_ids": lead_ids}
    return {"message": IN_OFFICE_HOURS if isinstance(error, OfficeHoursError) else str(error)}


LeadIds = npt.NDArray[np.int64]

NOT_INTEGER = "lead_ids must only contain integer values"

NO_VALUE = "lead_ids must contain atleast 1 value"

TOO_MANY = f"lead_ids cannot exceed {MOST_LEADS} values"

DUPLICATE = "lead_ids cannot contain duplicate values"

NOT_FOUND = "lead_ids does not exist"


def check_request(lead_ids: Sequence[object] | LeadIds) -> LeadIds:
    """Check the lead_ids of one request as the Lead Archive API does, in its order.

    Args:
        lead_ids: as received, for example from JSON.

    Returns:
        The ids (int64) in the same order.

    Raises:
        LeadIdsError: an id is no integer ("0", 1.0 and true are none), there are no ids or more
            than 500, an id is repeated, or one has more than 64 bits, so that it cannot exist.
    """
    given = lead_ids.tolist() if isinstance(lead_ids, np.ndarray) else list(lead_ids)
    # Not isinstance: True is an int.
    integers = [value for value in given if type(value) is int]
    if len(integers) < len(given):
        wrong = [value for value in given if type(value) is not int]
        texts = [value if isinstance(value, str) else json.dumps(value) for value in wrong]
        raise LeadIdsError(NOT_INTEGER, tuple(dict.fromkeys(texts)))
    if not integers:
        raise LeadIdsError(NO_VALUE)
    if len(integers) > MOST_LEADS:
        raise LeadIdsError(TOO_MANY)
    if repeated := tuple(value for value, count in Counter(integers).items() if count > 1):
        raise LeadIdsError(DUPLICATE, repeated)
    if huge := tuple(value for value in integers if value.bit_length() > 63):
        raise LeadIdsError(NOT_FOUND, huge)
    return np.array(integers, dtype=np.int64)
