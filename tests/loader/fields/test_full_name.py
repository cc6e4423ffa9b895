"""First and last name out of one column."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import SourceFileError, UsageError
from loader.fields.full_name import NAME_PAIRS, split_full_names
from loader.fields.mapping import map_columns

FIRST, LAST = NAME_PAIRS


@pytest.mark.parametrize(
    ("name", "order", "first", "last"),
    [
        ("Ann Lee", FIRST, "Ann", "Lee"),
        ("Ann Lee", LAST, "Lee", "Ann"),
        ("Lee, Ann", FIRST, "Ann", "Lee"),
        ("Lee, Ann", LAST, "Ann", "Lee"),
        ("Lee ,Ann Q.", FIRST, "Ann Q.", "Lee"),
        ("Mary Ann van der Berg", FIRST, "Mary", "Ann van der Berg"),
        ("van der Berg, Mary Ann", FIRST, "Mary Ann", "van der Berg"),
        ("Cher", FIRST, "Cher", ""),
        ("Cher", LAST, "", "Cher"),
        ("Mr Smith", FIRST, "Mr", "Smith"),
        ("Dr. Ann Lee", FIRST, "Dr. Ann", "Lee"),
        ("Prof. Dr. Ann Lee", FIRST, "Prof. Dr. Ann", "Lee"),
        ("John Smith, Jr.", FIRST, "John", "Smith, Jr."),
        ("John Smith Jr.", FIRST, "John", "Smith Jr."),
        ("Smith, John, III", FIRST, "John", "Smith, III"),
        ("Smith, V.", FIRST, "V.", "Smith"),
        ("Nguyen, V", LAST, "V", "Nguyen"),
        ("Garcia Lopez, V.", FIRST, "V.", "Garcia Lopez"),
        ("John Smith, V", FIRST, "John", "Smith, V"),
        ("Lee, Ii", FIRST, "Ii", "Lee"),
        ("Do, Esq", FIRST, "Esq", "Do"),
        ("Smith Jr., V", FIRST, "V", "Smith Jr."),
        ("Nguyen, V, Jr.", FIRST, "V", "Nguyen, Jr."),
        ("Ann Fox, MD, PhD", FIRST, "Ann", "Fox, MD, PhD"),
        ("Ann Fox , MD,Ph.D.", FIRST, "Ann", "Fox, MD, Ph.D."),
        ("Ann Fox, MD PhD", FIRST, "Ann", "Fox, MD PhD"),
        ("Fox Ann, MD, PhD", LAST, "Ann", "Fox, MD, PhD"),
        ("Fox, Ann, MD, PhD", FIRST, "Ann", "Fox, MD, PhD"),
        ("Smith, Jr., John", FIRST, "John", "Smith, Jr."),
        ("Smith, Jr., John, MD", FIRST, "John", "Smith, Jr., MD"),
        ("Dr. Fox, MD", FIRST, "Dr.", "Fox, MD"),
        ("Mr Smith Jr.", FIRST, "Mr", "Smith Jr."),
        ("Smith, Van", FIRST, "Van", "Smith"),
        ("Smith, , Ann", FIRST, "Ann", "Smith"),
        ("  Ann \t Lee  ", FIRST, "Ann", "Lee"),
        ("Lee,", FIRST, "Lee", ""),
        ("", FIRST, "", ""),
        ("José Núñez", FIRST, "José", "Núñez"),
        ("李 小龙", LAST, "小龙", "李"),
    ],
)
def test_a_full_name(name: str, order: str, first: str, last: str) -> None:
    found = split_full_names(pd.Series([name], dtype="str"), order)
    assert [each.tolist() for each in found] == [[first], [last]]


@given(st.text("ab ,.'-", max_size=15), st.sampled_from(NAME_PAIRS))
def test_no_letter_is_lost(name: str, order: str) -> None:
    first, last = split_full_names(pd.Series([name], dtype="str"), order)
    letters = sorted(c for c in first[0] + last[0] if c.isalnum())
    assert letters == sorted(c for c in name if c.isalnum())


def test_map_names_both() -> None:
    found = map_columns("a.csv", ("phone", "Name"), {FIRST: "Name"})
    fields = pd.DataFrame({"phone_number": ["1"], "first_name": ["Ann Lee"]}, dtype="str")
    assert {name: s.tolist() for name, s in found.split_names(fields).items()} == {
        "first_name": ["Ann"], "last_name": ["Lee"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"city+state": "Name"}, "only first and last name can be in one column"),
        ({"first_name+middle_initial": "Name"}, "only first and last name"),
        ({FIRST: "Name", "first_name": "Name"}, "first_name is given twice"),
        ({FIRST: "Nme"}, "did you mean 'Name'?"),
    ],
)
def test_no_other_fields_share_a_column(given: dict[str, str], message: str) -> None:
    with pytest.raises((UsageError, SourceFileError)) as raised:
        map_columns("a.csv", ("phone", "Name"), given)
    assert message in str(raised.value)
