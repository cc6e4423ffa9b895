"""Feeds while the service runs: their files change, become too old, break, and go away."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from jobs.serve.feeds import SETTLED
from loader.database.connection import Database
from loader.errors import FeedFileError
from loader.feeds import files
from tests.jobs.serve.serving import add_lead, serving, settings_of
from tests.support.service import add_user

pytestmark = pytest.mark.engines("sqlite")

DAY = 86_400.0
LISTED = "727555000"
NOT_CHECKED = (
    "ERROR: add_lead LEAD HAS NOT BEEN ADDED, A CHECK CANNOT BE MADE - "
    "feed vendor cannot be used now"
)


class Numbers:
    """The file of a feed; each version of it was written a bit later, and long enough ago."""

    def __init__(self, path: Path) -> None:
        self.path, self._written = path, time.time() - DAY / 2

    def write(self, *numbers: int) -> None:
        self.put("".join(f"{LISTED}{number}\n" for number in numbers))

    def put(self, text: str, written: float | None = None) -> None:
        self._written += 1
        self.path.write_text(f"phone_number\n{text}")
        os.utime(self.path, (time.time(), written or self._written))


@pytest.fixture
def numbers(tmp_path: Path) -> Numbers:
    numbers = Numbers(tmp_path / "vendor.csv")
    numbers.write(1)
    return numbers


@pytest.fixture
def client(
    numbers: Numbers, database: Database, database_url: str, tmp_path: Path
) -> Iterator[httpx2.Client]:
    add_user(database_url)
    # Lists and users are not read again meanwhile: feeds do not wait for that.
    given = {"feed": {"vendor": numbers.path}, "feed_max_age": 1, "serve": {"refresh": 3600}}
    with serving(settings_of(tmp_path, **given), database) as client:
        yield client


def is_listed(client: httpx2.Client, number: int) -> bool:
    (line, *_) = add_lead(client, phone_number=f"{LISTED}{number}")
    assert "ADDED" in line or "DNC" in line or "FEED" in line, line
    return "LEAD HAS BEEN ADDED" not in line


def test_a_file_that_changes_is_read_again(numbers: Numbers, client: httpx2.Client) -> None:
    assert [is_listed(client, it) for it in (1, 2)] == [True, False]
    numbers.write(2)
    assert [is_listed(client, it) for it in (1, 2)] == [False, True]


def test_a_file_that_is_being_written_is_not(numbers: Numbers, client: httpx2.Client) -> None:
    numbers.put(f"{LISTED}2\n", written=time.time() + SETTLED / 2)
    assert [is_listed(client, it) for it in (1, 2)] == [True, False]


def test_its_age_counts_at_each_call(
    numbers: Numbers, client: httpx2.Client, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    assert not is_listed(client, 2)
    began = time.time()
    monkeypatch.setattr(files.time, "time", lambda: began + DAY)
    assert add_lead(client, phone_number=f"{LISTED}2") == [NOT_CHECKED]
    (said,) = (it for it in caplog.messages if it.startswith("calls are refused"))
    assert f"feed vendor: {numbers.path} was written 1.5 days ago" in said
    numbers.put(f"{LISTED}2\n", written=began + DAY - 60)
    assert is_listed(client, 2)


@pytest.mark.parametrize("is_gone", [False, True], ids=["broken", "gone"])
def test_a_file_that_cannot_be_used_refuses_calls(
    is_gone: bool, numbers: Numbers, client: httpx2.Client, caplog: pytest.LogCaptureFixture
) -> None:
    if is_gone:
        numbers.path.unlink()
    else:
        numbers.put("no number\n")
    for _ in range(3):
        assert add_lead(client, phone_number=f"{LISTED}2") == [NOT_CHECKED]
    said = [it for it in caplog.messages if it.startswith("calls are refused: feed vendor: ")]
    assert len(said) == 1
    numbers.write(2)
    assert is_listed(client, 2)


def test_it_does_not_start_without(numbers: Numbers, database: Database, tmp_path: Path) -> None:
    numbers.put("no number\n")
    settings = settings_of(tmp_path, feed={"vendor": numbers.path})
    with pytest.raises(FeedFileError, match="feed vendor"), serving(settings, database):
        pass
