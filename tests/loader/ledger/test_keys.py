"""Keys: made once, found by what they are, kept as hashes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loader.database.connection import Database
from loader.errors import UsageError
from loader.ledger.keys import KEY, ApiKey, KeyStore
from tests.support.archives import sql

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> KeyStore:
    return KeyStore.open(database, tmp_path)


def test_a_key_is_found_by_what_it_is(store: KeyStore) -> None:
    secret, other = store.make("night", ["archive", "files"], NOW), store.make("crm", ["dearchive"])
    assert KEY.fullmatch(secret)
    assert secret != other
    found = store.find(secret)
    assert found is not None
    assert (found.name, found.may, found.ends) == ("night", {"archive", "files"}, NOW)
    assert [key.name for key in store.all()] == ["night", "crm"]
    changed = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    for wrong in (changed, secret.swapcase(), "", "A" * 43, secret + "\n", "é" * 43):
        assert store.find(wrong) is None


def test_the_table_does_not_have_the_key(store: KeyStore, database: Database) -> None:
    secret = store.make("night", ["archive"])
    ((*values,),) = sql(database, "SELECT * FROM leadloader_keys")
    assert not any(secret[:8] in str(value) for value in values)


def test_the_begin_of_a_hash_is_not_enough(store: KeyStore, database: Database) -> None:
    secret = store.make("night", ["archive"])
    sql(database, "UPDATE leadloader_keys SET sha256 = 'x'")
    assert store.find(secret) is None


def test_without_a_table_there_are_no_keys(store: KeyStore, database: Database) -> None:
    assert store.all() == []
    assert store.find("A" * 43) is None
    with pytest.raises(UsageError, match="no key night to revoke"):
        store.revoke("night")


@pytest.mark.engines("sqlite")
def test_without_a_ledger_there_are_no_keys(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no ledger yet"):
        KeyStore.to_read(database, tmp_path)


def test_a_name_is_free_again_once_its_key_is_revoked(store: KeyStore) -> None:
    first = store.make("night", ["archive"])
    with pytest.raises(UsageError, match="there is a key night already"):
        store.make("night", ["archive"])
    assert store.revoke("night") == 1
    second = store.make("night", ["archive"])
    states = [key and key.state(datetime.now(UTC)) for key in map(store.find, (first, second))]
    assert states == ["revoked", "valid"]
    with pytest.raises(UsageError, match="is no name of a key"):
        store.make("a night\n", ["archive"])


def test_the_last_use_is_noted_once_a_minute(store: KeyStore) -> None:
    secret = store.make("night", ["archive"])
    found = []
    for seconds in (0, 30, 59, 61, 90):
        key = store.find(secret)
        assert key
        store.note_use(key, NOW + timedelta(seconds=seconds))
        found.append(store.all()[0].last_used)
    later = NOW + timedelta(seconds=61)
    assert found == [NOW, NOW, NOW, later, later]


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("seconds", "revoked", "state"),
    [(1, None, "valid"), (0, None, "expired"), (-1, None, "expired"), (1, NOW, "revoked")],
)
def test_states(seconds: int, revoked: datetime | None, state: str) -> None:
    ends = NOW + timedelta(seconds=seconds)
    key = ApiKey(id="", name="", may=frozenset(), made=NOW, ends=ends, revoked=revoked)
    assert key.state(NOW) == state
