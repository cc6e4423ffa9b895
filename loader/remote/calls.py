"""Calls of another server: kept-alive connections, a few attempts, and what is known of lost ones.

A call that was not answered may have been carried out. So it is told from one that the server never
saw, and who calls decides what to do.
"""

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from loader.api.add_lead_answers import BUSY
from loader.errors import ConfigurationError, TargetUnavailableError
from loader.remote.target import Target

ATTEMPTS = 8
"""In about a minute: that outlasts the restart of a server."""

LONGEST_WAIT = 30.0
"""Seconds between two attempts, unless the server names more."""

LONGEST_WISH = 300.0
"""Seconds that are waited at a server's wish."""

KEPT_ALIVE = 2.0
"""Seconds for which an idle connection is kept: most servers keep it longer, and whoever calls as
the server hangs up does not know whether it was heard."""

MOST_BYTES = 1 << 20
"""Of an answer; the rest is not read."""

TOO_MANY, MOVED = 429, range(300, 400)

NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
"""Errors before the server could see anything of a call."""


class Answer(NamedTuple):
    """The answer to one call."""

    status: int
    text: str


class NotNowError(Exception):
    """The same call may go well another time: it was not carried out."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds
        """How long the server wants to be left alone."""


class LostError(NotNowError):
    """Likewise; it was carried out, or was not."""


class StoppedError(Exception):
    """The caller wants no more attempts."""


class Caller:
    """Calls one server, from several threads."""

    def __init__(self, target: Target) -> None:
        """Take where the server is. ConfigurationError: the certificates cannot be used."""
        self.target = target
        self._ended = threading.Event()
        limits = httpx2.Limits(
            max_connections=target.concurrency,
            max_keepalive_connections=target.concurrency,
            keepalive_expiry=KEPT_ALIVE,
        )
        self._client = httpx2.Client(
            verify=target.tls(), timeout=target.timeout, limits=limits, follow_redirects=False
        )

    def post(self, url: str, **content: Any) -> Answer:
        """Call once.

        Args:
            url: where.
            content: data, a form, or json; headers.

        Raises:
            NotNowError: the server did not take it.
            LostError: nobody knows whether it did.
            ConfigurationError: its certificate is not trusted, or it sends elsewhere.
            StoppedError: `end` was called.
        """
        if self._ended.is_set():
            raise StoppedError
        try:
            with self._client.stream("POST", url, **content) as response:
                answer = Answer(response.status_code, _read(response))
                wish = _wish(response.headers)
        except NOT_SENT as error:
            self._refuse_certificate(error)
            raise NotNowError(_words(error)) from None
        except httpx2.HTTPError as error:
            raise LostError(_words(error)) from None
        if answer.status == TOO_MANY:
            raise NotNowError(f"status {answer.status}", wish)
        if answer.status in MOVED:
            raise ConfigurationError(
                f"{self.target.name}: it sends callers elsewhere (status {answer.status}), and no "
                "secret is sent there: correct the address of the target"
            )
        if answer.status >= 500:
            kind = NotNowError if answer.text.startswith(BUSY) else LostError
            raise kind(f"status {answer.status}", wish)
        return answer

    def attempts(self) -> Iterator[Any]:
        """Give the attempts of a call, which are made again after a NotNowError.

        Raises:
            TargetUnavailableError: none of them went well.
            StoppedError: `end` was called meanwhile.
        """
        try:
            yield from Retrying(
                retry=retry_if_exception_type(NotNowError),
                stop=self._is_enough,
                wait=self._wait,
                sleep=self._sleep,
                reraise=True,
            )
        except NotNowError as error:
            if self._ended.is_set():
                raise StoppedError from None
            raise TargetUnavailableError(
                f"{self.target.name} does not answer, after {ATTEMPTS} attempts: {error}"
            ) from None

    def end(self) -> None:
        """Let calls that are being made come to their end, and make none again."""
        self._ended.set()

    def close(self) -> None:
        """Close the connections."""
        self.end()
        self._client.close()

    def _sleep(self, seconds: float) -> None:
        """Wait, unless the calls are to end."""
        self._ended.wait(seconds)

    def _is_enough(self, state: RetryCallState) -> bool:
        return self._ended.is_set() or stop_after_attempt(ATTEMPTS)(state)

    def _wait(self, state: RetryCallState) -> float:
        """Wait longer each time; a server's own wish counts, if it is none for hours."""
        error = state.outcome.exception() if state.outcome else None
        wish = error.seconds if isinstance(error, NotNowError) else None
        if wish is not None:
            return float(min(wish, LONGEST_WISH))
        return float(min(self.target.first_wait * 2 ** (state.attempt_number - 1), LONGEST_WAIT))

    def _refuse_certificate(self, error: Exception) -> None:
        """Raise ConfigurationError if it is the server's certificate that is not trusted."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise ConfigurationError(
                    f"{self.target.name}: its certificate is not trusted: {cause.verify_message}; "
                    "--ca-file names the certificates that vouch for it"
                ) from None
            cause = cause.__cause__ or cause.__context__


def _read(response: httpx2.Response) -> str:
    parts, size = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            break
    return b"".join(parts)[:MOST_BYTES].decode("utf-8", "replace")


def _wish(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After: seconds, or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:6])
    with suppress(ValueError, TypeError):
        until = parsedate_to_datetime(text)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max((until - datetime.now(UTC)).total_seconds(), 0.0)
    return None


def _words(error: Exception) -> str:
    """Say what went wrong; the text of an error may have an address with a person's values."""
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time"
    return {"ConnectError": "no connection"}.get(type(error).__name__, "the connection was lost")


def describe(text: str, sent: Mapping[str, str]) -> str:
    """Show how an answer begins: of its lines what is no detail, and nothing that was sent."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][:3]
    shown = []
    for line in lines:
        words = line.partition("|")[0].partition(" - ")[0]
        for value in sorted(sent.values(), key=len, reverse=True):
            if len(value) > 1:
                words = words.replace(value, "...")
        shown.append("".join("#" if c.isdigit() else c for c in words[:80] if c.isprintable()))
    return " / ".join(shown) or "nothing"
