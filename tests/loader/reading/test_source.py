import gzip
import hashlib
import io
import lzma
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loader.errors import NoSuchFileError, SourceFileError, UsageError
from loader.reading.layouts import LAYOUTS
from loader.reading.part_files import PartFiles
from loader.reading.read_options import ReadOptions
from loader.reading.source import SourceFile, open_parts, open_source

STANDARD = LAYOUTS["vicidial-standard"]
CSV = b"phone_number,first_name\n7275551111,Ana\n7275552222,Bo\n"
ROWS = [["7275551111", "Ana"], ["7275552222", "Bo"]]

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: bytes | str, name: str = "leads.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def rows_of(source: SourceFile) -> list[list[str]]:
    return [row for chunk in source.chunks() for row in chunk.rows.to_numpy().tolist()]


def numbers_of(source: SourceFile) -> list[int]:
    return [number for chunk in source.chunks() for number in chunk.rows.index.tolist()]


def message_of(path: str, options: ReadOptions | None = None) -> str:
    with pytest.raises(SourceFileError) as caught, open_source(path, options):
        pass
    return str(caught.value)


# --- what is known before the first row ----------------------------------------------------------


def test_properties_of_a_source_file(write: Write) -> None:
    path = write(CSV)
    with open_source(path) as source:
        assert source.name == path
        assert source.sha256 == hashlib.sha256(CSV).hexdigest()
        assert source.size == len(CSV)
        assert (source.compression, source.sheet) == (None, None)
        assert (source.encoding, source.bom) == ("utf-8", False)
        assert (source.delimiter, source.header) == (",", True)
        assert source.columns == ("phone_number", "first_name")
        assert source.sample.to_numpy().tolist() == ROWS
        assert source.sample.index.tolist() == [2, 3]


def test_chunks_can_be_read_again(write: Write) -> None:
    with open_source(write(CSV), ReadOptions(chunk_size=1)) as source:
        assert rows_of(source) == rows_of(source) == ROWS
        assert [chunk.bytes_read for chunk in source.chunks()] == [len(CSV)] * 2


def test_the_sample_is_the_first_thousand_records(write: Write) -> None:
    with open_source(write("phone\n" + "7275551111\n" * 3000)) as source:
        assert source.sample.index.tolist() == list(range(2, 1002))
        assert [len(chunk.rows) for chunk in source.chunks()] == [3000]


# --- compression ---------------------------------------------------------------------------------


def zipped(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target.getvalue()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    "zip": lambda data: zipped({"leads.csv": data}),
}


