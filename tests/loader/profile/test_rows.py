"""The statistics of the rows of a file, however it is split into chunks."""

import tempfile
from collections import Counter
from datetime import date
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.fields.mapping import ColumnMapping
from loader.options.load import LoadOptions
from loader.profile import frequent_values
from loader.profile import rows as profile_rows
from loader.profile.frequent_values import FrequentValues, by_bucket
from loader.profile.records import MOST_EXAMPLES, OddExample, RepeatedValue, RowStatistics
from loader.profile.rows import RowProfile, RowProfiler
from loader.profile.texts import Texts
from tests.support.oddities import find_oddities

TODAY = date(2026, 11, 22)
FIELDS = {"phone_number": "Tel", "first_name": "First", "state": "State", "email": "Mail"}


def frame(rows: list[list[str]], columns: list[str] | None = None) -> pd.DataFrame:
    read = pd.DataFrame(rows, columns=columns or [*FIELDS.values(), "Other"], dtype="str")
    return read.set_axis(pd.RangeIndex(2, 2 + len(read), name="row_number"))


def profile_of(
    chunks: list[pd.DataFrame],
    folder: Path,
    phones: list["pd.Series[str]"] | None = None,
    fields: dict[str, str] | None = None,
    **options: str,
) -> RowStatistics:
    mapping = ColumnMapping(FIELDS if fields is None else fields, ("Other",))
    profile = RowProfile(RowProfiler(mapping, LoadOptions(**options), TODAY), folder)
    for chunk in chunks:
        profile.add(profile.profiler.profile(chunk))
    for numbers in phones or []:
        kinds = pd.Series("MOBILE", index=numbers.index, dtype="str")
        given = pd.DataFrame({"phone_number": numbers, "number_type": kinds})
        profile.add_numbers(given, numbers.index[:0])
    statistics = profile.statistics()
    assert RowStatistics.model_validate_json(statistics.model_dump_json()) == statistics
    return statistics


def cut(rows: pd.DataFrame, sizes: list[int]) -> list[pd.DataFrame]:
    return [rows.iloc[start:end] for start, end in pairwise([0, *accumulate(sizes), len(rows)])]


def test_statistics(tmp_path: Path) -> None:
    rows = frame([
        ["3055550101", "JOHN", "Florida", "x", ""],
        ["3055550102", "Ann", "FL", " ", "\u00a0"],
        ["3055550101", "ANN", "Miami", "a@b.example", "o"],
        ["", "Ann ", "FL", "a@b.example", ""],
    ])  # fmt: skip
    assert profile_of([rows], tmp_path) == RowStatistics(
        rows=4,
        filled={"Tel": 3, "First": 4, "State": 4, "Mail": 3, "Other": 1},
        oddities={
            "NAME_IN_CAPITALS": 2, "STATE_IN_WORDS": 1, "CITY_IN_STATE": 1, "EMAIL_IMPOSSIBLE": 1
        },
        odd_rows=2,
        odd_examples={
            "NAME_IN_CAPITALS": [
                OddExample(row_number=2, field="first_name", value="JOHN"),
                OddExample(row_number=4, field="first_name", value="ANN"),
            ],
            "STATE_IN_WORDS": [OddExample(row_number=2, field="state", value="Florida")],
            "CITY_IN_STATE": [OddExample(row_number=4, field="state", value="Miami")],
            "EMAIL_IMPOSSIBLE": [OddExample(row_number=2, field="email", value="x")],
        },
        repeated={
            "phone_number": [RepeatedValue(value="3055550101", rows=2)],
            "first_name": [RepeatedValue(value="Ann", rows=2)],
            "email": [RepeatedValue(value="a@b.example", rows=2)],
        },
    )  # fmt: skip


