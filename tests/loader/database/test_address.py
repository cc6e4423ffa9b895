"""Addresses of several servers, as of a cluster."""

import pytest

from loader.database.address import read_address
from loader.errors import ConfigurationError


def test_servers_stand_behind_one_another() -> None:
    address = read_address(
        "mysql://loader:p%40ss@one,two:3307,[::1]:3308/asterisk?ssl_mode=required"
    )
    assert (address.url.host, address.url.port, address.url.password) == ("one", None, "p@ss")
    assert address.others == (("two", 3307), ("::1", 3308))
    assert address.options.encryption == "required"
    assert address.name == "mysql+pymysql://loader:***@one,two:3307,[::1]:3308/asterisk"


def test_the_account_may_be_left_out() -> None:
    assert read_address("mysql://one:3307,two/a").name == "mysql+pymysql://one:3307,two/a"


def test_a_comma_in_a_password_is_none_between_servers() -> None:
    address = read_address("mysql://loader:a,b@one/asterisk")
    assert (address.url.password, address.others) == ("a,b", ())


@pytest.mark.parametrize("hosts", ["one,", ",one", "one,,two"])
def test_a_comma_with_no_server_is_refused(hosts: str) -> None:
    with pytest.raises(ConfigurationError, match="a comma with no server before or behind it"):
        read_address(f"mysql://loader:secret@{hosts}/asterisk")


def test_each_port_is_looked_at() -> None:
    with pytest.raises(ConfigurationError, match=r"no port behind|cannot be read"):
        read_address("mysql://loader@one,two:70000/asterisk")
