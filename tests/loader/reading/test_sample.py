"""An evenly spaced sample of a file in place of all its records."""

import gzip
import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.reading.read_options import ReadOptions
from loader.reading.source import SourceFile, open_source, take_sample
from tests.support.workbooks import Cell, xlsx

Open = Callable[..., SourceFile]
HEADER = "phone,name\n"
GOOD, SHORT, BROKEN, OVER_TWO, BLANK = "1,Ann\n", "1\n", '1,"Ann" B\n', '1,"Ann\nB"\n', "\n"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def opened(content: str | bytes, **options: Any) -> SourceFile:
            path = tmp_path / "leads.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            return stack.enter_context(open_source(str(path), ReadOptions(**options)))

        yield opened


def read(source: SourceFile) -> tuple[list[int], list[int]]:
    """Return the row numbers of the rows and of the rejected records."""
    chunks = list(source.chunks())
    for chunk in chunks:
        assert chunk.rejected.index.equals(chunk.problems.index)
        assert len(chunk.rows) + len(chunk.rejected) > 0
    return (
        [number for chunk in chunks for number in chunk.rows.index],
        [number for chunk in chunks for number in chunk.rejected.index],
    )


@pytest.mark.parametrize(
    ("records", "rows", "numbers"),
    [
        pytest.param(11, 2, [2, 12], id="ends"),
        pytest.param(11, 3, [2, 7, 12], id="middle"),
        pytest.param(11, 11, list(range(2, 13)), id="all"),
        pytest.param(11, 12, list(range(2, 13)), id="more"),
        pytest.param(11, 10, [2, *range(3, 11), 12], id="all-but-one"),
        pytest.param(11, 1, [2], id="one"),
        pytest.param(1, 1, [2], id="one-of-one"),
        pytest.param(100, 4, [2, 35, 68, 101], id="thirds"),
        pytest.param(6, 4, [2, 3, 5, 7], id="as-even-as-can-be"),
    ],
)
def test_positions(records: int, rows: int, numbers: list[int], opened: Open) -> None:
    sample, total = take_sample(opened(HEADER + GOOD * records), rows)
    assert total == records
    assert read(sample) == (numbers, [])


def test_a_file_with_no_more_records_is_read_whole(opened: Open) -> None:
    source = opened(HEADER + GOOD * 5)
    assert take_sample(source, 5) == (source, 5)
    assert take_sample(source, 4)[0] is not source


def test_a_sample_keeps_the_properties_of_the_file(opened: Open) -> None:
    text = (HEADER + "".join(f"{n},Ann\n" for n in range(3000))).encode()
    source = opened(text)
    sample, _ = take_sample(source, 3)
    assert (sample.sha256, sample.size) == (hashlib.sha256(text).hexdigest(), len(text))
    assert sample.columns == ("phone", "name")
    assert sample.sample is source.sample  # what is found out of values is as of the whole file
    (chunk,) = sample.chunks()
    assert chunk.rows["phone"].to_dict() == {2: "0", 1501: "1499", 3001: "2999"}
    assert (chunk.rows.index.name, str(chunk.rows.index.dtype)) == ("row_number", "int64")
    assert {str(dtype) for dtype in chunk.rows.dtypes} == {"str"}


def test_a_sample_can_be_read_again(opened: Open) -> None:
    sample, _ = take_sample(opened(HEADER + GOOD * 50), 7)
    assert read(sample) == read(sample)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 100])
def test_blank_rows_between_the_records_of_a_sample_are_counted(
    opened: Open, chunk_size: int
) -> None:
    source = opened(HEADER + (GOOD + ",\n") * 10, chunk_size=chunk_size)
    sample, _ = take_sample(source, 3)
    chunks = [*sample.chunks()]
    assert sum(chunk.blank_rows for chunk in chunks) == 10
    assert [number for chunk in chunks for number in chunk.rows.index] == [2, 10, 20]


def test_rejected_records_count_and_blank_lines_do_not(opened: Open) -> None:
    # Row numbers:           2      3       4      5        6         7      8       9
    source = opened(HEADER + GOOD + BLANK + SHORT + GOOD + OVER_TWO + BLANK + BROKEN + GOOD)
    assert read(source) == ([2, 5, 6, 9], [4, 8])
    sample, total = take_sample(source, 3)
    assert total == 6
    assert read(sample) == ([2, 5, 9], [])
    sample, _ = take_sample(source, 4)
    assert read(sample) == ([2, 6, 9], [4])
    (chunk,) = sample.chunks()
    assert chunk.problems["reason"].to_dict() == {4: "TOO_FEW_FIELDS"}
    assert chunk.rejected["phone"].to_dict() == {4: "1"}


