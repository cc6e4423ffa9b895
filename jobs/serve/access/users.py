"""Who may call: users of the dialer by their passwords, and how wrong ones are slowed down."""

import hashlib
import hmac
import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

import pandas as pd

from jobs.serve.access.passwords import Hashing, dialer_hash, is_password
from loader.database.connection import Database
from loader.frames.collation import fold, fold_text
from loader.queries.passwords import read_passwords

FIRST_TO_WAIT = 5
"""The wrong password in a row that is the first to cost a wait."""

LONGEST_WAIT = 900.0
"""Seconds; so long is a wrong password remembered, too."""

MOST_REMEMBERED = 100_000
"""Users and addresses with wrong passwords; and right ones, likewise."""

MOST_CHARACTERS = 20
"""Of a user's name in the dialer."""


@dataclass
class _Failures:
    count: int
    last: float


class Attempts:
    """Wrong passwords, by what they have in common: an address, or a user from an address.

    From `FIRST_TO_WAIT` on each one costs twice the wait of the one before; who asks meanwhile is
    refused, whatever the password is. A user who asks from elsewhere is not kept waiting; nor is
    one by the wrong passwords of others, with a password that was right at that address before.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, ...], _Failures] = OrderedDict()
        """The newest last."""
        self._secret = secrets.token_bytes(32)
        self._right: OrderedDict[tuple[str, str, bytes], None] = OrderedDict()
        self._lock = Lock()

    def seconds_left(self, user: str, address: str, password: str | None = None) -> float:
        """Give how long a user at an address has to wait; 0: not at all.

        Args:
            user: the name, in lower case.
            address: who asks.
            password: what is sent; None: that does not matter.
        """
        now, (of_address, of_user) = monotonic(), _keys(user, address)
        with self._lock:
            was_right = password is not None and self._digest(of_user, password) in self._right
            keys = [of_user] if was_right else [of_address, of_user]
            found = [self._failures.get(key) for key in keys]
        waits = (each.last + _wait(each.count) - now for each in found if each)
        return max(0.0, *waits, 0.0)

    def failed(self, user: str, address: str) -> None:
        """Count a wrong password."""
        now = monotonic()
        with self._lock:
            for key in _keys(user, address):
                before = self._failures.pop(key, None)
                is_recent = before is not None and now - before.last < LONGEST_WAIT
                count = before.count + 1 if before and is_recent else 1
                self._failures[key] = _Failures(count, now)
            while len(self._failures) > MOST_REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, user: str, address: str, password: str | None = None) -> None:
        """Forget the wrong passwords of a user; those of the address, as of other users, stay."""
        of_user = _keys(user, address)[1]
        with self._lock:
            self._failures.pop(of_user, None)
            if password is not None:
                self._right[self._digest(of_user, password)] = None
            while len(self._right) > MOST_REMEMBERED:
                self._right.popitem(last=False)

    def _digest(self, of_user: tuple[str, str], password: str) -> tuple[str, str, bytes]:
        sent = password.encode("utf-8", "surrogatepass")
        return (*of_user, hmac.digest(self._secret, sent, hashlib.sha256))


def _keys(user: str, address: str) -> tuple[tuple[str], tuple[str, str]]:
    network = _network(address)
    return (network,), (network, user[:MOST_CHARACTERS])


def _network(address: str) -> str:
    """Give what one customer of a provider has: an address, or 64 bits of one of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), 64), strict=False))


def _wait(count: int) -> float:
    """Give the seconds of wait after so many wrong passwords."""
    return min(2.0 ** (count - FIRST_TO_WAIT), LONGEST_WAIT) if count >= FIRST_TO_WAIT else 0.0


def refuse_hashing(database: Database) -> None:
    """Refuse a dialer that hashes passwords in a way that cannot be followed: nobody could call.

    Raises:
        ConfigurationError: see `dialer_hash`.
        LoaderError: the database does not answer.
    """
    _, hashing = _read(database)
    if hashing is not None:
        dialer_hash("", hashing)


class UserDirectory:
    """The dialer's users, read again after some seconds. It is for one thread at a time."""

    def __init__(self, database: Database, refresh: float) -> None:
        """Take the database, and the seconds for which its users are good."""
        self._database, self._refresh = database, refresh
        self._users: dict[Hashable, dict[Hashable, Any]] | None = None
        self._hashing: Hashing | None = None
        self._read_at = 0.0
        self._secret = secrets.token_bytes(32)
        self._known: dict[bytes, bool] = {}

    def find(self, user: str, password: str) -> dict[Hashable, Any] | None:
        """Give the row of a user by name, in any letter case, and password.

        Returns:
            Columns `loader.queries.users.USER_COLUMNS`; None: there is no such user who is active
            and of level 7 or more, or the password is another.

        Raises:
            ConfigurationError: passwords are hashed in a way that cannot be followed here.
            LoaderError: the database does not answer.
        """
        key, row = self._found(user)
        digest = hmac.digest(self._secret, f"{key}\0{password}".encode(), hashlib.sha256)
        if digest not in self._known:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            # Without a user, too: the time that it takes says nothing.
            clear, hashed = str(row.get("pass", "")), str(row.get("pass_hash", ""))
            self._known[digest] = is_password(password, clear, hashed or "-", self._hashing)
        return dict(row) if _is_user(row) and self._known[digest] else None

    def row(self, user: str) -> dict[Hashable, Any] | None:
        """Give the row of a user by name alone, otherwise as `find` does.

        Raises:
            LoaderError: the database does not answer.
        """
        row = self._found(user)[1]
        return dict(row) if _is_user(row) else None

    def _found(self, user: str) -> tuple[str, Mapping[Hashable, Any]]:
        """Give what a name is looked for by, and its row; {}: there is none."""
        if self._users is None or monotonic() - self._read_at > self._refresh:
            self._users, self._hashing = _read(self._database)
            self._read_at, self._known = monotonic(), {}
        key = fold_text(user)
        return key, self._users.get(key, {})


def _is_user(row: Mapping[Hashable, Any]) -> bool:
    """Say whether a user is active, and of level 7 or more."""
    return bool(row) and row["active"] == "Y" and int(row["user_level"] or 0) >= 7


def _read(database: Database) -> tuple[dict[Hashable, dict[Hashable, Any]], Hashing | None]:
    """Read the users, by what their names are looked for by, and how passwords are hashed."""
    table, settings = read_passwords(database)
    table = table.set_index(pd.Index(fold(table["user"]), name=None))
    users = table[~table.index.duplicated()].to_dict("index")
    if settings.get("pass_hash_enabled") != "1":
        return users, None
    cost = settings.get("pass_cost", "")
    return users, Hashing(settings.get("pass_key", ""), int(cost) if cost.isdecimal() else 0)
