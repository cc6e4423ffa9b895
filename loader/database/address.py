"""The address of a database: what it names, and how it is to be reached."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from pydantic import ValidationError
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from loader.errors import ConfigurationError
from loader.options.connection import ConnectionOptions
from loader.options.suggestion import did_you_mean
from loader.paths import printable_path

SERVERS = frozenset({"mysql", "mariadb"})

OF_ADDRESSES = frozenset({"charset", "unix_socket"})
"""What only an address can say behind its `?`."""

_KNOWN = OF_ADDRESSES | {*ConnectionOptions.model_fields}

CHARSET = "utf8mb4"
"""Of every connection."""

PORT = 3306
"""Of a server, where the address names none."""

PORTS = 1 << 16
"""That there can be."""

UNREADABLE = (
    "the database's address cannot be read; give mysql://user:password@host/asterisk or "
    "sqlite:///path/to/file"
)

OF_DRIVERS = frozenset(
    {"autocommit", "client_flag", "collation", "compress", "conv", "cursorclass", "db", "database"}
    | {"host", "init_command", "local_infile", "passwd", "password", "port", "read_default_file"}
    | {"sql_mode", "ssl", "ssl_check_hostname", "ssl_disabled", "ssl_key_password", "ssl_capath"}
    | {"ssl_cipher", "ssl_verify_cert", "ssl_verify_identity", "use_unicode", "user"}
)
"""Options of drivers, which people may try."""

OTHERS = {"mssql": "an mssql", "oracle": "an oracle", "postgresql": "a postgresql"}
"""Databases that are named where they are refused; another name may be a misplaced password."""

SSL = "ssl_"
"""What names of options about encryption begin with."""


class Address(NamedTuple):
    """Where a database is."""

    url: URL
    """Without options of the connection; of several servers, with the first."""
    options: ConnectionOptions
    unix_socket: str | None = None
    others: tuple[tuple[str, int | None], ...] = ()
    """Host and port of further servers that have the same database: nodes of a cluster."""

    @property
    def name(self) -> str:
        """The address for people, without the password."""
        name = self.url.set(query={}).render_as_string(hide_password=True)
        if not self.others:
            return name
        first = _place(self.url.host or "", self.url.port)
        places = ",".join([first, *(_place(*other) for other in self.others)])
        before, behind = name.rsplit(first + "/", 1)
        return f"{before}{places}/{behind}"

    @property
    def place(self) -> str:
        """The address likewise, with the port or the socket where it says none."""
        if self.unix_socket:
            return f"{self.name} at the socket {printable_path(self.unix_socket)}"
        if self.url.get_backend_name() not in SERVERS:
            return self.name
        return self._replace(url=self.url.set(port=self.url.port or PORT)).name


def read_address(text: str, options: ConnectionOptions | None = None) -> Address:
    """Read an address such as mysql://user:password@host/asterisk?ssl_mode=required.

    Several servers, as of a cluster, have commas between them: mysql://user@a,b:3307,c/asterisk.

    Args:
        text: the address.
        options: hold where the address says nothing.

    Raises:
        ConfigurationError: it cannot be read, names another kind of database, or has an option that
            does not exist or a wrong value. The message does not have the address.
    """
    url, *others = map(_parse, _one_by_one(text))
    backend = url.get_backend_name()
    given = options or ConnectionOptions()
    if backend == "sqlite":
        return Address(url, given)
    if backend not in SERVERS:
        raise ConfigurationError(
            f"{OTHERS.get(backend, 'this kind of')} database is no dialer's; give mysql:// or "
            "sqlite:///"
        )
    _refuse_empty_options(text)
    asked = _options_in(url)
    plain = url.set(drivername="mysql+pymysql", query={})
    places = tuple((other.host or "", other.port) for other in others)
    return Address(plain, _together(given, asked), asked.get("unix_socket"), places)


SEVERAL = re.compile(
    r"(?P<before>(mysql|mariadb)[^:/?]*://([^@/?]*@)?)(?P<places>[^@/?]*,[^@/?]*)"
    r"(?P<behind>([/?].*)?)",
    re.DOTALL,
)
"""An address of several servers."""


def _one_by_one(text: str) -> list[str]:
    """Give an address for each server that is named."""
    found = SEVERAL.fullmatch(text)
    if not found:
        return [text]
    places = found["places"].split(",")
    if not all(places):
        raise ConfigurationError(
            "the database's address has a comma with no server before or behind it; write "
            "mysql://user:password@one,two:3307,three/asterisk"
        )
    return [f"{found['before']}{place}{found['behind']}" for place in places]


def _place(host: str, port: int | None) -> str:
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


def _parse(text: str) -> URL:
    """Read the parts of an address, which may have a password in any of them if it is mistyped."""
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConfigurationError(UNREADABLE) from None
    names_server = any((url.host, url.port, url.username, url.password))
    if "\0" in text or (backend == "sqlite" and names_server):
        raise ConfigurationError(UNREADABLE)
    if backend in SERVERS and any("@" in (part or "") for part in (url.host, url.database)):
        raise ConfigurationError(
            "the database's address has a user or password with a character that stands for "
            "something in addresses; write @ as %40, : as %3A, / as %2F and ? as %3F"
        )
    if backend in SERVERS and re.search(r"&\w+=", url.database or ""):
        raise ConfigurationError(
            "the database's address has options behind a &; the first one stands behind a ?"
        )
    if url.port is not None and not 0 < url.port < PORTS:
        raise ConfigurationError(
            "the database's address has no port behind the colon; write "
            "mysql://user:password@host:3306/asterisk"
        )
    return url


def _refuse_empty_options(text: str) -> None:
    """Refuse options without a value, which SQLAlchemy leaves out: one may be an unset variable."""
    pairs = parse_qsl(text.partition("?")[2], keep_blank_values=True)
    empty = sorted({name for name, value in pairs if not value} & (_KNOWN | OF_DRIVERS))
    if empty:
        raise ConfigurationError(
            f"the database's address has no value for {', '.join(empty)}; give it one, or leave "
            "it out"
        )


def _options_in(url: URL) -> dict[str, str]:
    unknown = sorted(url.query.keys() - _KNOWN)
    if unknown:
        # Others may be a part of a password with a ? in it.
        named = [name for name in unknown if name in OF_DRIVERS or did_you_mean(name, _KNOWN)]
        which = f": {', '.join(named)}" if named else ""
        raise ConfigurationError(
            f"the database's address has options that do not exist{which}; "
            f"there are {', '.join(sorted(_KNOWN))}"
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
        # No value of an address is repeated.
        what = re.sub("^'.*' is ", "it is ", what)
        raise ConfigurationError(f"the database's address: {place}{what}") from None
