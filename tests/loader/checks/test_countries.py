"""Names of countries that become their codes."""

from datetime import date

import pandas as pd
import pytest

from loader.checks.clean import clean_fields
from loader.checks.countries import abbreviate_countries
from loader.options.load import LoadOptions
from loader.phones.regions import country_abbreviation, is_region
from loader.results.wording import notice_texts


def stored(country: str, width: int | None = 3) -> tuple[str, list[str]]:
    given = pd.Series([country, "USA"], pd.Index([2, 3], name="row_number"), dtype="str")
    countries, said = abbreviate_countries(given, width)
    assert countries.iloc[1] == "USA"
    return str(countries.iloc[0]), [text for each in said for text in notice_texts(each)]


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        ("United States", "USA"),
        ("United States of America", "USA"),
        ("u.s.a.", "USA"),
        ("Austria", "AUT"),
        ("\u00d6sterreich", "AUT"),
        ("Australia", "AUS"),
        ("Switzerland", "CHE"),
        ("Great Britain", "GBR"),
        ("Deutschland", "DEU"),
        ("Mexico", "MEX"),
        ("M\u00e9xico", "MEX"),
        ("The Netherlands", "NLD"),
    ],
)
def test_a_name_becomes_its_code(country: str, expected: str) -> None:
    assert stored(country) == (expected, [f"COUNTRY_ABBREVIATED {country}"])


@pytest.mark.parametrize("country", ["Canarias", "Indiana", "Usable", "Marseille", "Germ"])
def test_a_word_does_not_become_another_country(country: str) -> None:
    expected = {"Indiana": "IND", "Canarias": "CAN", "Usable": "USA", "Marseille": "MAR"}
    if country in expected:
        assert country[:3].upper() == expected[country]
        assert stored(country) == ("", [f"COUNTRY_NOT_STORED {country}"])
    else:
        assert stored(country) == (country, []), "it is cut, with a notice"


def test_what_fits_stays() -> None:
    assert stored("us") == ("us", [])
    assert stored("United States", width=30) == ("United States", [])
    assert stored("United States", width=None) == ("United States", [])
    assert stored("Mexico ", width=3) == ("Mexico ", []), "trim is N: the dialer cuts"


def test_every_region_has_a_code_of_its_own() -> None:
    assert is_region("US")
    codes = [country_abbreviation(name) for name in ("US", "CA", "GB", "AT", "AU", "XK", "DO")]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 3 for code in codes)


def test_the_country_is_looked_up_as_it_was_given() -> None:
    rows = pd.DataFrame({"country_code": ["Austria"]}, pd.Index([2]), dtype="str")
    leads, _, _ = clean_fields(rows, LoadOptions(), {}, date(2026, 11, 22))
    assert leads.loc[2, ["country_code", "country_code_given"]].tolist() == ["AUT", "Austria"]
