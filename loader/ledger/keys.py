"""The keys of who may call the service: random, shown once, and kept as hashes beside the ledger.

The table is made with the first key; where it is missing, there are no keys.

A key has 256 random bits. Nobody can try them all, so that one round of SHA-256 protects it as well
as the slow hashes that guessable passwords need, and costs a request nothing.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    RowMapping,
    String,
    Table,
    insert,
    inspect,
    or_,
    select,
    update,
)
from sqlalchemy.schema import CreateTable

from loader.database.connection import Database
from loader.errors import UsageError
from loader.ledger.runs import Ledger
from loader.ledger.tables import MOMENT_TYPE, OPTIONS

RIGHTS = ("archive", "dearchive", "files")
"""What a key may do."""

SECRET_BYTES = 32
KEY = re.compile("[A-Za-z0-9_-]{43}")
"""How so many bytes are written."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

ID_DIGITS = 16
"""Of the hash, which find the row of a key; then the whole is compared, in constant time."""

BETWEEN_NOTES = timedelta(minutes=1)
"""The last use is written no more often."""

State = Literal["valid", "expired", "revoked"]

_options: dict[str, Any] = {**OPTIONS}
keys = Table(
    "leadloader_keys",
    MetaData(),  # of its own: not a part of the ledger's version
    Column("id", String(ID_DIGITS), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("may", String(255), nullable=False),
    Column("made", MOMENT_TYPE, nullable=False),
    Column("ends", MOMENT_TYPE),
    Column("revoked", MOMENT_TYPE),
    Column("last_used", MOMENT_TYPE),
    **_options,
)


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """What is kept of a key; moments are aware and UTC."""

    id: str
    """The begin of its hash."""
    name: str
    may: frozenset[str]
    """Of `RIGHTS`."""
    made: datetime
    ends: datetime | None = None
    """None: never."""
    revoked: datetime | None = None
    last_used: datetime | None = None
    """To the minute."""

    def state(self, now: datetime) -> State:
        """Say whether it is good at a moment."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.ends is not None and now >= self.ends else "valid"


class KeyStore:
    """Makes, finds and revokes keys."""

    def __init__(self, database: Database) -> None:
        """Take the database that has the ledger."""
        self._database = database

    @classmethod
    def open(cls, database: Database, ledger_folder: Path) -> "KeyStore":
        """Open the store beside the ledger of a dialer, which is made if there is none.

        Raises:
            LoaderError: see `Ledger.open`.
        """
        return cls(Ledger.open(database, ledger_folder).database)

    @classmethod
    def to_read(cls, database: Database, ledger_folder: Path) -> "KeyStore":
        """Open the store where the ledger is.

        Raises:
            UsageError: there is no ledger, and so there are no keys.
            LoaderError: see `Ledger.to_read`.
        """
        return cls(Ledger.to_read(database, ledger_folder).database)

    def make(self, name: str, may: Iterable[str], ends: datetime | None = None) -> str:
        """Make a key, and give it: afterwards nobody can.

        Args:
            name: for people.
            may: of `RIGHTS`.
            ends: from when it is not good any more; None: never.

        Raises:
            UsageError: another key has the name, and is not revoked; or it is no name.
        """
        if not NAME.fullmatch(name):
            raise UsageError(
                f"NAME: {name!r} is no name of a key; up to 64 letters, digits, '.', '_' and '-'"
            )
        self._database.write(lambda it: it.execute(CreateTable(keys, if_not_exists=True)))
        if any(each.name == name and each.revoked is None for each in self.all()):
            raise UsageError(f"there is a key {name} already: revoke it, or take another name")
        secret = secrets.token_urlsafe(SECRET_BYTES)
        new = insert(keys).values(
            id=_digest(secret)[:ID_DIGITS],
            sha256=_digest(secret),
            name=name,
            may=",".join(sorted(may)),
            made=_stored(datetime.now(UTC)),
            ends=_stored(ends) if ends else None,
        )
        # If only the answer to the commit was lost, it is there.
        repeated = self._database.adapter.insert_or_ignore(new)
        self._database.write(lambda connection: connection.execute(repeated))
        return secret

    def all(self) -> list[ApiKey]:
        """Give all keys that there ever were, in the order in which they were made."""
        return [_key(row) for row in self._rows(keys.c.id != "")]

    def find(self, secret: str) -> ApiKey | None:
        """Give a key, good or not; None: there is none such."""
        if not KEY.fullmatch(secret):
            return None
        digest = _digest(secret)
        rows = self._rows(keys.c.id == digest[:ID_DIGITS])
        found = rows[0] if rows else None
        # Without a row, too: the time that it takes says nothing.
        is_equal = hmac.compare_digest(found["sha256"] if found else "0" * len(digest), digest)
        return _key(found) if found and is_equal else None

    def revoke(self, name: str) -> int:
        """Revoke the keys of a name, from now on; give how many.

        Raises:
            UsageError: no key that is not revoked has it.
        """
        now = _stored(datetime.now(UTC))
        wanted = [each.id for each in self.all() if each.name == name and each.revoked is None]
        if not wanted:
            raise UsageError(f"there is no key {name} to revoke; `leadloader keys list` lists them")
        change = update(keys).where(keys.c.id.in_(wanted), keys.c.revoked.is_(None))
        self._database.write(lambda connection: connection.execute(change.values(revoked=now)))
        return len(wanted)

    def note_use(self, key: ApiKey, moment: datetime) -> None:
        """Note that a key was used, unless that was noted a moment before."""
        is_old = or_(keys.c.last_used.is_(None), keys.c.last_used < _stored(moment - BETWEEN_NOTES))
        change = update(keys).where(keys.c.id == key.id, is_old)
        noted = change.values(last_used=_stored(moment))
        if key.last_used is None or moment - key.last_used > BETWEEN_NOTES:
            self._database.write(lambda connection: connection.execute(noted))

    def _rows(self, wanted: Any) -> list[RowMapping]:
        asked = select(keys).where(wanted).order_by(keys.c.made, keys.c.id)

        def read(connection: Connection) -> list[RowMapping]:
            if not inspect(connection).has_table(keys.name):
                return []
            return [*connection.execute(asked).mappings()]

        return self._database.read(read)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _stored(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _key(row: RowMapping) -> ApiKey:
    moments = {
        name: row[name] and row[name].replace(tzinfo=UTC)
        for name in ("made", "ends", "revoked", "last_used")
    }
    may = frozenset(filter(None, row["may"].split(",")))
    return ApiKey(id=row["id"], name=row["name"], may=may, **moments)
