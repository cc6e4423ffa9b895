"""Workbooks of old formats: their reader has a process of its own, whose memory has a limit."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from loader.errors import SourceFileError
from loader.reading.limits import Limits
from loader.reading.read_options import ReadOptions
from loader.reading.source import open_source
from tests.support.workbooks import xlsb

pytest.importorskip("python_calamine")

LEADS = {(0, 0): "phone_number", (0, 1): "city", (1, 0): 7275551212.0, (1, 1): "Tampa"}
LAST_ROW, LAST_COLUMN = 1_048_575, 16_383


def read(path: Path, cells: dict[str, dict[tuple[int, int], str | float]], **limits: int) -> object:
    path.write_bytes(xlsb(cells))
    options = ReadOptions(limits=Limits(**limits), sheet="all")
    with open_source(str(path), options) as source:
        return [[*row] for chunk in source.chunks() for row in chunk.rows.to_numpy()]


def refused(path: Path, cells: dict[str, dict[tuple[int, int], str | float]], **limits: int) -> str:
    with pytest.raises(SourceFileError) as error:
        read(path, cells, **limits)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value)


def children() -> set[int]:
    """Give the processes whose parent is this one, also those that have ended."""
    found = set[int]()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = status.read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                found.add(int(status.parent.name))
    return found


@pytest.fixture(autouse=True)
def no_process_is_left() -> object:
    before = children()
    yield
    assert children() <= before


@pytest.mark.parametrize("has_process", [True, False])
def test_a_binary_workbook_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_process: bool
) -> None:
    monkeypatch.setattr("loader.reading.old_workbook.can_fork", lambda: has_process)
    monkeypatch.setattr("loader.reading.old_workbook.BATCH_SIZE", 100)
    many = LEADS | {(row, 1): f"city {row}" for row in range(2, 100)}
    rows = read(tmp_path / "a.xlsb", {"A": many, "B": {}, "C": LEADS})
    assert rows == [
        ["A", "2", "7275551212", "Tampa"],
        *(["A", str(row + 1), "", f"city {row}"] for row in range(2, 100)),
        ["C", "2", "7275551212", "Tampa"],
    ]


def test_a_far_cell_fills_no_memory(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    far = LEADS | {(LAST_ROW, LAST_COLUMN): "x"}
    message = refused(tmp_path / "a.xlsb", {"A": far})
    assert "in the 800 MB of memory that max_workbook_memory allows" in message
    assert "raise --max-workbook-memory" in message
    assert capfd.readouterr().err == ""


def test_a_far_row_alone_is_read(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.xlsb", {"A": LEADS | {(300_000, 1): "x"}})
    assert rows == [["A", "2", "7275551212", "Tampa"], ["A", "300001", "", "x"]]


def test_a_far_column_alone_exceeds_the_columns(tmp_path: Path) -> None:
    message = refused(tmp_path / "a.xlsb", {"A": LEADS | {(1, LAST_COLUMN): "x"}})
    assert "row 2 has 16,384 columns, and max_columns allows 1,000" in message


def test_a_long_cell_exceeds_the_length(tmp_path: Path) -> None:
    message = refused(tmp_path / "a.xlsb", {"A": LEADS}, max_field_length=11)
    assert "a cell has more than the 11 characters that max_field_length allows" in message


def test_the_sheets_share_the_memory(tmp_path: Path) -> None:
    wide = LEADS | {(50_000, 9): "x"}
    assert read(tmp_path / "a.xlsb", {"A": wide}, max_workbook_memory=100)
    sheets = {f"S{n}": wide for n in range(7)}
    message = refused(tmp_path / "a.xlsb", sheets, max_workbook_memory=100)
    assert "in the 100 MB of memory that max_workbook_memory allows" in message
