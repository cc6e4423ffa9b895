"""The Lead Archive API: the format of its requests and the texts of its responses."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loader.errors import LeadIdsError, LoaderError, OfficeHoursError
from loader.options.archive import MOST_LEADS

SUCCESS = "lead_ids batch was successfully processed"
"""The API's message with status 200."""

IN_OFFICE_HOURS = "api cannot be executed during office hours time condition"
"""The API's message with status 403."""

NOT_VALID = "unable to validate api user"
"""The API's message with status 401."""

LeadIds = npt.NDArray[np.int64]

NOT_BOOLEAN = "{} must be a boolean value"

NOT_INTEGER = "lead_ids must only contain integer values"

NO_VALUE = "lead_ids must contain atleast 1 value"

TOO_MANY = f"lead_ids cannot exceed {MOST_LEADS} values"

DUPLICATE = "lead_ids cannot contain duplicate values"

NOT_FOUND = "lead_ids does not exist"

NO_OBJECT = "the body must be a JSON object"
"""Ours, as the next two: the document has no text for these."""

UNKNOWN = "unknown field {}"

TWICE = "a field is given twice"

MOST_NAMED = 100
"""Characters that are repeated of a value at fault."""


# ---- requests

Insert = Annotated[bool, Field(description="Copy the leads of which the target has no copy")]
Update = Annotated[bool, Field(description="Update the copies that differ from their leads")]
Delete = Annotated[bool, Field(description="Delete the leads that equal their copy in all columns")]
GivenIds = Annotated[
    list[int],
    Field(
        description="The leads, each once",
        min_length=1,
        max_length=MOST_LEADS,
        fail_fast=True,
        json_schema_extra={"uniqueItems": True},
    ),
]


class ArchiveRequest(BaseModel):
    """Leads that are to go from vicidial_list to vicidial_list_archive."""

    model_config = ConfigDict(extra="forbid", strict=True)

    insert_leads: Insert
    update_leads: Update
    delete_leads: Delete
    lead_ids: GivenIds


class DearchiveRequest(BaseModel):
    """Leads that are to come back from vicidial_list_archive to vicidial_list."""

    model_config = ConfigDict(extra="forbid", strict=True)

    insert_leads: Insert
    delete_leads: Delete
    lead_ids: GivenIds


MoveLeads = ArchiveRequest | DearchiveRequest


def read_request(kind: type[MoveLeads], body: bytes) -> MoveLeads:
    """Read the body of a request, and check it in the order of the document.

    Raises:
        LeadIdsError: something of it is not as it must be.
    """
    try:
        sent = json.loads(body, object_pairs_hook=_object, parse_constant=_refuse_constant)
        if not isinstance(sent, dict):
            raise LeadIdsError(NO_OBJECT)
        return _checked(kind, sent)
    except (ValueError, RecursionError):
        # A number of thousands of digits is a ValueError, too.
        raise LeadIdsError(NO_OBJECT) from None


def _checked(kind: type[MoveLeads], sent: Mapping[str, Any]) -> MoveLeads:
    try:
        request = kind.model_validate(sent)
    except ValidationError as error:
        # In the order of the fields; those that are unknown are the last.
        name = str(error.errors(include_url=False, include_context=False)[0]["loc"][0])
        if name == "lead_ids":
            check_request(_listed(sent.get(name)))
        if name in kind.model_fields:
            raise LeadIdsError(NOT_BOOLEAN.format(name)) from None
        raise LeadIdsError(UNKNOWN.format(_named(name))) from None
    check_request(request.lead_ids)
    return request


def _listed(value: object) -> list[object]:
    """Give what stands in the place of a list; a number alone is as wrong as one in quotes."""
    if value is None:
        return []
    return value if isinstance(value, list) else [_named(value)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise LeadIdsError(TWICE)
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


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
        wrong = [_named(value) for value in given if type(value) is not int]
        raise LeadIdsError(NOT_INTEGER, tuple(dict.fromkeys(wrong)))
    if not integers:
        raise LeadIdsError(NO_VALUE)
    if len(integers) > MOST_LEADS:
        raise LeadIdsError(TOO_MANY)
    if repeated := tuple(value for value, count in Counter(integers).items() if count > 1):
        raise LeadIdsError(DUPLICATE, repeated)
    if huge := tuple(value for value in integers if value.bit_length() > 63):
        raise LeadIdsError(NOT_FOUND, huge)
    return np.array(integers, dtype=np.int64)


def _named(value: object) -> str:
    """Repeat a value at fault: as it was sent, but not without end, nor what UTF-8 has not."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text[:MOST_NAMED].encode("utf-8", "replace").decode()


# ---- responses


class MessageResponse(BaseModel):
    """What went wrong, where it is about no field."""

    message: str


class RefusedResponse(BaseModel):
    """What is wrong with a request."""

    message: str
    lead_errors: int = Field(description="How many lead_ids are at fault")
    lead_ids: list[int | str] = Field(description="These; what is no integer, as text")


Selected = Annotated[int, Field(description="How many of the leads were there")]
Inserted = Annotated[int, Field(description="How many copies were made")]
Updated = Annotated[int, Field(description="How many copies were updated")]
Deleted = Annotated[int, Field(description="How many leads left the table where they were")]


class ArchivedResponse(BaseModel):
    """What was done."""

    message: str = SUCCESS
    select_count: Selected
    insert_count: Inserted
    update_count: Updated
    delete_count: Deleted


class DearchivedResponse(BaseModel):
    """What was done."""

    message: str = SUCCESS
    select_count: Selected
    insert_count: Inserted
    delete_count: Deleted


def answer_to(error: LoaderError) -> dict[str, Any]:
    """Return the body of the API's response to an error."""
    if isinstance(error, LeadIdsError):
        lead_ids = list(error.lead_ids)
        return {"message": error.message, "lead_errors": len(lead_ids), "lead_ids": lead_ids}
    return {"message": IN_OFFICE_HOURS if isinstance(error, OfficeHoursError) else str(error)}
