"""Values that look wrong, and those that must not."""

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.fields.lead import CUSTOM_PREFIX
from loader.fields.mapping import map_columns
from loader.profile.oddities import Oddity
from loader.profile.texts import LONGEST_EXAMINED, Texts
from tests.conformance import reference_fields
from tests.support.oddities import find_oddities

TODAY = date(2026, 11, 22)
LEADS = Path(__file__).parents[3] / "sample_data" / "leads.csv"

Row = dict[str, str]


def oddities(
    rows: list[Row], date_format: str | None = None, region: str = "US", today: date = TODAY
) -> list[tuple[int, str, str, str]]:
    """Give row_number, oddity, field and value of all that is odd."""
    fields = pd.DataFrame(rows, dtype="str").fillna("")
    fields.index = pd.Index(range(2, 2 + len(rows)), dtype="int64", name="row_number")
    found = find_oddities(fields, today, date_format=date_format, region=region)
    assert list(found) == ["oddity", "field", "value"]
    assert {str(kind) for kind in found.dtypes} == {"str"}
    assert found.index.is_monotonic_increasing
    return [(int(row), *told) for row, told in zip(found.index, found.to_numpy(), strict=True)]


def of(row: Row, **how: str) -> list[str]:
    return [oddity for _, oddity, _, _ in oddities([row], **how)]  # type: ignore[arg-type]


