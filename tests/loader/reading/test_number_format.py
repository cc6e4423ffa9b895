"""Numbers as their cells show them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.reading.number_format import number_format, plain_number

PHONE = "[<=9999999]###-####;(###) ###-####"


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        ("00000", 2134, "02134"),
        ("00000", 0, "00000"),
        ("00000", 123456, "123456"),
        ("00000-0000", 21340001, "02134-0001"),
        ("00000-0000", 606061234, "60606-1234"),
        ("[<=99999]00000;00000-0000", 2134, "02134"),
        ("[<=99999]00000;00000-0000", 21340001, "02134-0001"),
        ("000-00-0000", 12345678, "012-34-5678"),
        ("(000) 000-0000", 7275551212, "(727) 555-1212"),
        ("000-000-0000", 7275551212, "727-555-1212"),
        (PHONE, 7275551212, "(727) 555-1212"),
        (PHONE, 5551212, "555-1212"),
        (PHONE, 17275551212, "(1727) 555-1212"),
        ('"+1 "(000) 000-0000', 7275551212, "+1 (727) 555-1212"),
        ("\\+0", 442079460958, "+442079460958"),
        ("+0", 442079460958, "+442079460958"),
        ("0# ## ## ## ##", 123456789, "01 23 45 67 89"),
        ('0#" "##" "##" "##" "##', 123456789, "01 23 45 67 89"),
        ("0##\\ ###\\ ####", 2079460958, "207 946 0958"),
        ("[Red]00000", 12, "00012"),
        ("[$-409]00000", 12, "00012"),
        ('0" pcs"', 5, "5 pcs"),
        ("0_ ;-0 ", 12, "12"),
        ("00000;-00000", -5, "-00005"),
        ("00000", -5, "-00005"),
        ("0", 7275551212, "7275551212"),
        ("#", 12, "12"),
        # No mask: what marks an amount is left out.
        ("General", 7275551212, "7275551212"),
        ("@", 33701, "33701"),
        ("#,##0", 1234567, "1234567"),
        ("#,##0.00", 1234.5, "1234.5"),
        ("0.00", 7275551212, "7275551212"),
        ("0", 4.75, "4.75"),
        ("00000", 0.5, "0.5"),
        ("$#,##0.00", 1234.5, "1234.5"),
        ("[$€-407]0", 5, "5"),
        ('0 "€"', 5, "5"),
        ("0.00E+00", 7275551212, "7275551212"),
        ("# ?/?", 0.5, "0.5"),
        ('_(* #,##0_);_(* (#,##0);_(* "-"??_);_(@_)', 1234, "1234"),
        (";;;", 12, "12"),
        # Percents.
        ("0%", 0.5, "50%"),
        ("0.0%", 0.125, "12.5%"),
        ("0%", 0.07, "7%"),
        # Numbers of which digits are lost.
        ("0", 1e15, "1E+15"),
        ("0000000000000000", 1234567890123456, "1.23456789012346E+15"),
        # Dates and times.
        ("d/m/yyyy", 29251, "1980-01-31"),
        ("mm-dd-yy", 29251, "1980-01-31"),
        ("[$-409]d-mmm-yy;@", 29251, "1980-01-31"),
        ("dddd, mmmm d, yyyy", 29251, "1980-01-31"),
        ('yyyy"年"m"月"d"日"', 29251, "1980-01-31"),
        ("dd.mm.yyyy", 29251.75, "1980-01-31"),
        ("mmm-yy", 29251, "1980-01-31"),
        ("m/d/yy h:mm", 29251.75, "1980-01-31 18:00:00"),
        ("m/d/yy h:mm", 29251, "1980-01-31"),
        ("h:mm AM/PM", 0.25, "06:00:00"),
        ("h:mm:ss", 0.999988426, "23:59:59"),
        ("[h]:mm:ss", 1.5, "36:00:00"),
        ("[mm]:ss", 0.0625, "01:30:00"),
        ("yyyy-mm-dd", 1, "1900-01-01"),
        ("yyyy-mm-dd", 59, "1900-02-28"),
        ("yyyy-mm-dd", 61, "1900-03-01"),
        ("yyyy-mm-dd", 2958465, "9999-12-31"),
        ("yyyy-mm-dd", 2958466, "2958466"),
        ("yyyy-mm-dd", -1, "-1"),
        ('"due "yyyy', 29251, "1980-01-31"),
    ],
)
def test_a_number_in_a_format(code: str, value: float, text: str) -> None:
    assert number_format(code).text(float(value)) == text


def test_a_workbook_that_counts_from_1904() -> None:
    shown = number_format("yyyy-mm-dd")
    assert shown.text(27789.0, from_1904=True) == "1980-01-31"
    assert shown.text(0.0, from_1904=True) == "1904-01-01"


@given(st.integers(0, 10**14), st.integers(1, 15))
def test_a_mask_of_zeros_pads(number: int, places: int) -> None:
    assert number_format("0" * places).text(float(number)) == str(number).zfill(places)


@given(st.integers(1, 10**14), st.text("0#()- +", min_size=1, max_size=15))
def test_no_mask_changes_the_digits(number: int, code: str) -> None:
    text = number_format(code).text(float(number))
    digits = "".join(letter for letter in text if letter.isdigit())
    assert digits.lstrip("0") == str(number)


@given(st.text(max_size=20), st.floats(allow_nan=False, allow_infinity=False))
def test_any_format_gives_a_text(code: str, value: float) -> None:
    assert isinstance(number_format(code).text(value), str)


@given(st.floats(-1e14, 1e14))
def test_a_number_without_a_format_is_the_number(value: float) -> None:
    assert float(plain_number(value)) == pytest.approx(value, rel=1e-14)
