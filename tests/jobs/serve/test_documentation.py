"""The description of the JSON addresses, and that they answer as it says."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from loader.database.connection import Database
from loader.ledger.keys import RIGHTS, KeyStore
from tests.jobs.serve.serving import serving, settings_of
from tests.support.archives import lead, put

pytestmark = pytest.mark.engines("sqlite")


@pytest.fixture
def client(database: Database, tmp_path: Path) -> Any:
    put(database, *(lead(number) for number in range(20)))
    with serving(settings_of(tmp_path), database) as found:
        yield found


def statuses_of(operation: Any, mode: GenerationMode, key: str) -> Counter[int]:
    """Send requests that are right or wrong, and count the answers, which must be as described."""
    found = Counter[int]()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(suppress_health_check=[*HealthCheck])
    def check(case: schemathesis.Case) -> None:
        answer = case.call(headers={"Authorization": f"Key={key}"})
        found[answer.status_code] += 1
        case.validate_response(answer)

    check()
    return found


@pytest.mark.property
def test_answers_are_as_described(
    client: httpx2.Client, database: Database, tmp_path: Path
) -> None:
    key = KeyStore.open(database, tmp_path).make("all", RIGHTS)
    described = client.get("/openapi.json").json()
    for path in described["paths"].values():
        # Wrong keys are no part of this: who sends five of them is kept waiting.
        path.get("post", {}).pop("security", None)
    schema = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=str(client.base_url))
    schema.validate()
    for operation in (each.ok() for each in schema.get_all_operations()):
        found = statuses_of(operation, GenerationMode.POSITIVE, key)
        if operation.method.upper() == "GET":
            assert {*found} == {200}
            continue
        assert {*found} <= {200, 404}
        assert {*statuses_of(operation, GenerationMode.NEGATIVE, key)} == {400}


def test_the_models_of_the_document(client: httpx2.Client) -> None:
    found = client.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    schemas = found["components"]["schemas"]
    about = schemas["ArchiveRequest"]
    assert [*about["properties"]] == ["insert_leads", "update_leads", "delete_leads", "lead_ids"]
    assert about["required"] == [*about["properties"]]
    assert about["additionalProperties"] is False
    lead_ids = about["properties"]["lead_ids"]
    assert (lead_ids["minItems"], lead_ids["maxItems"], lead_ids["uniqueItems"]) == (1, 500, True)
    responses = found["paths"]["/vicidial/leads/archive"]["post"]["responses"]
    assert {*responses} == {"200", "400", "401", "403", "404", "413", "500", "503"}
    assert "403" not in found["paths"]["/vicidial/leads/dearchive"]["post"]["responses"]


def test_the_page_shows_all_of_it(client: httpx2.Client) -> None:
    answer = client.get("/docs")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    described = client.get("/openapi.json").json()
    for path, methods in described["paths"].items():
        assert path in answer.text
        for about in methods.values():
            assert about["summary"] in answer.text
    for model in described["components"]["schemas"].values():
        for name in model["properties"]:
            assert f"<code>{name}</code>" in answer.text
    assert not re.findall(r"(?:src|href)=\"(?!openapi\.json|#)", answer.text)