def test_options_decide_how_values_are_read(tmp_path: Path) -> None:
    rows = frame([["1", "Bayern", "23.11.2008"]], ["Tel", "State", "Born"])
    fields = {"phone_number": "Tel", "state": "State", "date_of_birth": "Born"}
    assert profile_of([rows], tmp_path, fields=fields).oddities == {"CITY_IN_STATE": 1}
    for german in ({"default_region": "DE"}, {"phone_code": "49"}):
        assert profile_of([rows], tmp_path, fields=fields, **german).oddities == {}
    statistics = profile_of([rows], tmp_path, fields=fields, date_format="%d.%m.%Y")
    assert statistics.oddities == {"CITY_IN_STATE": 1, "UNDERAGE": 1}


def test_numbers_that_no_country_gives_out_are_odd(tmp_path: Path) -> None:
    mapping = ColumnMapping({"phone_number": "Phone", "first_name": "First"}, ())
    profile = RowProfile(RowProfiler(mapping, LoadOptions(), TODAY), tmp_path)
    rows = frame(
        [["1234567890", "ANN"], ["1234567891", "Bob"], ["7275551212", "CID"]], ["Phone", "First"]
    )
    counted = profile.profiler.profile(rows)
    profile.add(counted)
    kinds = pd.Series(["UNKNOWN", "UNKNOWN", "MOBILE"], index=rows.index, dtype="str")
    profile.add_numbers(
        pd.DataFrame({"phone_number": rows["Phone"], "number_type": kinds}), counted.odd
    )
    statistics = profile.statistics()
    assert statistics.oddities == {"NAME_IN_CAPITALS": 2, "NUMBER_NOT_GIVEN_OUT": 2}
    assert statistics.odd_rows == 3
    found = statistics.odd_examples["NUMBER_NOT_GIVEN_OUT"]
    assert [(each.row_number, each.value) for each in found] == [
        (2, "1234567890"),
        (3, "1234567891"),
    ]


def test_a_row_counts_once_for_an_oddity_in_two_fields(tmp_path: Path) -> None:
    rows = frame([["JOHN", "SMITH"], ["Ann", "LEE"]], ["First", "Last"])
    statistics = profile_of([rows], tmp_path, fields={"first_name": "First", "last_name": "Last"})
    assert (statistics.oddities, statistics.odd_rows) == ({"NAME_IN_CAPITALS": 2}, 2)
    examples = [
        (each.row_number, each.field) for each in statistics.odd_examples["NAME_IN_CAPITALS"]
    ]
    assert examples == [(2, "first_name"), (3, "last_name")]


def test_examples_are_the_first_rows_and_cut(tmp_path: Path) -> None:
    rows = frame([["1", "A" * 1000, "", "", ""]] * 20)
    examples = profile_of([rows.iloc[10:], rows.iloc[:10]], tmp_path).odd_examples[
        "NAME_IN_CAPITALS"
    ]
    assert [each.row_number for each in examples] == [*range(2, 2 + MOST_EXAMPLES)]
    assert {each.value for each in examples} == {"A" * profile_rows.LONGEST_EXAMPLE}


@pytest.mark.parametrize("chunks", [[], [frame([])]], ids=["none", "empty"])
def test_an_empty_file(chunks: list[pd.DataFrame], tmp_path: Path) -> None:
    filled = dict.fromkeys(chunks[0], 0) if chunks else {}
    none = [pd.Series([], dtype="str"), pd.Series([""], dtype="str")]
    assert profile_of(chunks, tmp_path, none) == RowStatistics(filled=filled)
    assert list(tmp_path.iterdir()) == []


def test_a_blank_column(tmp_path: Path) -> None:
    statistics = profile_of([frame([["", " ", "\t", "\u3000", ""]] * 3)], tmp_path)
    assert statistics == RowStatistics(rows=3, filled=dict.fromkeys([*FIELDS.values(), "Other"], 0))


def test_a_thousand_columns(tmp_path: Path) -> None:
    columns = [f"c{n}" for n in range(1000)]
    statistics = profile_of(
        [frame([["", *["x"] * 999]] * 5, columns)], tmp_path, fields={"email": "c1"}
    )
    assert statistics.filled == {"c0": 0} | dict.fromkeys(columns[1:], 5)
    assert statistics.oddities == {"EMAIL_IMPOSSIBLE": 5}


