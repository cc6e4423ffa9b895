"""Several files as one: the same records as the joined file, or an error that names the part."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loader.errors import LoaderError, NoSuchFileError, SourceFileError, UsageError
from loader.fields.recognition import field_namer
from loader.reading.limits import Limits
from loader.reading.part_files import PartFiles
from loader.reading.read_options import ReadOptions
from loader.reading.records import Chunk
from loader.reading.sample import concatenate
from loader.reading.source import SourceFile, open_parts, open_source, take_sample
from tests.support.workbooks import xlsx

HEADER = "phone_number,first_name,city\n"
LINES = (
    "7275550101,Ann,Tampa\n", "7275550102,Zoë,x\r\n", '7275550103,"two\nlines",z\n',
    '7275550104,"x ""y""\r\n,",z\n', "\n", ",,\n", "7275550105,few\n", "7275550106,a,b,c\n",
    "7275550107,a,b,,\n", '"",,\n',
)  # fmt: skip

Make = Callable[..., SourceFile]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Open contents as the parts of a load, in their order."""

    def opened(*contents: str | bytes, **options: Any) -> SourceFile:
        paths = []
        for number, content in enumerate(contents, 1):
            path = tmp_path / f"part-{number}.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            paths.append(str(path))
        names = field_namer({}, None)
        return open_parts(
            PartFiles("leads", tuple(paths), paths[0]), ReadOptions(field_of=names, **options)
        )

    return opened


def refusal(make: Make, *contents: str | bytes, **options: Any) -> str:
    with pytest.raises(LoaderError) as caught:
        make(*contents, **options)
    return str(caught.value)


def values(source: SourceFile) -> dict[int, list[str]]:
    rows = concatenate([*source.chunks()]).rows
    return {row: list(each) for row, each in zip(rows.index, rows.to_numpy(), strict=True)}


def by_blocks(source: SourceFile, *, is_sent: bool = True) -> list[Chunk]:
    reader = source.block_reader()
    assert reader is not None
    blocks = [each if is_sent else reader.without_text(each) for each in source.blocks()]
    return [reader.read(block)[0] for block in blocks[::-1]][::-1]


def renumbered(chunk: Chunk) -> Chunk:
    """Number records from 0: headers of later parts have row numbers, too."""
    numbers = sorted([*chunk.rows.index, *chunk.rejected.index])
    places = {number: at for at, number in enumerate(numbers)}
    frames = {
        name: getattr(chunk, name).rename(index=places).rename_axis("row_number")
        for name in ("rows", "rejected", "problems")
    }
    western = pd.Index([places[row] for row in chunk.western], dtype="int64")
    return replace(chunk, **frames, western=western)


def assert_same(one: Chunk, other: Chunk) -> None:
    for name in ("rows", "rejected", "problems"):
        pd.testing.assert_frame_equal(
            getattr(one, name), getattr(other, name), check_index_type=False
        )
    assert one.western.tolist() == other.western.tolist()
    assert one.blank_rows == other.blank_rows


# --- the same as the joined file ------------------------------------------------------------------


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.tuples(
            st.lists(st.sampled_from(LINES), max_size=6),
            st.booleans(),
            st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gz"]),
        ),
        min_size=1,
        max_size=5,
    ),
    chunk_size=st.sampled_from([1, 2, 3, 7, 100]),
    block_size=st.sampled_from([1, 5, 64, 1 << 20]),
    is_sent=st.booleans(),
)
def test_parts_have_the_records_of_the_joined_file(
    make: Make,
    parts: list[tuple[list[str], bool, str]],
    chunk_size: int,
    block_size: int,
    is_sent: bool,
) -> None:
    # Each part has a row of its own: the same content twice is refused.
    texts = [f"72755502{at:02},Ann,x\n" + "".join(lines) for at, (lines, *_) in enumerate(parts)]
    contents = [
        store(text if at and not has_header else HEADER + text, how)
        for at, (text, (_, has_header, how)) in enumerate(zip(texts, parts, strict=True))
    ]
    options = {"chunk_size": chunk_size, "block_size": block_size}
    joined = concatenate([*make(HEADER + "".join(texts)).chunks()])
    source = make(*contents, **options)
    whole = concatenate([*source.chunks()])
    assert_same(renumbered(whole), renumbered(joined))
    assert_same(whole, concatenate(by_blocks(source, is_sent=is_sent)))
    pd.testing.assert_frame_equal(
        renumbered(whole).rows.reset_index(drop=True), source.sample.reset_index(drop=True)
    )


