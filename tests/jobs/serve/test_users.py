"""Who may call add_lead, and how wrong passwords are slowed down."""

from pathlib import Path
from time import process_time
from typing import Any

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.serve.access import users
from jobs.serve.access.eksblowfish import bcrypt_octets
from jobs.serve.access.passwords import Hashing, base64, dialer_hash, is_password
from jobs.serve.access.users import FIRST_TO_WAIT, MOST_REMEMBERED, Attempts, UserDirectory
from loader.database.connection import Database
from loader.errors import ConfigurationError
from tests.jobs.serve.serving import PAGE, add_lead, serving, settings_of
from tests.support.service import add_user

KEY = "ABCDEFGHIJKLMNOP"
LOGIN = "ERROR: Login incorrect, please try again: |{}|{}|BAD|"


class StoppedClock:
    """Time that passes when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(users, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def test_the_hash_is_that_of_eksblowfish_with_a_key_that_ends_in_nul() -> None:
    """The example of the Perl module that dialers use, in its base 64."""
    assert dialer_hash("Libelar! Timmah!", Hashing(KEY, 6)) == "I1PRw6O5ulwzl/mYJMSez3TV74Efc3q"


@pytest.mark.property
@given(password=st.text(max_size=80), salt=st.binary(min_size=16, max_size=16))
def test_few_rounds_are_made_as_the_library_makes_more(password: str, salt: bytes) -> None:
    key = password.encode("utf-8", "replace").replace(b"\0", b"")[:72]
    made = bcrypt.hashpw(key, b"$2b$04$" + base64(salt).encode())
    assert base64(bcrypt_octets(key, salt, 4)) == made[29:].decode()


def test_the_default_of_dialers() -> None:
    hashing = Hashing(KEY, 2)
    hashed = dialer_hash("1234", hashing)
    assert len(hashed) == 31
    assert is_password("1234", "", hashed, hashing)
    assert not is_password("12345", "", hashed, hashing)


@pytest.mark.parametrize(("key", "cost"), [("short", 6), (KEY + "Q", 6), (KEY, 17)])
def test_a_hash_that_cannot_be_made_is_an_error(key: str, cost: int) -> None:
    with pytest.raises(ConfigurationError, match="pass_key and pass_cost"):
        is_password("1234", "", "hash", Hashing(key, cost))


@pytest.mark.engines("sqlite")
def test_a_hash_that_cannot_be_made_is_refused_at_the_start(
    database: Database, tmp_path: Path
) -> None:
    password_columns(database, "secret", hashed=True)
    database.write(lambda it: it.exec_driver_sql("UPDATE system_settings SET pass_key = 'short'"))
    with (
        pytest.raises(ConfigurationError, match="pass_key and pass_cost"),
        serving(settings_of(tmp_path), database),
    ):
        pass


def test_an_empty_password_is_nobodys() -> None:
    assert not is_password("", "", "", None)
    assert not is_password("", "", "", Hashing(KEY, 4))


def test_no_wait_before_some_wrong_passwords(clock: StoppedClock) -> None:
    attempts = Attempts()
    for _ in range(FIRST_TO_WAIT - 1):
        attempts.failed("6666", "10.0.0.1")
    assert attempts.seconds_left("6666", "10.0.0.1") == 0


def test_each_wrong_password_doubles_the_wait(clock: StoppedClock) -> None:
    attempts, waits = Attempts(), []
    for _ in range(FIRST_TO_WAIT + 3):
        clock.now += attempts.seconds_left("6666", "10.0.0.1")
        attempts.failed("6666", "10.0.0.1")
        waits.append(attempts.seconds_left("6666", "10.0.0.1"))
    assert waits[FIRST_TO_WAIT - 1 :] == [1, 2, 4, 8]


def test_an_address_that_tries_many_users_waits_and_others_do_not(clock: StoppedClock) -> None:
    attempts = Attempts()
    for number in range(FIRST_TO_WAIT + 1):
        attempts.failed(f"user{number}", "10.0.0.1")
    assert attempts.seconds_left("6666", "10.0.0.1") > 0
    assert attempts.seconds_left("user1", "10.0.0.2") == 0


def test_the_right_password_does_not_free_the_address(clock: StoppedClock) -> None:
    attempts = Attempts()
    for _ in range(FIRST_TO_WAIT + 1):
        attempts.failed("6666", "10.0.0.1")
    attempts.succeeded("7777", "10.0.0.1")
    assert attempts.seconds_left("7777", "10.0.0.1") > 0


def test_who_was_let_in_before_does_not_wait_for_others(clock: StoppedClock) -> None:
    attempts = Attempts()
    attempts.succeeded("7777", "10.0.0.1", "right")
    for _ in range(FIRST_TO_WAIT):
        attempts.failed("6666", "10.0.0.1")
    assert attempts.seconds_left("7777", "10.0.0.1", "right") == 0
    assert attempts.seconds_left("7777", "10.0.0.1", "guess") > 0
    assert attempts.seconds_left("7777", "10.0.0.2", "right") == 0
    for _ in range(FIRST_TO_WAIT):
        attempts.failed("7777", "10.0.0.1")
    assert attempts.seconds_left("7777", "10.0.0.1", "right") > 0


def test_neighbours_in_ipv6_and_long_names_are_the_same(clock: StoppedClock) -> None:
    attempts = Attempts()
    for number in range(FIRST_TO_WAIT):
        attempts.failed("a" * (20 + number), f"2001:db8::{number}")
    assert attempts.seconds_left("6666", "2001:db8::ffff:1") > 0
    assert attempts.seconds_left("6666", "2001:db8:0:1::1") == 0
    assert len(attempts._failures) == 2


def test_what_is_remembered_is_bounded(
    clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "MOST_REMEMBERED", 10)
    attempts = Attempts()
    for number in range(50):
        attempts.failed(f"user{number}", f"10.0.0.{number}")
        attempts.succeeded(f"other{number}", "10.0.1.1", "right")
    assert len(attempts._failures) <= 12
    assert len(attempts._right) <= 10


def test_one_more_wrong_password_costs_little_when_many_are_remembered(
    clock: StoppedClock,
) -> None:
    attempts = Attempts()
    for number in range(MOST_REMEMBERED):
        attempts.failed("6666", str(number))
    assert len(attempts._failures) == MOST_REMEMBERED
    began = process_time()
    for number in range(2000):
        attempts.failed("6666", f"again {number}")
    # A look at each of those that are remembered would take a hundred times as long.
    assert process_time() - began < 1
    clock.now += 1
    attempts.failed("6666", f"{MOST_REMEMBERED - 1}")
    assert attempts._failures[("99999",)].count == 2
    assert ("0",) not in attempts._failures


@pytest.mark.parametrize("hashed", [False, True])
def test_a_user_and_a_password(database: Database, database_url: str, *, hashed: bool) -> None:
    add_user(database_url, **password_columns(database, "secret", hashed=hashed))
    directory = UserDirectory(database, refresh=0)
    row = directory.find("6666", "secret")
    assert row is not None
    assert row["modify_leads"] == "1"
    for user, password in (("6666", "Secret"), ("6666", ""), ("7777", "secret"), ("", "")):
        assert directory.find(user, password) is None


def password_columns(database: Database, password: str, *, hashed: bool) -> dict[str, Any]:
    """Give the columns of a user; where passwords are hashed, the dialer's settings say so."""
    if not hashed:
        return {"pass": password}
    database.write(
        lambda it: it.exec_driver_sql(
            "INSERT INTO system_settings (pass_hash_enabled, pass_key, pass_cost) "
            f"VALUES ('1', '{KEY}', 4)"
        )
    )
    return {"pass": "", "pass_hash": dialer_hash(password, Hashing(KEY, 4))}


