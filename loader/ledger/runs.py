"""The ledger: which files were loaded, by which runs, and what each did, batch by batch.

It is kept in the dialer's database, so that a batch and its entry can be committed together. If the
account may not make tables, or the server can lose commits, it is an SQLite file next to the
results.
"""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, RowMapping, case, desc, func, insert, inspect, select, update

from loader.database.catalogue import storage_engine
from loader.database.connection import Database
from loader.database.locks import Confirm
from loader.dialer import LEADS
from loader.errors import (
    BusyError,
    ConfigurationError,
    NotAllowedError,
    ResultsError,
    UsageError,
)
from loader.ledger import tables, versions
from loader.ledger.encoding import SentBatch, decode_inserted, decoded_leads, sent_fingerprints
from loader.ledger.file import LedgerFile

UNFINISHED = ("checking", "inserting")
"""States of an import that the same command completes."""

UNDONE = ("refused", "undone")
"""States of an import that left nothing: its file may be loaded again."""


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run, as the ledger has it; moments are aware and UTC."""

    run: str
    job: str
    """import or undo."""
    began: datetime
    source: str = ""
    sha256: str = ""
    options_sha256: str = ""
    """Of all options that affect rows: the same file with the same options is the same work."""
    options: dict[str, Any] = field(default_factory=dict)
    mapping: dict[str, Any] = field(default_factory=dict)
    os_user: str = ""
    host: str = ""
    pid: int = 0
    owner: str = ""
    """The process that works on it; another process takes it over with a new value."""
    ended: datetime | None = None
    state: str = "checking"
    """checking, inserting, done, refused (nothing was inserted), given up, undoing, undone."""
    message: str = ""
    """Why it was refused or did not end."""
    rows_read: int = 0
    loaded: int = 0
    rejected: int = 0
    counts: dict[str, Any] = field(default_factory=dict)
    """Rows by reason, by notice."""
    results: str = ""
    """Absolute path of the result folder, on `host`."""
    of_run: str = ""
    """The run that an undo takes back."""

    @property
    def is_unfinished(self) -> bool:
        """Whether the same command has to complete it."""
        return self.state in UNFINISHED

    @property
    def may_be_at_work(self) -> bool:
        """Whether a process is at work on it, or was and did not come to its end."""
        return self.is_unfinished or self.state == "undoing"

    @property
    def lock_name(self) -> str:
        """The lock of who loads or undoes an import, see `loader.database.locks`."""
        return f"{self.sha256} {self.options_sha256}"


JSON_COLUMNS = frozenset({"options", "mapping", "counts"})
MOMENT_COLUMNS = frozenset({"began", "ended"})


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
        why = _why_not_in(database)
        if not why:
            return cls(database, is_shared=True)
        _make_folder(ledger_folder)
        path = ledger_folder / _file_name(database)
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
        _make_folder(ledger_folder)
        return cls._of_file(_file_of_target(name, ledger_folder))

    @classmethod
    def to_read_of_target(cls, name: str, ledger_folder: Path) -> "Ledger":
        """Open it for reading. UsageError: there is none."""
        path = _file_of_target(name, ledger_folder)
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
        path = ledger_folder / _file_name(database)
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
        new = insert(tables.runs).values(writes=0, **_as_columns(asdict(record)))
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
        statement = update(runs).where(*wanted).values(**_as_columns(columns))

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

    def new_leads(self, name: str) -> Iterator[pd.DataFrame]:
        """Give the leads that a run inserted, a frame for each batch.

        Returns:
            row_number (int64), lead_id (int64), fingerprint (uint32): of the lead as it was stored,
            see `loader.writing.fingerprints.read_fingerprints`. Rows without a known result are
            left out.
        """
        for number in self._numbers(name, "new", "sent", "stored"):
            yield decoded_leads(self._batch(name, number))

    def rows_in(self, name: str) -> int:
        """Count the rows of an import that are in so far, as new leads or changes."""
        numbers = self._numbers(name, "changes", "sent", "stored")
        changes = (read_changes(self.database, name, number) for number in numbers)
        changed = sum(frame["row_number"][frame["done"] == 1].nunique() for frame in changes)
        return sum(map(len, self.new_leads(name))) + changed

    def sent_leads(self, name: str) -> Iterator[SentBatch]:
        """Give the batches in which some rows have no known result."""
        for number in self._numbers(name, "new", "sent"):
            sent = sent_fingerprints(self._batch(name, number))
            others = tuple(self.leads_of_others(name, sent.watermark))
            yield replace(sent, of_others=others, is_certain=self._commits_together())

    def leads_of_others(self, name: str, above: int) -> list[int]:
        """Give the lead_ids above one of leads that other runs inserted."""
        batches = tables.batches.c
        asked = select(batches.detail).where(
            batches.run != name, batches.kind == "new", batches.last_lead_id > above
        )
        details = self.database.read(lambda it: it.execute(asked).scalars().all())
        found = (decode_inserted(json.loads(detail)) for detail in details)
        return [lead_id for batch in found for lead_id in batch.lead_ids]

    def sessions(self, name: str) -> list[str]:
        """Give the sessions that may still be at work for a run, see `Database.end_session`."""
        batches = tables.batches.c
        asked = select(batches.session).where(batches.run == name, batches.state == "sent")
        found = self.database.read(lambda connection: connection.execute(asked).scalars().all())
        return [session for session in found if session]

    def changes(self, name: str) -> Iterator[pd.DataFrame]:
        """Give what a run changed, or may have changed, in existing leads; a frame for each batch.

        Where changes and ledger are committed together, those that are not noted as done were not
        made.

        Returns:
            row_number (int64), lead_id (int64), field (str), old, new (str, null for NULL).
        """
        is_certain = self._commits_together()
        for number in self._numbers(name, "changes", "sent", "stored"):
            found = read_changes(self.database, name, number)
            was_made = (found.pop("done") == 1) | (not is_certain)
            yield found[was_made].reset_index(drop=True)

    def _commits_together(self) -> bool:
        """Say whether leads and what is noted of them are committed together."""
        adapter = self.database.adapter
        return self.is_shared and self.database.read(
            lambda connection: adapter.is_transactional(connection, LEADS)
        )

    def _numbers(self, name: str, kind: str, *states: str) -> list[int]:
        batches = tables.batches.c
        asked = (
            select(batches.number)
            .where(batches.run == name, batches.kind == kind, batches.state.in_(states))
            .order_by(batches.number)
        )
        return list(self.database.read(lambda it: it.execute(asked).scalars().all()))

    def _batch(self, name: str, number: int) -> RowMapping:
        batches = tables.batches
        asked = select(batches).where(batches.c.run == name, batches.c.number == number)
        return self.database.read(lambda connection: connection.execute(asked).mappings().one())

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
        return [_record(row) for row in found]


def read_changes(database: Database, name: str, number: int) -> pd.DataFrame:
    """Read the changes of one batch of a run, see `Ledger.changes`, with `done` (int64)."""
    types = {"row_number": "int64", "lead_id": "int64", "field": "str", "old": "str", "new": "str"}
    changes = tables.changes
    columns = [changes.c[column] for column in (*types, "done")]
    asked = (
        select(*columns)
        .where(changes.c.run == name, changes.c.number == number)
        .order_by(changes.c.row_number)
    )
    rows = database.read(lambda connection: connection.execute(asked).all())
    found = pd.DataFrame([tuple(row) for row in rows], columns=[*types, "done"])
    return found.astype(types | {"done": "int64"})


def taken_over(name: str) -> str:
    """Say that a process has lost a run."""
    return f"run {name} was taken over by another process, which goes on with it"


def _file_name(database: Database) -> str:
    """Name the file after the database, for there may be several dialers."""
    url = database.engine.url
    parts = (url.host or "localhost", str(url.port or ""), url.database or "")
    return f"ledger-{re.sub('[^A-Za-z0-9.]+', '-', '-'.join(filter(None, parts)))}.sqlite"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"folder {folder} of the ledger: {error.strerror}") from None


def _file_of_target(name: str, folder: Path) -> Path:
    return folder / f"ledger-api-{re.sub('[^A-Za-z0-9.]+', '-', name).strip('-')}.sqlite"


def _why_not_in(database: Database) -> str:
    """Make the ledger in the dialer's database, or say why it cannot be there."""
    is_there, version, why = False, 0, ""
    try:
        for attempt in database.retrying():
            with attempt, database.connect() as connection:
                is_there = inspect(connection).has_table(tables.runs.name)
                version = versions.read_version(connection)
                why = _loses_commits(database, connection)
                if not why:
                    versions.make(database, connection)
                    # Changes nothing, and is refused if the account may only read.
                    nobody = tables.runs.c.run == ""
                    connection.execute(update(tables.runs).where(nobody).values(writes=0))
    except NotAllowedError as error:
        is_old = 0 < version < versions.VERSION
        what = f"brought to version {versions.VERSION}" if is_old else "written"
        advice = "; or run `leadloader init` with an account that may" if is_old else ""
        if is_there:
            raise NotAllowedError(
                f"the ledger is there, and cannot be {what}: {error}. `leadloader config check` "
                f"prints the GRANT statements{advice}"
            ) from None
        why = "the database account may not make tables named leadloader_*"
        if database.adapter.is_node:
            raise NotAllowedError(
                f"the ledger cannot be a file beside a cluster, and {why}; run `leadloader init` "
                "with an account that may"
            ) from None
        return why
    if why and database.adapter.is_node:
        raise ConfigurationError(f"the ledger cannot be a file beside a cluster, and {why}")
    if why and is_there:
        raise ConfigurationError(f"the ledger cannot be used: {why}; set it to 1, or to 2")
    return why


