"""Regions of phone codes and countries."""

import tomllib
from collections import Counter
from importlib.resources import files

import pandas as pd
import phonenumbers
import pytest

from loader.phones.regions import _normalize, region_of_country, region_of_phone_code

REGIONS = tomllib.loads(files("loader.phones").joinpath("regions.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("phone_code", "region"),
    [
        ("1", "US"),
        ("44", "GB"),
        ("+44", "GB"),
        ("0044", "GB"),
        (" 49 ", "DE"),
        ("001", "US"),
        ("7", "RU"),
        ("39", "IT"),
        ("358", "FI"),
        ("800", ""),
        ("881", ""),
        ("999", ""),
        ("0", ""),
        ("", ""),
        ("+", ""),
        ("US", ""),
        ("1-242", ""),
        ("\u0664\u0664", ""),
        ("1" * 5000, ""),
    ],
)
def test_region_of_phone_code(phone_code: str, region: str) -> None:
    codes = pd.Series(["61", phone_code, "61"], dtype="str")
    assert region_of_phone_code(codes).tolist() == ["AU", region, "AU"]


@pytest.mark.parametrize(
    ("country", "region"),
    [
        ("US", "US"),
        ("us", "US"),
        ("USA", "US"),
        ("usa", "US"),
        ("U.S.A.", "US"),
        ("United States", "US"),
        ("The United States of America", "US"),
        (" united  states\t", "US"),
        ("UK", "GB"),
        ("GBR", "GB"),
        ("United Kingdom", "GB"),
        ("Great Britain", "GB"),
        ("DEU", "DE"),
        ("Deutschland", "DE"),
        ("CAN", "CA"),
        ("México", "MX"),
        ("MEXICO", "MX"),
        ("St. Lucia", "LC"),
        ("Saint Lucia", "LC"),
        ("Trinidad & Tobago", "TT"),
        ("Côte d\u2019Ivoire", "CI"),
        ("Cote d'Ivoire", "CI"),
        ("Guinea-Bissau", "GW"),
        ("Netherlands", "NL"),
        ("Türkiye", "TR"),
        ("South Korea", "KR"),
        ("Kosovo", "XK"),
        ("Puerto Rico", "PR"),
        ("Atlantis", ""),
        ("Korea", ""),
        ("N/A", ""),
        ("", ""),
        ("   ", ""),
        ("the", ""),
        ("😀", ""),
    ],
)
def test_region_of_country(country: str, region: str) -> None:
    assert region_of_country(pd.Series([country, "FRA"], dtype="str")).tolist() == [region, "FR"]


def test_index_and_type_stay() -> None:
    index = pd.Index([3, 9], name="row_number")
    for answer in (
        region_of_phone_code(pd.Series(["1", ""], index=index, dtype="str")),
        region_of_country(pd.Series(["USA", ""], index=index, dtype="str")),
    ):
        assert answer.index.equals(index)
        assert answer.dtype == "str"
        assert answer.tolist() == ["US", ""]


def test_no_rows() -> None:
    assert region_of_country(pd.Series([], dtype="str")).empty
    assert region_of_phone_code(pd.Series([], dtype="str")).empty


def test_the_table_knows_every_region_of_phonenumbers() -> None:
    assert set(REGIONS) >= phonenumbers.SUPPORTED_REGIONS


def test_no_name_means_two_regions() -> None:
    names = Counter(
        key
        for region, names in REGIONS.items()
        for key in {_normalize(name) for name in [region, *names]}
    )
    assert [name for name, regions in names.items() if regions > 1 or not name] == []


def test_codes_have_their_lengths() -> None:
    assert [
        region for region, names in REGIONS.items() if len(region) != 2 or len(names[0]) != 3
    ] == []
