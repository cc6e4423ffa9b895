"""What holds for whole columns: decimals, and the formats of dates of birth."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checks.birth_dates import are_confusable
from loader.checks.columns import ColumnFacts, ColumnSurvey, fields_of
from loader.checks.decimals import damaged_values, mend_decimals
from loader.errors import SourceFileError
from loader.fields.mapping import ColumnMapping
from loader.options.load import LoadOptions
from loader.results.wording import notice_texts

TODAY = date(2026, 11, 22)
MDY, DMY = "%m/%d/%Y", "%d/%m/%Y"


def frame(values: dict[str, list[str]]) -> pd.DataFrame:
    rows = pd.DataFrame(values, dtype="str")
    rows.index = pd.Index(range(2, 2 + len(rows)), dtype="int64", name="row_number")
    return rows


def survey(rows: pd.DataFrame, *more: pd.DataFrame, **options: object) -> ColumnFacts:
    """Survey chunks, the first of which is the sample."""
    found = ColumnSurvey(LoadOptions(**options), rows, TODAY)  # type: ignore[arg-type]
    if found.needs_all_rows:
        for chunk in (rows, *more):
            found.add(chunk)
    return found.facts()


@pytest.mark.parametrize(
    ("values", "mended"),
    [
        (["33701.0", ""], True),
        (["55.0"], True),
        (["-5.0", "0.0"], True),
        (["55,0", "7,0"], True),
        (["33701.0", "3.37E+04"], True),
        (["33701.0", "nan", "NULL", "N/A", "\\N"], True),
        (["12.0", "12.5"], False),
        (["12.000"], False),
        (["12,00"], False),
        (["12.0", "A17"], False),
        (["12.0", "17"], False),
        (["1.0.0"], False),
        (["3.37E+04"], False),
        (["", ""], False),
        ([".0"], False),
        (["1.0", "1.0 "], False),
    ],
)
@pytest.mark.parametrize("name", ["postal_code", "vendor_lead_code", "rank", "custom:amount"])
def test_a_column_of_decimals_is_mended_as_a_whole(
    name: str, values: list[str], mended: bool
) -> None:
    assert survey(frame({name: values})).decimals == ({name} if mended else set())


def test_two_zeros_are_cents_in_custom_fields_alone() -> None:
    names = ("postal_code", "list_id", "custom:price", "city")
    rows = frame({name: ["55.00", "7.00"] for name in names})
    assert survey(rows).decimals == {"postal_code", "list_id"}
    mended, _ = mend_decimals(rows, {"postal_code"})
    assert mended["postal_code"].tolist() == ["55", "7"]


def test_later_rows_decide_too() -> None:
    sample = frame({"custom:price": ["12.0"], "owner": ["7.0"]})
    later = frame({"custom:price": ["12.5"], "owner": [""]})
    assert survey(sample, later).decimals == {"owner"}


def test_phone_numbers_are_mended_elsewhere() -> None:
    names = ("phone_number", "alt_phone", "phone_code", "multi_alt_phones")
    assert not survey(frame({name: ["7275551212.0"] for name in names})).decimals


def test_mended_values_and_damaged_ones() -> None:
    rows = frame(
        {
            "postal_code": ["33701.0", "", "3.37E+04"],
            "vendor_lead_code": ["55.0", "A1", "1.2E+11"],
            "custom:price": ["12.0", "1e-05", "5"],
            "first_name": ["1E+5", "", ""],
        }
    )
    mended, said = mend_decimals(rows, {"postal_code", "absent"})
    assert mended["postal_code"].tolist() == ["33701", "", "3.37E+04"]
    assert said.index.tolist() == [2]
    assert notice_texts(said).tolist() == ["DECIMAL_MENDED postal_code"]
    damaged = damaged_values(mended)
    assert list(zip(damaged.index, notice_texts(damaged), strict=True)) == [
        (4, "DAMAGED_VALUE field=postal_code value=3.37E+04"),
        (2, "DAMAGED_VALUE field=vendor_lead_code value=55.0"),
        (4, "DAMAGED_VALUE field=vendor_lead_code value=1.2E+11"),
        (3, "DAMAGED_VALUE field=price value=1e-05"),
    ]


@pytest.mark.parametrize("value", ["1.2E11", "1.2e+11", "1E+16", "-1.5E-07", "1,2E+11", "55.0"])
def test_damaged_values(value: str) -> None:
    assert damaged_values(frame({"vendor_lead_code": [value]})).index.tolist() == [2]


@pytest.mark.parametrize("value", ["12E5", "E+1", "1.5E+", "0x1E+4", "12.0.0", "1,234.0", "v1.0"])
def test_what_only_looks_like_a_damaged_value(value: str) -> None:
    assert damaged_values(frame({"vendor_lead_code": [value]})).empty


def births(*values: str) -> pd.DataFrame:
    return frame({"date_of_birth": [*values]})


def test_the_format_that_reads_the_whole_column_counts() -> None:
    rows = births("03/04/2001", "13/04/2001")
    assert survey(rows, date_format=[MDY, DMY]).date_formats == (DMY,)
    assert survey(rows, date_format=[DMY, MDY]).date_formats == (DMY,)


def test_formats_that_do_not_contradict_each_other_are_tried_in_order() -> None:
    rows = births("03/04/2001", "2001-04-13", "1.2.2003", "", "n/a")
    formats = (MDY, "%Y-%m-%d", "%d.%m.%Y")
    facts = survey(rows, date_format=formats)
    assert facts == ColumnFacts(date_formats=formats)


def test_two_formats_of_which_neither_reads_all_are_refused() -> None:
    first, later = births("", "03/04/2001"), births("13/04/2001", "04/13/2001")
    later.index += 2
    with pytest.raises(SourceFileError) as error:
        survey(first, later, date_format=[MDY, DMY])
    text = str(error.value)
    assert f"row 5 is {MDY}, row 4 is {DMY}, and row 3 may be either" in text
    assert "2001" not in text, "no data of persons"


def test_formats_that_may_be_confused_are_refused_without_such_a_date_too() -> None:
    with pytest.raises(SourceFileError, match=r"row 3 is .*, row 2 is .*, and other dates may be"):
        survey(births("13/04/2001", "04/13/2001"), date_format=[MDY, DMY])


@pytest.mark.parametrize(
    ("one", "other", "confusable"),
    [
        (MDY, DMY, True),
        ("%y%m%d", "%d%m%y", True),
        ("%d.%m.%y", "%y.%m.%d", True),
        (MDY, "%m/%d/%y", False),
        (MDY, "%Y-%m-%d", False),
        (MDY, "%d.%m.%Y", False),
        ("%Y%m%d", "%d%m%Y", True),
        ("%d %b %Y", "%d %B %Y", False),
    ],
)
def test_formats_that_may_be_confused(one: str, other: str, confusable: bool) -> None:
    assert are_confusable(one, other, TODAY) == confusable


def test_a_third_format_does_not_hide_two_that_contradict_each_other() -> None:
    rows = births("03/04/2001", "13/04/2001", "04/13/2001", "2001-01-01")
    with pytest.raises(SourceFileError, match="may be either"):
        survey(rows, date_format=["%Y-%m-%d", MDY, DMY])


def test_the_order_decides_where_two_formats_read_everything() -> None:
    rows = births("03/04/2001", "05/06/2002")
    facts = survey(rows, date_format=[DMY, MDY])
    assert facts.date_formats == (DMY,)
    assert facts.remarks == (
        f"date_of_birth was read as {DMY}; {MDY} would read all its values, too",
    )


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("values", "proposed"),
    [
        (["3/10/2004", "2/20/2001", "12/31/1968"], "%m/%d/%Y"),
        (["31.12.1968", "1.2.2003"], "%d.%m.%Y"),
        (["12/31/68", "5/5/45"], "%m/%d/%y"),
        (["10/31/1940 0:00"], "%m/%d/%Y %H:%M"),
        (["10/31/1940 12:00:00 AM"], "%m/%d/%Y %I:%M:%S %p"),
        (["2000/01/31"], "%Y/%m/%d"),
        (["31-Dec-68"], "%d-%b-%y"),
        (["December 31, 1968"], "%B %d, %Y"),
        (["12311968"], "%m%d%Y"),
        (["31121968"], "%d%m%Y"),
        (["001231"], "%y%m%d"),
        (["1/2/2003", "2/3/2004"], "%m/%d/%Y (or %d/%m/%Y)"),
    ],
)
def test_a_format_is_proposed_for_dates_that_are_not_understood(
    values: list[str], proposed: str
) -> None:
    facts = survey(births(*values))
    count = len(values)
    assert facts.remarks == (
        f"{count} of the first {count} values of date_of_birth are no ISO dates, and are stored as "
        f"0000-00-00; give their format by --date-format {proposed}",
    )


def test_no_format_is_proposed_where_none_fits() -> None:
    assert "may be repeated" in survey(births("long ago", "1/2/2003", "2.3.2004")).remarks[0]
    assert not survey(births("1980-01-31", "1980-01-31 00:00:00", "x")).remarks
    assert not survey(births("", "0000-00-00")).remarks


def test_a_named_format_that_fits_few_is_an_error_with_the_one_that_fits() -> None:
    rows = births("12/31/1968", "1/31/1969", "1/2/1969")
    with pytest.raises(SourceFileError, match=f"most are --date-format {MDY}"):
        survey(rows, date_format=DMY)
    with pytest.raises(SourceFileError, match="most are --date-format %Y/%m/%d"):
        survey(births("1968/12/31", "1969/01/02"), date_format=DMY)
    assert not survey(births("1968-12-31", "1969-01-02"), date_format=DMY).remarks
    remarks = survey(births("x", "y"), date_format=DMY).remarks
    assert remarks == (
        f"2 of the first 2 values of date_of_birth are not {DMY}, and are stored as 0000-00-00",
    )


def test_dates_written_as_decimals() -> None:
    facts = survey(births("19680131.0", ""))
    assert (facts.decimals, facts.remarks) == ({"date_of_birth"}, ())


def tidy(values: list[str], **options: object) -> list[str]:
    rows = pd.DataFrame({"Name": values}, dtype="str")
    mapping = ColumnMapping({"first_name": "Name"}, ())
    fields = fields_of(rows, mapping, LoadOptions(**options))  # type: ignore[arg-type]
    return fields["first_name"].tolist()


@pytest.mark.parametrize(
    "blank",
    [" ", "\u00a0", "\u2003", "\u202f", "\u3000", "\u200b", "\ufeff", "\u200e", "\u2060", "\n",
     "\r\n", "\t", "\u2028", " \u00a0\t "],
)  # fmt: skip
def test_blanks_of_all_kinds_go_off_both_ends(blank: str) -> None:
    values = [f"{blank}Ann{blank}Lee{blank}", blank, "", "Zo\u00eb", f"Ann{blank}", f"{blank}Ann"]
    assert tidy(values) == [f"Ann{blank}Lee", "", "", "Zo\u00eb", "Ann", "Ann"]
    assert tidy(values, trim="N") == values


@pytest.mark.property
@given(values=st.lists(st.text(" a\n\u00a0\u3000\u200b\ufeff\u00e9", max_size=6), max_size=6))
def test_trimmed_as_python_trims(values: list[str]) -> None:
    assert tidy(values) == [value.strip(" \n\u00a0\u3000\u200b\ufeff") for value in values]


def test_words_for_nothing_are_empty() -> None:
    values = ["NULL", "null", " N/A ", "\\N", "Null Smith", "nan", "-", "", "Zo\u00eb"]
    assert tidy(values, null_values="NULL, n/a,\\N") == [
        "", "", "", "", "Null Smith", "nan", "-", "", "Zo\u00eb"
    ]  # fmt: skip
    assert tidy([" NULL "], null_values=("null",), trim="N") == [""]
