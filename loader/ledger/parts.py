"""The files of loads of several: which of them a run has, and which runs have a content."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, inspect, select

from loader.ledger import tables
from loader.ledger.records import RunRecord, record_of
from loader.ledger.runs import Ledger
from loader.reading.parts import Part

HASHES_PER_STATEMENT = 1000


class KnownPart(NamedTuple):
    """One of several files that a run has read as one, as the ledger has it."""

    number: int
    name: str
    sha256: str
    size: int
    """Bytes, as stored."""
    first_row: int
    row_count: int


class SameContent(NamedTuple):
    """An import that has read a file of some content, alone or among others."""

    run: RunRecord
    sha256: str
    """Of the file."""
    name: str
    """What the file was called then."""
    is_part: bool


def parts_of(ledger: Ledger, run: str) -> list[KnownPart]:
    """Give the files of a run in their order; none, if it was one."""
    parts = tables.parts
    wanted = select(*(parts.c[name] for name in KnownPart._fields)).where(parts.c.run == run)

    def read(connection: Connection) -> Sequence[Any]:
        if not inspect(connection).has_table(parts.name):
            return []  # an older version made the ledger
        return connection.execute(wanted.order_by(parts.c.number)).all()

    return [KnownPart(*row) for row in ledger.database.read(read)]


def note_parts(ledger: Ledger, run: str, parts: Sequence[Part]) -> None:
    """Note the files of a run; those that are noted already stay as they are."""
    rows = [
        {
            "run": run, "number": number, "name": part.name, "sha256": part.sha256,
            "size": part.size, "first_row": part.first_row, "row_count": part.rows,
        }
        for number, part in enumerate(parts, 1)
    ]  # fmt: skip
    if rows:
        noting = ledger.database.adapter.insert_or_ignore(insert(tables.parts))
        ledger.database.write(lambda connection: connection.execute(noting, rows))


def find_content(ledger: Ledger, hashes: Collection[str], options_sha256: str) -> list[SameContent]:
    """Find the imports with the same options that have read files of some content.

    Those that were refused do not count.
    """
    wanted = sorted(hashes)
    starts = range(0, len(wanted), HASHES_PER_STATEMENT)

    def read(connection: Connection) -> list[SameContent]:
        some = (wanted[start : start + HASHES_PER_STATEMENT] for start in starts)
        return [found for each in some for found in _read(connection, each, options_sha256)]

    return ledger.database.read(read)


def _read(
    connection: Connection, hashes: Sequence[str], options_sha256: str
) -> Iterator[SameContent]:
    runs, parts = tables.runs, tables.parts
    imports = (
        runs.c.options_sha256 == options_sha256, runs.c.job == "import", runs.c.state != "refused",
    )  # fmt: skip
    alone = select(runs).where(runs.c.sha256.in_(hashes), *imports)
    for row in connection.execute(alone).mappings():
        yield SameContent(record_of(row), row["sha256"], row["source"], is_part=False)
    among = (
        select(parts.c.run, parts.c.sha256, parts.c.name)
        .join(runs, runs.c.run == parts.c.run)
        .where(parts.c.sha256.in_(hashes), *imports)
    )
    found = connection.execute(among).all()
    records = select(runs).where(runs.c.run.in_({run for run, *_ in found}))
    by_name = {row["run"]: record_of(row) for row in connection.execute(records).mappings()}
    for run, sha256, name in found:
        yield SameContent(by_name[run], sha256, name, is_part=True)