@pytest.mark.parametrize("kind", COMPRESS)
def test_compression_is_recognized_by_content(kind: str, write: Write) -> None:
    stored = COMPRESS[kind](CSV)
    with open_source(write(stored, "leads.csv")) as source:
        assert source.compression == kind
        assert (source.size, source.sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
        assert rows_of(source) == ROWS
        assert [chunk.bytes_read for chunk in source.chunks()] == [len(stored)]


@pytest.mark.parametrize(
    ("kind", "damage"),
    # pyarrow writes zstd without a checksum: that a byte was changed need not show.
    [
        (kind, damage)
        for kind in COMPRESS
        for damage in ("cut", "changed")
        if (kind, damage) != ("zst", "changed")
    ],
)
def test_a_damaged_file_gives_no_row(kind: str, damage: str, write: Write) -> None:
    leads = "".join(f"72755{number:05},Name {number * 7919 % 10007}\n" for number in range(9000))
    stored = bytearray(COMPRESS[kind](b"phone_number,first_name\n" + leads.encode()))
    if damage == "cut":
        del stored[-30:]
    else:
        stored[len(stored) // 2] ^= 0x55
    assert f"leads.csv: the {kind} file is damaged or incomplete" in message_of(
        write(bytes(stored))
    )


def test_two_gz_files_one_after_the_other(write: Write) -> None:
    with open_source(write(gzip.compress(CSV[:30]) + gzip.compress(CSV[30:]))) as source:
        assert rows_of(source) == ROWS


@pytest.mark.parametrize(
    ("members", "message"),
    [
        pytest.param({"a.csv": CSV, "b.csv": CSV}, "has 2 members (a.csv, b.csv)", id="two"),
        pytest.param({}, "has 0 members (none)", id="none"),
        pytest.param(
            {"a.zip": zipped({"b.csv": CSV})},
            "packed twice, there is a zip file in it",
            id="nested",
        ),
    ],
)
def test_a_zip_without_exactly_one_file(
    members: dict[str, bytes], message: str, write: Write
) -> None:
    assert message in message_of(write(zipped(members), "leads.zip"))


def test_a_zip_from_a_mac(write: Write) -> None:
    with open_source(
        write(zipped({"leads.csv": CSV, "__MACOSX/._leads.csv": b"\0\5\x16\7"}))
    ) as source:
        assert rows_of(source) == ROWS


def test_a_zip_with_a_password(write: Write) -> None:
    stored = bytearray(zipped({"leads.csv": CSV}))
    stored[6] |= 1
    stored[stored.index(b"PK\x01\x02") + 8] |= 1
    assert "the zip file has a password" in message_of(write(bytes(stored)))


# --- encodings -----------------------------------------------------------------------------------

NAMES = "phone,name\n7275551111,Renée Łukasz 李\n"


@pytest.mark.parametrize(
    ("content", "option", "encoding", "bom"),
    [
        pytest.param(NAMES.encode(), None, "utf-8", False, id="utf-8"),
        pytest.param(NAMES.encode("utf-8-sig"), None, "utf-8", True, id="utf-8-bom"),
        pytest.param(b"\xff\xfe" + NAMES.encode("utf-16-le"), None, "utf-16", True, id="utf-16-le"),
        pytest.param(b"\xfe\xff" + NAMES.encode("utf-16-be"), None, "utf-16", True, id="utf-16-be"),
        pytest.param(NAMES.encode("utf-32"), None, "utf-32", True, id="utf-32"),
        pytest.param(NAMES.encode("utf-8-sig"), "UTF8", "utf-8", True, id="utf-8-bom-named"),
        pytest.param(NAMES.encode("utf-8"), "utf-8-sig", "utf-8", False, id="utf-8-sig-named"),
        pytest.param(NAMES.encode("utf-16"), "utf-16", "utf-16", True, id="utf-16-named"),
        pytest.param(NAMES.encode("utf-16-le"), "utf-16-le", "utf-16-le", False, id="no-bom-named"),
        pytest.param(NAMES.encode("gb18030"), "gb18030", "gb18030", False, id="gb18030"),
    ],
)
@pytest.mark.parametrize("block_size", [1, 5, 1 << 20])
def test_encodings(
    *, content: bytes, option: str | None, encoding: str, bom: bool, block_size: int, write: Write
) -> None:
    options = ReadOptions(encoding=option, block_size=block_size)
    with open_source(write(content), options) as source:
        assert (source.encoding, source.bom) == (encoding, bom)
        assert source.columns == ("phone", "name")
        assert rows_of(source) == [["7275551111", "Renée Łukasz 李"]]


def test_a_windows_encoding_is_never_guessed(write: Write) -> None:
    path = write("phone,name\n7275551111,Ana\n7275552222,Ren\xe9e\n".encode("cp1252"))
    assert message_of(path) == (
        f"{path}: line 3: byte E9 in 'xxx\\xe9x' is not UTF-8;"
        " if the file comes from Windows Excel, add --encoding cp1252"
    )
    with open_source(path, ReadOptions(encoding="cp1252")) as source:
        assert rows_of(source)[1] == ["7275552222", "Renée"]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", [0, 1, 9_999, 100_000, 131_072])
def test_the_line_of_the_first_bad_byte(line_end: str, before: int, write: Write) -> None:
    lines = ["phone", *["7275551" for _ in range(before)], "\xe9", "7275552", "\xe9", ""]
    message = message_of(write(line_end.join(lines).encode("latin-1")))
    assert f"line {before + 2}: byte E9 in '\\xe9' is not UTF-8" in message


@pytest.mark.parametrize(
    ("content", "option", "parts"),
    [
        pytest.param(
            b"phone,name\n1,\x81\n",
            "cp1252",
            ["line 2: byte 81 in '\\x81' is not CP1252", "leave --encoding out for UTF-8"],
            id="not-the-named-one",
        ),
        pytest.param(
            b"phone,name\n1,\xc3",
            None,
            ["line 2: the file ends within a character (byte C3)"],
            id="cut-within-a-character",
        ),
        pytest.param(
            b"\xff\xfea\0\n\0\x00\xd8b\0", None, ["line 2: byte", "is not UTF-16"], id="utf-16"
        ),
        pytest.param(
            NAMES.encode("utf-8-sig"),
            "cp1252",
            ["starts with the byte order mark of utf-8; leave --encoding cp1252 out"],
            id="mark-says-otherwise",
        ),
        pytest.param(
            NAMES.encode("utf-16-le"),
            "utf-16",
            ["no byte order mark; say --encoding utf-16-le (or utf-16-be)"],
            id="utf-16-without-mark",
        ),
        pytest.param(
            NAMES.encode("utf-16-le"),
            None,
            ["line 1 has NUL bytes (00)", "add --encoding utf-16-le"],
            id="utf-16-le-unnamed",
        ),
        pytest.param(
            "phone,name\n1,a".encode("utf-16-be"),
            None,
            ["line 1 has NUL bytes (00)", "add --encoding utf-16-be"],
            id="utf-16-be-unnamed",
        ),
        pytest.param(CSV + b"7275553333,\0\n", None, ["line 4 has a NUL byte (00)"], id="nul"),
        pytest.param(CSV + b"\0\n\xff\n", None, ["line 4 has a NUL byte (00)"], id="binary"),
    ],
)
def test_bytes_that_are_no_text(
    content: bytes, option: str | None, parts: list[str], write: Write
) -> None:
    message = message_of(write(content), ReadOptions(encoding=option))
    assert [part for part in parts if part not in message] == []


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "idna", "unicode_escape", ""])
def test_unknown_encoding(name: str, write: Write) -> None:
    with (
        pytest.raises(UsageError, match=f"--encoding {name}: there is no such encoding"),
        open_source(write(CSV), ReadOptions(encoding=name)),
    ):
        pass


