"""The leads that were moved between tables, noted among the batches of the ledger.

Of those that dearchive brought back: a rule that archived them would archive them again in the next
night. Of those that were moved by an API: the same command, given again, finds them gone.
"""

import json
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, Insert, delete, insert, select

from loader.clock import moment_text
from loader.ledger import tables
from loader.ledger.encoding import decode_rows, encode_rows
from loader.ledger.runs import Ledger

KIND = "returned"
"""Of a batch: leads that came back."""


def note_returned(
    ledger: Ledger, run: str, number: int, lead_ids: npt.NDArray[np.int64], moment: datetime
) -> None:
    """Note leads that are about to be brought back; it may be repeated.

    Args:
        ledger: of the dialer's database.
        run: the dearchive.
        number: of its chunk.
        lead_ids: of the chunk, ascending.
        moment: the present time, UTC.
    """
    noted = _noted(run, number, lead_ids, moment, KIND)
    repeated = ledger.database.adapter.insert_or_ignore(noted)
    ledger.database.write(lambda connection: connection.execute(repeated))


def note_moved(
    ledger: Ledger,
    run: str,
    number: int,
    lead_ids: npt.NDArray[np.int64],
    moment: datetime,
    kind: str,
) -> None:
    """Note leads that are about to be moved, or were, as a batch of a kind, in place of its last.

    Without leads nothing is noted any more.
    """
    batches = tables.batches
    before = delete(batches).where(batches.c.run == run, batches.c.number == number)
    ascending = np.sort(lead_ids)

    def write(connection: Connection) -> None:
        connection.execute(before)
        if len(ascending):
            connection.execute(_noted(run, number, ascending, moment, kind))

    ledger.database.write(write)


def _noted(
    run: str, number: int, lead_ids: npt.NDArray[np.int64], moment: datetime, kind: str
) -> Insert:
    return insert(tables.batches).values(
        run=run,
        number=number,
        kind=kind,
        state="stored",
        first_row=0,
        last_row=0,
        row_count=len(lead_ids),
        moment=moment_text(moment),
        first_lead_id=int(lead_ids[0]),
        last_lead_id=int(lead_ids[-1]),
        detail=json.dumps({"lead_ids": encode_rows(pd.Index(lead_ids))}),
    )


def returned_since(ledger: Ledger, moment: datetime) -> npt.NDArray[np.int64]:
    """Give the leads that were brought back since a moment (UTC), ascending."""
    return noted_leads(ledger, KIND, moment_text(moment))


def noted_leads(ledger: Ledger, kind: str, since: str = "") -> npt.NDArray[np.int64]:
    """Give the leads of batches of a kind, ascending; `since` is a moment as text, UTC."""
    batches = tables.batches.c
    asked = select(batches.detail).where(batches.kind == kind, batches.moment >= since)

    def read(connection: Connection) -> list[str]:
        return list(connection.execute(asked).scalars())

    found = (decode_rows(json.loads(each)["lead_ids"]) for each in ledger.database.read(read))
    each_array = (np.array(lead_ids, np.int64) for lead_ids in found)
    return np.unique(np.concatenate([np.empty(0, np.int64), *each_array]))
