"""Parsing of phone numbers by kernels and by phonenumbers, and the check for damage before it."""

import random
from collections.abc import Iterator

import pandas as pd
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneMetadata,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

from loader.phones import numbering_plans
from loader.phones import parse as phones_module
from loader.phones.numbering_plans import plan_of

REGIONS = sorted(SUPPORTED_REGIONS)
COLUMNS = [
    "country_code",
    "national_number",
    "extension",
    "possible",
    "valid",
    "number_type",
    "region",
]


def texts(values: list[str]) -> "pd.Series[str]":
    return pd.Series(values, dtype="str")


def full_width(text: str) -> str:
    """As a Japanese or Chinese keyboard writes it."""
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def parse(pairs: list[tuple[str, str]]) -> list[tuple[object, ...]]:
    values, regions = zip(*pairs, strict=True) if pairs else ((), ())
    frame = phones_module.parse_numbers(texts(list(values)), texts(list(regions)))
    assert list(frame.columns) == COLUMNS
    return list(frame.itertuples(index=False, name=None))


def plain_answer(value: str, region: str) -> tuple[object, ...]:
    """Row by row with nothing but phonenumbers."""
    try:
        number = phonenumbers.parse(value, region or None)
    except NumberParseException as problem:
        reasons = {
            NumberParseException.INVALID_COUNTRY_CODE: "INVALID_COUNTRY_CODE",
            NumberParseException.NOT_A_NUMBER: "NOT_A_NUMBER",
            NumberParseException.TOO_SHORT_AFTER_IDD: "TOO_SHORT",
            NumberParseException.TOO_SHORT_NSN: "TOO_SHORT",
            NumberParseException.TOO_LONG: "TOO_LONG",
        }
        return ("", "", "", reasons[problem.error_type], False, "UNKNOWN", "")
    return (
        str(number.country_code),
        phonenumbers.national_significant_number(number),
        number.extension or "",
        ValidationResult.to_string(phonenumbers.is_possible_number_with_reason(number)),
        phonenumbers.is_valid_number(number),
        PhoneNumberType.to_string(phonenumbers.number_type(number)),
        phonenumbers.region_code_for_number(number) or "",
    )


def assert_same_as_phonenumbers(pairs: list[tuple[str, str]]) -> None:
    for pair, ours in zip(pairs, parse(pairs), strict=True):
        assert (pair, ours) == (pair, plain_answer(*pair))