# --- files that are no lead files ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(gzip.compress(b""), "the file is empty", id="empty-gz"),
        pytest.param(b"\n\r\n\n", "the file has no rows, only blank lines", id="blank-lines"),
        pytest.param(b"\xef\xbb\xbf", "the file has no rows, only blank lines", id="only-a-bom"),
        pytest.param(b"%PDF-1.7\n%", "this is a PDF document; export the leads as CSV", id="pdf"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0", "this is a PNG image", id="png"),
        pytest.param(b"\xff\xd8\xff\xe0", "this is a JPEG image", id="jpeg"),
        pytest.param(b"SQLite format 3\0", "this is an SQLite database", id="sqlite"),
        pytest.param(b"\n<!DOCTYPE html><html>", "this is a web page", id="web-page"),
        pytest.param(gzip.compress(b"PAR1abc"), "this is a Parquet file", id="parquet-in-gz"),
        pytest.param(b"BZh91AY&SY", "this is a bzip2 file", id="bzip2"),
        pytest.param(zipped({"word/document.xml": b"x"}), "this is a text document", id="word"),
        pytest.param(
            b'phone,"name\n1,2\n',
            "row 1, the first, has a quote that is not closed",
            id="header-quote",
        ),
        pytest.param(
            b"x" * (17 << 20),
            "line 1 is longer than the 16 MB that max_line_size allows",
            id="endless-line",
        ),
        pytest.param(
            b"x" * (2 << 20) + b"\n1\n", "no line ends within the first 1 MiB", id="endless-header"
        ),
        pytest.param(
            b"c" + b",c" * 1000 + b"\n1\n",
            "it has 1,001 columns, and max_columns allows 1,000",
            id="columns",
        ),
    ],
)
def test_no_lead_file(content: bytes, message: str, write: Write) -> None:
    assert message in message_of(write(content))


def test_the_whole_file_is_checked_before_the_first_row(write: Write) -> None:
    content = CSV + b"7275553333,Cy\n" * 300_000 + b"7275554444,\xff\n"
    assert "line 300004: byte FF" in message_of(write(content))


def test_a_file_that_changes_is_not_read_on(write: Write) -> None:
    path = write(CSV * 1000)
    with open_source(path, ReadOptions(block_size=100, chunk_size=10)) as source:
        chunks = source.chunks()
        next(chunks)
        with Path(path).open("ab") as file:
            file.write(CSV)
        with pytest.raises(SourceFileError, match="was changed while it was read"):
            list(chunks)


# --- names ---------------------------------------------------------------------------------------


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match=r"none\.csv: No such file"):
        open_source(str(tmp_path / "none.csv")).__enter__()
    with pytest.raises(NoSuchFileError, match="Is a directory"):
        open_source(str(tmp_path)).__enter__()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(write: Write) -> None:
    path = write(CSV)
    Path(path).chmod(0)
    with pytest.raises(NoSuchFileError, match="Permission denied"):
        open_source(path).__enter__()


