"""The leads that dearchive brought back, noted among the batches of the ledger.

A rule that archived them would archive them again in the next night.
"""

import json
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Connection, insert, select

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
    noted = insert(tables.batches).values(
        run=run,
        number=number,
        kind=KIND,
        state="stored",
        first_row=0,
        last_row=0,
        row_count=len(lead_ids),
        moment=moment_text(moment),
        first_lead_id=int(lead_ids[0]),
        last_lead_id=int(lead_ids[-1]),
        detail=json.dumps({"lead_ids": encode_rows(pd.Index(lead_ids))}),
    )
    repeated = ledger.database.adapter.insert_or_ignore(noted)
    ledger.database.write(lambda connection: connection.execute(repeated))


def returned_since(ledger: Ledger, moment: datetime) -> npt.NDArray[np.int64]:
    """Give the leads that were brought back since a moment (UTC), ascending."""
    batches = tables.batches.c
    is_later = batches.moment >= moment_text(moment)
    asked = select(batches.detail).where(batches.kind == KIND, is_later)

    def read(connection: Connection) -> list[str]:
        return list(connection.execute(asked).scalars())

    found = (decode_rows(json.loads(each)["lead_ids"]) for each in ledger.database.read(read))
    each_array = (np.array(lead_ids, np.int64) for lead_ids in found)
    return np.unique(np.concatenate([np.empty(0, np.int64), *each_array]))
