"""From phone numbers as people write them to the phone_code and phone_number that are dialled."""

from collections.abc import Mapping

import pandas as pd

from loader.checks.alternate_numbers import fit_alt_phone, notices_of_dropped
from loader.checks.fit import fit_field
from loader.dialer import Column
from loader.fields.lead import WIDTHS
from loader.findings import (
    Findings,
    Notices,
    findings,
    join_frames,
    no_findings,
    notices,
    without_rows,
)
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.phones.forms import digits_as_sent
from loader.phones.parse import digits_only, is_damaged, mend_decimals
from loader.phones.phone_codes import codes_as_sent, is_of_other_area, read_phone_codes
from loader.phones.readings import parse_phones
from loader.phones.regions import (
    are_placeholders,
    calling_code_of,
    main_region,
    map_distinct,
    region_of_country,
    region_of_phone_code,
)
from loader.reasons import Reason

DEFAULT_PHONE_CODE = "1"
SAME_DIGITS = r"(\d)\1{5,}"


def normalize_phones(
    leads: pd.DataFrame,
    options: LoadOptions,
    *,
    decimals: bool,
    columns: Mapping[str, Column],
) -> tuple[pd.DataFrame, Findings, Notices]:
    """Normalize phone_number and alt_phone, and reject what cannot be called.

    The country comes from the number itself if it is international, else from the row's
    phone_code, the row's country, default_region, or the run's phone_code, the first that
    is there. Damaged numbers are rejected first, for they often parse as a valid, wrong one.

    Args:
        leads: str columns phone_number, phone_code (its digits alone), phone_code_given (as the
            row has it), country_code_given and alt_phone; index row_number.
        options: phone_code, default_region, phone_validation, phone_format, unstorable and user
            are read.
        decimals: the file's whole phone column is digits and `.0`, which is mended, not rejected.
        columns: of vicidial_list, by name; without an entry, `WIDTHS` hold.

    Returns:
        The leads, with phone_code and phone_number in digits, alt_phone normalized where it is
        possible, phone_code_given the digits of phone_code before it is cut, and columns
        national_number, number_sent, calling_code, number_type, region and settled_region (str:
        that of the country whose number it was read as, be it valid or not) added; the rejected
        (add_lead: INVALID PHONE NUMBER LENGTH, the only one of these it knows); and notices.
    """
    given, noticed = leads["phone_number"], []
    if decimals:
        mended = mend_decimals(given)
        noticed.append(notices(leads.index[mended != given], Notice.DECIMAL_MENDED))
        given = mended
    bad, given_codes = is_damaged(given), leads["phone_code_given"]
    codes = read_phone_codes(given_codes)
    regions = _regions(leads, codes["code"], options) if len(leads) else leads["phone_code"]
    regions = regions.where(codes["is_understood"], "")
    number = _parse(given.where(~bad, ""), codes["code"], regions)
    number, misnamed, placeless = _without_wrong_country(leads, given, codes, number, options)
    regions = regions.where(~regions.index.isin(placeless), _fallback(options))
    noticed += _notices_of_numbers(leads, codes, number, misnamed, options)
    leads = _with_numbers(leads, given, codes, number, regions, options)
    wrong = _wrong_codes(codes, number, options) & ~bad
    rejected = join_frames(
        [
            findings(leads.index[bad], Reason.DAMAGED_PHONE_NUMBER, phone_number=given),
            findings(
                leads.index[wrong],
                Reason.INVALID_PHONE_CODE,
                phone_code=given_codes[wrong].str.strip(),
                phone_number=given,
            ),
            _not_valid(leads, given, number, ~bad & ~wrong, options),
        ]
    ).sort_index()
    too_wide = _too_wide(leads, given, columns, options)
    rejected = join_frames([rejected, without_rows(too_wide, rejected.index)])
    if len(rejected):
        rejected = rejected.assign(country=misnamed.reindex(rejected.index))
    leads, unfit, of_fields = _fit(leads, regions, columns, options)
    unfit = without_rows(unfit, rejected.index)
    return leads, join_frames([rejected, unfit]).sort_index(), join_frames([*noticed, *of_fields])


def _regions(
    leads: pd.DataFrame, codes: "pd.Series[str]", options: LoadOptions
) -> "pd.Series[str]":
    regions = region_of_phone_code(codes)
    by_country = region_of_country(leads["country_code_given"]).where(codes == "", "")
    regions = regions.where(regions != "", by_country)
    # A phone_code that no country has must not be taken for the default.
    return regions.where((regions != "") | (codes != ""), _fallback(options))


