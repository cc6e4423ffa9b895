"""Frames on disk, with the notes about their rows."""

from pathlib import Path

import pandas as pd
import pytest

from loader.frames.spool import Spool

NO_NOTES = pd.DataFrame({"kind": ""}, index=pd.Index([], dtype="int64")).astype("str")


def frame(*rows: int) -> pd.DataFrame:
    return pd.DataFrame({"name": [f"n{row}" for row in rows]}, index=[*rows]).astype("str")


def notes(*rows: int, **details: str) -> pd.DataFrame:
    return pd.DataFrame({"kind": [f"k{row}" for row in rows], **details}, index=[*rows]).astype(
        "str"
    )


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "spool")
    spool.append(frame(3, 1, 2), pd.concat([notes(2, 3), notes(3, field="x")]))
    spool.append(frame(4), NO_NOTES)
    spool.append(frame(5, 6), notes(6, 5, table="t"))
    return spool


def test_notes_come_back_with_their_rows(spool: Spool) -> None:
    first, second, third = spool.read_with_notes()
    assert first[0].equals(frame(3, 1, 2))
    assert list(first[1].index) == [3, 3, 2]
    assert first[1]["kind"].tolist() == ["k3", "k3", "k2"]
    assert first[1]["field"].fillna("-").tolist() == ["-", "x", "-"]
    assert second[1].empty
    assert third[1]["table"].to_dict() == {5: "t", 6: "t"}
    assert pd.concat(spool.read()).equals(frame(3, 1, 2, 4, 5, 6))


def test_notes_of_parts(spool: Spool) -> None:
    parts = [(list(part.index), list(about.index)) for part, about in spool.read_with_notes(2)]
    assert parts == [([3, 1], [3, 3]), ([2], [2]), ([4], []), ([5, 6], [5, 6])]


def test_what_was_kept_outlives_the_process(spool: Spool) -> None:
    kept = spool.keep()
    spool.append(frame(7), notes(7))
    spool.close()
    restored = Spool(spool.path)
    restored.restore(**kept)
    restored.append(frame(8), notes(8, table="u"))
    assert pd.concat(restored.read()).equals(frame(3, 1, 2, 4, 5, 6, 8))
    *_, (_, last) = restored.read_with_notes()
    assert last.to_dict("index") == {8: {"kind": "k8", "table": "u"}}