def _loses_commits(database: Database, connection: Connection) -> str:
    """Say why a crash could lose entries whose leads stay; "" if it cannot."""
    if database.adapter.keeps_commits(connection):
        return ""
    if storage_engine(connection, LEADS) in {None, "InnoDB"}:
        return ""
    return "innodb_flush_log_at_trx_commit is 0, and a crash of the server would lose entries"


def _as_columns(values: dict[str, Any]) -> dict[str, Any]:
    """Give values of a record as the table has them."""
    columns = dict(values)
    for name in columns.keys() & JSON_COLUMNS:
        columns[name] = json.dumps(columns[name], ensure_ascii=False)
    for name in columns.keys() & MOMENT_COLUMNS:
        moment = columns[name]
        columns[name] = moment and moment.astimezone(UTC).replace(tzinfo=None)
    return columns


def _record(row: RowMapping) -> RunRecord:
    values = {each.name: row[each.name] for each in fields(RunRecord)}
    for name in JSON_COLUMNS:
        values[name] = json.loads(values[name])
    for name in MOMENT_COLUMNS:
        values[name] = values[name] and values[name].replace(tzinfo=UTC)
    return RunRecord(**values)


def run_name(began: datetime, what: str) -> str:
    """Name a run; no two have the same name.

    Args:
        began: when, in any zone.
        what: what it is about, such as the begin of the file's SHA-256.
    """
    return f"{began:%Y%m%d-%H%M%S}-{what}-{secrets.token_hex(2)}"
