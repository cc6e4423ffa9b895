"""How many leads the nights archived by which rule, noted among the batches of the ledger."""

import json
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from loader.clock import moment_text
from loader.ledger import tables
from loader.ledger.runs import Ledger

KIND = "archived"
"""Of a batch: leads that a night archived by a rule; a run has one."""


def note_archived(ledger: Ledger, run: str, rule: str, leads: int, moment: datetime) -> None:
    """Note how many leads a run has archived so far, or is about to.

    Args:
        ledger: of the dialer's database.
        run: the archive.
        rule: its name.
        leads: all of the run.
        moment: the present time, UTC.
    """
    batches = tables.batches
    now = {"row_count": leads, "moment": moment_text(moment)}
    its = update(batches).where(batches.c.run == run, batches.c.number == 1).values(**now)
    new = insert(batches).values(
        run=run,
        number=1,
        kind=KIND,
        state="stored",
        first_row=0,
        last_row=0,
        detail=json.dumps({"rule": rule}),
        **now,
    )
    first = ledger.database.adapter.insert_or_ignore(new)

    def write(connection: Connection) -> None:
        connection.execute(first)
        connection.execute(its)

    ledger.database.write(write)


def archived_since(ledger: Ledger, rule: str, moment: datetime) -> int:
    """Count the leads of the runs by a rule that were at work at a moment (UTC), or later."""
    batches = tables.batches.c
    asked = select(batches.detail, batches.row_count).where(
        batches.kind == KIND, batches.moment >= moment_text(moment)
    )
    found = ledger.database.read(lambda connection: connection.execute(asked).all())
    return sum(leads for detail, leads in found if json.loads(detail)["rule"] == rule)