@pytest.fixture
def parsed_singly(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The values that were handed to phonenumbers itself."""
    seen: list[tuple[str, str]] = []
    parse_singly = phones_module._parse_with_phonenumbers

    def note(values: list[str], regions: list[str]) -> list[tuple[int, str, str, str]]:
        seen.extend(zip(values, regions, strict=True))
        return parse_singly(values, regions)

    monkeypatch.setattr(phones_module, "_parse_with_phonenumbers", note)
    return seen


US = "FIXED_LINE_OR_MOBILE", "US"
TYPICAL = [
    ("(727) 555-1111", "US", "1", "7275551111", "", *US),
    ("+1 (727) 555-1111", "US", "1", "7275551111", "", *US),
    ("(+1) 727/555-1111", "", "1", "7275551111", "", *US),
    ("17275551111", "US", "1", "7275551111", "", *US),
    ("0117275551111", "US", "7", "275551111", "", "", ""),
    ("0017275551111", "GB", "1", "7275551111", "", *US),
    ("00 1 727.555.1111", "DE", "1", "7275551111", "", *US),
    ("011 44 20 7946 0018", "US", "44", "2079460018", "", "FIXED_LINE", "GB"),
    ("001 727 555 1111", "US", "1", "0017275551111", "", "", ""),
    ("727.555.1212 x12", "US", "1", "7275551212", "12", *US),
    ("7275551212 ext. 34", "US", "1", "7275551212", "34", *US),
    (full_width("727-555-1212"), "US", "1", "7275551212", "", *US),
    ("727\u00a0555\u20111212", "US", "1", "7275551212", "", *US),
    ("+1 727 555 1212\n", "US", "1", "7275551212", "", *US),
    ("tel:+1-727-555-1212", "", "1", "7275551212", "", *US),
    ("1-800-FLOWERS", "US", "1", "8003569377", "", "TOLL_FREE", "US"),
    ("604-555-0123", "US", "1", "6045550123", "", "FIXED_LINE_OR_MOBILE", "CA"),
    ("6045550123", "CA", "1", "6045550123", "", "FIXED_LINE_OR_MOBILE", "CA"),
    ("464-1234", "AG", "1", "2684641234", "", "MOBILE", "AG"),
    ("02 1234 5678", "IT", "39", "0212345678", "", "FIXED_LINE", "IT"),
    ("+39 02 1234 5678", "US", "39", "0212345678", "", "FIXED_LINE", "IT"),
    ("07400 123456", "GB", "44", "7400123456", "", "MOBILE", "GB"),
    ("447400123456", "GB", "44", "7400123456", "", "MOBILE", "GB"),
    ("+44 (0)7400 123456", "", "44", "7400123456", "", "MOBILE", "GB"),
    ("0151 23456789", "DE", "49", "15123456789", "", "MOBILE", "DE"),
    ("011 15-2345-6789", "AR", "54", "91123456789", "", "MOBILE", "AR"),
    ("8 912 345-67-89", "RU", "7", "9123456789", "", "MOBILE", "RU"),
    ("8 (701) 234 5678", "KZ", "7", "7012345678", "", "MOBILE", "KZ"),
    ("+800 1234 5678", "US", "800", "12345678", "", "TOLL_FREE", "001"),
]


@pytest.mark.parametrize("case", TYPICAL, ids=[f"{case[0]!r}-{case[1]}" for case in TYPICAL])
def test_typical_forms(case: tuple[str, ...]) -> None:
    value, region, country_code, national, extension, number_type, owner = case
    (answer,) = parse([(value, region)])
    assert answer[:3] == (country_code, national, extension)
    if owner:
        assert answer[3:] == ("IS_POSSIBLE", True, number_type, owner)
    else:
        assert answer[4:] == (False, "UNKNOWN", "")
    assert answer == plain_answer(value, region)


UNUSUAL = [
    ("555-1212", "US", "IS_POSSIBLE_LOCAL_ONLY"),
    ("727555121", "US", "TOO_SHORT"),
    ("+47 212 345", "US", "INVALID_LENGTH"),
    ("55512", "US", "TOO_SHORT"),
    ("72755512123", "US", "TOO_LONG"),
    ("17", "US", "TOO_SHORT"),
    ("+1", "US", "NOT_A_NUMBER"),
    ("7", "US", "NOT_A_NUMBER"),
    ("0111", "US", "TOO_SHORT"),
    ("", "US", "NOT_A_NUMBER"),
    ("   ", "US", "NOT_A_NUMBER"),
    ("#####", "US", "NOT_A_NUMBER"),
    ("NaN", "US", "NOT_A_NUMBER"),
    ("N/A", "US", "NOT_A_NUMBER"),
    ("😀", "US", "NOT_A_NUMBER"),
    ("7275551212", "", "INVALID_COUNTRY_CODE"),
    ("7275551212", "XX", "INVALID_COUNTRY_CODE"),
    ("7275551212", "us", "INVALID_COUNTRY_CODE"),
    ("+999 727 555 1212", "", "INVALID_COUNTRY_CODE"),
    ("+0", "US", "NOT_A_NUMBER"),
    ("123456789012345678", "US", "TOO_LONG"),
    ("7" * 250, "US", "TOO_LONG"),
    ("7" * 251, "US", "TOO_LONG"),
    ("1" * 5000, "DE", "TOO_LONG"),
]


@pytest.mark.parametrize(
    ("value", "region", "possible"), UNUSUAL, ids=[f"{v[:20]!r}-{r}" for v, r, _ in UNUSUAL]
)
def test_texts_that_are_no_full_number(value: str, region: str, possible: str) -> None:
    (answer,) = parse([(value, region)])
    assert answer[3:5] == (possible, False)
    assert answer == plain_answer(value, region)


def test_columns_have_plain_types_and_the_same_index() -> None:
    index = pd.Index([5, 7, 11], name="row_number")
    values = pd.Series(["7275551212", "", "+44 7400 123456 x9"], index=index, dtype="str")
    frame = phones_module.parse_numbers(values, pd.Series(["US"] * 3, index=index, dtype="str"))
    assert frame.index.equals(index)
    assert not frame.isna().to_numpy().any()
    expected = dict.fromkeys(COLUMNS, "str") | {"valid": "bool"}
    assert frame.dtypes.astype(str).to_dict() == expected


def test_no_rows() -> None:
    assert parse([]) == []
    assert phones_module.digits_only(texts([])).empty
    assert not phones_module.looks_like_decimals(texts([]))


def test_slices_and_repeated_values() -> None:
    values = texts(["x", "7275551212", "727-555-1212", "7275551212", "", "02 1234 5678"])
    values = pd.concat([values, values])
    regions = texts(["US", "US", "GB", "US", "US", "IT"] * 2)
    frame = phones_module.parse_numbers(
        values[3:9].reset_index(drop=True), regions[3:9].reset_index(drop=True)
    )
    pairs = zip(values[3:9], regions[3:9], strict=True)
    assert list(frame.itertuples(index=False, name=None)) == [plain_answer(*p) for p in pairs]


# --- the same as phonenumbers, for all regions


def written_examples(region: str) -> Iterator[str]:
    """Every example of the region's metadata in the notations that lists have."""
    country_code = str(phonenumbers.country_code_for_region(region))
    for number_type in PhoneNumberType.values():
        number = phonenumbers.example_number_for_type(region, number_type)
        if number is None:
            continue
        for form in (
            PhoneNumberFormat.E164,
            PhoneNumberFormat.NATIONAL,
            PhoneNumberFormat.INTERNATIONAL,
        ):
            yield phonenumbers.format_number(number, form)
        national = phonenumbers.national_significant_number(number)
        prefix = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or ""
        yield national
        yield country_code + national
        yield "00" + country_code + national
        yield "011" + country_code + national
        yield prefix + national
        yield country_code + prefix + national
        yield f"+{country_code} ({prefix}) {national}"
        yield national[:-1]
        yield national + "0"


def test_examples_of_all_regions_and_types() -> None:
    pairs = [(text, region) for region in REGIONS for text in written_examples(region)]
    assert len(pairs) > 10_000
    assert_same_as_phonenumbers(sorted(set(pairs)))


def test_examples_dialled_from_everywhere() -> None:
    numbers = ["+17275551212", "0017275551212", "01117275551212", "447400123456", "07400123456"]
    assert_same_as_phonenumbers([(number, region) for number in numbers for region in REGIONS])


def test_country_codes_without_region() -> None:
    codes = [c for c, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions == ("001",)]
    examples = [phonenumbers.example_number_for_non_geo_entity(code) for code in codes]
    written = [phonenumbers.format_number(e, PhoneNumberFormat.E164) for e in examples if e]
    assert len(written) >= 5
    assert_same_as_phonenumbers([(text, "") for text in written])


def test_area_codes_of_country_code_1_find_their_region() -> None:
    pairs = [(f"{area}555{line:04}", "US") for area in range(200, 1000) for line in (100, 2345)]
    assert_same_as_phonenumbers(pairs)


def randomly_written(rng: random.Random, region: str) -> str:
    """A number that a list for the region might hold, or what is left of one."""
    metadata = PhoneMetadata.metadata_for_region(region)
    number_type = rng.choice(PhoneNumberType.values())
    example = phonenumbers.example_number_for_type(region, number_type)
    if example is None or rng.random() < 0.3:
        national = "".join(rng.choices("0123456789", k=rng.randint(1, 14)))
    else:
        national = phonenumbers.national_significant_number(example)
    changes = rng.choice([0, 0, 1, 2, 5])
    for _ in range(changes):
        at = rng.randrange(len(national) + 1)
        national = national[:at] + rng.choice("0123456789") + national[at + rng.randint(0, 2) :]
    country_code = str(metadata.country_code) if metadata else ""
    if rng.random() < 0.15:
        country_code = str(rng.choice(list(COUNTRY_CODE_TO_REGION_CODE)))
    prefix = (metadata.national_prefix if metadata else None) or "0"
    idd = rng.choice(["00", "011", "+", "", "+", "810", "0011", "++", "0", "\uff0b"])
    start = rng.choice(["", "", prefix, country_code, country_code + prefix, idd + country_code])
    start = rng.choice([start, start, idd + country_code + prefix, idd])
    text = start + national
    for _ in range(rng.choice([0, 0, 1, 2, 3])):
        at = rng.randrange(len(text) + 1)
        mark = rng.choice(
            [" ", "-", ".", "/", "(", ")", "[", "]", "\u00a0", "\u2011", "+", "*", "x"]
        )
        text = text[:at] + mark + text[at:]
    return text + rng.choice(
        ["", "", "", "", " ", "x12", " ext 7", "#", ";ext=5", ",,9", "\t", "\n"]
    )


@pytest.mark.property
@settings(deadline=None)
@given(st.integers(0, 2**64))
def test_random_numbers_of_all_regions(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # test data, no secret
    regions = rng.sample(REGIONS, 60)
    written = [randomly_written(rng, region) for region in regions]
    pairs = list(zip(written, regions, strict=True))
    pairs += [(rng.choice(written), rng.choice(["", *REGIONS])) for _ in range(20)]
    assert_same_as_phonenumbers(pairs)


ODD_TEXT = st.text(
    st.one_of(
        st.sampled_from("0123456789+-(). x#~,;*/e\t\n\u00a0\u2011\uff0b\uff17"), st.characters()
    )
)


@pytest.mark.property
@settings(deadline=None)
@given(st.lists(st.tuples(ODD_TEXT, st.sampled_from(["", "XX", "us", *REGIONS])), max_size=60))
def test_any_text(pairs: list[tuple[str, str]]) -> None:
    pairs = [(text.encode("utf-8", "replace").decode(), region) for text, region in pairs]
    assert_same_as_phonenumbers(pairs)


# --- the kernels do the ordinary work


ORDINARY = [
    ("US", ["7275551212", "(727) 555-1212", "+1 727 555 1212", "17275551212", "727.555.1212"]),
    ("US", ["1 (727) 555-1212", "6045550123", "+44 7400 123456", "011 44 7400 123456", "5551212"]),
    ("CA", ["6045550123", "(604) 555-0123", "+1 604 555 0123", "16045550123", "7275551212"]),
    ("GB", ["07400 123456", "+44 7400 123456", "020 7946 0018", "447400123456", "00447400123456"]),
    ("DE", ["0151 23456789", "+49 151 23456789", "030/123456", "4915123456789", "(030) 12 34 56"]),
    ("FR", ["06 12 34 56 78", "+33 6 12 34 56 78", "06.12.34.56.78", "33612345678"]),
    ("AU", ["0412 345 678", "+61 412 345 678", "(02) 9374 4000", "61412345678"]),
    ("IN", ["98765 43210", "+91 98765 43210", "098765 43210", "919876543210"]),
]


@pytest.mark.parametrize(("region", "values"), ORDINARY)
def test_ordinary_forms_do_not_need_phonenumbers(
    region: str, values: list[str], parsed_singly: list[tuple[str, str]]
) -> None:
    pairs = [(value, region) for value in values]
    assert_same_as_phonenumbers(pairs)
    assert parsed_singly == []


def test_most_examples_of_all_regions_do_not_need_phonenumbers(
    parsed_singly: list[tuple[str, str]],
) -> None:
    pairs = [
        (phonenumbers.format_number(number, form), region)
        for region in REGIONS
        for number_type in PhoneNumberType.values()
        if (number := phonenumbers.example_number_for_type(region, number_type))
        for form in (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL)
    ]
    parse(pairs)
    assert len(parsed_singly) < len(set(pairs)) / 20


def test_distinct_pairs_are_parsed_once(parsed_singly: list[tuple[str, str]]) -> None:
    parse([("1-800-FLOWERS", "US"), ("1-800-FLOWERS", "CA"), ("1-800-FLOWERS", "US")] * 20)
    assert sorted(parsed_singly) == [("1-800-FLOWERS", "CA"), ("1-800-FLOWERS", "US")]


def test_all_patterns_run_on_re2() -> None:
    assert [region for region in REGIONS if plan_of(region) is None] == []


def test_a_pattern_that_re2_cannot_run_is_left_to_phonenumbers(
    monkeypatch: pytest.MonkeyPatch, parsed_singly: list[tuple[str, str]]
) -> None:
    assert not numbering_plans.runs_on_re2(r"^(?:0(?=1))")
    monkeypatch.setattr(numbering_plans, "runs_on_re2", lambda pattern: "4[5-9]" not in pattern)
    plan_of.cache_clear()
    try:
        pairs = [
            (text, region) for region in ("AU", "IT", "US") for text in written_examples(region)
        ]
        monkeypatch.setattr(numbering_plans, "runs_on_re2", lambda _: False)
        plan_of.cache_clear()
        assert_same_as_phonenumbers(pairs)
        assert sorted(parsed_singly) == sorted(set(pairs))
    finally:
        plan_of.cache_clear()


# --- the guard


DAMAGED = [
    "7.27556E+09",
    "7.27556e+09",
    "7,27556E+09",
    "1.72755512E10",
    "7E+09",
    "7.E+09",
    "  7.27556E+09 ",
    "\u00a07.27556E+09",
    "'7.27556E+09",
    '="7.27556E+09"',
    "+7.27556E+09",
    "7275551212.0",
    "7275551212.00",
    "7275551212,0",
    "17275551212.000000",
    "5551212.0",
    " 7275551212.0\t",
]
REAL = [
    "",
    "7275551212",
    "727.555.1212",
    "727.5551212",
    "727.5550000",
    "727.5551200",
    "+1 (727) 555-1111",
    "+1.727.555.1111",
    "727.555.1212 x12",
    "727.555.1200",
    "02.03.04.05.06",
    "02.03.04.05.00",
    "01234.000000",
    "020.79460000",
    "0800.00",
    "7275551212.",
    "7275551212.5551212",
    "7275551212 E",
    "1-800-FLOWERS",
    "7275551212 ext 0",
    "7275551212;0",
    full_width("7275551212.0"),
    "E+09",
    "N/A",
    "#####",
]


@pytest.mark.parametrize("value", DAMAGED)
def test_damaged_numbers(value: str) -> None:
    assert phones_module.is_damaged(texts([value])).tolist() == [True]


@pytest.mark.parametrize("value", REAL)
def test_real_notations_are_not_damaged(value: str) -> None:
    assert phones_module.is_damaged(texts([value])).tolist() == [False]


def test_formatted_numbers_of_all_regions_are_not_damaged() -> None:
    written = sorted({text for region in REGIONS for text in written_examples(region)})
    dotted = [text.replace(" ", ".").replace("-", ".") for text in written]
    marks = phones_module.is_damaged(texts(written + dotted))
    assert [text for text, mark in zip(written + dotted, marks, strict=True) if mark] == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["7275551212.0", "", " ", "5551212.0"], True),
        ([" 7275551212.0 "], True),
        (["7275551212.0", "7275551213"], False),
        (["7275551212.0", "n/a"], False),
        (["7275551212.00"], False),
        (["727.555.0"], False),
        (["7.27556E+09"], False),
        (["", ""], False),
        ([], False),
    ],
)
def test_looks_like_decimals(values: list[str], expected: bool) -> None:
    assert phones_module.looks_like_decimals(texts(values)) is expected


