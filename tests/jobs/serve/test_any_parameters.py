"""Whatever is sent, there is an answer of the API, and never an error of the service."""

import re
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.api.add_lead import OPTIONS
from loader.database import schema
from loader.database.connection import Database
from loader.fields.lead import usual_names
from tests.jobs.serve.serving import PAGE, serving, settings_of
from tests.support.service import add_user

NAMES = sorted({*OPTIONS, *usual_names(), "favorite_color", "responsetype", "campaing"})
LIKELY = st.sampled_from(
    ["", "Y", "N", "y", "AREACODE", "7275551111", "1", "44", "101", "0", "-1", "999999999999999999",
     "DUPSYS", "DUPLIST-DUPSYS90DAY", "POSTAL", "NANPA", "TZCODE", "NOW", "3DAYS", "USERONLY",
     "2026-12-01 10:00:00", "6666", "7275552222_1_home!8135550000", "--BLANK--", "9E9", "\x00", "'"]
)  # fmt: skip
TEXTS = st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace"))
VALUES = st.one_of(LIKELY.map(str.encode), TEXTS, st.binary(max_size=40))
PARAMETERS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)

LINE = re.compile(r"(.*NOTICE: add_lead|SUCCESS: add_lead|ERROR: (add_lead|Login|Invalid|auth)) .*")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    folder = tmp_path_factory.mktemp("any")
    url = f"sqlite:///{folder}/leads.sqlite"
    database = Database(url)
    schema.create_missing(database.engine)
    add_user(url)
    with serving(settings_of(folder), database) as found:
        yield found
    database.engine.dispose()


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parameters=PARAMETERS, phone=VALUES)
def test_every_call_has_an_answer(
    client: httpx2.Client, parameters: dict[str, bytes], phone: bytes
) -> None:
    sent = {
        "phone_number": phone, **parameters, "source": b"test", "user": b"6666", "pass": b"1234",
        "function": b"add_lead",
    }  # fmt: skip
    query = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in sent.items())
    answer = client.get(f"{PAGE}?{query}")
    assert answer.status_code == 200
    is_json = "json" in parameters.get("responsetype", b"").decode("utf-8", "replace").lower()
    lines = answer.json()["lines"] if is_json else answer.text.splitlines()
    assert lines
    assert LINE.fullmatch(lines[0]) or LINE.fullmatch(lines[-1]), lines
    assert "CANNOT BE MADE" not in answer.text or "needs" in answer.text