def _fallback(options: LoadOptions) -> str:
    """Return the region of rows that say nothing about theirs."""
    return options.default_region or main_region(options.phone_code or DEFAULT_PHONE_CODE)


def _parse(
    given: "pd.Series[str]", codes: "pd.Series[str]", regions: "pd.Series[str]"
) -> pd.DataFrame:
    """Parse numbers (see `parse_phones`); codes of no region, such as 800, go before theirs."""
    alone = (codes != "") & (regions == "") & ~given.str.contains("+", regex=False)
    if not alone.any():
        return parse_phones(given, regions)
    number = parse_phones(given.where(~alone, "+" + codes + " " + given), regions)
    number["read"] = number["read"].where(~alone, number["national_number"])
    return number


def _without_wrong_country(
    leads: pd.DataFrame,
    given: "pd.Series[str]",
    codes: pd.DataFrame,
    number: pd.DataFrame,
    options: LoadOptions,
) -> tuple[pd.DataFrame, "pd.Series[str]", pd.Index]:
    """Find the rows whose number is impossible in the row's country, and valid in the default's.

    Where the country is NA, it was not available, and the number is read as the default's.

    Returns:
        The numbers, the countries that are wrong (str, by row_number), and the rows whose country
        was not available.
    """
    countries = leads["country_code_given"].str.strip()
    asked = (codes["code"] == "") & codes["is_understood"] & (countries != "") & ~number["valid"]
    asked &= region_of_country(countries) != ""
    if not asked.any():
        return number, countries[asked], countries.index[:0]
    fallback = pd.Series(_fallback(options), index=asked.index[asked], dtype="str")
    again = parse_phones(given[asked].where(~is_damaged(given[asked]), ""), fallback)
    again = again[again["valid"]]
    placeless = again.index[are_placeholders(countries[again.index])]
    number = number.copy()
    number.loc[placeless] = again.loc[placeless]
    return number, countries[again.index], placeless


def _notices_of_numbers(
    leads: pd.DataFrame,
    codes: pd.DataFrame,
    number: pd.DataFrame,
    misnamed: "pd.Series[str]",
    options: LoadOptions,
) -> list[Notices]:
    """Say which codes and countries are not understood, and what is not stored of numbers."""
    countries, given = leads["country_code_given"], leads["phone_code_given"]
    asked = (codes["code"] == "") & codes["is_understood"] & (countries.str.strip() != "")
    unknown = asked & (region_of_country(countries) == "")
    unknown |= countries.index.isin(misnamed.index[are_placeholders(misnamed)])
    strange = countries[unknown]
    noticed = [notices(strange.index, Notice.UNKNOWN_COUNTRY, value=strange)]
    if not options.one_form:
        silent = (codes["code"] == "") & codes["is_understood"] & (given.str.strip() != "")
        noticed.append(
            notices(given.index[silent], Notice.PHONE_CODE_IGNORED, value=given[silent].str.strip())
        )
        noticed += notices_of_dropped(number, extensions=True)
    return noticed


def _with_numbers(
    leads: pd.DataFrame,
    given: "pd.Series[str]",
    codes: pd.DataFrame,
    number: pd.DataFrame,
    regions: "pd.Series[str]",
    options: LoadOptions,
) -> pd.DataFrame:
    """Give the leads the number that is called, as it was sent or as parsed, and what it is."""
    if options.phone_validation != "length":
        # What is stored is what was judged: the keypad's digits, and no extension or second number.
        given = given.where(number["read"] == "", number["read"])
    sent = digits_only(given)
    parsed = number["national_number"].where(number["national_number"] != "", sent)
    if options.phone_format == "national":
        phone_number, phone_code = parsed, _codes_of_parsed(leads, codes, number)
    else:
        phone_number, phone_code = sent, _codes_of_sent(leads, codes, regions, options)
    phone_code = phone_code.where(phone_code != "", options.phone_code or DEFAULT_PHONE_CODE)
    settled = region_of_phone_code(number["country_code"])
    return leads.assign(
        phone_number=phone_number,
        phone_code=phone_code,
        phone_code_given=phone_code,
        national_number=parsed,
        number_sent=digits_as_sent(given, number),
        calling_code=number["country_code"],
        number_type=number["number_type"],
        region=number["region"],
        settled_region=settled.where(settled != "", regions),
    )


