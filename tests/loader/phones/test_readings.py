"""Numbers with an international prefix or their country code in front, but no plus."""

import pandas as pd
import phonenumbers
import pytest

from loader.phones.readings import behind_code, parse_phones

COLUMNS = ["country_code", "national_number", "extension"]


def parse(text: str, region: str) -> tuple[str, str, str]:
    number = parse_phones(pd.Series([text], dtype="str"), pd.Series([region], dtype="str"))
    return tuple(number[COLUMNS].iloc[0])


@pytest.mark.parametrize(
    ("text", "region", "code", "national"),
    [
        ("0061412345022", "AU", "61", "412345022"),
        ("00819012345022", "JP", "81", "9012345022"),
        ("0055119612345", "BR", "55", "119612345"),
        ("005511961234523", "BR", "55", "11961234523"),
        ("0017275551212", "US", "1", "7275551212"),
        ("0044 7911 123456", "AU", "44", "7911123456"),
        ("(00) 49 170 1234567", "AU", "49", "1701234567"),
        ("00 1 727 555 1212", "BR", "1", "7275551212"),
        ("0082 10 1234 5678", "KR", "82", "1012345678"),
        ("0065 8123 4567", "SG", "65", "81234567"),
        ("007 912 345 67 89", "RU", "7", "9123456789"),
        ("0039 06 12345678", "JP", "39", "0612345678"),
        ("0061 412 345 022 mobile", "AU", "61", "412345022"),
        ("0412345022", "AU", "61", "412345022"),
        ("436641234567", "AT", "43", "6641234567"),
        ("498001234567", "DE", "49", "8001234567"),
        ("049 8001234567", "DE", "49", "498001234567"),
    ],
)
def test_the_country_that_a_number_itself_names(
    text: str, region: str, code: str, national: str
) -> None:
    assert parse(text, region)[:2] == (code, national)


def test_an_extension_stays() -> None:
    assert parse("0061 412 345 022 x12", "AU") == ("61", "412345022", "12")


@pytest.mark.sample(6)
@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_zeros_before_the_own_code_of_every_country(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    national = phonenumbers.national_significant_number(example)
    code = str(example.country_code)
    assert parse(f"00{code}{national}", region)[:2] == (code, national)


@pytest.mark.sample(60)
@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_the_own_code_of_every_country_in_front(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return
    national = phonenumbers.national_significant_number(example)
    code = str(example.country_code)
    digits, codes = (pd.Series([text], dtype="str") for text in (code + national, code))
    assert behind_code(digits, codes)["national_number"].tolist() == [national]
    assert behind_code(codes + codes, codes).empty


@pytest.mark.parametrize(
    ("text", "region", "national"),
    [
        ("4917612345678", "DE", "17612345678"),
        ("493012345678", "DE", "3012345678"),
        ("4915112345", "DE", "4915112345"),
        ("3012345678", "DE", "3012345678"),
        ("436641234567", "AT", "6641234567"),
        ("62812345678", "ID", "812345678"),
        ("812345678", "ID", "812345678"),
        ("8613812345678", "CN", "13812345678"),
        ("9198765432", "IN", "9198765432"),
        ("0612345678", "IT", "0612345678"),
    ],
)
def test_a_country_code_without_a_plus(text: str, region: str, national: str) -> None:
    number = parse_phones(*(pd.Series([each], dtype="str") for each in (text, region)))
    assert number["national_number"].tolist() == [national]


@pytest.mark.parametrize("text", ["2024-01-31 08:15", "1/31/2024 8:15", "31.01.2024 08:15:00"])
def test_a_date_with_a_time_is_no_number(text: str) -> None:
    number = parse_phones(*(pd.Series([each], dtype="str") for each in (text, "US")))
    assert number["possible"].tolist() != ["IS_POSSIBLE"]