def test_a_sample_of_rejected_records_only(opened: Open) -> None:
    sample, total = take_sample(opened(HEADER + SHORT * 9), 2)
    assert total == 9
    assert read(sample) == ([], [2, 10])
    (chunk,) = sample.chunks()
    assert list(chunk.rows.columns) == ["phone", "name"]


def test_compressed(opened: Open) -> None:
    stored = gzip.compress((HEADER + GOOD * 101).encode())
    sample, total = take_sample(opened(stored), 5)
    assert (total, sample.compression, sample.size) == (101, "gz", len(stored))
    assert read(sample) == ([2, 27, 52, 77, 102], [])


def test_spreadsheet(opened: Open) -> None:
    leads: list[list[Cell]] = [["phone", "name"], *([["1", "Ann"]] * 9)]
    sample, total = take_sample(opened(xlsx({"Leads": leads})), 3)
    assert (total, sample.sheet) == (9, "Leads")
    assert read(sample) == ([2, 6, 10], [])


def test_sampled_rows_of_many_chunks_are_merged(opened: Open) -> None:
    source = opened(HEADER + f"1,{'x' * 5000}\n" * 1000, chunk_size=10)
    sample, _ = take_sample(source, 25)
    chunks = list(sample.chunks())
    assert [len(chunk.rows) for chunk in chunks] == [10, 10, 5]
    # Each says how far the file was read when its last record was.
    done = [chunk.bytes_read for chunk in chunks]
    assert done == sorted(done)
    assert done[0] < source.size
    assert done[-1] <= source.size


def test_counting_reports_progress(opened: Open) -> None:
    told: list[int] = []
    source = opened(HEADER + GOOD * 100, chunk_size=10, block_size=64)
    take_sample(source, 3, told.append)
    assert len(told) == 10
    assert told == sorted(told)
    assert told[-1] == source.size


@pytest.mark.property
@given(
    lines=st.lists(st.sampled_from([GOOD, SHORT, BROKEN, OVER_TWO, BLANK]), min_size=1, max_size=40)
    .filter(lambda lines: set(lines) != {BLANK}),
    rows=st.integers(1, 45),
    chunk_size=st.integers(1, 50),
)  # fmt: skip
def test_any_sample_is_even_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], rows: int, chunk_size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(HEADER + "".join(lines))
    with open_source(str(path), ReadOptions(chunk_size=chunk_size, block_size=16)) as source:
        all_rows, all_rejected = read(source)
        sample, total = take_sample(source, rows)
        taken_rows, taken_rejected = read(sample)
        for chunk in sample.chunks():
            assert len(chunk.rows) + len(chunk.rejected) <= chunk_size
    order = sorted([*all_rows, *all_rejected])
    assert total == len(order)
    assert set(taken_rows) <= set(all_rows)
    assert set(taken_rejected) <= set(all_rejected)
    assert (taken_rows, taken_rejected) == (sorted(taken_rows), sorted(taken_rejected))
    places = [order.index(number) for number in sorted([*taken_rows, *taken_rejected])]
    even = np.linspace(0, total - 1, min(rows, total))
    assert len(places) == len(even)
    assert np.abs(places - even).max() < 1
    assert places[0] == 0
    assert rows == 1 or places[-1] == total - 1


def test_memory_is_flat(tmp_path: Path) -> None:
    program = (
        "import re, sys; from pathlib import Path\n"
        "from loader.reading.source import open_source, take_sample\n"
        "with open_source(sys.argv[1]) as source:\n"
        "    sample, total = take_sample(source, 1000)\n"
        "    print(total, sum(len(chunk.rows) for chunk in sample.chunks()))\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', status)[1])"
    )
    peaks = []
    for rows in (20_000, 300_000):
        path = tmp_path / f"{rows}.csv"
        path.write_text("a,b,c,d\n" + f"7275551111,{'x' * 80},,{'y' * 80}\n" * rows)
        done = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, check=True
        )
        total, taken, peak = map(int, done.stdout.split())
        assert (total, taken) == (rows, 1000)
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 40_000  # KiB; the file itself has 50 MB more
