"""The columns of the dialer's tables as each kind of database has them.

On SQLite dates, times and decimals are text, so that `0000-00-00` and `-5.00` stay what they are.
"""

from typing import Any

from sqlalchemy import Column, Integer, String
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ColumnElement
from sqlalchemy.types import TypeEngine

from loader.clock import WEEKDAYS


class CurrentTime(ColumnElement[str]):
    """The default of a `modify_date`: the server's clock; MariaDB also moves it at every update."""

    inherit_cache = True


@compiles(CurrentTime, "mysql", "mariadb")
def _now_and_at_update(_element: CurrentTime, _compiler: SQLCompiler, **_: object) -> str:
    return "CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP"


@compiles(CurrentTime, "sqlite")
def _now_local(_element: CurrentTime, _compiler: SQLCompiler, **_: object) -> str:
    # CURRENT_TIMESTAMP of SQLite is UTC; the dialer keeps local time.
    return "(datetime('now', 'localtime'))"


def _on_mariadb(exact: TypeEngine[Any], elsewhere: TypeEngine[Any]) -> TypeEngine[Any]:
    return elsewhere.with_variant(exact, "mysql", "mariadb")


def one_of(*values: str) -> TypeEngine[Any]:
    """Give the type of a closed set: an enumeration on a server, text on SQLite."""
    return _on_mariadb(mysql.ENUM(*values), String(max(map(len, values))))


ID = _on_mariadb(mysql.INTEGER(unsigned=True), Integer())
LIST_ID = _on_mariadb(mysql.BIGINT(unsigned=True), Integer())
COUNT = _on_mariadb(mysql.SMALLINT(unsigned=True), Integer())
RANK = _on_mariadb(mysql.SMALLINT(), Integer())
PRIORITY = _on_mariadb(mysql.TINYINT(), Integer())
OFFSET = _on_mariadb(mysql.DECIMAL(4, 2), String(6))
DATE = _on_mariadb(mysql.DATE(), String(10))
TIME = _on_mariadb(mysql.DATETIME(), String(19))
STAMP = _on_mariadb(mysql.TIMESTAMP(), String(19))
FLAG = one_of("Y", "N")
SWITCH = one_of("0", "1")
DNC_SWITCH = one_of("Y", "N", "AREACODE")


def texts(default: str | None = None, /, **widths: int) -> list[Column[Any]]:
    """Give columns of text by their names and widths in characters."""
    return [Column(n, String(width), server_default=default) for n, width in widths.items()]


def counter(name: str) -> Column[Any]:
    """Give the primary key that the database itself counts up."""
    return Column(name, ID, primary_key=True, autoincrement=True)


def modify_date() -> Column[Any]:
    """Give the column modify_date."""
    return Column("modify_date", STAMP, server_default=CurrentTime(), nullable=False)


def hours(prefix: str) -> list[Column[Any]]:
    """Give start and stop of the default and of each day, as hhmm; 0 and 0: the default's hours."""
    return [
        Column(f"{prefix}_default_start", COUNT, server_default="900", nullable=False),
        Column(f"{prefix}_default_stop", COUNT, server_default="2100", nullable=False),
        *(
            Column(f"{prefix}_{day}_{edge}", COUNT, server_default="0")
            for day in WEEKDAYS
            for edge in ("start", "stop")
        ),
    ]