@pytest.mark.engines("sqlite")
def test_users_are_read_again(database: Database, database_url: str, clock: StoppedClock) -> None:
    directory = UserDirectory(database, refresh=10)
    assert directory.find("6666", "1234") is None
    add_user(database_url)
    assert directory.find("6666", "1234") is None
    clock.now += 11
    assert directory.find("6666", "1234") is not None


@pytest.mark.engines("sqlite")
def test_a_dialer_without_users_lets_nobody_in(database: Database, tmp_path: Path) -> None:
    with serving(settings_of(tmp_path), database) as client:
        assert add_lead(client, phone_number="7275551111") == [LOGIN.format("6666", "1234")]
        assert add_lead(client, phone_number="7275551111", user="") == [LOGIN.format("", "1234")]


@pytest.mark.engines("sqlite")
def test_who_guesses_is_kept_waiting_and_counted(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database_url)
    with serving(settings_of(tmp_path), database) as client:
        for number in range(FIRST_TO_WAIT):
            wrong = {"pass": f"guess{number}"}
            assert add_lead(client, **wrong) == [LOGIN.format("6666", f"guess{number}")]
        # The right one, too soon.
        assert add_lead(client, phone_number="7275551111") == [LOGIN.format("6666", "1234")]
        metrics = client.get("/metrics").text
    assert f'leadloader_failed_logins_total{{how="wrong"}} {FIRST_TO_WAIT}.0' in metrics
    assert 'leadloader_failed_logins_total{how="kept waiting"} 1.0' in metrics


@pytest.mark.engines("sqlite")
def test_nothing_of_a_call_is_in_the_log(
    database: Database, database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add_user(database_url)
    with serving(settings_of(tmp_path), database) as client:
        client.get(PAGE, params={"user": "6666", "pass": "s3cret", "phone_number": "7275551111"})
        add_lead(client, phone_number="7275551111")
    out, err = capfd.readouterr()
    assert "s3cret" not in out + err
    assert "7275551111" not in out + err
