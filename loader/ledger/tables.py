"""The tables of the ledger, as its newest version has them: see `loader.ledger.versions`."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql

metadata = MetaData()

LONG_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
MOMENT_TYPE = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
RUN_TYPE = String(64)
OPTIONS = {
    f"{dialect}_{name}": value
    for dialect in ("mysql", "mariadb")
    for name, value in {
        "engine": "InnoDB",
        "default_charset": "utf8mb4",
        "collate": "utf8mb4_bin",
        # Old servers index no more than 767 bytes of a row of the older formats.
        "row_format": "DYNAMIC",
    }.items()
}


def _table(name: str, *parts: Column[Any] | UniqueConstraint) -> Table:
    options: dict[str, Any] = {**OPTIONS}
    return Table(f"leadloader_{name}", metadata, *parts, **options)


version = _table("version", Column("version", Integer, primary_key=True, autoincrement=False))

# An index that is unique is made together with its table, and takes no right of its own.
same_file = UniqueConstraint("sha256", "options_sha256", "run", name="leadloader_same_file")
by_kind = UniqueConstraint("kind", "moment", "run", "number", name="leadloader_by_kind")

runs = _table(
    "runs",
    Column("run", RUN_TYPE, primary_key=True),
    Column("job", String(16), nullable=False),
    Column("source", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("options_sha256", String(64), nullable=False),
    Column("options", LONG_TEXT, nullable=False),
    Column("mapping", LONG_TEXT, nullable=False),
    Column("os_user", String(64), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", BigInteger, nullable=False),
    # Each process that works on the run draws a new value: only the last one goes on.
    Column("owner", String(32), nullable=False),
    Column("began", MOMENT_TYPE, nullable=False),
    Column("ended", MOMENT_TYPE),
    Column("state", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("rows_read", BigInteger, nullable=False),
    Column("loaded", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("counts", LONG_TEXT, nullable=False),
    Column("results", Text, nullable=False),
    Column("of_run", RUN_TYPE, nullable=False),
    Column("writes", BigInteger, nullable=False),
    same_file,
)

# The files of a run that has read several as one.
parts = _table(
    "parts",
    Column("run", RUN_TYPE, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("first_row", BigInteger, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    UniqueConstraint("sha256", "run", "number", name="leadloader_same_part"),
)

batches = _table(
    "batches",
    Column("run", RUN_TYPE, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("first_row", BigInteger, nullable=False),
    Column("last_row", BigInteger, nullable=False),
    Column("row_count", Integer, nullable=False),
    # The highest lead_id before, and the entry_date of its leads: where to look for them.
    Column("watermark", BigInteger),
    Column("moment", String(19)),
    # The lock of the session that sent it last, see `Database.end_session`.
    Column("session", String(64)),
    Column("first_lead_id", BigInteger),
    Column("last_lead_id", BigInteger),
    Column("detail", LONG_TEXT, nullable=False),
    by_kind,
)

changes = _table(
    "changes",
    Column("run", RUN_TYPE, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("row_number", BigInteger, primary_key=True, autoincrement=False),
    Column("field", String(64), primary_key=True),
    Column("lead_id", BigInteger, nullable=False),
    Column("old", LONG_TEXT),
    Column("new", LONG_TEXT),
    # 0: planned, and maybe done; 1: done.
    Column("done", Integer, nullable=False),
)
