"""Comparison of a file with the previous one, and the sources of files."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import LoaderError, NoSuchFileError, UsageError
from loader.report.comparison import compare, read_summary, source_of
from loader.results.summary import Change
from tests.support.summaries import BEGAN, profile_of, summary_of, write_summary


def by_name(changes: list[Change]) -> dict[str, tuple[float | None, float | None]]:
    return {change.name: (change.before, change.now) for change in changes}


def test_two_files_are_compared() -> None:
    before = summary_of(
        "acme_1.csv", 100, {"BROKEN_QUOTE": 5, "PHONE_NUMBER_IN_FEED:courts": 5},
        profile=profile_of(80, 91.0, Mail=40, Gone=20), columns=["Phone", "Mail", "Gone"],
    )  # fmt: skip
    now = summary_of(
        "acme_2.csv", 200, {"DUPLICATE_PHONE_NUMBER_IN_LIST": 50, "BROKEN_QUOTE": 2, "NEWER": 1},
        profile=profile_of(160, 70.5, Mail=120, Came=16), columns=["Came", "Phone", "Mail"],
    )  # fmt: skip
    found = compare(before, now)
    assert (found.file, found.began) == ("acme_1.csv", BEGAN)
    assert (found.rows.before, found.rows.now) == (100, 200)
    assert (found.reject_rate.before, found.reject_rate.now) == (0.1, 0.265)
    assert (found.score.before, found.score.now) == (91.0, 70.5)
    assert list(by_name(found.reasons).items()) == [
        ("BROKEN_QUOTE", (0.05, 0.01)),
        ("PHONE_NUMBER_IN_FEED:courts", (0.05, 0.0)),
        ("DUPLICATE_PHONE_NUMBER_IN_LIST", (0.0, 0.25)),
        ("NEWER", (0.0, 0.005)),
    ]
    assert by_name(found.fill_rates) == {
        "phone_number": (1.0, 1.0),
        "email": (0.5, 0.75),
        "Zaphod": (1.0, 1.0),
        "Came": (None, 0.1),
        "Gone": (0.25, None),
    }
    assert (found.columns_came, found.columns_went) == (["Came"], ["Gone"])


def test_unknown_values_stay_unknown() -> None:
    found = compare(summary_of(rows=0, profile=None), summary_of(rows=10, reasons={"NO": 1}))
    assert (found.reject_rate.before, found.reject_rate.now) == (None, 0.1)
    assert (found.score.before, found.score.now) == (None, 90.0)
    assert by_name(found.reasons) == {"NO": (None, 0.1)}
    assert by_name(found.fill_rates)["email"] == (None, 1.0)


def test_a_field_wins_over_a_column_of_the_same_name() -> None:
    profile = profile_of(10, Mail=4, email=9)
    found = compare(summary_of(profile=profile), summary_of(profile=profile))
    assert by_name(found.fill_rates)["email"] == (0.4, 0.4)


def test_a_file_compared_with_itself_has_no_changes() -> None:
    summary = summary_of(reasons={"BROKEN_QUOTE": 5})
    found = compare(summary, summary)
    changes = [found.rows, found.reject_rate, found.score, *found.reasons, *found.fill_rates]
    assert all(change.before == change.now for change in changes)
    assert found.columns_came == found.columns_went == []


def test_a_summary_is_read_from_its_folder_or_by_itself(tmp_path: Path) -> None:
    summary = summary_of()
    folder = write_summary(tmp_path / "results", summary)
    assert read_summary(folder) == summary
    assert read_summary((folder / "summary.json").rename(tmp_path / "kept.json")) == summary


def test_a_summary_without_a_profile_is_read(tmp_path: Path) -> None:
    content = summary_of().model_dump(mode="json")
    for name in ("source", "sample_of", "reasons_all", "profile", "comparison"):
        del content[name]
    (tmp_path / "summary.json").write_text(json.dumps(content), "utf-8")
    assert read_summary(tmp_path).profile is None


def changed(**changes: Any) -> str:
    return json.dumps({**summary_of().model_dump(mode="json"), **changes})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("null", "no summary of an import"),
        ('{"job": "archive", "run": "x"}', "no summary of an import"),
        ('{"job": ["import"]}', "no summary of an import"),
        (changed(version=2, new=1), "later leadloader (version 2)"),
        (changed(new=1), "later leadloader (with new)"),
        (changed(rows_read=1), "do not add up"),
        (changed(began="yesterday"), "is damaged: began: "),
        (changed(seconds={"x": 1}).replace('"x": 1', '"x": NaN'), "is no JSON"),
    ],
    ids=["half", "empty", "deep", "null", "archive", "other job", "version", "newer field", "sum",
         "date", "NaN"],
)  # fmt: skip
def test_files_that_are_no_summary(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "summary.json"
    path.write_text(content, "utf-8")
    with pytest.raises(UsageError) as error:
        read_summary(tmp_path)
    assert str(path) in str(error.value)
    assert message in str(error.value)


def test_missing_summaries(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFileError, match=r"nothing\.json: No such file"):
        read_summary(tmp_path / "nothing.json")
    with pytest.raises(NoSuchFileError, match="not the results folder of a run"):
        read_summary(tmp_path)
    (tmp_path / ".work").mkdir()
    with pytest.raises(NoSuchFileError, match="the same command completes it"):
        read_summary(tmp_path)


def test_bytes_that_are_no_text_are_no_summary(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_bytes(b'{"job": "\xff\xfe"}')
    with pytest.raises(LoaderError, match="is no JSON"):
        read_summary(tmp_path)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ACME_leads_2026-11-21 (2).csv.gz", "acme leads"),
        ("/srv/drop/ACME leads 20261122T101500Z.xlsx", "acme leads"),
        ("C:\\drop\\acme-leads-3.TXT", "acme leads"),
        ("acme leads 21nov26.csv", "acme leads"),
        ("acme-leads-Nov-2026.csv", "acme leads"),
        ("acme_leads_march.csv", "acme leads"),
        ("acme leads v2.csv", "acme leads v2"),
        ("marching band 2.csv", "marching band"),
        ("May Leads.csv", "may leads"),
        ("march.csv", "march"),
        ("Grünwald_GmbH_7.csv", "grünwald gmbh"),
        ("联系人2026.csv", "联系人2026"),
        ("联系人20261121.csv", "联系人"),
        ("vendor1_20261121.csv", "vendor1"),
        ("24leads_21.11.2026.csv", "24leads"),
        ("leads4u.csv", "leads4u"),
        ("list101.csv", "list101"),
        ("list101_20261121.csv", "list101"),
        ("list_20261121.csv", "list"),
        ("list_101.csv", "list 101"),
        ("vendor_1_20261121_003.csv", "vendor 1"),
        ("vendor-7-11-21-2026.csv", "vendor 7"),
        ("vendor_12_20261121.csv", "vendor 12"),
        ("acme_003 (2).csv", "acme"),
        ("acme (1)(2).csv", "acme"),
        ("acme_727555.csv", "acme 727555"),
        ("acme_20261301.csv", "acme 20261301"),
        ("acme_7275550142.csv", "acme 7275550142"),
        ("acme_1795252500.csv", "acme"),
        ("acme_2026-Q4.csv", "acme"),
        ("acme 2026w47 leads.csv", "acme leads"),
        ("acme nov-21 leads.csv", "acme leads"),
        ("acme 2026 Nov leads 3.csv", "acme leads"),
        ("April Insurance 2026-11.csv", "april insurance"),
        ("101_20261121.csv", "101"),
        ("360 media 112126.csv", "360 media"),
        ("2026-11-21.csv", "2026-11-21"),
        (".csv", "csv"),
        ("..", ".."),
        ("", "file"),
        ("standard input", "standard input"),
    ],
)
def test_source_of_file_names(name: str, source: str) -> None:
    assert source_of(name) == source


@pytest.mark.property
@given(name=st.text(max_size=40))
def test_a_source_always_has_a_name(name: str) -> None:
    assert source_of(name).strip()


@pytest.mark.property
@given(
    name=st.sampled_from(["acme", "vendor1", "24leads", "leads4u", "solar 101", "grün 7 gmbh"]),
    moment=st.datetimes(datetime(2020, 1, 1), datetime(2039, 12, 31)),
    form=st.sampled_from(
        ["%Y-%m-%d", "%Y%m%d", "%Y_%m_%d", "%d.%m.%Y", "%m-%d-%Y", "%m%d%Y", "%d%m%Y", "%m %d %y",
         "%y%m%d", "%m%d%y", "%d%m%y", "%d%b%Y", "%d-%b-%y", "%B_%d", "%b %d, %Y", "%dth %B %Y",
         "%Y-%b-%d", "%b%Y", "%B %Y", "%Y%m", "%Y-%m", "%m.%Y", "%G-W%V", "%GW%V", "%Y",
         "%Y%m%d%H%M%S", "%Y%m%dT%H%M%SZ", "%Y-%m-%dT%H:%M:%S+01:00", "%Y-%m-%d_%H-%M-%S",
         "%Y-%m-%d %H.%M", "%d.%m.%Y %Hh%M", "%Y%m%d_%H%M", "%Y-%m-%d at %H.%M.%S", "%y%m%d-%H%M"]
    ),
    put=st.sampled_from(["{0}_{1}.csv", "{1} {0}.csv.gz", "{0} {1} (3).txt", "{0}-{1}_002.csv"]),
)  # fmt: skip
def test_files_of_all_days_are_of_one_source(
    name: str, moment: datetime, form: str, put: str
) -> None:
    assert source_of(put.format(name.upper(), moment.strftime(form))) == name


def test_long_names_take_no_longer_than_linear_time() -> None:
    began = time.monotonic()
    for text in ("_", "(1)", "1", "nov", "_ x", "2026 ", "20261121_", "march "):
        source_of(text * 20_000)
    assert time.monotonic() - began < 5
