"""What the ledger has of one run."""

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping

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
    """Rows by reason, by notice; of an unfinished import, which checkpoint others go on with."""
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


def as_columns(values: dict[str, Any]) -> dict[str, Any]:
    """Give values of a record as the table has them."""
    columns = dict(values)
    for name in columns.keys() & JSON_COLUMNS:
        columns[name] = json.dumps(columns[name], ensure_ascii=False)
    for name in columns.keys() & MOMENT_COLUMNS:
        moment = columns[name]
        columns[name] = moment and moment.astimezone(UTC).replace(tzinfo=None)
    return columns


def record_of(row: RowMapping) -> RunRecord:
    """Give the record of a row of the table."""
    values = {each.name: row[each.name] for each in fields(RunRecord)}
    for name in JSON_COLUMNS:
        values[name] = json.loads(values[name])
    for name in MOMENT_COLUMNS:
        values[name] = values[name] and values[name].replace(tzinfo=UTC)
    return RunRecord(**values)
