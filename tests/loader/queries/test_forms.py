"""The forms of rows are the same whether they are made for the rows alone or for a whole chunk."""

import random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checks.duplicates_existing import compared_numbers
from loader.checks.other_numbers import numbers_of
from loader.checks.rules import dnc_forms
from loader.options.duplicate_check import Kind
from loader.options.load import LoadOptions
from loader.options.types import DncCheck
from loader.phones.forms import lead_numbers, number_forms
from loader.queries.forms import RowForms

NUMBERS = ("7275550101", "17275550101", "4915112345678", "15112345678", "02079460958", "")
SEVERAL = ("", "7275550102", "7275550103_1_a!442079460958_44_b!12_1_c")

numbers = st.sampled_from(NUMBERS)
leads = st.fixed_dictionaries(
    {
        "phone_number": numbers, "number_sent": numbers, "national_number": numbers,
        "phone_code": st.sampled_from(["1", "49", "44"]), "alt_phone": numbers,
        "multi_alt_phones": st.sampled_from(SEVERAL), "address3": numbers,
    }
)  # fmt: skip


@pytest.mark.property
@given(
    rows=st.lists(st.tuples(leads, st.booleans()), min_size=1, max_size=8),
    alt_phones=st.sampled_from([None, "clear"]),
    as_sent=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_some_rows_of_a_chunk(
    *,
    rows: list[tuple[dict[str, str], bool]],
    alt_phones: str | None,
    as_sent: bool,
    order: random.Random,
) -> None:
    chunk = pd.DataFrame([lead for lead, _ in rows], dtype="str")
    index = list(range(7, 7 + len(rows)))
    order.shuffle(index)
    chunk.index = pd.Index(index)
    form = {"phone_format": "as-given", "phone_validation": "length"} if as_sent else {}
    options = LoadOptions.model_validate({"dnc_alt_phones": alt_phones, "dnc_check": "Y", **form})
    some, forms = chunk[[is_asked for _, is_asked in rows]], RowForms(chunk, options)
    for part in (some, chunk, some):
        for check in ("Y", "AREACODE"):
            assert by_row(forms.listed(check, part.index)) == listed(part, check, options)
        for kind in Kind:
            alone = number_forms(compared_numbers(part, kind, options), as_stored=options.one_form)[
                "form"
            ]
            assert by_row(forms.compared(kind, part.index)) == by_row(alone)


def by_row(forms: "pd.Series[str]") -> list[tuple[int, str]]:
    return sorted(forms.items())


def listed(part: pd.DataFrame, check: DncCheck, options: LoadOptions) -> list[tuple[int, str]]:
    """Give what is to be looked up, number by number."""
    own = dnc_forms(lead_numbers(part), check, options)
    others = numbers_of(part, options)
    of_others = dnc_forms(others, check, options)
    rows = others["row_number"].loc[of_others.index]
    return sorted([*own.items(), *zip(rows, of_others, strict=True)])