def store(text: str, how: str) -> bytes:
    return gzip.compress(text.encode()) if how == "gz" else text.encode(how)


def test_rows_are_numbered_through_all_parts(make: Make) -> None:
    source = make(HEADER + LINES[0] + "\n", LINES[1] + LINES[2], HEADER + LINES[3] + LINES[6])
    assert [*values(source)] == [2, 4, 5, 7]
    assert concatenate([*source.chunks()]).rejected.index.tolist() == [8]
    assert [(part.first_row, part.rows, part.has_header) for part in source.parts] == [
        (1, 3, True), (4, 2, False), (6, 3, True),
    ]  # fmt: skip
    places = [source.places.describe(row).rpartition("/") for row in (2, 4, 5, 8)]
    assert [f"{before[:6]}{name}" for before, _, name in places] == [
        "row 2 part-1.csv", "row 1 part-2.csv", "row 2 part-2.csv", "row 3 part-3.csv",
    ]  # fmt: skip


def test_each_part_has_its_own_encoding(make: Make) -> None:
    latin = "7275550109,Noël,x\n".encode("cp1252")
    source = make(HEADER + LINES[1], latin, LINES[0], encoding="mixed")
    assert [row[1] for row in values(source).values()] == ["Zoë", "Noël", "Ann"]
    assert concatenate([*source.chunks()]).western.tolist() == [3]


def test_no_block_has_records_of_two_parts(make: Make) -> None:
    source = make(HEADER + LINES[0], LINES[1], LINES[2], chunk_size=100)
    assert [(block.part, block.first_row) for block in source.blocks()] == [(0, 2), (1, 3), (2, 4)]
    assert len([*source.chunks()]) == 1


def test_a_sample_is_spread_over_all_parts(make: Make) -> None:
    source = make(HEADER + LINES[0] + LINES[1], LINES[2], LINES[3] + LINES[8])
    sample, count = take_sample(source, 2)
    assert (count, [*values(sample)]) == (5, [2, 6])
    assert sample.block_reader() is None


def test_the_sample_of_columns_goes_on_in_later_parts(make: Make) -> None:
    many = "".join(f"7275{number:06},Ann,x\n" for number in range(600))
    source = make(HEADER + many, HEADER + many.replace("Ann", "Eve"))
    assert source.sample.index.tolist() == [*range(2, 602), *range(603, 1003)]


def test_parts_are_known_by_their_content_in_its_order(make: Make) -> None:
    one, other = HEADER + LINES[0], HEADER + LINES[1]
    sha256 = make(one, other).sha256
    assert make(one, other).sha256 == sha256 != make(other, one).sha256


def test_titles_above_the_header_of_each_part(make: Make) -> None:
    source = make(f"Leads of May\n{HEADER}{LINES[0]}", f"Leads of June\n{HEADER}{LINES[1]}")
    assert [*values(source)] == [3, 6]
    assert [remark.rpartition("/")[2] for remark in source.remarks] == [
        "part-1.csv: row 1 is above the header and not read",
        "part-2.csv: row 1 is above the header and not read",
    ]


def test_a_blank_line_above_the_header_of_a_later_part(make: Make) -> None:
    source = make(HEADER + LINES[0], "\n" + HEADER + LINES[1])
    assert [*values(source)] == [2, 5]


def test_parts_without_a_header_have_columns_that_are_named(make: Make) -> None:
    source = make(LINES[0], LINES[1], columns=("phone_number", "first_name", "city"))
    assert [*values(source)] == [1, 2]
    assert not source.header


# --- empty parts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", ["", "\n\n", gzip.compress(b""), HEADER, ",,\n"])
def test_an_empty_part_has_no_rows(make: Make, empty: str | bytes) -> None:
    source = make(HEADER + LINES[0], empty, empty, LINES[1])
    assert [row[0] for row in values(source).values()] == ["7275550101", "7275550102"]


def test_empty_parts_are_a_remark(make: Make) -> None:
    source = make("", HEADER + LINES[0], *[""] * 6)
    assert [*values(source)] == [2]
    [remark] = source.remarks
    assert remark.startswith("without a row, as it is empty: ")
    assert remark.endswith("part-6.csv and 2 more")


def test_all_parts_are_empty(make: Make) -> None:
    assert refusal(make, "", "\n") == "leads: all of its files are empty"


# --- parts that do not fit together ---------------------------------------------------------------