def test_standard_input_and_pipes(write: Write) -> None:
    program = (
        "import sys; from loader.reading.source import open_source\n"
        "with open_source(sys.argv[1]) as source:\n"
        "    rows = [list(row) for c in source.chunks() for row in c.rows.itertuples(name=None)]\n"
        "    print(source.name, source.size, source.compression, rows)"
    )
    with Path(write(gzip.compress(CSV))).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        done = subprocess.run(
            [sys.executable, "-c", program, "-"], stdin=file, capture_output=True, check=True
        )
    rows = "[[2, '7275551111', 'Ana'], [3, '7275552222', 'Bo']]"
    assert done.stdout.decode() == f"standard input {size} gz {rows}\n"
    done = subprocess.run(
        [sys.executable, "-c", program, "/dev/stdin"], input=CSV, capture_output=True, check=True
    )
    assert done.stdout.decode() == f"/dev/stdin {len(CSV)} None {rows}\n"


# --- delimiter, header, layout -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "content", "columns"),
    [
        pytest.param(";", "a,b;c\n1,2;3\n", ("a,b", "c"), id="wins"),
        pytest.param("tab", "a,b\tc\n1,2\t3\n", ("a,b", "c"), id="tab"),
        pytest.param("\\t", "a,b\tc\n1,2\t3\n", ("a,b", "c"), id="backslash-t"),
        pytest.param("\t", "a,b\tc\n1,2\t3\n", ("a,b", "c"), id="a-tab"),
        pytest.param("^", "a^b]\n1^2\n", ("a", "b]"), id="caret"),
        pytest.param("]", "a]b^\n1]2\n", ("a", "b^"), id="bracket"),
        pytest.param("\\", "a\\b\n1\\2\n", ("a", "b"), id="backslash"),
        pytest.param("|", "a,b\n1,2\n", ("a,b",), id="not-in-the-file"),
    ],
)
def test_delimiter_option(
    option: str, content: str, columns: tuple[str, ...], write: Write
) -> None:
    with open_source(write(content), ReadOptions(delimiter=option)) as source:
        assert source.columns == columns
        assert len(rows_of(source)) == 1


@pytest.mark.parametrize("option", [",,", '"', "\n", "é", "\0", "comma"])
def test_invalid_delimiter_option(option: str, write: Write) -> None:
    with (
        pytest.raises(UsageError, match="give one character"),
        open_source(write(CSV), ReadOptions(delimiter=option)),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "columns", "numbers"),
    [
        pytest.param(
            '"phone","first ""name"""\n1,2\n', ("phone", 'first "name"'), [2], id="quoted"
        ),
        pytest.param(
            'phone,"first\nname"\n1,2\n', ("phone", "first\nname"), [2], id="quoted-line-end"
        ),
        pytest.param("\n\nphone,name\n\n1,2\n\n", ("phone", "name"), [5], id="blank-lines"),
        pytest.param(
            "phone,,name,name\n1,2,3,4\n",
            ("phone", "column 2", "name", "name (2)"),
            [2],
            id="made-unique",
        ),
        pytest.param("phone,name\r\n1,2\r\n", ("phone", "name"), [2], id="crlf"),
        pytest.param("phone,name\r1,2\r", ("phone", "name"), [2], id="cr"),
        pytest.param("phone\n1\n\n2", ("phone",), [2, 4], id="one-column"),
    ],
)
@pytest.mark.parametrize("block_size", [1, 1 << 20])
def test_header(
    *, content: str, columns: tuple[str, ...], numbers: list[int], block_size: int, write: Write
) -> None:
    with open_source(write(content), ReadOptions(block_size=block_size)) as source:
        assert source.columns == columns
        assert numbers_of(source) == numbers


def test_no_header_is_an_error_that_shows_no_personal_data(write: Write) -> None:
    path = write("V1|SRC|101|1|7275551111|Mr|José|B|Smith\n")
    assert message_of(path) == (
        f"{path}: row 1 is no header, it has values: x9 | xxx | 999 | 9 | 9999999999 | xx | xxxx |"
        " x | ...; add a line with the names of the columns, or name them in their order by"
        " --columns phone_number,first_name,- (- is not used), or load with --layout"
        " vicidial-standard if they are in that order"
    )


