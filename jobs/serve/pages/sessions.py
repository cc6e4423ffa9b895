"""Sessions of the browser: who is logged in, kept in memory."""

import hmac
import secrets
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from jobs.serve.access.logins import Caller

IDLE = 1800.0
"""Seconds after which a session that nobody uses ends."""

LONGEST = 12 * 3600.0
"""Seconds after which any session ends."""

MOST_SESSIONS = 1000


@dataclass
class Session:
    """One log-in."""

    caller: Caller
    began: float
    """By the monotonic clock, as `used`."""
    used: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """What every form of this session sends."""

    def is_over(self, now: float) -> bool:
        """Say whether it has ended."""
        return now - self.used > IDLE or now - self.began > LONGEST

    def is_form(self, token: str) -> bool:
        """Say whether a form with such a token is of this session."""
        return same_secret(token, self.csrf)


class Sessions:
    """All sessions by their secret; it is for any thread."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = Lock()

    def begin(self, caller: Caller) -> str:
        """Begin a session; give its secret. Where there are too many, the least used one ends."""
        now, secret = monotonic(), secrets.token_urlsafe(32)
        with self._lock:
            self._sessions = {k: it for k, it in self._sessions.items() if not it.is_over(now)}
            if len(self._sessions) >= MOST_SESSIONS:
                del self._sessions[min(self._sessions, key=lambda k: self._sessions[k].used)]
            self._sessions[secret] = Session(caller, now, now)
        return secret

    def find(self, secret: str) -> Session | None:
        """Give a session that goes on, which is used by this; None: there is none."""
        now = monotonic()
        with self._lock:
            session = self._sessions.get(secret)
            if session is None or session.is_over(now):
                self._sessions.pop(secret, None)
                return None
            session.used = now
        return session

    def end(self, secret: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(secret, None)


def same_secret(one: str, other: str) -> bool:
    """Compare secrets in a time that says nothing of them."""
    return hmac.compare_digest(one.encode(), other.encode())