def test_a_header_in_another_order(make: Make) -> None:
    message = refusal(make, HEADER + LINES[0], "phone_number,city,first_name\n7275550109,x,Ann\n")
    assert "part-2.csv: row 1 is another header than that of " in message
    assert "part-1.csv (column 2 is 'city', not 'first_name'); parts need the same" in message


@pytest.mark.parametrize(
    ("header", "difference"),
    [
        ("phone_number,first_name,town\n", "column 3 is 'town', not 'city'"),
        ("phone_number,first_name\n", "2 columns, not 3"),
        ("phone_number,first_name,city,zip\n", "4 columns, not 3"),
        ("Phone,First,Town\n", "column 1 is 'Phone', not 'phone_number'"),
    ],
)
def test_another_header(make: Make, header: str, difference: str) -> None:
    assert f"({difference})" in refusal(make, HEADER + LINES[0], header + LINES[1])


def test_a_header_where_columns_are_named(make: Make) -> None:
    columns = ("phone_number", "first_name", "city")
    message = refusal(make, LINES[0], HEADER + LINES[1], columns=columns)
    assert "part-2.csv: row 1 is a header, it has city, first_name, phone_number; leave" in message


def test_no_row_has_as_many_fields(make: Make) -> None:
    message = refusal(make, HEADER + LINES[0], "7275550109;Ann;x\n")
    assert "part-2.csv: row 1 has 1 fields, and " in message
    assert "part-1.csv has 3 columns; is it a part of the same table" in message


def test_a_wrong_row_at_the_start_of_a_part_is_rejected_by_itself(make: Make) -> None:
    source = make(HEADER + LINES[0], LINES[6] + LINES[1])
    assert concatenate([*source.chunks()]).problems["reason"].to_dict() == {3: "TOO_FEW_FIELDS"}


@pytest.mark.parametrize("line", ["", "7275550109,Ann", '7275550109,"Ann', "7275550109,Ann,x"])
def test_a_part_that_ends_within_a_line(make: Make, line: str) -> None:
    header = HEADER if line else HEADER.rstrip()
    message = refusal(make, header + line, LINES[1])
    assert "part-1.csv: it" in message
    assert "part-2.csv begins without a header: a row" in message
    assert "may be cut in two" in message


def test_a_part_that_ends_within_quotes_at_a_line_end(make: Make) -> None:
    message = refusal(make, HEADER + LINES[0] + '7275550109,"two\n', 'lines",z\n' + LINES[1])
    assert "part-1.csv: it ends within quotes that are not closed, and " in message


@pytest.mark.parametrize("before", ['7275550108,"too\nfew"\n', '7275550108,"Bob" Smith,x\n'])
def test_a_part_that_ends_within_quotes_behind_a_wrong_row(make: Make, before: str) -> None:
    message = refusal(
        make, HEADER + before + LINES[0] + '7275550109,"two\n', 'lines",z\n' + LINES[1]
    )
    assert "part-1.csv: it ends within quotes that are not closed" in message


def test_stray_quotes_in_the_middle_cut_no_row(make: Make) -> None:
    source = make(HEADER + '7275550108,"a,x\n' + LINES[0] + '7275550109,"b",x\n', LINES[1])
    assert "7275550102" in {row[0] for row in values(source).values()}


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_every_line_end_ends_a_part(make: Make, end: str) -> None:
    source = make(HEADER.replace("\n", end) + "7275550109,Ann,x" + end, LINES[1])
    assert len(values(source)) == 2


def test_a_part_without_a_line_break_before_a_header(make: Make) -> None:
    source = make(HEADER + "7275550109,Ann,x", HEADER + LINES[1])
    assert [*values(source)] == [2, 4]


def test_the_same_content_twice(make: Make) -> None:
    message = refusal(make, HEADER + LINES[0], HEADER + LINES[1], HEADER + LINES[0])
    assert "part-3.csv: it has the same rows as " in message
    assert "part-1.csv, which would be loaded twice; leave one" in message


@pytest.mark.parametrize(
    "copy",
    [
        gzip.compress((HEADER + LINES[1]).encode()),
        LINES[1],
        (HEADER + LINES[1]).encode("utf-8-sig"),
        (HEADER + LINES[1]).encode("utf-16"),
    ],
)
def test_the_same_rows_twice_in_files_that_differ(make: Make, copy: str | bytes) -> None:
    message = refusal(make, HEADER + LINES[0], HEADER + LINES[1], copy)
    assert "part-3.csv: it has the same rows as " in message


