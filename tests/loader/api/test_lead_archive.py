"""Bodies of the archive API: whatever is sent, it is a request or is refused in the one shape."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.api.lead_archive import (
    ArchiveRequest,
    DearchiveRequest,
    RefusedResponse,
    answer_to,
    read_request,
)
from loader.errors import LeadIdsError

FIELDS = [*ArchiveRequest.model_fields]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(FIELDS[:3], st.booleans() | VALUES),
        "lead_ids": st.lists(st.integers(-2, 2**65) | VALUES, max_size=5) | VALUES,
        "more": VALUES,
    },
)


def check(kind: type[ArchiveRequest | DearchiveRequest], body: bytes) -> None:
    try:
        found = read_request(kind, body)
    except LeadIdsError as error:
        answer = RefusedResponse.model_validate(answer_to(error))
        assert answer.message
        assert answer.lead_errors == len(answer.lead_ids)
        answer.model_dump_json().encode()
    else:
        assert 0 < len({*found.lead_ids}) == len(found.lead_ids) <= 500
        assert found.model_dump() == json.loads(body)


@pytest.mark.property
@given(body=st.binary() | VALUES.map(lambda it: json.dumps(it).encode()))
def test_any_body(body: bytes) -> None:
    check(ArchiveRequest, body)


@pytest.mark.property
@given(sent=NEARLY, kind=st.sampled_from([ArchiveRequest, DearchiveRequest]))
def test_a_body_that_is_nearly_right(sent: dict[str, Any], kind: type[ArchiveRequest]) -> None:
    check(kind, json.dumps(sent).encode())


@pytest.mark.parametrize("depth", [100, 900, 5000, 100_000])
def test_a_body_of_great_depth(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    check(ArchiveRequest, nested)
    rest = b'{"insert_leads": true, "update_leads": true, "delete_leads": true, "lead_ids": '
    check(ArchiveRequest, rest + nested + b"}")


@pytest.mark.parametrize("digits", [18, 19, 20, 4000, 5000, 100_000])
def test_a_number_without_end(digits: int) -> None:
    rest = b'{"insert_leads": true, "update_leads": true, "delete_leads": true, "lead_ids": ['
    check(ArchiveRequest, rest + b"9" * digits + b"]}")