ONE_VALUE = [
    ("first_name", "TEST", "NAME_IS_PLACEHOLDER"),
    ("first_name", "n/a", "NAME_IS_PLACEHOLDER"),
    ("last_name", "Unknown", "NAME_IS_PLACEHOLDER"),
    ("last_name", " last name ", "NAME_IS_PLACEHOLDER"),
    ("last_name", ".", "NAME_IS_PLACEHOLDER"),
    ("first_name", "???", "NAME_IS_PLACEHOLDER"),
    ("first_name", "\u2013", "NAME_IS_PLACEHOLDER"),
    ("first_name", "Na", ""),
    ("first_name", "Nan", ""),
    ("last_name", "Testa", ""),
    ("first_name", "John2", "NAME_WITH_DIGITS"),
    ("last_name", "Smith 12", "NAME_WITH_DIGITS"),
    ("last_name", "Smith 3rd", ""),
    ("last_name", "Smith 2ND", ""),
    ("last_name", "Acme LLC", "COMPANY_IN_NAME"),
    ("last_name", "Acme, Inc.", "COMPANY_IN_NAME"),
    ("last_name", "LLC", "COMPANY_IN_NAME"),
    ("first_name", "Müller GmbH", "COMPANY_IN_NAME"),
    ("last_name", "Vincinc", ""),
    ("last_name", "Incorvaia", ""),
    ("first_name", "JOHN", "NAME_IN_CAPITALS"),
    ("last_name", "O'NEIL", "NAME_IN_CAPITALS"),
    ("last_name", "MÜLLER", "NAME_IN_CAPITALS"),
    ("first_name", "J.R.", ""),
    ("first_name", "AJ", ""),
    ("last_name", "McDONALD", ""),
    ("last_name", "李", ""),
    ("last_name", "王小明", ""),
    ("first_name", "john", "NAME_IN_SMALL_LETTERS"),
    ("first_name", "élodie", "NAME_IN_SMALL_LETTERS"),
    ("last_name", "van der Berg", ""),
    ("last_name", "de la cruz", "NAME_IN_SMALL_LETTERS"),
    ("first_name", "Élodie", ""),
    ("first_name", "  ", ""),
    ("first_name", "\u00a0", ""),
    ("last_name", "Sørensen", ""),
    ("first_name", "john@x.com", "EMAIL_IN_OTHER_FIELD"),
    ("gender", "renee@example.com", "EMAIL_IN_OTHER_FIELD"),
    ("address1", "Office @ 5th Ave", ""),
    ("comments", "mail to ann@example.com", ""),
    ("owner", "ann@example.com", ""),
    ("city", "1 (305) 555-0104", "PHONE_IN_OTHER_FIELD"),
    ("first_name", "305-555-0104", "PHONE_IN_OTHER_FIELD"),
    ("city", "3055550104", "PHONE_IN_OTHER_FIELD"),
    ("city", "29 Palms", ""),
    ("address1", "12345 67890 Street", ""),
    ("state", "Florida", "STATE_IN_WORDS"),
    ("state", "NEW YORK", "STATE_IN_WORDS"),
    ("state", "Québec", "STATE_IN_WORDS"),
    ("state", "michoacan", "STATE_IN_WORDS"),
    ("state", "Washington, D.C.", "STATE_IN_WORDS"),
    ("state", "Calif.", "STATE_IN_WORDS"),
    ("state", "Miami", "CITY_IN_STATE"),
    ("state", "Los Angeles", "CITY_IN_STATE"),
    ("state", "FL", ""),
    ("state", "NSW", ""),
    ("state", "D.C.", ""),
    ("state", "33755", ""),
    ("email", "ann@example.com", ""),
    ("email", "o'neil+list@mail.example.co.uk", ""),
    ("email", "a.b..c@docomo.example.jp", ""),
    ("email", "jürgen@müller.example", ""),
    ("email", "ann@xn--mller-kva.example", ""),
    ("email", "ann.example.com", "EMAIL_IMPOSSIBLE"),
    ("email", "ann@@example.com", "EMAIL_IMPOSSIBLE"),
    ("email", "ann@bob@example.com", "EMAIL_IMPOSSIBLE"),
    ("email", "ann lee@example.com", "EMAIL_IMPOSSIBLE"),
    ("email", "ann@example", "EMAIL_IMPOSSIBLE"),
    ("email", "ann@example..com", "EMAIL_IMPOSSIBLE"),
    ("email", "ann@.example.com", "EMAIL_IMPOSSIBLE"),
    ("email", "ann@example.com.", "EMAIL_IMPOSSIBLE"),
    ("email", ".ann@example.com", "EMAIL_IMPOSSIBLE"),
    ("email", "@example.com", "EMAIL_IMPOSSIBLE"),
    ("email", "ann@example.c", "EMAIL_IMPOSSIBLE"),
    ("email", "noemail@example.com", "EMAIL_PLACEHOLDER"),
    ("email", "No-Email@example.com", "EMAIL_PLACEHOLDER"),
    ("email", "ann@noemail.com", "EMAIL_PLACEHOLDER"),
    ("email", "test@test.com", "EMAIL_PLACEHOLDER"),
    ("email", "none", "EMAIL_PLACEHOLDER"),
    ("email", "testa@example.com", ""),
    ("email", "nonette@latest.com", ""),
    ("date_of_birth", "1980-02-03", ""),
    ("date_of_birth", "0000-00-00", ""),
    ("date_of_birth", "0000-05-12", ""),
    ("date_of_birth", "1980-02-31", ""),
    ("date_of_birth", "unknown", ""),
    ("date_of_birth", "2027-01-01", "DATE_IN_FUTURE"),
    ("date_of_birth", "2026-11-23", "DATE_IN_FUTURE"),
    ("date_of_birth", "2026-11-22", "UNDERAGE"),
    ("date_of_birth", "49-12-20", ""),
    ("date_of_birth", "NULL", "VALUE_IS_NULL"),
    ("vendor_lead_code", "NULL", "VALUE_IS_NULL"),
    ("source_id", "N/A", "VALUE_IS_NULL"),
    ("list_id", "\\N", "VALUE_IS_NULL"),
    ("city", "#n/a", "VALUE_IS_NULL"),
    ("state", "none", "VALUE_IS_NULL"),
    ("owner", "nan", "VALUE_IS_NULL"),
    ("postal_code", "-", "VALUE_IS_NULL"),
    ("comments", "(null)", "VALUE_IS_NULL"),
    ("custom:size", "#VALUE!", "VALUE_IS_NULL"),
    ("country_code", "NA", ""),
    ("city", "Null Island", ""),
    ("first_name", "\\N", "NAME_IS_PLACEHOLDER"),
    ("last_name", "#N/A", "NAME_IS_PLACEHOLDER"),
    ("date_of_birth", "20081123", "UNDERAGE"),
    ("date_of_birth", "2008-11-23", "UNDERAGE"),
    ("date_of_birth", "2008-11-22", ""),
    ("date_of_birth", "1906-11-22", ""),
    ("date_of_birth", "1906-11-21", "DATE_TOO_LONG_AGO"),
    ("date_of_birth", "1900-01-01", "DATE_TOO_LONG_AGO"),
    ("comments", "call after 6pm", ""),
    ("comments", "- wife decides (call her)", ""),
    ("comments", "=> hot", ""),
    ("comments", "+1 305 555 0104", ""),
    ("comments", "=1+1", "FORMULA_IN_TEXT"),
    ("comments", '=HYPERLINK("http://x.example")', "FORMULA_IN_TEXT"),
    ("first_name", "@SUM(A1:A9)", "FORMULA_IN_TEXT"),
    ("comments", "-cmd|' /C calc'!A0", "FORMULA_IN_TEXT"),
    (f"{CUSTOM_PREFIX}roof", "=A1", "FORMULA_IN_TEXT"),
    ("last_name", "<script>alert(1)</script>", "MARKUP_IN_TEXT"),
    ("last_name", "O&#39;Brien", "MARKUP_IN_TEXT"),
    ("address1", "Smith &amp; Sons", "MARKUP_IN_TEXT"),
    ("comments", "one<br/>two", "MARKUP_IN_TEXT"),
    ("comments", "bill < 100 and roof > 12; a & b", ""),
    ("comments", "Ann <b@example.com>", ""),
    ("first_name", "JosÃ©", "GARBLED_CHARACTERS"),
    ("last_name", "MÃ¼ller", "GARBLED_CHARACTERS"),
    ("comments", "itâ€™s", "GARBLED_CHARACTERS"),
    ("city", "ï»¿Miami", "GARBLED_CHARACTERS"),
    ("city", "Mont\ufffdal", "GARBLED_CHARACTERS"),
    ("first_name", "MaÅ\u201agorzata", "GARBLED_CHARACTERS"),
    ("last_name", "Ð\u02dcÐ²Ð°Ð½Ð¾Ð²", "GARBLED_CHARACTERS"),
    ("last_name", "M?ller", "GARBLED_CHARACTERS"),
    ("comments", "why?because", ""),
    ("first_name", "João", ""),
    ("last_name", "Ñandú", ""),
    ("last_name", "Åström", ""),
    ("city", "Águas de São Pedro", ""),
    ("city", "Âncora", ""),
    ("last_name", "Иванов", ""),
    ("address1", "«IRMÃ»", "GARBLED_CHARACTERS"),
    ("address1", "RUA DA IRMÃ", ""),
    ("address1", "5°", ""),
    ("list_id", "=1+1", ""),
    ("phone_code", "TEST", ""),
]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    ONE_VALUE,
    ids=[f"{field}-{value.encode('unicode_escape').decode()}" for field, value, _ in ONE_VALUE],
)
def test_one_value(field: str, value: str, expected: str) -> None:
    found = oddities([{field: value}])
    assert found == ([(2, expected, field, value.strip())] if expected else [])


