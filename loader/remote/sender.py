"""Requests addresses, a limited number a second."""

import time
from collections.abc import Callable
from typing import NamedTuple

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

PATIENCE = (5.0, 10.0)
"""Seconds to connect, and between two parts of the answer."""
ATTEMPTS = 3
MOST_TEXT = 65_535
"""Bytes of a column of the log."""


class Answer(NamedTuple):
    """The answer to one request."""

    text: str
    """The body, or why there is none."""
    seconds: float
    """All attempts together."""
    is_good: bool
    """The server took the request: a status below 400."""


class _NotTakenError(Exception):
    """The server could not take the request now, and may take it later."""


class UrlSender:
    """Requests addresses, a limited number a second, each with a few attempts."""

    def __init__(self, per_second: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Take the limit, and how to wait."""
        self._interval, self._sleep, self._next = 1 / per_second, sleep, 0.0
        self._session = requests.Session()

    def send(self, address: str) -> Answer:
        """Request an address and give the answer; a request that fails is one, too."""
        now = time.monotonic()
        if self._next > now:
            self._sleep(self._next - now)
        self._next = max(now, self._next) + self._interval
        began = time.monotonic()
        try:
            text, is_good = self._retrying()(self._request, address)
        except (requests.RequestException, _NotTakenError) as error:
            # The text of the error has the address, and with it the person.
            text = str(error) if isinstance(error, _NotTakenError) else type(error).__name__
            is_good = False
        return Answer(text, time.monotonic() - began, is_good)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _request(self, address: str) -> tuple[str, bool]:
        with self._session.get(address, timeout=PATIENCE, stream=True) as response:
            body = response.raw.read(MOST_TEXT, decode_content=True)
            if response.status_code >= 500 or response.status_code == 429:
                raise _NotTakenError(f"status {response.status_code}")
            return body.decode("utf-8", "replace"), response.status_code < 400

    def _retrying(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(
                (requests.ConnectionError, requests.Timeout, _NotTakenError)
            ),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=0.5, max=5),
            sleep=self._sleep,
            reraise=True,
        )
