"""The address of another dialer, and what of it is said."""

import pytest

from jobs.settings.target import TargetSettings
from loader.errors import ConfigurationError, UsageError
from loader.remote.target import Target, check_url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("dialer.example", "it is no address; write it as https://dialer.example"),
        ("https://dialer:port", "it is no address; write it as https://dialer.example"),
        ("https://u:secret@dialer", "it is to have no user, password or parameters"),
        ("https://dialer?user=6666", "it is to have no user, password or parameters"),
        ("http://dialer", "passwords and persons would pass in clear"),
    ],
)
def test_what_is_no_address(url: str, words: str) -> None:
    with pytest.raises(UsageError) as found:
        check_url(url)
    assert words in str(found.value)
    assert "secret" not in str(found.value)


def test_in_clear_it_goes_within_this_machine() -> None:
    assert check_url("http://127.0.0.1:8765")
    assert check_url("http://dialer", is_clear_allowed=True)


@pytest.mark.parametrize(
    ("url", "page", "archive"),
    [
        ("https://a.b", "https://a.b/vicidial/non_agent_api.php",
         "https://a.b/vicidial/leads/archive"),
        ("https://a.b:8443/", "https://a.b:8443/vicidial/non_agent_api.php",
         "https://a.b:8443/vicidial/leads/archive"),
        ("https://a.b/agc/api.php", "https://a.b/agc/api.php",
         "https://a.b/vicidial/leads/archive"),
        ("https://a.b/v2/leads/archive", "https://a.b/v2/leads/archive",
         "https://a.b/v2/leads/archive"),
    ],
)  # fmt: skip
def test_the_pages_of_an_address(url: str, page: str, archive: str) -> None:
    target = Target(url=url)
    assert (target.lead_page, target.archive_page("archive")) == (page, archive)


def test_one_dialer_has_one_ledger() -> None:
    names = [Target(url=url).ledger_name for url in ("https://a.b", "https://a.b/")]
    assert names[0] == names[1]
    assert Target(url="https://a.b/other/page.php").ledger_name != names[0]
    assert Target(url="https://a.b:8443").ledger_name != names[0]


def test_secrets_are_in_no_representation() -> None:
    target = TargetSettings(url="https://a.b", password="geheim", key="schluessel")  # noqa: S106
    assert "geheim" not in repr(target)
    assert "geheim" not in repr(target.as_target())
    assert "schluessel" not in repr(target.as_target())


def test_two_users() -> None:
    settings = TargetSettings(url="https://a.b", user="6666")
    assert settings.as_target("6666").user == "6666"
    with pytest.raises(UsageError, match="has user 6666, who loads there; leave one out"):
        settings.as_target("7777")


def test_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="the user of the dialer who adds leads there"):
        Target(url="https://a.b").refuse_without_login()
    with pytest.raises(ConfigurationError, match="give LEADLOADER_TARGET__PASSWORD, or password"):
        Target(url="https://a.b", user="6666").refuse_without_login()
    with pytest.raises(ConfigurationError, match="give LEADLOADER_TARGET__KEY, or key or key_file"):
        Target(url="https://a.b").refuse_without_key()
