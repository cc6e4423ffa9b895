"""The address of a database: what it names, and how it is to be reached."""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import ValidationError
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from loader.errors import ConfigurationError
from loader.options.connection import ConnectionOptions

SERVERS = frozenset({"mysql", "mariadb"})

OF_ADDRESSES = frozenset({"charset", "unix_socket"})
"""What only an address can say behind its `?`."""

CHARSET = "utf8mb4"
"""Of every connection."""

SSL = "ssl_"
"""What names of options about encryption begin with."""


class Address(NamedTuple):
    """Where a database is."""

    url: URL
    """Without options of the connection."""
    options: ConnectionOptions
    unix_socket: str | None = None

    @property
    def name(self) -> str:
        """The address for people, without the password."""
        return self.url.set(query={}).render_as_string(hide_password=True)


def read_address(text: str, options: ConnectionOptions | None = None) -> Address:
    """Read an address such as mysql://user:password@host/asterisk?ssl_mode=required.

    Args:
        text: the address.
        options: hold where the address says nothing.

    Raises:
        ConfigurationError: it cannot be read, names another kind of database, or has an option that
            does not exist or a wrong value. The message does not have the address.
    """
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConfigurationError(
            "the database's address cannot be read; give mysql://user:password@host/asterisk "
            "or sqlite:///path/to/file"
        ) from None
    given = options or ConnectionOptions()
    if backend == "sqlite":
        return Address(url, given)
    if backend not in SERVERS:
        raise ConfigurationError(
            f"a {backend} database is no dialer's; give mysql:// or sqlite:///"
        )
    asked = _options_in(url)
    plain = url.set(drivername="mysql+pymysql", query={})
    return Address(plain, _together(given, asked), asked.get("unix_socket"))


def _options_in(url: URL) -> dict[str, str]:
    known = {*ConnectionOptions.model_fields, *OF_ADDRESSES}
    unknown = sorted(url.query.keys() - known)
    if unknown:
        raise ConfigurationError(
            f"the database's address has options that do not exist: {', '.join(unknown)}; "
            f"there are {', '.join(sorted(known))}"
        )
    options = {name: value for name, value in url.query.items() if isinstance(value, str)}
    twice = sorted(url.query.keys() - options.keys())
    if twice:
        raise ConfigurationError(
            f"the database's address has {', '.join(twice)} more than once; give one"
        )
    if options.get("charset", CHARSET) != CHARSET:
        raise ConfigurationError(
            f"the database's address: charset: connections are {CHARSET}, whatever the tables "
            "have; leave it out"
        )
    return options


def _together(given: ConnectionOptions, asked: Mapping[str, str]) -> ConnectionOptions:
    """Put the options of an address before others; those of encryption go together."""
    values = given.model_dump()
    if any(name.startswith(SSL) for name in asked):
        values = {name: value for name, value in values.items() if not name.startswith(SSL)}
    values |= {name: value for name, value in asked.items() if name not in OF_ADDRESSES}
    try:
        return ConnectionOptions(**values)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        place = f"{wrong['loc'][0]}: " if wrong["loc"] else ""
        what = wrong["msg"].removeprefix("Value error, ").replace("Input should be", "give")
        raise ConfigurationError(f"the database's address: {place}{what}") from None
