"""Whatever comes in there is an answer, or an error of ours that is no bug of ours.

`make test` tries some inputs, `make fuzz` a million. An input is a file, a header, a cell of each
field, a phone number with its country, the options of a run, or a settings file.
"""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.settings import settings as settings_module
from jobs.settings.flags import FLAGS, OF_ALL
from jobs.settings.settings import read_settings
from loader.checks.clean import clean_fields
from loader.checks.phone_numbers import normalize_phones
from loader.errors import LoaderError
from loader.fields.lead import LEAD_FIELDS, usual_names
from loader.fields.mapping import map_columns
from loader.fields.recognition import field_namer
from loader.options.load import LoadOptions
from loader.reading.read_options import ReadOptions
from loader.reading.source import open_source

pytestmark = [pytest.mark.property, pytest.mark.usefixtures("fuzz_round")]

TODAY = date(2026, 11, 22)
PIECES = (
    "7275551212", "+1 (727) 555-1212", "001", "7.27556E+09", "#N/A", "ext", "x12", "\u0667", "-",
    "US", "GB", "NA", "2026-02-29", "31/12/1980", "0000-00-00", "12:61", "Y", "N", "NEW", "101",
    "-1", "1e400", "NaN", "null", "'", '"', "\\", "\x00", "\x1b[2J", "\u202e", "\u200b", "\ufeff",
    "\U0001f600", "\ud800", "é", "ß", "İ", "ﬁ", "%s", "{}", "${x}", "../", "a@b.c", "A" * 300,
    "9" * 400, " ", "\t", "\n", "\r\n", ",", ";", "|", "=cmd()", "!", "_", "first name", "phone",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=4).map("".join)
CELLS = TEXTS.map(lambda text: text.encode("utf-8", "replace").decode())


@contextlib.contextmanager
def no_bug() -> Iterator[None]:
    """Take errors that a user is told of, but for the one that says it is a bug of ours."""
    try:
        yield
    except LoaderError as error:
        if error.exit_code == LoaderError.exit_code or not str(error):
            raise


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(settings_module, "ASTGUICLIENT_CONF", folder / "astguiclient.conf")
        yield folder


# --- reading ---

HEADS = (b"phone_number,first_name\n", b"phone;name\r\n", b"PK\x03\x04", b"\x1f\x8b", b"\xff\xfe",
         b"\xef\xbb\xbf", b"BZh9", b"(\xb5/\xfd", b"\xfd7zXZ\x00", b"\xd0\xcf\x11\xe0", b"%PDF",
         b"<html>", b"\x00")  # fmt: skip
BYTES = (
    st.sampled_from(HEADS)
    | st.binary(max_size=6)
    | CELLS.map(str.encode)
    | TEXTS.map(lambda text: text.encode("utf-16-le", "replace"))
)
DELIMITERS = st.sampled_from([None, ",", ";", "|", "\t", " ", '"'])
ENCODINGS = st.sampled_from([None, "utf-8", "cp1252", "mixed", "utf-16", "nothing"])


@pytest.mark.fuzz_rounds(30)
@given(
    parts=st.lists(BYTES, max_size=12),
    delimiter=DELIMITERS,
    encoding=ENCODINGS,
    header=st.sampled_from([None, True, False]),
    name=st.sampled_from(["a.csv", "a.gz", "a.xlsx", "a.zip", "a"]),
    block_size=st.sampled_from([7, 1 << 20]),
)
def test_reading(
    folder: Path,
    parts: list[bytes],
    delimiter: str | None,
    encoding: str | None,
    header: bool | None,
    name: str,
    block_size: int,
) -> None:
    path = folder / name
    path.write_bytes(b"".join(parts))
    options = ReadOptions(
        delimiter=delimiter, encoding=encoding, header=header, field_of=field_namer(),
        block_size=block_size, chunk_size=3,
    )  # fmt: skip
    with no_bug(), open_source(str(path), options) as source:
        for chunk in source.chunks():
            assert [*chunk.rows.columns] == [*source.columns]


# --- mapping ---

NAMES = st.sampled_from(sorted(usual_names())) | CELLS


@pytest.mark.fuzz_rounds(30)
@given(
    columns=st.lists(NAMES, min_size=1, max_size=12, unique=True),
    explicit=st.dictionaries(st.sampled_from(LEAD_FIELDS) | CELLS, NAMES, max_size=3),
    labels=st.lists(CELLS, max_size=3),
)
def test_mapping(columns: list[str], explicit: dict[str, str], labels: list[str]) -> None:
    with no_bug():
        mapping = map_columns("leads.csv", columns, explicit, labels=labels)
        assert {*mapping.fields.values()} <= {*columns}


