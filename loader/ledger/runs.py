"""The ledger: which files were loaded, by which runs; `run_batches` has what each did.

It is kept in the dialer's database, so that a batch and its entry can be committed together. If the
account may not make tables, or the server can lose commits, it is an SQLite file next to the
results.
"""

import secrets
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, case, desc, func, insert, inspect, select, update

from loader.database.connection import Database
from loader.database.locks import Confirm
from loader.errors import BusyError, NotAllowedError, UsageError
from loader.ledger import tables, versions
from loader.ledger.file import LedgerFile
from loader.ledger.place import file_name, file_of_target, make_folder, why_not_in
from loader.ledger.records import UNDONE, UNFINISHED, RunRecord, as_columns, record_of

LATEST = "latest"
"""In the place of a run's name: the newest one."""

MOST_NAMED = 5
"""Runs that an error names."""

CLOCK_JUMP, TICK = timedelta(days=1), timedelta(milliseconds=1)
"""By how much a clock may be set back without a change in the order of runs; and between two."""


class Ledger:
    """Reads and writes the ledger of a dialer's database."""

    def __init__(self, database: Database, *, is_shared: bool, remark: str = "") -> None:
        """Take a database that has the tables; if it is shared, the leads are in the same database.

        Then both can be committed together. Otherwise the remark says why.
        """
        self.database, self.is_shared, self.remark = database, is_shared, remark

    @classmethod
    def open(cls, database: Database, ledger_folder: Path) -> "Ledger":
        """Open the ledger of a dialer's database, or make it there or as a file in the folder.

        Raises:
            ConfigurationError: a newer leadloader made it.
            ResultsError: the folder cannot be made.
        """
        why = why_not_in(database)
        if not why:
            return cls(database, is_shared=True)
        make_folder(ledger_folder)
        path = ledger_folder / file_name(database)
        return cls._of_file(path, f"the ledger is the file {path}: {why}")

    @classmethod
    def of_target(cls, name: str, ledger_folder: Path) -> "Ledger":
        """Open the ledger of what was sent through another dialer's API, or make it: a file.

        Args:
            name: tells the target apart from others.
            ledger_folder: where the file is.

        Raises:
            ConfigurationError: it is of another version.
            ResultsError: the folder cannot be made.
        """
        make_folder(ledger_folder)
        return cls._of_file(file_of_target(name, ledger_folder))

    @classmethod
    def to_read_of_target(cls, name: str, ledger_folder: Path) -> "Ledger":
        """Open it for reading. UsageError: there is none."""
        path = file_of_target(name, ledger_folder)
        if not path.exists():
            raise UsageError(f"nothing was sent to {name} yet: there is no file {path}")
        return cls._of_file(path)

    @classmethod
    def _of_file(cls, path: Path, remark: str = "") -> "Ledger":
        file = LedgerFile(path)
        file.read(lambda connection: versions.make(file, connection))
        return cls(file, is_shared=False, remark=remark)

    @classmethod
    def to_read(cls, database: Database, ledger_folder: Path) -> "Ledger":
        """Open the ledger of a dialer's database for reading; nothing is made or written.

        Raises:
            UsageError: there is none.
            ConfigurationError: a newer leadloader made it.
        """
        path = ledger_folder / file_name(database)
        try:
            if database.read(lambda it: inspect(it).has_table(tables.runs.name)):
                database.read(versions.read_version)
                return cls(database, is_shared=True)
        except NotAllowedError:
            # To an account that may not see it, a table that is missing looks the same.
            if not path.exists():
                raise
        if not path.exists():
            raise UsageError(f"{database.name} has no ledger yet, nor is there a file {path}")
        file = LedgerFile(path)
        if not file.read(lambda it: inspect(it).has_table(tables.version.name)):
            raise UsageError(f"{database.name} has no ledger yet: the file {path} is empty")
        file.read(versions.read_version)
        return cls(file, is_shared=False)

    def runs(self, limit: int | None = None) -> list[RunRecord]:
        """Give the runs, the newest first."""
        order = (desc(tables.runs.c.began), desc(tables.runs.c.run))
        return self._counted(self._records(select(tables.runs).order_by(*order).limit(limit)))

    def run(self, name: str) -> RunRecord:
        """Give one run.

        Raises:
            UsageError: there is none of that name.
        """
        found = self._records(select(tables.runs).where(tables.runs.c.run == name))
        if not found:
            raise UsageError(
                f"there is no run {name} in the ledger of {self.database.name}; "
                "`leadloader runs` lists them"
            )
        return self._counted(found)[0]

    def find(self, name: str) -> RunRecord:
        """Give one run by its name, the begin of it, or LATEST.

        Raises:
            UsageError: there is none, or several begin so.
        """
        runs = tables.runs.c
        if name == LATEST:
            found = self.runs(1)
        else:
            begins = select(tables.runs).where(runs.run.startswith(name, autoescape=True))
            found = self._records(begins.order_by(desc(runs.began)).limit(MOST_NAMED + 1))
            found = [each for each in found if each.run == name] or found
        if len(found) > 1:
            named = ", ".join(each.run for each in found[:MOST_NAMED])
            more = ", ..." if len(found) > MOST_NAMED else ""
            raise UsageError(f"several runs begin with {name}: {named}{more}; write more of it")
        return self._counted(found)[0] if found else self.run(name)

    def same_file(self, sha256: str, options_sha256: str) -> RunRecord | None:
        """Give the last import of a file with the same options whose leads are still loaded."""
        runs = tables.runs.c
        same = (runs.sha256 == sha256, runs.options_sha256 == options_sha256)
        left_something = (runs.job == "import", runs.state.not_in(UNDONE))
        statement = select(tables.runs).where(*same, *left_something)
        # Clocks of clients differ: what is to be completed goes before what is done.
        first = case((runs.state.in_(UNFINISHED), 0), (runs.state == "undoing", 1), else_=2)
        found = self._records(statement.order_by(first, desc(runs.began)).limit(1))
        return found[0] if found else None

    def inserting(self, sha256: str) -> list[RunRecord]:
        """Give the imports of a file that have checked it, and not come to their end."""
        runs = tables.runs.c
        return self._records(
            select(tables.runs).where(runs.sha256 == sha256, runs.state == "inserting")
        )

    def imports_since(self, moment: datetime) -> list[RunRecord]:
        """Give the imports that ended after an aware moment, or did not; the newest first."""
        runs, at = tables.runs.c, moment.astimezone(UTC).replace(tzinfo=None)
        has_not_ended = runs.ended.is_(None)
        its = select(tables.runs).where(runs.job == "import", has_not_ended | (runs.ended >= at))
        return self._records(its.order_by(desc(runs.began), desc(runs.run)))

    def ever_inserted(self, sha256: str) -> bool:
        """Say whether any import of a file inserted something, undone or not."""
        runs, batches = tables.runs.c, tables.batches.c
        its = select(runs.run).where(runs.sha256 == sha256, runs.job == "import")
        asked = select(batches.run).where(batches.run.in_(its)).limit(1)
        return bool(self.database.read(lambda connection: connection.execute(asked).first()))

    def forced_lists(self, sha256: str) -> list[int]:
        """Give the lists that imports of a file were to put all rows in, the last import first."""
        runs = tables.runs.c
        is_kept = runs.state.not_in(["refused", "undone"])
        its = select(tables.runs).where(runs.sha256 == sha256, runs.job == "import", is_kept)
        found = self._records(its.order_by(desc(runs.began)))
        lists = (str(record.options.get("force_list_id") or "") for record in found)
        return [int(each) for each in lists if each.isdecimal()]

    def left_by_undo(self, sha256: str, options_sha256: str) -> tuple[str, int]:
        """Give the last import of a file, if it was undone, and how many of its leads stayed.

        Those that may have stayed count.
        """
        runs = tables.runs.c
        same = (runs.sha256 == sha256, runs.options_sha256 == options_sha256)
        imports = select(tables.runs).where(*same, runs.job == "import", runs.state != "refused")
        last = self._records(imports.order_by(desc(runs.began)).limit(1))
        if not last or last[0].state != "undone":
            return "", 0
        undos = select(tables.runs).where(runs.of_run == last[0].run, runs.state == "done")
        found = self._records(undos.order_by(desc(runs.began)).limit(1))
        reasons = found[0].counts.get("reasons", {}) if found else {}
        not_there = {"GONE", "ARCHIVED", "COPY_LEFT", "COPY_REMOVED"}
        stayed = (count for why, count in reasons.items() if why not in not_there)
        return last[0].run, sum(stayed)

    def next_moment(self) -> datetime:
        """Give the time at which a new run begins: now, and later than those before it.

        Runs are in the order in which they began, also where a clock was set back in between.
        """
        now, began = datetime.now(UTC), tables.runs.c.began
        near = began <= (now + CLOCK_JUMP).replace(tzinfo=None)
        asked = select(func.max(began)).where(near)
        newest = self.database.read(lambda connection: connection.execute(asked).scalar())
        return max(now, newest.replace(tzinfo=UTC) + TICK) if newest else now

    def insert(self, record: RunRecord, confirm: Confirm | None = None) -> None:
        """Note a new run; `confirm` raises if another process has what it relies on."""
        new = insert(tables.runs).values(writes=0, **as_columns(asdict(record)))
        for attempt in self.database.retrying():
            with attempt, self.database.connect() as connection:
                # If only the answer to the commit was lost, the row exists.
                is_first = attempt.retry_state.attempt_number == 1
                repeated = self.database.adapter.insert_or_ignore(new)
                connection.execute(new if is_first else repeated)
                if confirm and self.is_shared:
                    confirm(connection)
                connection.commit()

    def update(
        self,
        name: str,
        *,
        of_owner: str | None = None,
        confirm: Confirm | None = None,
        **columns: Any,
    ) -> None:
        """Note something of a run; `confirm`: see `insert`.

        Raises:
            BusyError: it is not the owner's any more.
        """
        runs = tables.runs
        wanted = [runs.c.run == name]
        if of_owner is not None:
            wanted.append(runs.c.owner == of_owner)
        statement = update(runs).where(*wanted).values(**as_columns(columns))

        def note(connection: Connection) -> int:
            if confirm and self.is_shared:
                confirm(connection)
            return connection.execute(statement).rowcount

        if not self.database.write(note):
            raise BusyError(taken_over(name))

    def fence(self, name: str, owner: str) -> None:
        """See that what an earlier session wrote for a run is either seen from now on, or refused.

        On one server the session was ended. A node of a cluster that this process has lost may
        still be at a commit. But each of a run changes the row of the run: after this change of it
        an earlier one is refused.

        Raises:
            BusyError: another process has taken over the run.
        """
        if self.database.read(lambda _connection: self.database.adapter.is_node):
            self.database.write(lambda it: self.refuse_other_owner(it, name, owner))

    def refuse_other_owner(self, connection: Connection, name: str, owner: str) -> None:
        """Make sure that no other process has taken over a run, or does before the commit.

        Raises:
            BusyError: another process has.
        """
        runs = tables.runs
        # It has to change a value, or the row would not be locked.
        mine = update(runs).where(runs.c.run == name, runs.c.owner == owner)
        if not connection.execute(mine.values(writes=runs.c.writes + 1)).rowcount:
            raise BusyError(taken_over(name))

    def _counted(self, records: list[RunRecord]) -> list[RunRecord]:
        """Add to unfinished runs how many rows they have loaded so far."""
        unfinished = [record.run for record in records if record.is_unfinished]
        if not unfinished:
            return records
        batches = tables.batches.c
        asked = (
            select(batches.run, func.sum(batches.row_count))
            .where(batches.run.in_(unfinished), batches.state == "stored")
            .group_by(batches.run)
        )
        done = dict(map(tuple, self.database.read(lambda it: it.execute(asked).all())))
        return [
            replace(record, loaded=int(done[record.run])) if record.run in done else record
            for record in records
        ]

    def _records(self, statement: Any) -> list[RunRecord]:
        found = self.database.read(lambda it: it.execute(statement).mappings().all())
        return [record_of(row) for row in found]


def taken_over(name: str) -> str:
    """Say that a process has lost a run."""
    return f"run {name} was taken over by another process, which goes on with it"


def run_name(began: datetime, what: str) -> str:
    """Name a run; no two have the same name.

    Args:
        began: when, in any zone.
        what: what it is about, such as the begin of the file's SHA-256.
    """
    return f"{began:%Y%m%d-%H%M%S}-{what}-{secrets.token_hex(2)}"
