"""What a cluster keeps of finished blocks: used by the same checks alone, and if it is whole."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.load.finished_blocks import FinishedBlocks
from jobs.load.reading import RowReader
from loader.clock import Clock
from loader.dialer import Dialer
from loader.fields.mapping import ColumnMapping
from loader.options.load import LoadOptions
from loader.pipeline import Checks
from loader.profile.rows import RowProfiler
from loader.reading.read_options import ReadOptions
from loader.reading.source import open_source

CLOCK = Clock(now=datetime(2026, 1, 2, 3, 4), offset=timedelta())
MAPPING = ColumnMapping({"phone_number": "phone"}, ())
VERSIONS = {"python": "3.11"}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def reader(
    stack: ExitStack, folder: Path, *, clock: Clock = CLOCK, day: int = 2, **options: Any
) -> RowReader:
    path = folder / "leads.csv"
    path.write_text("phone\n7275551212\n", "utf-8")
    source = stack.enter_context(open_source(str(path), ReadOptions()))
    given = LoadOptions(**options)
    checks = Checks(given, MAPPING, Dialer(clock=clock, columns={}))
    profiler = RowProfiler(MAPPING, given, date(2026, 1, day))
    return RowReader(checks, source.block_reader(), profiler)


def test_what_was_kept_is_found(stack: ExitStack, tmp_path: Path) -> None:
    rows = reader(stack, tmp_path)
    finished = FinishedBlocks.open(tmp_path / "kept", rows, [], VERSIONS)
    block = next(stack.enter_context(open_source(str(tmp_path / "leads.csv"))).blocks())
    assert finished.find(block) is None
    finished.keep(block, b"what came of it")
    later = Clock(now=CLOCK.now + timedelta(hours=1), offset=CLOCK.offset)
    again = reader(stack, tmp_path, clock=later, workers=3, chunk_size=7)
    other = FinishedBlocks.open(tmp_path / "kept", again, [], VERSIONS)
    assert other.find(block) == b"what came of it"
    assert other.find(replace(block, sha256="0" * 64)) is None
    assert other.find(replace(block, first_row=3)) is None


@pytest.mark.parametrize(
    ("different", "versions"),
    [({"phone_validation": "valid"}, VERSIONS), ({"day": 3}, VERSIONS), ({}, {"python": "3.12"})],
)
def test_other_checks_find_nothing_and_clear_it_away(
    stack: ExitStack, tmp_path: Path, different: dict[str, Any], versions: dict[str, str]
) -> None:
    finished = FinishedBlocks.open(tmp_path / "kept", reader(stack, tmp_path), [], VERSIONS)
    block = next(stack.enter_context(open_source(str(tmp_path / "leads.csv"))).blocks())
    finished.keep(block, b"what came of it")
    rows = reader(stack, tmp_path, **different)
    other = FinishedBlocks.open(tmp_path / "kept", rows, [], versions)
    assert other.find(block) is None
    assert [*(tmp_path / "kept").iterdir()] == [other.folder]


@pytest.mark.parametrize("how", ["cut", "of others", "renamed", "not seen"])
def test_what_cannot_be_trusted_is_done_again(stack: ExitStack, tmp_path: Path, how: str) -> None:
    finished = FinishedBlocks.open(tmp_path / "kept", reader(stack, tmp_path), [], VERSIONS)
    block = next(stack.enter_context(open_source(str(tmp_path / "leads.csv"))).blocks())
    finished.keep(block, b"what came of it")
    (path,) = finished.folder.glob("*.block")
    if how == "cut":
        os.truncate(path, path.stat().st_size - 1)
    elif how == "of others":
        path.chmod(0o666)
    elif how == "renamed":
        path.rename(path.with_name(path.name.replace("2-", "3-", 1)))
        block = replace(block, first_row=3)
    else:  # as on a machine that has a folder of this name
        (finished.folder / finished.mark).unlink()
    assert finished.find(block) is None


def test_where_no_folder_can_be_made_nothing_is_kept(stack: ExitStack, tmp_path: Path) -> None:
    rows = reader(stack, tmp_path)
    block = next(stack.enter_context(open_source(str(tmp_path / "leads.csv"))).blocks())
    finished = FinishedBlocks.open(tmp_path / "leads.csv" / "kept", rows, [], VERSIONS)
    finished.keep(block, b"what came of it")
    assert finished.find(block) is None


def test_where_the_folder_is_not_seen_nothing_is_kept(stack: ExitStack, tmp_path: Path) -> None:
    finished = FinishedBlocks.open(tmp_path / "kept", reader(stack, tmp_path), [], VERSIONS)
    (finished.folder / finished.mark).unlink()
    block = next(stack.enter_context(open_source(str(tmp_path / "leads.csv"))).blocks())
    finished.keep(block, b"what came of it")
    assert not [*finished.folder.iterdir()]