@pytest.mark.parametrize("delimiter", ["|", "\t", ","])
def test_layout(delimiter: str, write: Write) -> None:
    full = [f"v{number}" for number in range(27)]
    records = [full[:5], full, full[:21], ["", *full, "28"], full[:1]]
    text = "".join(delimiter.join(record) + "\n" for record in records)
    with open_source(write(text), ReadOptions(layout=STANDARD)) as source:
        assert (source.delimiter, source.header, source.columns) == (delimiter, False, STANDARD)
        (chunk,) = source.chunks()
        assert chunk.rows.index.tolist() == [1, 2, 3, 5]
        assert chunk.rows.to_numpy().tolist() == [
            record + [""] * (27 - len(record)) for record in records if len(record) <= 27
        ]
        assert chunk.problems["reason"].to_dict() == {4: "TOO_MANY_FIELDS"}


def test_the_standard_layout() -> None:
    assert (len(STANDARD), len(set(STANDARD))) == (27, 27)
    assert [STANDARD.index(name) for name in ("phone_number", "email", "entry_date")] == [4, 20, 25]


def test_layout_of_a_file_with_header(write: Write) -> None:
    path = write("Phone Number,first_name\n7275551111,Ana\n")
    assert "row 1 is a header, it has first_name, phone_number; leave --layout out" in message_of(
        path, ReadOptions(layout=STANDARD)
    )


def test_a_value_that_is_a_name_of_the_layout_makes_no_header(write: Write) -> None:
    with open_source(write("V1,email,101,1,7275551111\n"), ReadOptions(layout=STANDARD)) as source:
        assert rows_of(source)[0][:5] == ["V1", "email", "101", "1", "7275551111"]


# --- as a whole ----------------------------------------------------------------------------------


@pytest.mark.property
@given(
    content=st.one_of(
        st.binary(max_size=80),
        st.text('ab1,;|\t"\r\n\ufeff\0é', max_size=80).map(str.encode),
        st.text('ab1,;|\t"\r\n', max_size=80).map(lambda text: ("a,b\n" + text).encode()),
    ),
    encoding=st.sampled_from([None, "cp1252", "utf-16-le", "utf-7", "shift_jis"]),
    layout=st.sampled_from([None, STANDARD]),
)
@example(b"\x1f\x8b", None, None)
@example(b"PK\x03\x04", None, None)
@example(b"+2AA-,a\n1", "utf-7", None)
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    encoding: str | None,
    layout: tuple[str, ...] | None,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    refusal = None
    chunks = []
    try:
        with open_source(str(path), ReadOptions(encoding=encoding, layout=layout)) as source:
            chunks = list(source.chunks())
    except SourceFileError as error:
        refusal = str(error)
    if refusal is not None:
        assert refusal.startswith(str(path))
    else:
        numbers = [
            number
            for chunk in chunks
            for number in sorted([*chunk.rows.index, *chunk.rejected.index])
        ]
        assert numbers == sorted(set(numbers))


def test_memory_is_flat(tmp_path: Path) -> None:
    program = (
        "import re, sys; from pathlib import Path; from loader.reading.source import open_source\n"
        "with open_source(sys.argv[1]) as source:\n"
        "    print(sum(len(chunk.rows) for chunk in source.chunks()))\n"
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
        read, peak = map(int, done.stdout.split())
        assert read == rows
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 40_000  # KiB; the file itself has 50 MB more


def test_a_pipe_without_a_writer_and_a_device_are_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loader.files.PATIENCE", 0)
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "pipe", "nobody writes into this pipe"),
        (Path("/dev/zero"), "it is a device"),
    ):
        with pytest.raises(NoSuchFileError, match=why), open_source(str(path)):
            pass


@pytest.mark.parametrize(
    "stored",
    [
        lambda text: text.encode(),
        lambda text: gzip.compress(text.encode()),
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
    ],
)
def test_the_size_of_the_text_is_that_of_no_packing(
    stored: Callable[[str], bytes], tmp_path: Path
) -> None:
    text = "phone_number,city\n" + "7275551212,Köln\n" * 500
    path = tmp_path / "leads.csv"
    path.write_bytes(stored(text))
    with open_source(str(path)) as source:
        assert source.text_size == len(text.encode())
    again = tmp_path / "more.csv"
    again.write_bytes(stored(text + "7275551213,Bonn\n"))
    parts = open_parts(PartFiles.find([str(path), str(again)]))
    assert parts.text_size == 2 * len(text.encode()) + len("7275551213,Bonn\n")
