"""Feeds: their formats and errors, and the leads that they contain."""

import gzip
import os
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from loader.checks.rules import on_feeds
from loader.dialer import Lookups
from loader.errors import FeedFileError, LoaderError, NoSuchFileError, SourceFileError, UsageError
from loader.feeds.feed import Feed, feed_remarks, find_in_feeds
from loader.feeds.files import read_feeds
from loader.frames import sorted_numbers
from loader.frames.sorted_numbers import sort_on_disk
from loader.options.load import LoadOptions
from loader.phones.forms import lead_numbers
from loader.reasons import Reason
from loader.results.wording import add_lead_answers, finding_details, reason_names
from tests.support.workbooks import xlsx

DAY = 86_400
BARE = "7275551212\n8135550001\n"
READ = [17275551212, 18135550001]


def read(path: Path, **options: Any) -> Feed:
    (feed,) = read_feeds(LoadOptions(feed={"litigators": path}, **options), path.parent)
    return feed


def written(folder: Path, content: str | bytes, name: str = "numbers.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(BARE, id="numbers-alone"),
        pytest.param("8135550001\r\n7275551212", id="unsorted-windows-no-last-line-end"),
        pytest.param("Phone\n" + BARE, id="header"),
        pytest.param("litigator\n" + BARE, id="only-column-of-any-name"),
        pytest.param("name,Telephone,state\nAnn,7275551212,FL\nBob,8135550001,\n", id="table"),
        pytest.param("name;phone_number\nAnn;(727) 555-1212\nBob;813.555.0001\n", id="written"),
        pytest.param("state,st,phone\n1,2,7275551212\n1,2,8135550001\n", id="other-columns"),
        pytest.param("+17275551212\n1 813 555 0001\n17275551212\n", id="country-code"),
        pytest.param("phone\n7275551212.0\n8135550001.0\n", id="float-column"),
        pytest.param("phone\n7275551212.0\n8135550001\n", id="one-decimal"),
        pytest.param('phone\n"7275551212,00"\n+18135550001.0\n', id="comma-and-plus"),
        pytest.param("phone,n\n7275551212,1\n,2\n  ,3\n\n8135550001,5\n", id="blank"),
        pytest.param("phone,phone2,phone 3\n7275551212,,\n,,8135550001\n", id="three-columns"),
        pytest.param("Mobile 1;Mobile 2;x\n7275551212;8135550001;a\n", id="numbered-columns"),
        pytest.param("7275551212,\n8135550001,\n", id="delimiter-at-the-end"),
        pytest.param("7275551212,8135550001\n,\n7275551212,\n", id="two-columns-no-header"),
        pytest.param("phone,cell\n7275551212,\n,8135550001\n", id="two-columns"),
        pytest.param("phone,name,phone 2\n7275551212,A,8135550001\n", id="alternate-number"),
        pytest.param("phone\n727\u00b7555\u00b71212\n813_555_0001\n", id="separators"),
        pytest.param("phone\n7275551212 / 8135550001\n", id="two-numbers-in-a-cell"),
        pytest.param("phone\n7275551212 ::: 8135550001\nnone\n", id="two-and-none"),
        pytest.param("sep=;\nphone;x\n7275551212;1\n8135550001;2\n", id="sep-line"),
        pytest.param("Do not call\n\nname,phone\nA,7275551212\nB,8135550001\n", id="title"),
        pytest.param("phone\n7275551212 Handy\nTel: 8135550001\n", id="words"),
        pytest.param("phone\n0017275551212\n8135550001 x12\n", id="zeros-and-extension"),
        pytest.param("phone,name\n7275551212,José\n8135550001,Zoë".encode("cp1252"), id="cp1252"),
        pytest.param(
            "phone,n\n7275551212,é\n".encode() + b"8135550001,\xe9\n", id="utf-8-and-cp1252"
        ),
        pytest.param(
            "n,Téléphone\né,7275551212\n".encode() + b"\xe9,8135550001\n", id="mixed-with-header"
        ),
        pytest.param("phone,n\n7275551212,é\n".encode() + b"8135550001,\x81\xff\n", id="any-bytes"),
        pytest.param(b"Num\xe9ro\n7275551212\n8135550001\n", id="header-in-latin-1"),
        pytest.param("\ufeff" + BARE, id="bom-no-header"),
        pytest.param("\ufeffphone\n" + BARE, id="bom"),
        pytest.param(gzip.compress(BARE.encode()), id="gz"),
        pytest.param(("phone\n" + BARE).encode("utf-16"), id="utf-16"),
    ],
)
def test_numbers_of_a_file(content: str | bytes, tmp_path: Path) -> None:
    feed = read(written(tmp_path, content))
    assert feed.numbers.tolist() == READ
    assert (feed.name, feed.age) == ("litigators", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["numbers.csv"]


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ("555-1212", "row 3: '999-9999' is no phone number"),
        ("12", "row 3: '99' is no phone number"),
        (
            "8.13556E+09",
            r"row 3: '9\.99999x\+99' was shortened .*export the column of numbers as te",
        ),
        ("8135550001.5", r"row 3: '9999999999\.9' is no phone number"),
        ("612345678", r"row 3: .* region US.*country by \+"),
        ("449999999999999", r"row 3: .* region US.*country by \+"),
        ("0123456789012", r"row 3: .* region US"),
        ("727555XXXX", r"row 3: '727555XXXX' stands for many numbers.*727XXXXXXX"),
        ("72XXXXXXXX", r"row 3: .* stands for many numbers"),
        ("999727xxxxxxx", r"row 3: .* stands for many numbers"),
        ('"8135550001', "row 3: a quote is not closed.*: close the quote"),
        (",8135550001,x,y", "row 3: 4 fields instead of 2"),
        ("8135550001,x,y", "row 3: 3 fields instead of 2"),
        ("8135550001,7275551213,8135551212", "row 3: 3 fields instead of 2.*quote"),
        ("Ann\nx\ny\nz\nzz", "row 3: .*, row 4: .*, row 5: .*, and 2 more values. A feed is used"),
    ],
)
def test_a_feed_is_read_whole_or_not_at_all(rows: str, error: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"phone,n\n7275551212,1\n{rows}\n".replace("\n12\n", "\n12,2\n"))
    if "," not in rows and '"' not in rows:
        lines = "".join(f"{row},2\n" for row in rows.split("\n"))
        path = written(tmp_path, f"phone,n\n7275551212,1\n{lines}")
    with pytest.raises(FeedFileError, match=f"^feed litigators: .*numbers.csv: {error}") as raised:
        read(path)
    assert "8135550001" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "feed", "numbers"),
    [
        ("Ann,7275551212\nBob,8135550001\n", {"column": 2, "header": False}, READ),
        ("a,b\n1,7275551212\n2,8135550001\n", {"column": "b"}, READ),
        ("a,B c\n1,7275551212\n2,8135550001\n", {"column": "b_c"}, READ),
        ("a,b\n1,7275551212\n2,8135550001\n", {"column": [2]}, READ),
        ("a,b\n7275551212,\n,8135550001\n", {"column": ["a", 2]}, READ),
        ("phone,phone 2\n7275551212,n/a\n8135550001,\n", {"column": "phone"}, READ),
        ("1-800-FLOWERS\n7275551212\n", {"header": False}, [17275551212, 18003569377]),
        ("2024010100\n7275551212\n8135550001\n", {"header": True}, READ),
        ("phone;n\n7275551212;\u0416\n8135550001;".encode("cp1251"), {"encoding": "cp1251"}, READ),
        ("phone\n7275551212\n8135550001".encode("utf-16-le"), {"encoding": "utf-16-le"}, READ),
    ],
)
def test_the_settings_say_how_a_feed_is_read(
    content: str | bytes, feed: dict[str, Any], numbers: list[int], tmp_path: Path
) -> None:
    path = written(tmp_path, content)
    options = LoadOptions(feed={"litigators": {"file": path, **feed}})
    assert read_feeds(options, tmp_path)[0].numbers.tolist() == numbers
    assert LoadOptions(**options.model_dump()) == options