def _codes_of_parsed(
    leads: pd.DataFrame, codes: pd.DataFrame, number: pd.DataFrame
) -> "pd.Series[str]":
    """Give the number's own code, else what phone_code is understood as."""
    named = (codes["code"] != "") | codes["is_understood"]
    of_row = codes["code"].where(named, leads["phone_code"])
    return number["country_code"].where(number["country_code"] != "", of_row)


def _codes_of_sent(
    leads: pd.DataFrame, codes: pd.DataFrame, regions: "pd.Series[str]", options: LoadOptions
) -> "pd.Series[str]":
    """Give the codes as they were sent; where they say nothing, that of the number's country.

    It is the country as whose number the digits were judged. In the dialer's own way, all digits of
    phone_code are the code.
    """
    digits = leads["phone_code"]
    if options.one_form:
        return digits
    silent = (codes["code"] == "") & codes["is_understood"]
    return codes_as_sent(digits, codes).where(~silent, map_distinct(regions, calling_code_of))


def _fit(
    leads: pd.DataFrame,
    regions: "pd.Series[str]",
    columns: Mapping[str, Column],
    options: LoadOptions,
) -> tuple[pd.DataFrame, Findings, list[Notices]]:
    """Make phone_code and alt_phone fit their columns."""
    phone_code, _, of_code = fit_field(leads["phone_code"], _column("phone_code", columns), options)
    of_lead = region_of_phone_code(leads["phone_code"])
    alt_phone, unfit, of_alt_phone = fit_alt_phone(
        leads, [of_lead, regions], _column("alt_phone", columns), options
    )
    leads = leads.assign(phone_code=phone_code, alt_phone=alt_phone)
    return leads, unfit, [of_code, of_alt_phone]


def _column(name: str, columns: Mapping[str, Column]) -> Column:
    return columns.get(name, Column(width=WIDTHS[name]))


def _wrong_codes(
    codes: pd.DataFrame, number: pd.DataFrame, options: LoadOptions
) -> "pd.Series[bool]":
    """Return whose phone_code is not understood, or has an area that the number is not of."""
    if options.one_form:
        return pd.Series(data=False, index=codes.index)
    unknown = ~codes["is_understood"] & (number["possible"] == "INVALID_COUNTRY_CODE")
    unknown &= options.phone_validation != "length"
    return unknown | is_of_other_area(codes, number)


def _not_valid(
    leads: pd.DataFrame,
    given: "pd.Series[str]",
    number: pd.DataFrame,
    judged: "pd.Series[bool]",
    options: LoadOptions,
) -> Findings:
    """Reject those of the judged rows that phone_validation does not let pass."""
    if options.phone_validation == "length":
        unclear = (number["possible"] == "UNCLEAR") & (options.phone_format == "national")
        wrong_length = ~leads["phone_number"].str.len().between(6, 16) | unclear
        invalid = pd.Series(data=False, index=leads.index)
        problem = number["possible"].where(unclear)
    else:
        wrong_length = number["possible"] != "IS_POSSIBLE"
        invalid = ~number["valid"]
        problem = number["possible"]
    if options.phone_validation == "possible":
        numbers = leads["national_number"][invalid]
        invalid[numbers.index] = numbers.str.fullmatch(SAME_DIGITS)
    wrong_length &= judged
    invalid &= judged & ~wrong_length
    length = findings(
        leads.index[wrong_length],
        Reason.INVALID_PHONE_NUMBER_LENGTH,
        leads["phone_number"][wrong_length] + f"|{options.user}",
        phone_number=given,
        problem=problem[wrong_length].str.lower(),
    )
    no_number = findings(leads.index[invalid], Reason.INVALID_PHONE_NUMBER, phone_number=given)
    return join_frames([length, no_number])


def _too_wide(
    leads: pd.DataFrame,
    given: "pd.Series[str]",
    columns: Mapping[str, Column],
    options: LoadOptions,
) -> Findings:
    """Reject what a column of the dialer would cut.

    A phone_code as it is given may be cut, as the dialer does: it may hold zeros or anything.
    """
    found = [no_findings()]
    names = ("phone_number", "phone_code")[: 2 if options.phone_format == "national" else 1]
    for name in names:
        width = _column(name, columns).width
        if width is not None:
            wide = leads.index[leads[name].str.len() > width].difference(found[-1].index)
            found.append(
                findings(
                    wide,
                    Reason.PHONE_NUMBER_TOO_WIDE,
                    field=name,
                    phone_number=given,
                    width=str(width),
                )
            )
    return join_frames(found)