def test_one_column_may_fill_two_fields(tmp_path: Path) -> None:
    statistics = profile_of(
        [frame([["x"]] * 2, ["A"])], tmp_path, fields={"email": "A", "city": "A"}
    )
    assert list(statistics.repeated) == ["email", "city"]


VALUES = st.sampled_from(["", " ", "JOHN", "Ann", " Ann", "Florida", "Miami", "x", "a@b.example"])


@pytest.mark.property
@given(
    rows=st.lists(st.lists(VALUES, min_size=5, max_size=5), max_size=30),
    sizes=st.lists(st.integers(0, 9), max_size=5),
    bucket=st.integers(1, 8),
    kept=st.integers(1, 4),
)
def test_the_result_does_not_depend_on_chunks(
    rows: list[list[str]], sizes: list[int], bucket: int, kept: int
) -> None:
    whole = frame(rows)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(frequent_values, "ROWS_PER_BUCKET", bucket)
        patch.setattr(frequent_values, "MOST_TRACKED", kept)
        statistics = profile_of(cut(whole, sizes), Path(folder))
        assert statistics == profile_of([whole], Path(folder))
    odd = find_oddities(whole[[*FIELDS.values()]].set_axis([*FIELDS], axis="columns"), TODAY)
    assert statistics.rows == len(rows)
    assert statistics.filled == {name: int((whole[name].str.strip() != "").sum()) for name in whole}
    assert statistics.odd_rows == odd.index.nunique()
    assert statistics.oddities == {
        oddity: found.index.nunique() for oddity, found in odd.groupby("oddity")
    }
    for oddity, found in odd.groupby("oddity"):
        rows_shown = [each.row_number for each in statistics.odd_examples[str(oddity)]]
        assert rows_shown == found.index.unique()[:MOST_EXAMPLES].tolist()


# --- Frequent values ------------------------------------------------------------------------------


def most(values: list[str], size: int = 7, *, is_known: bool = True) -> list[tuple[str, int]]:
    counting = FrequentValues()
    for start in range(0, len(values), size):
        texts = Texts(pd.Series(values[start : start + size], dtype="str"))
        rows = range(start, start + len(texts.array))
        for bucket in by_bucket(texts, pd.Index(rows), rows if is_known else range(0)):
            counting.add(bucket)
    return [(each.value, each.rows) for each in counting.most_frequent()]


def counted(values: list[str]) -> "Counter[str]":
    return Counter(value.strip() for value in values if value.strip())


TEXTS = st.lists(st.sampled_from(["", " ", "\u00e9", *"abcdefghij", " a"]), max_size=120)


@pytest.mark.property
@given(TEXTS, st.integers(1, 9))
def test_few_values_are_counted_exactly(values: list[str], bucket: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frequent_values, "ROWS_PER_BUCKET", bucket)
        patch.setattr(frequent_values, "MOST_TRACKED", 11)
        statistics = most(values)
    known = [(value, rows) for value, rows in counted(values).items() if rows >= 2]
    assert (
        statistics
        == sorted(known, key=lambda each: (-each[1], each[0]))[: frequent_values.MOST_REPORTED]
    )


@pytest.mark.property
@given(TEXTS, st.integers(1, 9), st.integers(1, 20), st.booleans())
def test_most_frequent_values_do_not_depend_on_chunks(
    values: list[str], bucket: int, size: int, is_known: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frequent_values, "ROWS_PER_BUCKET", bucket)
        patch.setattr(frequent_values, "MOST_TRACKED", 3)
        assert most(values, size, is_known=is_known) == most(values, 1, is_known=False)


