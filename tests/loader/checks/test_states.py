"""Names of states that become their abbreviations."""

import pandas as pd
import pytest

from loader.checks.states import abbreviate_states
from loader.options.load import LoadOptions
from loader.phones.number_zones import states_by_calling_code
from loader.results.wording import notice_texts


def stored(
    state: str, country: str = "", phone_code: str = "", width: int | None = 2, **options: str
) -> tuple[str, list[str]]:
    columns = {"state": [state, "FL"], "country_code": country, "phone_code": phone_code}
    leads = pd.DataFrame(columns, index=pd.Index([2, 3], dtype="int64"), dtype="str")
    states, said = abbreviate_states(leads, width, LoadOptions(**options))
    assert states.iloc[1] == "FL"
    return str(states.iloc[0]), [text for each in said for text in notice_texts(each)]


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
        ("Western Australia", "WA"),
        ("Northern Territory", "NT"),
    ],
)
def test_names_become_abbreviations(state: str, expected: str) -> None:
    assert stored(state) == (expected, [f"STATE_ABBREVIATED {state.replace(';', ',')}"])


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


@pytest.mark.parametrize("state", ["England", "Bayern", "Queretaro", "xyz", "123", "NSW", "Qld"])
def test_others_are_left_to_be_cut(state: str) -> None:
    assert stored(state) == (state, [])


def test_where_it_fits_the_name_stays() -> None:
    assert stored("Florida", width=20) == ("Florida", [])
    assert stored("Florida", width=None) == ("Florida", [])
    assert stored("fl") == ("fl", [])
    assert stored("NSW", width=4) == ("NSW", [])


def test_states_of_a_country_that_is_not_known_stay() -> None:
    assert stored("Saarland", country="DE") == ("Saarland", [])
    assert stored("Bayern", phone_code="49") == ("Bayern", [])
    assert stored("NSW", phone_code="44") == ("NSW", [])
    assert stored("Mecklenburg", country="DE") == ("", ["STATE_NOT_STORED Mecklenburg"])
    assert stored("Hessen", default_region="DE") == ("Hessen", [])