ONE_ROW = [
    ("same names", {"first_name": "Thomas", "last_name": "THOMAS"}, ["SAME_FIRST_AND_LAST_NAME"]),
    ("same initial", {"first_name": "J", "last_name": "J"}, []),
    ("no names", {"first_name": "", "last_name": ""}, []),
    ("same phone", {"phone_number": "(305) 555-0104", "alt_phone": "13055550104"},
     ["ALT_PHONE_SAME"]),
    ("same extension sign", {"phone_number": "305.555.0104.", "alt_phone": "3055550104"},
     ["ALT_PHONE_SAME"]),
    ("same short phone", {"phone_number": "0104", "alt_phone": "01 04"}, ["ALT_PHONE_SAME"]),
    ("other phone", {"phone_number": "3055550104", "alt_phone": "3055550105"}, []),
    ("other area", {"phone_number": "3055550104", "alt_phone": "3065550104"}, []),
    ("no digits", {"phone_number": "x", "alt_phone": "x"}, []),
    ("no alternate", {"phone_number": "", "alt_phone": ""}, []),
    ("short zip", {"postal_code": "2139", "country_code": "USA"}, ["POSTAL_CODE_TOO_SHORT"]),
    ("short zip+4", {"postal_code": "2139-1234", "phone_code": "1"}, ["POSTAL_CODE_TOO_SHORT"]),
    ("shorter zip", {"postal_code": "501", "country_code": "US"}, ["POSTAL_CODE_TOO_SHORT"]),
    ("short zip by state", {"postal_code": "2139", "state": "ma"}, ["POSTAL_CODE_TOO_SHORT"]),
    ("short, not known where", {"postal_code": "2139"}, []),
    ("short, of a state with long ones", {"postal_code": "2139", "state": "FL"}, []),
    ("swiss", {"postal_code": "8001", "country_code": "CH"}, []),
    ("swiss by code", {"postal_code": "8001", "phone_code": "41", "state": "MA"}, []),
    ("zip", {"postal_code": "02139", "country_code": "US"}, []),
    ("zip+4", {"postal_code": "021391234", "country_code": "US"}, []),
    ("zip of no country", {"postal_code": "V6B 1A1", "phone_code": "1"}, []),
    ("canadian in the USA", {"postal_code": "V6B 1A1", "country_code": "US"},
     ["POSTAL_CODE_NOT_OF_COUNTRY"]),
    ("a float", {"postal_code": "33755.0", "country_code": "US"}, ["POSTAL_CODE_NOT_OF_COUNTRY"]),
    ("canadian", {"postal_code": "v6b1a1", "country_code": "Canada"}, []),
    ("zip in Canada", {"postal_code": "33755", "country_code": "CA"},
     ["POSTAL_CODE_NOT_OF_COUNTRY"]),
    ("british", {"postal_code": "SW1A 1AA", "country_code": "GB"}, []),
    ("no zip", {"postal_code": "", "country_code": "US"}, []),
    ("county", {"state": "Kent", "country_code": "GB"}, []),
    ("land", {"state": "Bayern", "phone_code": "49"}, []),
    ("shire", {"state": "Kentshire", "phone_code": "1"}, ["CITY_IN_STATE"]),
    ("the first that applies", {"first_name": "TEST1@X.COM"}, ["EMAIL_IN_OTHER_FIELD"]),
    ("several fields", {"first_name": "JOHN", "last_name": "SMITH", "email": "x"},
     ["NAME_IN_CAPITALS", "NAME_IN_CAPITALS", "EMAIL_IMPOSSIBLE"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "expected"), [case[1:] for case in ONE_ROW], ids=[case[0] for case in ONE_ROW]
)
def test_one_row(row: Row, expected: list[str]) -> None:
    assert of(row) == expected


def test_the_default_region_counts_for_rows_without_a_country() -> None:
    assert of({"state": "Bayern"}, region="DE") == []
    assert of({"state": "Bayern"}, region="AU") == ["CITY_IN_STATE"]
    assert of({"postal_code": "2139", "state": "MA"}, region="CH") == []


def test_dates_are_read_by_their_format() -> None:
    def told(value: str) -> list[str]:
        return of({"date_of_birth": value}, date_format="%d.%m.%Y")

    assert told("01.02.2027") == ["DATE_IN_FUTURE"]
    assert told("31.12.1899") == ["DATE_TOO_LONG_AGO"]
    assert told("23.11.2008") == ["UNDERAGE"]
    assert told("22.11.2008") == told("2027/01/01") == told("31.02.2027") == []
    assert told("2027-01-01") == ["DATE_IN_FUTURE"]


def test_a_29_february_has_its_years_ago() -> None:
    leap = date(2028, 2, 29)
    rows = [{"date_of_birth": day} for day in ("2010-02-28", "2010-03-01", "1908-02-28")]
    assert [(row, oddity) for row, oddity, _, _ in oddities(rows, today=leap)] == [
        (3, "UNDERAGE"),
        (4, "DATE_TOO_LONG_AGO"),
    ]


def test_only_the_beginning_of_a_long_value_is_examined() -> None:
    long = "<br>" + "a" * 2_000_000
    assert oddities([{"comments": long}]) == [
        (2, "MARKUP_IN_TEXT", "comments", "<br>" + "a" * (LONGEST_EXAMINED - 4))
    ]
    assert oddities([{"comments": "a" * LONGEST_EXAMINED + "<br>"}]) == []


@pytest.mark.parametrize("rows", [[], [{}], [{"city": ""}, {"city": " "}]], ids=str)
def test_blank_values_are_not_odd(rows: list[Row]) -> None:
    assert oddities(rows) == []


def test_good_leads_are_not_odd() -> None:
    rows = pd.read_csv(LEADS, dtype="str", keep_default_na=False, on_bad_lines="skip")
    mapping = map_columns(LEADS.name, list(rows), {})
    fields = rows[list(mapping.fields.values())].set_axis(list(mapping.fields), axis="columns")
    found = find_oddities(fields.fillna("").astype("str"), TODAY)
    share = found.index.nunique() / len(rows)
    assert share < 0.02, found.to_string()


def test_every_oddity_has_meaning_and_advice() -> None:
    for oddity in Oddity:
        assert oddity.value == oddity.name
        assert oddity.meaning
        assert oddity.advice
    told = {expected for _, _, expected in ONE_VALUE} | {o for *_, all_ in ONE_ROW for o in all_}
    of_numbers = {Oddity.NUMBER_NOT_GIVEN_OUT}
    assert told - {""} == set(Oddity) - of_numbers, "each has an example here"


# --- Row by row, as plainly as can be -------------------------------------------------------------

LETTERS = "abzXYJoéÜñжЖ"
SIGNS = " .-'\u00a0\t@?&;<>=+(|/#1209"
PLAIN = " .-'\u00a0\t@,1209"
"""Signs of no markup, formula or lost letter."""
FIELDS = ("first_name", "last_name", "city", "state", "comments", "email", "postal_code",
          "country_code")  # fmt: skip
GIVEN = [value for _, value, _ in ONE_VALUE]
MIXED = st.one_of(st.text(LETTERS + SIGNS, max_size=12), st.sampled_from(GIVEN))
WORDS = st.one_of(
    st.text(LETTERS + PLAIN, max_size=12),
    st.sampled_from(["Acme Inc.", "Acme, LLC", "gmbh", "TEST", "n/a", "xxx", "Last Name", "John",
                     "JOHN", "john", "Smith 3rd", "Smith 4th 5", "..", "", "j@x.com"]),
    st.from_regex(r"\(?[0-9]{3}\)? ?[0-9]{3}-?[0-9]{3,4}", fullmatch=True),
)  # fmt: skip
EMAILS = st.one_of(
    WORDS,
    st.from_regex(r"[a-z.]{0,4}@{1,2}[a-z.-]{1,5}(\.[a-z]{1,3})?", fullmatch=True),
    st.from_regex(r"(no-?email|none|test|a)@(test|noemail|b)\.[a-z]{1,3}", fullmatch=True),
)
DATES = st.one_of(
    st.dates().map(date.isoformat),
    st.text("0129-", max_size=10),
    st.dates(date(2005, 1, 1), date(2030, 1, 1)).map(lambda day: day.strftime("%Y%m%d")),
)
PHONES = st.from_regex(r"1?-?(305|306)[ .-]?555[ .-]?010[1-3]\.?|[0-9]{0,3}", fullmatch=True)


def letters(value: str) -> int:
    return sum(character.isalpha() for character in value)


def digits(value: str) -> str:
    return re.sub(r"[^0-9]", "", value)


def odd_name(value: str) -> str:
    judged = {
        "EMAIL_IN_OTHER_FIELD": re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", value, re.ASCII),
        "PHONE_IN_OTHER_FIELD": len(digits(value)) >= 10,
        "NAME_IS_PLACEHOLDER": value.lower() in ("test", "n/a", "last name", "xxx")
        or not any(character.isalnum() for character in value),
        "COMPANY_IN_NAME": re.search(r"(?i)(^|[ \t,])(llc|inc|gmbh)\.?$", value),
        "NAME_WITH_DIGITS": digits(re.sub(r"(?ai)\b(2nd|3rd|[4-9]th)\b", "", value)),
    }
    return next((oddity for oddity, applies in judged.items() if applies), "")


def odd_case(value: str) -> str:
    if letters(value) < 3 or not (value.isupper() or value.islower()):
        return ""
    return "NAME_IN_CAPITALS" if value.isupper() else "NAME_IN_SMALL_LETTERS"


def odd_email(value: str) -> str:
    if re.match(r"(?i)(no-?email|test|none)@|(test|n/a|last name|xxx)$", value):
        return "EMAIL_PLACEHOLDER"
    if re.search(r"(?ai)@(test|noemail)\.[a-z]+$", value):
        return "EMAIL_PLACEHOLDER"
    local, at, domain = value.partition("@")
    *labels, last = domain.split(".")
    good = (
        at
        and local
        and not local.startswith(".")
        and not any(character.isspace() for character in local)
        and labels
        and all(re.fullmatch(r"[\w-]+", label) for label in labels)
        and re.fullmatch(r"[^\W\d][\w-]+", last)
    )
    return "" if good else "EMAIL_IMPOSSIBLE"


def odd_birth(value: str) -> str:
    if value in {"-", "--", "---"}:
        return "VALUE_IS_NULL"
    stored, _ = reference_fields.stored_date_of_birth(value)
    if stored > "2026-11-22":
        return "DATE_IN_FUTURE"
    if "0001" < stored < "1906-11-22":
        return "DATE_TOO_LONG_AGO"
    return "UNDERAGE" if stored > "2008-11-22" else ""


def odd(row: Row) -> dict[str, str]:
    """Give the oddity of each field."""
    row = {field: value.strip() for field, value in row.items()}
    first, last, phone, other = (
        row[name] for name in ("first_name", "last_name", "phone_number", "alt_phone")
    )
    same = first.lower() == last.lower() and letters(last) >= 2
    told = {
        "first_name": odd_name(first) or odd_case(first),
        "last_name": odd_name(last) or ("SAME_FIRST_AND_LAST_NAME" if same else odd_case(last)),
        "email": odd_email(row["email"]),
        "date_of_birth": odd_birth(row["date_of_birth"]),
        "alt_phone": "ALT_PHONE_SAME" if digits(other)[-10:] == digits(phone)[-10:] != "" else "",
    }
    return {field: oddity for field, oddity in told.items() if row[field] and oddity}


@pytest.mark.property
@given(
    st.lists(
        st.fixed_dictionaries(
            {"first_name": WORDS, "last_name": WORDS, "email": EMAILS, "date_of_birth": DATES,
             "phone_number": PHONES, "alt_phone": PHONES}
        ),
        max_size=6,
    )
)  # fmt: skip
def test_agrees_with_a_simple_reference(rows: list[Row]) -> None:
    found = oddities(rows)
    assert {(row, field): oddity for row, oddity, field, _ in found} == {
        (number, field): oddity
        for number, row in enumerate(rows, 2)
        for field, oddity in odd(row).items()
    }
    assert all(value == rows[row - 2][field].strip() for row, _, field, value in found)


@pytest.mark.property
@given(
    st.lists(
        st.fixed_dictionaries(
            dict.fromkeys(FIELDS, MIXED)
        ),
        min_size=1,
        max_size=6,
    )
)  # fmt: skip
def test_a_row_is_judged_by_itself(rows: list[Row]) -> None:
    one_by_one = [
        (number, *told) for number, row in enumerate(rows, 2) for _, *told in oddities([row])
    ]
    assert sorted(oddities(rows)) == sorted(one_by_one)


@pytest.mark.property
@given(st.lists(st.text(" \t\x1c\u00a0\u3000aé\u20ac", max_size=6), max_size=8), st.integers(0, 3))
def test_texts_are_trimmed_as_by_strip(values: list[str], skipped: int) -> None:
    column = pd.Series(["é ", " ", "", *values], dtype="str").iloc[skipped:]
    texts = Texts(column)
    plain = [value.strip() for value in column]
    assert texts.array.to_pylist() == plain
    assert texts.filled == sum(value != "" for value in plain)
    assert texts.not_ascii().tolist() == [n for n, v in enumerate(plain) if not v.isascii()]
    assert texts.starting_with("a").tolist() == [n for n, v in enumerate(plain) if v[:1] == "a"]
    assert texts.ending_with("a").tolist() == [n for n, v in enumerate(plain) if v[-1:] == "a"]
    assert texts.contains("a") == any("a" in value for value in plain)