def test_a_spreadsheet(make: Make) -> None:
    message = refusal(make, HEADER + LINES[0], xlsx({"Leads": [["phone"], ["1"]]}))
    assert "part-2.csv: a spreadsheet cannot be one of several parts; export" in message


def test_a_sheet_is_named(make: Make) -> None:
    message = refusal(make, HEADER + LINES[0], LINES[1], sheet="May")
    assert message == "--sheet May: leads has no sheets; leave --sheet out"


def test_a_lead_above_the_header_of_a_later_part(make: Make) -> None:
    title = "Leads\n"
    message = refusal(make, title + HEADER + LINES[0], "7275550109,Eve,x\n" + HEADER + LINES[1])
    assert "part-2.csv: row 2 names columns, but row 1 above it has a phone number" in message


def test_a_limit_that_a_row_exceeds_names_its_part(make: Make) -> None:
    first, long = HEADER + LINES[0], "7275550109,Anne-Luise-M,x\n"
    limits, column = Limits(max_field_length=10), "column 2, has more than the 10 characters"
    assert f"part-2.csv: row 2, {column}" in refusal(make, first, LINES[1] + long, limits=limits)
    # Behind those that are looked at first.
    source = make(first, LINES[1] * 1100 + long, limits=limits, block_size=1024)
    with pytest.raises(SourceFileError, match=rf"^leads: row 1101 of .*/part-2.csv, {column}"):
        values(source)


def test_a_link_where_links_are_not_followed(make: Make, tmp_path: Path) -> None:
    make(HEADER + LINES[0])
    link = tmp_path / "part-2.csv"
    link.symlink_to(tmp_path / "elsewhere.csv")
    first = str(tmp_path / "part-1.csv")
    files = PartFiles("leads", (first, str(link)), first)
    with pytest.raises(NoSuchFileError, match=r"part-2.csv: it is a link"):
        open_parts(files, ReadOptions(follow_links=False))


# --- which files are parts ------------------------------------------------------------------------


def names(given: Sequence[str]) -> list[str]:
    return [Path(path).name for path in PartFiles.find(given).paths]


def test_files_of_a_folder_are_parts_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("part-2", "part-10", "part-1", "_SUCCESS", ".part-1.crc", "Thumbs.db"):
        (tmp_path / name).touch()
    assert names([str(tmp_path)]) == ["part-1", "part-10", "part-2"]
    assert names(["x.csv", str(tmp_path)]) == ["x.csv", "part-1", "part-10", "part-2"]


def test_what_several_files_are_called() -> None:
    assert PartFiles.find(["a.csv"]).name == "a.csv"
    assert PartFiles.find(["a.csv", "b.csv", "c.csv"]).name == "a.csv and 2 more"


def test_a_folder_without_parts(tmp_path: Path) -> None:
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(NoSuchFileError, match=r"no file in this folder is to be loaded; those who"):
        PartFiles.find([str(tmp_path)])


def test_a_folder_in_a_folder_of_parts(tmp_path: Path) -> None:
    (tmp_path / "part-1").touch()
    (tmp_path / "old").mkdir()
    with pytest.raises(SourceFileError, match=r"old: this is a folder in a folder of parts"):
        PartFiles.find([str(tmp_path)])


def test_a_folder_whose_parts_are_still_written(tmp_path: Path) -> None:
    (tmp_path / "part-1").touch()
    (tmp_path / "_temporary").mkdir()
    with pytest.raises(SourceFileError, match=r": _temporary in it says that a program still"):
        PartFiles.find([str(tmp_path)])


def test_results_among_the_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "part-1").touch()
    monkeypatch.chdir(tmp_path)
    files = PartFiles.find(["."])
    for results in (tmp_path, Path("results"), tmp_path / "results" / "run"):
        with pytest.raises(UsageError, match=r"\.: the results would be among these parts, in "):
            files.refuse_results(results)
    for results in (Path("../results"), Path(".results")):
        files.refuse_results(results)
    PartFiles.find(["part-1"]).refuse_results(Path("results"))


def test_standard_input_is_no_part() -> None:
    with pytest.raises(UsageError, match="standard input cannot be loaded together with other"):
        PartFiles.find(["a.csv", "-"])


def test_one_file_is_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(HEADER + LINES[0])
    with open_source(str(path)) as source:
        assert (source.parts, source.places.describe(2)) == ((), "row 2")
