"""The state of a batch as JSON for the ledger; consecutive lead_ids are stored as ranges."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from loader.findings import FINDING_TYPES, Findings, Notices, no_findings, no_notices
from loader.writing.batch import Inserted
from loader.writing.changes import Updated
from loader.writing.differences import Difference
from loader.writing.extras import InsertedExtra

Json = dict[str, Any]

ROW = "row"

ROWS_OF_UPDATED = ("unchanged", "gone", "contended", "changed")
"""Row numbers of `Updated`, besides the changes."""


def encode_inserted(inserted: Inserted) -> Json:
    """Encode the result of a batch as JSON."""
    lead_ids = inserted.lead_ids.sort_index()
    prints = inserted.fingerprints.reindex(lead_ids.index, fill_value=0)
    return {
        "lead_ids": _stretches(lead_ids),
        "fingerprints": _packed(prints),
        "refused": {str(row): code for row, code in inserted.refused.items()},
        "doubtful": {str(row): lead_id for row, lead_id in inserted.doubtful.items()},
        "changed": list(inserted.changed),
        "differences": list(inserted.differences),
        "rejected": encode_findings(inserted.rejected),
    }


def decode_inserted(detail: Mapping[str, Any]) -> Inserted:
    """Decode what `encode_inserted` wrote."""
    lead_ids = _series(detail.get("lead_ids", []))
    prints = _unpacked(detail.get("fingerprints", ""))
    return Inserted(
        lead_ids,
        {int(row): code for row, code in detail.get("refused", {}).items()},
        tuple(detail.get("changed", ())),
        pd.Series(prints, index=lead_ids.index, dtype="uint32"),
        _differences(detail),
        {int(row): lead_id for row, lead_id in detail.get("doubtful", {}).items()},
        decode_findings(detail.get("rejected", {})),
    )


def encode_findings(found: Findings) -> Json:
    """Encode findings about rows, each of which has one, by column; without nulls."""
    if found.empty:
        return {}  # as most batches have none
    columns = {str(name): found[name].dropna() for name in found}
    return {
        name: dict(zip(map(str, values.index), values.tolist(), strict=True))
        for name, values in columns.items()
        if len(values)
    }


def decode_findings(encoded: Mapping[str, Mapping[str, Any]]) -> Findings:
    """Decode what `encode_findings` wrote."""
    if not encoded:
        return no_findings()
    found = pd.DataFrame({name: pd.Series(values) for name, values in encoded.items()})
    found = found.set_axis(found.index.astype("int64")).sort_index()
    return found.reindex(columns=list(FINDING_TYPES)).astype(FINDING_TYPES)


def encode_updated(updated: Updated) -> Json:
    """Encode the result of a batch of changes, but for the changes themselves."""
    return {
        **{name: list(getattr(updated, name)) for name in ROWS_OF_UPDATED},
        "differences": list(updated.differences),
        "refused": {str(row): code for row, code in updated.refused.items()},
        "rejected": encode_findings(updated.rejected),
    }


def decode_updated(detail: Mapping[str, Any], changes: pd.DataFrame) -> Updated:
    """Decode what `encode_updated` wrote, and add the changes."""
    rows: Json = {name: tuple(detail.get(name, ())) for name in ROWS_OF_UPDATED}
    return Updated(
        changes=changes,
        refused={int(row): code for row, code in detail.get("refused", {}).items()},
        differences=_differences(detail),
        rejected=decode_findings(detail.get("rejected", {})),
        **rows,
    )


def encode_extra(stored: InsertedExtra) -> Json:
    """Encode the result of the rows of one extra table."""
    return {
        "stored": _stretches(pd.Series(stored.stored, index=stored.stored, dtype="int64")),
        "refused": {str(row): code for row, code in stored.refused.items()},
        "changed": list(stored.changed),
        "differences": list(stored.differences),
        "generated": _stretches(stored.generated.sort_index()),
        "held": stored.held.reset_index(names=ROW).to_dict("list") if len(stored.held) else {},
    }


def decode_extra(detail: Mapping[str, Any]) -> InsertedExtra:
    """Decode what `encode_extra` wrote."""
    return InsertedExtra(
        tuple(_series(detail["stored"]).tolist()),
        {int(row): code for row, code in detail["refused"].items()},
        tuple(detail["changed"]),
        _series(detail["generated"]),
        _differences(detail),
        _decode_held(detail.get("held")),
    )


def encode_rows(rows: pd.Index) -> list[list[int]]:
    """Encode numbers of rows."""
    return _stretches(pd.Series(rows, index=rows, dtype="int64").sort_index())


def decode_rows(encoded: list[list[int]]) -> list[int]:
    """Decode what `encode_rows` wrote."""
    return _series(encoded).tolist()


def encode_numbers(numbers: "pd.Series[int]") -> list[list[int]]:
    """Encode a number for each row."""
    return _stretches(numbers.sort_index())


def decode_numbers(encoded: list[list[int]]) -> "pd.Series[int]":
    """Decode what `encode_numbers` wrote."""
    return _series(encoded)


def _decode_held(noted: Mapping[str, Any] | None) -> Notices:
    if not noted:
        return no_notices()
    return pd.DataFrame(noted).set_index(ROW).rename_axis(None).astype("str")


def _differences(detail: Mapping[str, Any]) -> tuple[Difference, ...]:
    return tuple(Difference(*each) for each in detail.get("differences", ()))


def encode_sent(fingerprints: "pd.Series[int]", next_id: int | None) -> Json:
    """Encode the fingerprints (uint32) of rows that are about to be sent, and the next lead_id."""
    return {"sent": _packed(fingerprints), "next": next_id}


def decoded_leads(batch: Mapping[Any, Any]) -> pd.DataFrame:
    """Give row_number, lead_id (int64) and fingerprint (uint32) of the leads of a batch."""
    inserted = decode_inserted(json.loads(batch["detail"]))
    ids = inserted.lead_ids
    return pd.DataFrame(
        {
            "row_number": ids.index,
            "lead_id": ids.to_numpy(),
            "fingerprint": inserted.fingerprints.to_numpy(),
        }
    )


@dataclass(frozen=True)
class SentBatch:
    """A batch of new leads; what became of some of its rows is not known."""

    watermark: int
    """Its leads have higher lead_ids."""
    moment: str
    """Their entry_date."""
    fingerprints: "pd.Series[int]"
    """(uint32) of all its rows, as they were sent."""
    known: Inserted
    """The result of the other rows; their leads may be stored otherwise than they were sent."""
    next_id: int | None = None
    """The lead_id that was next when it was sent, if that is known."""
    of_others: tuple[int, ...] = ()
    """lead_ids of leads that other runs inserted meanwhile."""
    is_certain: bool = False
    """What is stored of it is known: that is noted with it."""

    @property
    def unknown(self) -> int:
        """How many rows have no known result."""
        return len(self.fingerprints) - len(self.known.rows)


def sent_fingerprints(batch: Mapping[Any, Any]) -> SentBatch:
    """Decode what identifies the rows of a batch."""
    detail = json.loads(batch["detail"])
    prints = pd.Series(_unpacked(detail.get("sent", "")), dtype="uint32")
    known, next_id = decode_inserted(detail), detail.get("next")
    return SentBatch(batch["watermark"], batch["moment"], prints, known, next_id)


def _stretches(numbers: "pd.Series[int]") -> list[list[int]]:
    """Give first row, first number and length of each range in which both are consecutive."""
    rows, ids = numbers.index.to_numpy(), numbers.to_numpy()
    if not len(rows):
        return []
    starts = np.append(0, np.flatnonzero((np.diff(rows) != 1) | (np.diff(ids) != 1)) + 1)
    lengths = np.diff(np.append(starts, len(rows)))
    stretches: list[list[int]] = np.stack([rows[starts], ids[starts], lengths], axis=1).tolist()
    return stretches


def _series(stretches: list[list[int]]) -> "pd.Series[int]":
    if not stretches:
        return pd.Series(dtype="int64", index=pd.Index([], dtype="int64"))
    rows, ids, lengths = np.array(stretches, dtype=np.int64).T
    steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return pd.Series(np.repeat(ids, lengths) + steps, index=np.repeat(rows, lengths) + steps)


def _packed(numbers: "pd.Series[int]") -> str:
    return base64.b64encode(numbers.to_numpy(dtype="<u4").tobytes()).decode("ascii")


def _unpacked(text: str) -> "np.ndarray[Any, np.dtype[np.uint32]]":
    return np.frombuffer(base64.b64decode(text), dtype="<u4")
