"""The lines of loaded.csv are in the order of the rows, in whatever order these were done."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.frames.csv_file import CsvFile
from loader.results import row_order
from loader.results.row_order import RowOrder

SCHEMA = pa.schema(
    [
        ("part", pa.large_string()),
        ("row_number", pa.int64()),
        ("lead_id", pa.int64()),
        ("notices", pa.large_string()),
    ]
)
LINE = st.tuples(
    st.integers(1, 40),
    st.one_of(st.none(), st.integers(1, 2**60)),
    st.sampled_from(["", '"', "a,b", "two\nlines", "Łee", "NULL", "\r\n", " x "]),
)


def write(path: Path, chunks: list[list[tuple[int, int | None, str]]]) -> RowOrder:
    file, order = CsvFile(path, SCHEMA), RowOrder()
    for chunk in chunks:
        rows = [row for row, _, _ in chunk]
        names = [f"part {row % 3}" for row in rows]
        columns = [names, rows, [it for _, it, _ in chunk], [text for _, _, text in chunk]]
        file.write_table(pa.table(columns, SCHEMA))
        order.add(np.array(rows, dtype=np.int64))
    file.close()
    return order


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(LINE, unique_by=lambda line: line[0], max_size=12),
    size=st.integers(1, 5),
    at_once=st.sampled_from([1, 3, 100]),
)
def test_lines_are_those_of_rows_that_were_done_in_order(
    tmp_path: Path, lines: list[tuple[int, int | None, str]], size: int, at_once: int
) -> None:
    found, expected = tmp_path / "found.csv", tmp_path / "expected.csv"
    chunks = [lines[at : at + size] for at in range(0, len(lines), size)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_order, "ROWS_AT_ONCE", at_once)
        write(found, chunks).restore(found, SCHEMA)
    write(expected, [sorted(lines, key=lambda line: line[0])])
    assert found.read_bytes() == expected.read_bytes()
    assert {*tmp_path.iterdir()} == {found, expected}