@pytest.mark.property
@given(TEXTS, st.integers(1, 9), st.integers(1, 6))
def test_counts_of_many_values_are_lower_bounds(values: list[str], bucket: int, kept: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frequent_values, "ROWS_PER_BUCKET", bucket)
        patch.setattr(frequent_values, "MOST_TRACKED", kept)
        patch.setattr(frequent_values, "MOST_REPORTED", kept)
        statistics, known = dict(most(values)), counted(values)
    missed = sum(known.values()) // (kept + 1)
    for value, rows in known.items():
        assert rows - missed <= statistics.get(value, 1) or rows - missed < 2
        assert statistics.get(value, 0) <= rows
    assert set(statistics) <= set(known)


def test_a_frequent_value_is_found_among_many(tmp_path: Path) -> None:
    values = [f"v{n}" for n in range(100_000)]
    values[::40] = ["often"] * 2500
    values[1::100] = ["sometimes"] * 1000
    statistics = most(values, 30_000)
    assert statistics[0] == ("often", 2500)
    assert statistics[1] == ("sometimes", 1000)


def test_long_values_are_compared_by_their_beginning() -> None:
    long = "x" * frequent_values.LONGEST_VALUE
    assert most([long, long + "y", long + "z"]) == [
        ("x" * (frequent_values.LONGEST_VALUE - 1) + "…", 2)
    ]


def test_memory_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frequent_values, "ROWS_PER_BUCKET", 1000)
    monkeypatch.setattr(frequent_values, "MOST_TRACKED", 100)
    profile = RowProfile(RowProfiler(ColumnMapping(FIELDS, ()), LoadOptions(), TODAY), tmp_path)
    before, held = pa.total_allocated_bytes(), []
    for n in range(0, 30_000, 1500):
        # Half of the values stand in every chunk, so that they are kept.
        texts = [f"{k if k % 2 else n + k:05d}{'x' * 500}" for k in range(1500)]
        rows = pd.DataFrame(dict.fromkeys(FIELDS.values(), texts), dtype="str")
        rows.index += n
        profile.add(profile.profiler.profile(rows))
        del rows
        del texts
        held.append(pa.total_allocated_bytes() - before)
    kept = len(FIELDS) * (100 + 1500) * (frequent_values.LONGEST_VALUE + 20)
    assert max(held[3:]) < 2 * kept, "the rest of a bucket, and what is kept"


# --- Repeated numbers -----------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.just(""),
    st.text("01", max_size=3),
    st.text("019", min_size=16, max_size=21),
    st.sampled_from(["3055550101", "03055550101", "305555010", "9" * 18, "9" * 19]),
)


@pytest.mark.property
@given(st.lists(st.lists(NUMBERS, max_size=12), max_size=6), st.integers(0, 8))
def test_repeated_numbers_are_counted_exactly(batches: list[list[str]], waiting: int) -> None:
    counts = Counter(number for batch in batches for number in batch if number)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(profile_rows, "NUMBERS_IN_MEMORY", waiting)
        phones = [pd.Series(batch, dtype="str") for batch in batches]
        statistics = profile_of([], Path(folder), phones).repeated_numbers
    assert statistics == sum(rows - 1 for rows in counts.values())


def test_many_numbers_are_stored_on_disk(tmp_path: Path) -> None:
    numbers = np.arange(400_000) % 300_000 + 2_000_000_000
    phones = [pd.Series(part.astype(str), dtype="str") for part in np.split(numbers, 10)]
    assert profile_of([], tmp_path, phones).repeated_numbers == 100_000
    files = list(tmp_path.iterdir())
    assert len(files) == profile_rows.NUMBER_FILES
    assert sum(file.stat().st_size for file in files) == 8 * len(numbers)


def test_a_number_repeats_however_it_is_written(tmp_path: Path) -> None:
    numbers = ["406-555-0150", "(406) 555 0150", "+1 406.555.0150", "14065550151", "", "none"]
    profiler = RowProfiler(ColumnMapping({"phone_number": "tel"}, ()), LoadOptions(), TODAY)
    profile = RowProfile(profiler, tmp_path)
    profile.add(profiler.profile(pd.DataFrame({"tel": numbers}, dtype="str")))
    assert profile.statistics().repeated == {
        "phone_number": [RepeatedValue(value="4065550150", rows=3)]
    }