def test_mend_decimals() -> None:
    values = ["7275551212.0", " 5551212.0 ", "", "727.555.0", "7275551212", "7275551210", "1.00"]
    expected = ["7275551212", "5551212", "", "727.555.0", "7275551212", "7275551210", "1.00"]
    mended = phones_module.mend_decimals(texts(values))
    assert mended.tolist() == expected
    assert not phones_module.is_damaged(mended).any()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("+1 (727) 555-1111", "17275551111"),
        (full_width("727") + " 555", "727555"),
        ("٠١٢٣", "0123"),
        ("1-800-FLOWERS", "1800"),
        ("😀1\u00a02", "12"),
        ("", ""),
        ("none", ""),
    ],
)
def test_digits_only(value: str, expected: str) -> None:
    # Beside others, so that each text's digits end up in its own row.
    assert phones_module.digits_only(texts(["1a2", value, "x3"])).tolist() == ["12", expected, "3"]


def test_digits_only_of_a_part_of_a_column() -> None:
    values = texts(["0", "1-2", "", "\u0663x", "4", "5"])
    assert phones_module.digits_only(values[1:4]).tolist() == ["12", "", "3"]
    assert phones_module.digits_only(values[2:3]).tolist() == [""]
    assert phones_module.digits_only(texts(["", ""])).tolist() == ["", ""]


@pytest.mark.property
@given(st.lists(ODD_TEXT))
def test_digits_only_is_normalize_digits_only(values: list[str]) -> None:
    values = [value.encode("utf-8", "replace").decode() for value in values]
    expected = [phonenumbers.normalize_digits_only(value) for value in values]
    assert phones_module.digits_only(texts(values)).tolist() == expected