@pytest.mark.parametrize(
    ("content", "options", "error"),
    [
        (
            "Ann,7275551212\n",
            {},
            r"row 1: 'xxx' is .*settings: feed\.litigators = \{.*header = fal",
        ),
        ("a,b\n1,2\n", {}, r"which of the columns.*feed\.litigators = \{.*column = \"a\"\}"),
        ("1-800-FLOWERS\n7275551212\n", {}, r"may be a header or not.*header = false\}"),
        ("7275551212 Ann\n8135550001\n", {}, r"may be a header or not.*header = false\}"),
        ("a,b\n1,2\n", {"column": "c"}, "it has no column 'c'; it has 'a', 'b'"),
        ("a,b\n1,2\n", {"column": 3}, "it has no column 3; its first row has 2"),
        ("1,2\n", {"column": "c", "header": False}, "no header; give the column by its number"),
        ("phone\n7275551212,7275551213,8135551212\n", {}, "row 2: 3 fields instead of 1"),
        ("phone,a,b\n7275551212,x\n", {}, "row 2: 2 fields instead of 3.*add the missing"),
        (
            "phone_number,alt_phone,address3\n7275551212,,8135550001\n",
            {},
            r"'address3' has numbers.*column = \[.phone_number., .alt_phone., .address3.\]\}; or",
        ),
        (b"phone\n\xe9\n", {"encoding": "ascii"}, "not ASCII; .* leave --feed-encoding out"),
    ],
)
def test_the_advice_can_be_followed(
    content: str | bytes, options: dict[str, Any], error: str, tmp_path: Path
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(FeedFileError, match=error):
        read_feeds(LoadOptions(feed={"litigators": {"file": path, **options}}), tmp_path)


def test_the_encoding_of_all_feeds(tmp_path: Path) -> None:
    path = written(tmp_path, ("phone\n" + BARE).encode("utf-16-be"))
    assert read(path, feed_encoding="utf-16-be").numbers.tolist() == READ
    with pytest.raises(FeedFileError, match="add --feed-encoding utf-16-be"):
        read(path)
    with pytest.raises(ValidationError, match="'utf-99' is no encoding"):
        read(path, feed_encoding="utf-99")


@pytest.mark.parametrize(
    ("number", "options", "digits"),
    [
        pytest.param("7275551212", {}, 17275551212, id="default"),
        pytest.param("020 7946 0018", {"default_region": "GB"}, 442079460018, id="region"),
        pytest.param("020 7946 0018", {"phone_code": "44"}, 442079460018, id="phone-code"),
        pytest.param("02079460018", {"force_phone_code": "44"}, 442079460018, id="force"),
        pytest.param("+44 20 7946 0018", {}, 442079460018, id="international"),
        pytest.param("06 12345678", {"default_region": "IT"}, 390612345678, id="leading-zero"),
    ],
)
def test_numbers_are_those_of_their_country(
    number: str, options: dict[str, str], digits: int, tmp_path: Path
) -> None:
    assert read(written(tmp_path, f"phone\n{number}\n"), **options).numbers.tolist() == [digits]


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        pytest.param(None, NoSuchFileError, "No such file", id="missing"),
        pytest.param("", SourceFileError, "the file is empty", id="empty"),
        pytest.param("phone_number\n", SourceFileError, "litigators: .*: ", id="header-only"),
        pytest.param("name\nAnn\nBob\n", SourceFileError, "row 2: 'xxx' is no phone", id="none"),
        pytest.param("name\n \n", SourceFileError, "is it the right file", id="blank"),
        pytest.param("a,b\n1,2\n", SourceFileError, "which of the columns 'a', 'b'", id="which"),
        pytest.param(b"\x1f\x8b\x08\x00damaged", SourceFileError, "damaged", id="damaged"),
        pytest.param(b"%PDF-1.7", SourceFileError, "a PDF document", id="pdf"),
    ],
)
def test_files_that_are_no_feeds(
    content: str | bytes | None, error: type[LoaderError], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "numbers.csv" if content is None else written(tmp_path, content)
    with pytest.raises(error, match=said) as raised:
        read(path)
    assert str(raised.value).startswith("feed litigators: ")
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a;b", "é", "a\n"])
def test_names_that_no_feed_can_have(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, BARE)
    with pytest.raises(UsageError, match="letters, digits, - and _ only"):
        read_feeds(LoadOptions(feed={name: path}), tmp_path)


def test_folders_and_pipes_are_no_feeds(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(NoSuchFileError, match=r"feed litigators: .* a feed has to be a file"):
            read(path)


@pytest.mark.parametrize(
    ("hours", "most", "fits"),
    [(0, 0, False), (0, 1, True), (71, 3, True), (73, 3, False), (1000, None, True), (-5, 0, True)],
)
def test_feeds_that_are_too_old(hours: int, most: int | None, fits: bool, tmp_path: Path) -> None:
    path = written(tmp_path, BARE)
    then = time.time() - hours * 3600 - 1
    os.utime(path, (then, then))
    if fits:
        assert read(path, feed_max_age=most).age == max(hours, 0) // 24
    else:
        with pytest.raises(
            SourceFileError, match=rf"litigators: .*{hours / 24:.1f} days ago.*allows {most};.*new"
        ):
            read(path, feed_max_age=most)


def test_a_spreadsheet_is_a_feed(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    path = tmp_path / "numbers.xlsx"
    path.write_bytes(
        xlsx({"A": [["Name", "Phone"], ["Ann", 7275551212.0], ["Bob", "813 555-0001"]]})
    )
    assert read(path).numbers.tolist() == READ


def test_remarks(tmp_path: Path) -> None:
    path = written(tmp_path, "phone\n" + "\n".join(map(str, range(7275550000, 7275552345))))
    one = written(tmp_path, b"phone,n\n7275551212.0,\xe9\n8135550001,\n8135550002,\n", "one.csv")
    then = time.time() - 3.5 * DAY
    os.utime(path, (then, then))
    os.utime(one, (then + 2 * DAY, then + 2 * DAY))
    feeds = read_feeds(LoadOptions(feed={"tps": path, "one": one, "two": one}), tmp_path)
    assert feed_remarks(feeds)[:2] == [
        "feed tps: 2,345 numbers, 3 days old",
        "feed one: 3 numbers, 1 day old, not all of it is UTF-8, 1 value had decimal zeros",
    ]
    assert [feed.name for feed in feeds] == ["tps", "one", "two"]
    assert feed_remarks([]) == []


def leads(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Give leads of phone_code, phone_number, calling_code, national_number."""
    names = ["phone_code", "phone_number", "calling_code", "national_number"]
    index = pd.RangeIndex(2, 2 + 3 * len(rows), 3, name="row_number")
    return pd.DataFrame(list(rows), columns=names, index=index, dtype="str")


@pytest.mark.parametrize(
    ("row", "is_in"),
    [
        pytest.param(("1", "7275551212", "1", "7275551212"), True, id="parsed"),
        pytest.param(("1", "17275551212", "1", "7275551212"), True, id="parsed-as-given"),
        pytest.param(("44", "7275551212", "1", "7275551212"), True, id="its-own-country"),
        pytest.param(("1", "7275551212", "", "7275551212"), True, id="not-parsed"),
        pytest.param(("001", "7275551212", "", "7275551212"), True, id="zeros"),
        pytest.param(("", "17275551212", "", "17275551212"), True, id="no-code"),
        pytest.param(("1", "7275551213", "1", "7275551213"), False, id="other"),
        pytest.param(("44", "7275551212", "44", "7275551212"), True, id="other-country"),
        pytest.param(("44", "7275551213", "44", "7275551213"), False, id="other-in-other-country"),
        pytest.param(("", "", "", ""), False, id="nothing"),
        pytest.param(("1", "9" * 30, "", "9" * 30), False, id="too-long"),
        pytest.param(("9" * 10, "9" * 9, "", "9" * 9), False, id="largest"),
        pytest.param(("1", "\u0667\u0662", "", "\u0667\u0662"), False, id="other-digits"),
        pytest.param(("", "0", "", "0"), False, id="zero"),
    ],
)
def test_which_leads_a_feed_contains(
    row: tuple[str, str, str, str], is_in: bool, tmp_path: Path
) -> None:
    assert read(written(tmp_path, BARE)).contains(lead_numbers(leads(row))).to_dict() == {2: is_in}


def lead(code: str, sent: str, national: str) -> pd.DataFrame:
    row = {
        "phone_code": code, "phone_number": national, "number_sent": sent, "calling_code": code,
        "national_number": national, "number_type": "MOBILE",
    }  # fmt: skip
    return lead_numbers(pd.DataFrame([row], dtype="str"))


GB = ("44", "07911123456", "7911123456")


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("listed", "row", "is_in"),
    [
        ("7911123456", GB, True),
        ("447911123456", GB, True),
        ("07911123456", GB, True),
        ("07911 123456", GB, True),
        ("44 7911 123456 mobile", GB, True),
        ("00447911123456", GB, True),
        ("+447911123456", GB, True),
        ("+17911123456", GB, False),
        ("7911123457", GB, False),
        ("7911123456", ("1", "7911123456", "7911123456"), True),
        ("+447911123456", ("1", "7911123456", "7911123456"), False),
        ("4915112345678", ("49", "15112345678", "15112345678"), True),
        ("015112345678", ("49", "15112345678", "15112345678"), True),
        ("15112345678", ("49", "4915112345678", "4915112345678"), True),
        ("+4915112345678", ("49", "4915112345678", "4915112345678"), True),
        ("+49 151 12345678", ("49", "015112345678", "15112345678"), True),
        ("+49 151 12345678", ("49", "015112345679", "15112345679"), False),
        ("33612345678", ("33", "0612345678", "612345678"), True),
        ("0612345678", ("33", "0612345678", "612345678"), True),
        ("17275551212", ("86", "17275551212", "17275551212"), True),
        ("+17275551212", ("86", "17275551212", "17275551212"), False),
    ],
)
@pytest.mark.parametrize("options", [{}, {"phone_code": "49"}])
def test_numbers_of_several_countries(
    listed: str, row: tuple[str, str, str], is_in: bool, options: dict[str, str], tmp_path: Path
) -> None:
    path = written(tmp_path, f"phone\n{listed}\n+17275550000\n")
    try:
        feed = read(path, **options)
    except FeedFileError:
        # What cannot be a number of the region is one of another country for sure, or refused.
        assert options
        assert not listed.startswith("+")
    else:
        assert feed.contains(lead(*row)).tolist() == [is_in]


@pytest.mark.sample(3)
@pytest.mark.parametrize("area", ["727XXXXXXX", "727xxxxxxx", "1727XXXXXXX", "+1 727-XXX-XXXX"])
@pytest.mark.parametrize("before", ["", "phone\n", "phone,n\n8135550001,x\n"])
def test_whole_areas(area: str, before: str, tmp_path: Path) -> None:
    feed = read(written(tmp_path, f"{before}{area}{',y' * before.count('x')}\n"))
    assert feed.areas == {"1727"}
    assert feed.notes == ("1 whole area",)
    numbers = [lead("1", "17275551212", "7275551212"), lead("1", "7285551212", "7285551212"),
               lead("49", "72755512", "72755512")]  # fmt: skip
    assert feed.contains(pd.concat(numbers, ignore_index=True)).tolist() == [True, False, False]


def test_whole_areas_of_other_countries(tmp_path: Path) -> None:
    feed = read(written(tmp_path, "phone\n0151XXXXXXX\n"), phone_code="49")
    assert feed.contains(lead("49", "4915112345678", "4915112345678")).tolist() == [True]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("header", "value", "is_refused"),
    [
        ("other", "8135550001", True),
        ("Caller ID", "(813) 555-0001", True),
        ("home no", "+1 813 555 0001", True),
        ("address3", "+44 20 7946 0018", True),
        ("address3", "Suite 5", False),
        ("since", "2024-01-31", False),
        ("since", "20240131", False),
        ("since", "2024013112", False),
        ("since", "01/31/2024", False),
        ("listed on", "2024-01-31 10:11:12", False),
        ("zip", "337015521", False),
        ("where", "33701-5521", False),
        ("record id", "2125550100", False),
        ("customer_number", "2125550100", False),
        ("updated", "2024053112", False),
        ("epoch", "1700000000", False),
        ("ssn", "219-09-9999", False),
        ("amount", "1234567.89", False),
        ("n", "8135550001 or later", True),
        *(
            (name, "8135551212", True)
            for name in (
                "Daytime",
                "Customer Landline",
                "Customer Home",
                "Client Contact",
                "Client 2",
                "Policyholder Line",
                "Referral",
                "Account Holder",
            )
        ),
        *(
            ("other", value, True)
            for value in (
                "Home: 8135551212",
                "tel:8135551212",
                "'8135551212",
                "8135551212.0",
                "407-233-1235 ext 5",
                "447911123456",
            )
        ),
        ("Account", "2125550100", False),
        ("recordId", "2125550100", False),
        ("n", "", False),
    ],
)
def test_numbers_in_a_column_that_is_not_read(
    header: str, value: str, is_refused: bool, tmp_path: Path
) -> None:
    rows = f"7275551212,{value}\n7275551213,{value}\n7275551214,\n"
    path = written(tmp_path, f"phone,{header}\n{rows}")
    if is_refused:
        with pytest.raises(FeedFileError, match=rf"'{header}' has numbers.*column = \[\"phone\"\]"):
            read(path)
    else:
        assert read(path).numbers.size == 3
    chosen = LoadOptions(feed={"litigators": {"file": path, "column": "phone"}})
    assert read_feeds(chosen, tmp_path)[0].numbers.size == 3


def test_the_first_feed_that_contains_a_number_is_the_reason(tmp_path: Path) -> None:
    first = written(tmp_path, "7275551212\n", "first")
    both = written(tmp_path, BARE, "both")
    rows = leads(*(("1", n, "1", n) for n in ("8135550001", "7275551212", "2125550100")))
    feeds = read_feeds(LoadOptions(feed={"tps": first, "dead-2": both}), tmp_path)
    found = on_feeds(rows, Lookups(feeds=find_in_feeds(lead_numbers(rows), feeds)))
    assert reason_names(found).to_dict() == {
        2: "PHONE_NUMBER_IN_FEED:dead-2", 5: "PHONE_NUMBER_IN_FEED:tps",
    }  # fmt: skip
    assert finding_details(found).tolist() == [
        "phone_number=8135550001 feed=dead-2", "phone_number=7275551212 feed=tps",
    ]  # fmt: skip
    assert {*found["reason"]} == {Reason.PHONE_NUMBER_IN_FEED}
    assert (add_lead_answers(found) == "").all()
    assert {*map(len, find_in_feeds(lead_numbers(rows.iloc[:0]), feeds).values())} == {0}
    assert on_feeds(rows, Lookups()).empty


@pytest.mark.property
@given(
    chunks=st.lists(
        st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1), max_size=30), min_size=1
    ).filter(any)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sort_on_disk(
    chunks: list[list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorted_numbers, "NUMBERS_IN_MEMORY", 8)
    monkeypatch.setattr(sorted_numbers, "NUMBERS_PER_STEP", 2)
    arrays = [np.array(chunk, dtype=np.uint64) for chunk in chunks]
    assert sort_on_disk(arrays, tmp_path).tolist() == sorted({n for c in chunks for n in c})


def test_the_numbers_are_on_disk_not_in_memory(tmp_path: Path) -> None:
    chosen = np.random.default_rng(1)
    tracemalloc.start()
    found = sort_on_disk(
        (chosen.integers(10**10, 10**11, 50_000, dtype=np.uint64) for _ in range(320)), tmp_path
    )
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.size > 15_900_000
    assert (found[1:] > found[:-1]).all()
    assert kept < 1_000_000
    assert peak < 50_000_000, "sixteen million numbers are 128 MB"
