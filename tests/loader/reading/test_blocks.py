"""A file in blocks: the same records as in one piece, whoever reads them and in any order."""

import gzip
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.errors import MissingBlockError, SourceFileError
from loader.reading import blocks
from loader.reading.blocks import BlockReader, FileBlock
from loader.reading.limits import Limits, RowMeter
from loader.reading.read_options import ReadOptions
from loader.reading.records import Chunk
from loader.reading.sample import concatenate
from loader.reading.source import SourceFile, open_source
from tests.support.workbooks import Cell, xlsx

HEADER = "phone,name,city\n"
LINES = (
    "1,Ann,x\n", "2,Zoë,y\r\n", '3,"two\nlines",z\n', '4,"x ""y""\r\n,",z\r', "\n", ",,\n",
    '5,"open,z\n', "6,few\n", "7,a,b,c\n", "8,a,b,,\n", '"",,\n', "7275551234,Bo,y\n", '9,"a\n',
)  # fmt: skip


SHEET: list[list[Cell]] = [["phone", "name"], *[["1", "Ann"]] * 5]


class Source:
    """Opens contents as files, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stack = folder, ExitStack()

    def open(self, content: str | bytes, name: str = "leads.csv", **options: Any) -> SourceFile:
        self.stack.close()
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.stack.enter_context(open_source(str(path), ReadOptions(**options)))


@pytest.fixture
def sources(tmp_path: Path) -> Source:
    return Source(tmp_path)


def read_blocks(source: SourceFile, *, is_sent: bool = True) -> list[Chunk]:
    reader = reader_of(source)
    wanted = [block if is_sent else block.without_text() for block in source.blocks()]
    # The last one first: each is read by itself.
    return [reader.read(block)[0] for block in wanted[::-1]][::-1]


def reader_of(source: SourceFile) -> BlockReader:
    reader = source.block_reader()
    assert reader is not None
    return reader


def assert_same(chunks: list[Chunk], others: list[Chunk]) -> None:
    one, other = concatenate(chunks), concatenate(others)
    for name in ("rows", "rejected", "problems", "cell_problems"):
        pd.testing.assert_frame_equal(
            getattr(one, name), getattr(other, name), check_index_type=False
        )
    assert one.western.tolist() == other.western.tolist()
    assert one.blank_rows == other.blank_rows


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.sampled_from(LINES), max_size=20),
    chunk_size=st.sampled_from([1, 2, 3, 7, 100]),
    block_size=st.sampled_from([1, 5, 64, 1 << 20]),
    short_rows=st.sampled_from(["reject", "fill"]),
    is_sent=st.booleans(),
)
def test_blocks_have_the_records_of_the_file(
    sources: Source,
    lines: list[str],
    chunk_size: int,
    block_size: int,
    short_rows: Literal["reject", "fill"],
    is_sent: bool,
) -> None:
    options = {"chunk_size": chunk_size, "block_size": block_size, "short_rows": short_rows}
    source = sources.open(HEADER + LINES[0] + "".join(lines), **options)
    assert_same(read_blocks(source, is_sent=is_sent), [*source.chunks()])
    found = [*source.blocks()]
    assert all(block.rows <= chunk_size for block in found)
    assert all(block.first_row % chunk_size == 0 for block in found[1:])


def pack(content: bytes) -> bytes:
    return gzip.compress(content)


@pytest.mark.parametrize(
    ("encode", "options"),
    [
        (lambda text: text.encode("utf-8-sig"), {}),
        (lambda text: text.encode("utf-16"), {}),
        (lambda text: text.encode("cp1252"), {"encoding": "cp1252"}),
        (lambda text: text.encode() + "10,Zoé,é\n11,é,x\n".encode("cp1252"), {"encoding": "mixed"}),
        (lambda text: pack(text.encode()), {}),
        (lambda _text: xlsx({"Leads": SHEET}), {}),
    ],
    ids=["mark", "utf-16", "cp1252", "mixed", "packed", "sheet"],
)
def test_whatever_the_file_is_stored_as(
    sources: Source, encode: Callable[[str], bytes], options: dict[str, Any]
) -> None:
    content = encode(HEADER + "".join(LINES[:9]))
    source = sources.open(content, chunk_size=2, block_size=16, **options)
    assert_same(read_blocks(source), [*source.chunks()])
    assert [block.bytes_read for block in source.blocks()][-1] == source.size


def test_a_large_block_ends_early(sources: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LARGE_CHUNK", 1000)
    source = sources.open(HEADER + f"1,Ann,{'x' * 1000}\n" * 2000, block_size=3000)
    assert len([*source.blocks()]) > 300
    assert_same(read_blocks(source), [*source.chunks()])


@pytest.fixture
def block(sources: Source) -> tuple[SourceFile, FileBlock]:
    source = sources.open(HEADER + "1,Ann,x\n2,Bob,y\n", chunk_size=2)
    return source, next(source.blocks()).without_text()


def test_a_file_that_is_not_there(block: tuple[SourceFile, FileBlock]) -> None:
    source, wanted = block
    Path(source.name).unlink()
    with pytest.raises(MissingBlockError, match=r"leads.csv: No such file"):
        reader_of(source).read(wanted)


def test_another_file_of_the_same_size_and_time(block: tuple[SourceFile, FileBlock]) -> None:
    source, wanted = block
    path = Path(source.name)
    path.write_bytes(path.read_bytes().replace(b"Ann", b"Eve"))
    with pytest.raises(MissingBlockError, match="another file has this name"):
        reader_of(source).read(wanted)


def test_rows_are_counted_for_the_whole_file(sources: Source) -> None:
    source = sources.open(HEADER + "1,Ann,x\n\n\n" * 2, chunk_size=2)
    counts = [reader_of(source).read(each)[1] for each in source.blocks()]
    assert [sum(column) for column in zip(*sum(counts, ()), strict=True)] == [6, 4, 20]
    meter = RowMeter(Limits(max_blank_rows=3), "leads.csv")
    with pytest.raises(SourceFileError, match="more than the 3 blank rows"):
        meter.add_all(sum(counts, ()))


def test_a_record_that_is_too_large_is_named_by_its_row(sources: Source) -> None:
    source = sources.open(HEADER + "1,Ann,x\n2,Barbara,y\n", chunk_size=1)
    reader = replace(reader_of(source), limits=Limits(max_field_length=4))
    with pytest.raises(SourceFileError, match="row 3, column 2, has more than the 4 characters"):
        [reader.read(each) for each in source.blocks()]