# --- cleaning and phones ---


def options_of(given: dict[str, str]) -> LoadOptions:
    return LoadOptions.model_validate(given)


ROW_OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "unstorable": st.sampled_from(["notice", "reject"]),
        "trim": st.sampled_from(["Y", "N"]),
        "phone_format": st.sampled_from(["national", "as-given"]),
        "default_region": st.sampled_from(["US", "GB", "DE", "PL"]),
        "phone_code": st.sampled_from(["1", "44", "48"]),
    },
)


def rows_of(values: dict[str, Sequence[str]]) -> pd.DataFrame:
    rows = pd.DataFrame(values, dtype="str")
    rows.index = pd.RangeIndex(2, 2 + len(rows), name="row_number")
    return rows


@pytest.mark.fuzz_rounds(3)
@given(batch=st.lists(CELLS, min_size=60, max_size=120), options=ROW_OPTIONS)
def test_cleaning(batch: list[str], options: dict[str, str]) -> None:
    """Each text stands in all fields."""
    rows = rows_of(dict.fromkeys([name for name in LEAD_FIELDS if name != "gmt_offset_now"], batch))
    leads, rejected, noticed = clean_fields(rows, options_of(options), {}, TODAY)
    assert leads.index.equals(rows.index)
    assert {*rejected.index} | {*noticed.index} <= {*rows.index}


NUMBERS = st.text("0123456789 ()+-./x#,٣", max_size=24) | CELLS
BESIDE = {
    "alt_phone": NUMBERS,
    "phone_code": NUMBERS | st.just(""),
    "country_code": CELLS | st.just(""),
    "state": CELLS,
}


@pytest.mark.fuzz_rounds(2)
@given(
    batch=st.lists(NUMBERS, min_size=100, max_size=200),
    beside=st.fixed_dictionaries(
        {name: st.lists(values, min_size=1, max_size=20) for name, values in BESIDE.items()}
    ),
    options=ROW_OPTIONS,
    decimals=st.booleans(),
)
def test_phones(
    batch: list[str], beside: dict[str, list[str]], options: dict[str, str], decimals: bool
) -> None:
    """Each number stands beside other fields, which take turns."""
    wanted = options_of(options)
    turns = {name: list(islice(cycle(values), len(batch))) for name, values in beside.items()}
    rows = rows_of({"phone_number": batch, **turns})
    cleaned, _, _ = clean_fields(rows, wanted, {}, TODAY)
    leads, _, rejected, _ = normalize_phones(cleaned, wanted, decimals=decimals, columns={})
    assert {*leads.index} | {*rejected.index} == {*rows.index}


# --- options and settings ---

TABLES = ("feed", "archive", "archive.a", "nightly", "office_hours", "notify", "x", "a.b.c")
OPTIONS = sorted(flag.name for flag in FLAGS)
VALUES_OF_OPTIONS = CELLS | st.sampled_from(["Y", "N", "5", "2s", "DUPLIST", "a=b", "0", "-1"])
KEYS = st.sampled_from(sorted({*LoadOptions.model_fields, *OF_ALL, *TABLES})) | CELLS


@pytest.mark.fuzz_rounds(30)
@given(flags=st.dictionaries(st.sampled_from(OPTIONS), VALUES_OF_OPTIONS, max_size=3))
def test_options(flags: dict[str, str]) -> None:
    with no_bug():
        read_settings(flags, None)


VALUES: st.SearchStrategy[Any] = (
    CELLS.map(repr)
    | st.integers(-(10**20), 10**20).map(str)
    | st.floats().map(str)
    | st.sampled_from(
        ["true", "false", "[]", "{}", "2026-01-01", "07:00", '"2s"', "[[1], {a = 1}]"]
    )
)
LINES = (
    st.tuples(KEYS, VALUES).map(" = ".join)
    | st.sampled_from(TABLES).map("[{}]".format)
    | st.sampled_from(["source", "x"]).map("[[{}]]".format)
    | CELLS
)


@pytest.mark.fuzz_rounds(30)
@given(lines=st.lists(LINES, max_size=5))
def test_settings(folder: Path, lines: list[str]) -> None:
    path = folder / "site.toml"
    path.write_text("\n".join(lines), "utf-8")
    with no_bug():
        read_settings({}, path)
