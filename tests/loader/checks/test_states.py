"""Names of states that become their abbreviations."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from loader.checks.clean import clean_fields
from loader.checks.phone_numbers import normalize_phones
from loader.checks.states import fit_states
from loader.dialer import Column
from loader.options.load import LoadOptions
from loader.phones.number_zones import states_by_calling_code
from loader.results.wording import notice_texts

TODAY = date(2026, 11, 22)


def fitted(
    row: dict[str, str], width: int | None = 2, **options: Any
) -> tuple[str, str, list[str]]:
    """Give state, state_given, and what was said of them."""
    first = {"phone_number": "7275551212", "country_code": "", "phone_code": "", **row}
    rows = pd.DataFrame([first, {**dict.fromkeys(first, ""), "state": "FL"}], dtype="str")
    rows.index = pd.Index([2, 3], dtype="int64", name="row_number")
    wanted = LoadOptions(**options)
    leads, _, _ = clean_fields(rows, wanted, {}, TODAY)
    leads, regions, _, _ = normalize_phones(leads, wanted, decimals=False, columns={})
    leads, rejected, said = fit_states(leads, regions, Column(width=width), wanted)
    assert rejected.empty
    assert leads["state"].iloc[1] == "FL"
    state, given = leads[["state", "state_given"]].iloc[0].tolist()
    return state, given, notice_texts(said).tolist()


def stored(
    state: str, country: str = "", phone_code: str = "", width: int | None = 2, **options: Any
) -> tuple[str, list[str]]:
    """Give what is looked up, and what was said; cutting is said by `fit_field`."""
    row = {"state": state, "country_code": country, "phone_code": phone_code}
    _, given, said = fitted(row, width, **options)
    return given, [text for text in said if text != "VALUE_CUT state"]


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("Florida", "FL"),
        ("FLORIDA", "FL"),
        ("florida", "FL"),
        ("Fla.", "FL"),
        ("Calif.", "CA"),
        ("Mass", "MA"),
        ("Penn.", "PA"),
        ("N.Y.", "NY"),
        ("N. Y.", "NY"),
        ("D.C.", "DC"),
        ("Washington DC", "DC"),
        ("Washington, D.C.", "DC"),
        ("New  York", "NY"),
        ("New York State", "NY"),
        ("State of Ohio", "OH"),
        ("Texas, USA", "TX"),
        ("US-FL", "FL"),
        ("CA-ON", "ON"),
        ("FL - Florida", "FL"),
        ("Florida (FL)", "FL"),
        ("N. Carolina", "NC"),
        ("W. Va.", "WV"),
        ("Hawai\u02bbi", "HI"),
        ("Puerto Rico", "PR"),
        ("U.S. Virgin Islands", "VI"),
        ("Ontario", "ON"),
        ("Qu\u00e9bec", "QC"),
        ("Quebec", "QC"),
        ("Colombie-Britannique", "BC"),
        ("Newfoundland", "NL"),
        ("P.E.I.", "PE"),
        ("Alta.", "AB"),
        ("Queensland", "QLD"),
    ],
)
def test_names_become_abbreviations(state: str, expected: str) -> None:
    assert stored(state) == (expected, [f"STATE_ABBREVIATED {state.replace(';', ',')}"])


@pytest.mark.sample(1)
@pytest.mark.parametrize("code", ["1", "61"])
def test_every_name_of_the_table(code: str) -> None:
    for abbreviation, (name, *_) in states_by_calling_code()[code].items():
        assert stored(name, phone_code=code)[0] == abbreviation


@pytest.mark.parametrize(
    ("state", "country", "phone_code", "expected"),
    [
        ("Paran\u00e1", "BR", "", "PR"),
        ("S\u00e3o Paulo", "", "55", "SP"),
        ("Distrito Federal", "Brazil", "", "DF"),
        ("Distrito Federal", "MX", "", "DF"),
        ("Victoria", "AU", "", "VIC"),
        ("New South Wales", "", "61", "NSW"),
        ("Paran\u00e1", "", "", ""),
        ("Florida", "CA", "", "FL"),
        ("Florida", "AU", "", "FL"),
        ("Western Australia", "AU", "", "WA"),
        ("Northern Territory", "", "61", "NT"),
        ("nsw", "AU", "", "NSW"),
    ],
)
def test_the_country_decides_whose_states_count(
    state: str, country: str, phone_code: str, expected: str
) -> None:
    assert stored(state, country, phone_code)[0] == expected


@pytest.mark.parametrize(
    "state", ["Mexico City", "Paris", "Vienna", "Cambridge", "Miami", "Orlando", "Delhi", "Nebula"]
)
def test_a_word_does_not_become_another_state(state: str) -> None:
    assert stored(state) == ("", [f"STATE_NOT_STORED {state}"])


MEANT_OTHERWISE = [
    ("Victoria", "CA"), ("Victoria", "US"), ("Victoria", ""), ("VIC", "US"), ("Vic.", "CA"),
    ("Northern Territory", "US"), ("Northern Territory", "CA"), ("New South Wales", "US"),
    ("NSW", "US"), ("N.S.W.", "CA"), ("NSW", "GB"), ("Western Australia", "US"),
    ("Western Australia", "CA"), ("Western Australia", ""), ("Washington", "AU"),
    ("Northwest Territories", "AU"), ("Nova Scotia", "AU"), ("Virgin Islands", "AU"),
    ("Sandringham", "AU"), ("Alabama", "BR"), ("Massachusetts", "BR"), ("Minas Norte", "BR"),
    ("Parana", "US"), ("Western Australia", "BR"), ("Chilpancingo", "MX"),
]  # fmt: skip


@pytest.mark.sample(6)
@pytest.mark.parametrize(("state", "country"), MEANT_OTHERWISE)
def test_a_state_of_another_country_does_not_become_one_of_the_rows_own(
    state: str, country: str
) -> None:
    phone_code = "" if country in {"US", "CA", ""} else "1"
    assert stored(state, country, phone_code) == ("", [f"STATE_NOT_STORED {state}"])


def test_the_dialers_way_takes_two_letters_of_australias_abbreviations() -> None:
    options = {"phone_format": "as-given", "phone_validation": "length"}
    row = {"state": "NSW", "phone_code": "1"}
    assert fitted(row, **options) == ("NS", "NSW", ["VALUE_CUT state"])
    assert stored("Victoria", phone_code="1", **options)[0] == ""


@pytest.mark.parametrize(
    ("state", "country", "phone", "expected"),
    [
        ("Florida", "NA", "7275551212", "FL"),
        ("Ontario", "n/a", "4165551212", "ON"),
        ("Florida", "unknown", "7275551212", "FL"),
        ("Florida", "NULL", "7275551212", "FL"),
        ("Florida", "NA", "+1 727 555 1212", "FL"),
        ("Victoria", "NA", "+61 2 9374 4000", "VIC"),
        ("Victoria", "", "+61 2 9374 4000", "VIC"),
        ("Western Australia", "NA", "7275551212", ""),
        ("Florida", "Namibia", "+1 727 555 1212", ""),
        ("Khomas", "NA", "0811234567", "Khomas"),
        ("Paran\u00e1", "NA", "+55 41 99999 9999", "PR"),
    ],
)
def test_a_placeholder_is_no_country(state: str, country: str, phone: str, expected: str) -> None:
    row = {"state": state, "country_code": country, "phone_number": phone}
    assert fitted(row)[1] == expected
    given = fitted(row, phone_format="as-given", phone_validation="valid")
    assert given[1] == expected


def test_what_is_looked_up_is_not_cut() -> None:
    row = {"state": "New South Wales", "country_code": "AU", "phone_number": "02 9374 4000"}
    said = ["STATE_ABBREVIATED New South Wales", "VALUE_CUT state"]
    assert fitted(row) == ("NS", "NSW", said)
    assert fitted(row, width=4) == ("NSW", "NSW", said[:1])


@pytest.mark.parametrize("state", ["England", "Bayern", "Queretaro", "xyz", "123"])
def test_others_are_left_to_be_cut(state: str) -> None:
    assert stored(state) == (state, [])


def test_where_it_fits_the_name_stays() -> None:
    assert stored("Florida", width=20) == ("Florida", [])
    assert stored("Florida", width=None) == ("Florida", [])
    assert stored("fl") == ("fl", [])
    assert stored("NSW", width=4) == ("NSW", [])
    assert stored("Qld") == ("QLD", [])


def test_states_of_a_country_that_is_not_known_stay() -> None:
    assert stored("Saarland", country="DE") == ("Saarland", [])
    assert stored("Bayern", phone_code="49") == ("Bayern", [])
    assert stored("Mecklenburg", country="DE") == ("", ["STATE_NOT_STORED Mecklenburg"])
    assert stored("Hessen", default_region="DE") == ("Hessen", [])
