"""Who asks: a user of the dialer with a password, or the holder of a key."""

import base64
import logging
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from jobs.serve.access.users import Attempts, UserDirectory
from loader.api.add_lead import refuse_rights
from loader.errors import LoaderError

LOG = logging.getLogger("leadloader")

KEY_SCHEME = "key="
"""What begins the header Authorization of who has a key, in lower case."""


@dataclass(frozen=True)
class Caller:
    """Somebody who may load files."""

    name: str
    """Whose files they are: the user's as the dialer has it, or `key:` and the key's."""
    user: str
    """The user of the dialer as whom files are loaded; "": the one of the settings."""


class RefusedError(Exception):
    """Somebody may not load files; the message says why.

    `status` is that of HTTP, `wait` the seconds after which it may be tried again, if that would
    help.
    """

    def __init__(self, message: str, status: int, wait: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.wait = status, wait


Row = dict[Hashable, Any]
"""Of a user, see `UserDirectory.find`."""

Found = TypeVar("Found")

FindKey = Callable[[str], Caller | None]
"""Gives who holds a key that may load files; None: there is no such key, or it may not."""


def no_keys(_secret: str) -> Caller | None:
    """Know no key."""
    return None


class Logins:
    """Lets users and holders of keys in; it is for any thread."""

    def __init__(
        self,
        users: UserDirectory,
        attempts: Attempts,
        *,
        find_key: FindKey = no_keys,
        note_failure: Callable[[str], None] = lambda _how: None,
    ) -> None:
        """Take who there is.

        Args:
            users: of the dialer; nobody else uses this directory.
            attempts: the wrong passwords so far, of all services.
            find_key: knows the keys.
            note_failure: takes how a log-in failed: wrong, or kept waiting.
        """
        self._users, self._attempts, self._find_key = users, attempts, find_key
        self._note_failure = note_failure
        self._lock = Lock()

    def by_header(self, authorization: str, address: str) -> Caller:
        """Admit who sends the header Authorization.

        Raises:
            RefusedError: nobody is named, or may not load, or the database does not answer.
        """
        if authorization.lower().startswith(KEY_SCHEME):
            return self._by_key(authorization[len(KEY_SCHEME) :].strip(), address)
        user, password = _basic(authorization)
        return self.by_password(user, password, address)

    def by_password(self, user: str, password: str, address: str) -> Caller:
        """Admit a user.

        Raises:
            RefusedError: likewise.
        """
        self._refuse_wait(user, address, password)
        row = self._ask(lambda: self._users.find(user, password))
        if row is None:
            self._fail(user, address)
            raise RefusedError("user or password is wrong", 401)
        self._attempts.succeeded(user.lower(), address, password)
        if lines := refuse_rights(user, row):
            raise RefusedError(lines[0], 403)
        return Caller(str(row["user"]), str(row["user"]))

    def refuse_lost_rights(self, caller: Caller) -> None:
        """Refuse a user who was admitted before, and may not load any more.

        Raises:
            RefusedError: the user is not active any more, or may not load, or the database does
                not answer.
        """
        row = self._ask(lambda: self._users.row(caller.user))
        if row is None or refuse_rights(caller.user, row):
            raise RefusedError("the user may not load leads any more", 403)

    def _ask(self, question: Callable[[], Found | None]) -> Found | None:
        try:
            with self._lock:
                return question()
        except LoaderError as error:
            LOG.warning("users cannot be checked: %s", error)
            raise RefusedError("users cannot be checked now; try again later", 503, 30) from None

    def _by_key(self, secret: str, address: str) -> Caller:
        self._refuse_wait("", address)
        caller = self._ask(lambda: self._find_key(secret))
        if caller is None:
            self._fail("", address)
            raise RefusedError("there is no such key that may load files", 401)
        return caller

    def _refuse_wait(self, user: str, address: str, password: str | None = None) -> None:
        if left := self._attempts.seconds_left(user.lower(), address, password):
            self._note_failure("kept waiting")
            raise RefusedError("there were too many wrong passwords; try again later", 429, left)

    def _fail(self, user: str, address: str) -> None:
        self._attempts.failed(user.lower(), address)
        self._note_failure("wrong")


def _basic(authorization: str) -> tuple[str, str]:
    """Read user and password of HTTP Basic.

    Raises:
        RefusedError: there are none.
    """
    scheme, _, encoded = authorization.partition(" ")
    text = ""
    if scheme.lower() == "basic":
        with suppress(ValueError):
            text = base64.b64decode(encoded, validate=True).decode()
    user, colon, password = text.partition(":")
    if not colon:
        raise RefusedError("name a user of the dialer by HTTP Basic, or send a key", 401)
    return user, password
