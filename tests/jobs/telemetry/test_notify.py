"""Notifications, sent to a server on this machine."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from jobs.settings.telemetry import NotifySettings
from jobs.telemetry.notify import MOST_RUNS, Notifier, body, title
from jobs.telemetry.outcome import RunOutcome
from loader.errors import ConfigurationError
from tests.support.listener import Listener, listening

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Of a package that a plugin of Apprise imports."""

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
NOWHERE = "json://user:geheim@127.0.0.1:1/"
"""Nothing listens at port 1."""


def account(what: str = "leads.csv", **more: Any) -> RunOutcome:
    return RunOutcome(job="import", what=what, began=NOW, ended=NOW, **more)


GOOD = account(rows={("loaded", ""): 90, ("rejected", "DUPLICATE"): 10}, results="/srv/results/x")
CLEAN = account(rows={("loaded", ""): 90})
BAD = account("bad.csv", exit_code=65, message="bad.csv: the file is empty")


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as found:
        yield found


def notifier(*urls: str, **settings: Any) -> Notifier:
    return Notifier(NotifySettings.model_validate({"urls": urls, **settings}))


def test_a_line_for_each_run_whatever_its_file_is_called() -> None:
    told = body([account("x\r\nfiles: 99.csv"), account("a\x1b[31m.csv")])
    assert told == "x⟨U+000D⟩⟨U+000A⟩files: 99.csv: done\na⟨U+001B⟩[31m.csv: done"


@pytest.mark.parametrize(
    ("settings", "accounts", "kind"),
    [
        pytest.param({}, [GOOD], None, id="failure-none"),
        pytest.param({}, [GOOD, BAD], "failure", id="failure"),
        pytest.param({"when": "rejects"}, [CLEAN], None, id="rejects-none"),
        pytest.param({"when": "rejects"}, [CLEAN, GOOD], "warning", id="rejects"),
        pytest.param({"when": "rejects", "reject_rate": 0.1}, [GOOD], None, id="rejects-at-limit"),
        pytest.param(
            {"when": "rejects", "reject_rate": 0.09}, [GOOD], "warning", id="rejects-over"
        ),
        pytest.param({"when": "rejects"}, [BAD], "failure", id="rejects-failure"),
        pytest.param({"when": "always"}, [CLEAN], "success", id="always"),
        pytest.param({"when": "always"}, [GOOD], "warning", id="always-rejects"),
        pytest.param({"when": "always"}, [], None, id="nothing"),
    ],
)
def test_when(
    settings: dict[str, Any], accounts: list[RunOutcome], kind: str | None, listener: Listener
) -> None:
    url = f"json://127.0.0.1:{listener.port}/hook"
    assert notifier(url, **settings).notify("import", accounts) == []
    assert [each["type"] for each in listener.bodies] == ([kind] if kind else [])


def test_one_message_tells_of_all_runs_failed_ones_first(listener: Listener) -> None:
    notifier(f"json://127.0.0.1:{listener.port}/").notify("nightly", [GOOD, BAD])
    (message,) = listener.bodies
    assert message["title"] == f"leadloader nightly on {socket.gethostname()}: 1 of 2 failed"
    assert message["message"].splitlines() == [
        "FAILED bad.csv: the file is empty",
        "leads.csv: 90 loaded, 10 rejected; DUPLICATE 10; results in /srv/results/x",
    ]


def test_a_text_of_ones_own(listener: Listener) -> None:
    notifier(f"json://127.0.0.1:{listener.port}/").notify("nightly", [BAD], "All <b>went</b> & so.")
    assert listener.bodies[0]["message"] == "All <b>went</b> & so."


def test_who_cannot_be_reached_is_named_without_secrets(listener: Listener) -> None:
    there = f"json://127.0.0.1:{listener.port}/"
    (missed,) = notifier(NOWHERE, there).notify("import", [BAD])
    assert "127.0.0.1:1" in missed
    assert "geheim" not in missed
    assert len(listener.posts) == 1


def test_who_refuses_is_named(listener: Listener) -> None:
    listener.status = 500
    assert len(notifier(f"json://127.0.0.1:{listener.port}/").notify("import", [BAD])) == 1


@pytest.mark.parametrize("url", ["nosuch://geheim", "geheim", "json://"])
def test_an_address_that_apprise_does_not_know(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"notify\.urls: .* 2 of 2") as raised:
        notifier(NOWHERE, url)
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize(
    "settings", [{}, {"urls": []}, {"urls": [NOWHERE], "when": "never"}, {"urls": 7}]
)
def test_wrong_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        NotifySettings.model_validate(settings)
    assert "geheim" not in str(raised.value)


def test_settings_do_not_show_the_secrets() -> None:
    settings = NotifySettings.model_validate({"urls": [NOWHERE]})
    assert "geheim" not in f"{settings!r}{settings}{settings.model_dump_json()}"


def test_a_night_of_many_files_is_told_shortly() -> None:
    accounts = [account(f"{number}.csv") for number in range(MOST_RUNS + 7)] + [BAD]
    lines = body(accounts).splitlines()
    assert lines[0] == "FAILED bad.csv: the file is empty"
    assert (len(lines), lines[-1]) == (MOST_RUNS + 1, "and 8 more")
    assert title("nightly", accounts[:-1]).endswith(f": {MOST_RUNS + 7} done")
