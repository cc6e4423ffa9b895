"""The leads of a batch that was broken off: of these the ledger has no lead_ids."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, column, select, table

from loader.database.adapter import Adapter
from loader.dialer import LEADS
from loader.ledger.encoding import SentBatch
from loader.undo.outcome import LOADED_TYPES, STAYED_TYPES, Kept
from loader.writing.doubt import Doubt, Ids, settle
from loader.writing.fingerprints import fingerprints_of
from loader.writing.given_ids import gone_since, step_of


class SentLeads(NamedTuple):
    """What is known of the rows of a batch that was broken off."""

    found: pd.DataFrame
    """Their leads, also those that were changed or deleted since, see `LOADED_TYPES`; row_number is
    0, because it is not known."""
    in_doubt: pd.DataFrame
    """Rows that may have been stored, see `STAYED_TYPES`; row_number and lead_id are 0 likewise."""


def find_sent(
    connection: Connection,
    adapter: Adapter,
    sent: SentBatch,
    tables: Collection[str],
    text: ColumnElement[str],
) -> SentLeads:
    """Find the leads of a batch among those of its second.

    Args:
        connection: of the database.
        adapter: its kind.
        sent: the batch.
        tables: where leads are.
        text: of a lead, for its fingerprint.
    """
    stored = _stored(connection, sent, tables, text)
    rows = pd.DataFrame({"fingerprint": sent.fingerprints.to_numpy()})
    known = pd.DataFrame({"lead_id": sent.known.lead_ids, "fingerprint": sent.known.fingerprints})
    # Of equal leads, as many as were sent; the known ones come first.
    leads = pd.concat([known, stored[~stored["lead_id"].isin(known["lead_id"])]])
    for each in (leads, rows):
        each["nth"] = each.groupby("fingerprint").cumcount()
    lead_ids = rows.merge(leads, "left", on=["fingerprint", "nth"])["lead_id"]
    lead_ids = lead_ids.fillna(0).astype("int64")
    is_new = (lead_ids != 0) & ~lead_ids.isin(known["lead_id"])
    free = stored["lead_id"][~stored["lead_id"].isin([*lead_ids, *known["lead_id"]])]
    doubt, is_certain = _doubt(connection, adapter, sent, tables, lead_ids, free)
    lost = pd.Series(doubt.lost, dtype="int64")
    later = pd.concat([doubt.changed, lost[lost != 0]])
    found = pd.concat([lead_ids[is_new], later])[: sent.unknown]
    left = sent.unknown - len(found)
    in_doubt = min(left, int((lost == 0).sum())) if is_certain else left
    of_rows = rows.loc[found.index].assign(row_number=0, lead_id=found)
    nobody_knows = [(0, 0, "", Kept.IN_DOUBT, "")] * in_doubt
    return SentLeads(
        of_rows[list(LOADED_TYPES)].astype(LOADED_TYPES).reset_index(drop=True),
        pd.DataFrame(nobody_knows, columns=list(STAYED_TYPES)).astype(STAYED_TYPES),
    )


def _stored(
    connection: Connection, sent: SentBatch, tables: Collection[str], text: ColumnElement[str]
) -> pd.DataFrame:
    """Read lead_id and fingerprint of the leads of the batch's second that may be of it."""
    rows: list[tuple[int, str]] = []
    for name in tables:
        # The text is of the columns of a table of that name.
        leads = table(name, column("lead_id"), column("entry_date")).alias(LEADS)
        since = (leads.c.lead_id > sent.watermark, leads.c.entry_date == sent.moment)
        asked = select(leads.c.lead_id, text).select_from(leads).where(*since)
        rows += map(tuple, connection.execute(asked.order_by(leads.c.lead_id)))
    found = pd.DataFrame(rows, columns=["lead_id", "text"]).drop_duplicates("lead_id")
    prints = fingerprints_of(found["text"].astype("str").fillna(""))
    found = found.assign(fingerprint=prints)[["lead_id", "fingerprint"]]
    return found[~found["lead_id"].isin(sent.of_others)].sort_values("lead_id")


def _doubt(
    connection: Connection,
    adapter: Adapter,
    sent: SentBatch,
    tables: Collection[str],
    lead_ids: "pd.Series[int]",
    free: "pd.Series[int]",
) -> tuple[Doubt, bool]:
    """Say what became of the rows that are not found, and whether that can be said of all.

    Args:
        connection: of the database.
        adapter: its kind.
        sent: the batch.
        tables: where leads are.
        lead_ids: of the rows, in the order in which they were sent; 0: not found.
        free: leads of the batch's second that no row was found in.
    """
    nothing = Doubt(lead_ids[:0], {})
    if sent.is_certain or (lead_ids != 0).all():
        return nothing, True
    if adapter.is_transactional(connection, LEADS) and not lead_ids.any():
        return nothing, True  # all of it was rolled back
    if sent.next_id is None:
        return nothing, False
    gone = gone_since(connection, adapter, max(sent.next_id, sent.watermark + 1), tables)
    ours: Ids = np.asarray(free, dtype=np.int64)
    return settle(lead_ids, ours, gone, step_of(connection)[0]), True
