"""From phone numbers as people write them to the phone_code and phone_number that are dialled."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from loader.checks.alternate_numbers import fit_alt_phone, notices_of_dropped
from loader.checks.fit import column_of, fit_field
from loader.dialer import Column
from loader.findings import (
    Findings,
    Notices,
    findings,
    in_order,
    join_frames,
    no_findings,
    no_notices,
    notices,
    without_rows,
)
from loader.frames.arrow import Mask, are_equal, are_longer, choose, keep, named, with_columns
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
) -> tuple[pd.DataFrame, "pd.Series[str]", Findings, Notices]:
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
        national_number, number_sent, calling_code, number_type and region (str) added; the
        regions (alpha-2) that their numbers are dialled in; the rejected (add_lead: INVALID PHONE
        NUMBER LENGTH, the only one of these it knows); and notices.
    """
    given, of_decimals = leads["phone_number"], no_notices()
    if decimals:
        mended = mend_decimals(given)
        of_decimals = notices(leads.index[mended != given], Notice.DECIMAL_MENDED)
        given = mended
    read = _read(leads, given, options)
    called = _called(leads, read, options)
    rejected = _reject(leads, read, called, columns, options)
    fitted, unfit, of_fields = _fit(
        leads["alt_phone"], called["phone_code"], read.regions, columns, options
    )
    rejected = in_order(join_frames([rejected, without_rows(unfit, rejected.index)]))
    noticed = join_frames([of_decimals, *_notices_of_numbers(leads, read, options), *of_fields])
    return with_columns(leads, {**called, **fitted}), read.regions, rejected, noticed


class _Numbers(NamedTuple):
    """The phone numbers of a chunk as they are read; each has the rows of the leads."""

    given: "pd.Series[str]"
    """Without the decimals of a spreadsheet."""
    is_damaged: Mask
    codes: pd.DataFrame
    """See `read_phone_codes`."""
    regions: "pd.Series[str]"
    """Those in which they are dialled."""
    parsed: pd.DataFrame
    """See `parse_phones`."""
    misnamed: "pd.Series[str]"
    """The countries that are wrong, of these rows alone."""


def _read(leads: pd.DataFrame, given: "pd.Series[str]", options: LoadOptions) -> _Numbers:
    bad, codes = is_damaged(given).to_numpy(), read_phone_codes(leads["phone_code_given"])
    regions = _regions(leads, codes["code"], options) if len(leads) else leads["phone_code"]
    regions = choose(codes["is_understood"].to_numpy(), regions, "")
    number = _parse(choose(~bad, given, ""), codes["code"], regions)
    number, misnamed, placeless = _without_wrong_country(leads, given, codes, number, options)
    if len(placeless):
        regions = choose(~regions.index.isin(placeless), regions, _fallback(options))
    return _Numbers(given, bad, codes, regions, number, misnamed)


def _reject(
    leads: pd.DataFrame,
    read: _Numbers,
    called: "Mapping[str, pd.Series[str]]",
    columns: Mapping[str, Column],
    options: LoadOptions,
) -> Findings:
    """Reject damaged numbers, wrong codes, invalid numbers, and what a column would cut."""
    given, bad = read.given, read.is_damaged
    wrong = _wrong_codes(read.codes, read.parsed, options) & ~bad
    codes = keep(wrong, leads["phone_code_given"]).str.strip() if wrong.any() else ""
    rejected = join_frames(
        [
            findings(leads.index[bad], Reason.DAMAGED_PHONE_NUMBER, phone_number=given),
            findings(
                leads.index[wrong], Reason.INVALID_PHONE_CODE, phone_code=codes, phone_number=given
            ),
            _not_valid(called, given, read.parsed, ~bad & ~wrong, options),
        ]
    )
    too_wide = _too_wide(called, given, columns, options)
    rejected = join_frames([rejected, without_rows(too_wide, rejected.index)])
    return (
        rejected.assign(country=read.misnamed.reindex(rejected.index))
        if len(rejected)
        else rejected
    )


def _regions(
    leads: pd.DataFrame, codes: "pd.Series[str]", options: LoadOptions
) -> "pd.Series[str]":
    regions, says_nothing = region_of_phone_code(codes), are_equal(codes, "")
    if says_nothing.any():
        by_country = region_of_country(leads["country_code_given"])
        regions = choose(~says_nothing, regions, by_country)
    # A phone_code that no country has must not be taken for the default.
    return choose(~(says_nothing & are_equal(regions, "")), regions, _fallback(options))


def _fallback(options: LoadOptions) -> str:
    """Return the region of rows that say nothing about theirs."""
    return options.default_region or main_region(options.phone_code or DEFAULT_PHONE_CODE)


def _parse(
    given: "pd.Series[str]", codes: "pd.Series[str]", regions: "pd.Series[str]"
) -> pd.DataFrame:
    """Parse numbers (see `parse_phones`); codes of no region, such as 800, go before theirs."""
    alone = ~are_equal(codes, "") & are_equal(regions, "")
    if not alone.any():
        return parse_phones(given, regions)
    alone &= ~given.str.contains("+", regex=False).to_numpy()
    number = parse_phones(choose(~alone, given, "+" + codes + " " + given), regions)
    number["read"] = choose(~alone, number["read"], number["national_number"])
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
    countries = leads["country_code_given"]
    may_be_wrong = _says_nothing(codes) & ~number["valid"].to_numpy()
    if not may_be_wrong.any():
        return number, countries[:0], countries.index[:0]
    countries = countries.str.strip()
    asked = (countries != "") & may_be_wrong & (region_of_country(countries) != "")
    if not asked.any():
        return number, countries[:0], countries.index[:0]
    fallback = pd.Series(_fallback(options), index=asked.index[asked], dtype="str")
    again = parse_phones(given[asked].where(~is_damaged(given[asked]), ""), fallback)
    again = again[again["valid"]]
    placeless = again.index[are_placeholders(countries[again.index])]
    number = number.copy()
    number.loc[placeless] = again.loc[placeless]
    return number, countries[again.index], placeless


def _notices_of_numbers(leads: pd.DataFrame, read: _Numbers, options: LoadOptions) -> list[Notices]:
    """Say which codes and countries are not understood, and what is not stored of numbers."""
    noticed, says_nothing, misnamed = [], _says_nothing(read.codes), read.misnamed
    countries, given = leads["country_code_given"], leads["phone_code_given"]
    if (says_nothing & ~are_equal(countries, "")).any():
        unknown = (region_of_country(countries) == "") & (countries.str.strip() != "")
        unknown &= says_nothing
        unknown |= countries.index.isin(misnamed.index[are_placeholders(misnamed)])
        strange = countries[unknown]
        noticed.append(notices(strange.index, Notice.UNKNOWN_COUNTRY, value=strange))
    if not options.one_form:
        if (is_ignored := says_nothing & ~are_equal(given, "")).any():
            ignored = given[is_ignored].str.strip()
            ignored = ignored[ignored != ""]
            noticed.append(notices(ignored.index, Notice.PHONE_CODE_IGNORED, value=ignored))
        noticed += notices_of_dropped(read.parsed, extensions=True)
    return noticed


def _says_nothing(codes: pd.DataFrame) -> Mask:
    """Say which phone codes (see `read_phone_codes`) are understood, and name no country."""
    understood: Mask = codes["is_understood"].to_numpy()
    return understood & are_equal(codes["code"], "")


def _called(
    leads: pd.DataFrame, read: _Numbers, options: LoadOptions
) -> "dict[str, pd.Series[str]]":
    """Give the columns of the number that is called, as it was sent or as parsed: what it is."""
    given, codes, number = read.given, read.codes, read.parsed
    if options.phone_validation != "length":
        # What is stored is what was judged: the keypad's digits, and no extension or second number.
        given = choose(are_equal(number["read"], ""), given, number["read"])
    sent, national = digits_only(given), number["national_number"]
    parsed = choose(~are_equal(national, ""), national, sent)
    if options.phone_format == "national":
        phone_number, phone_code = parsed, _codes_of_parsed(leads, codes, number)
    else:
        phone_number, phone_code = sent, _codes_of_sent(leads, codes, read.regions, options)
    default = options.phone_code or DEFAULT_PHONE_CODE
    phone_code = choose(~are_equal(phone_code, ""), phone_code, default)
    return {
        "phone_number": phone_number,
        "phone_code": phone_code,
        "phone_code_given": phone_code,
        "national_number": parsed,
        "number_sent": digits_as_sent(given, number),
        "calling_code": number["country_code"],
        "number_type": number["number_type"],
        "region": number["region"],
    }


def _codes_of_parsed(
    leads: pd.DataFrame, codes: pd.DataFrame, number: pd.DataFrame
) -> "pd.Series[str]":
    """Give the number's own code, else what phone_code is understood as."""
    code, own = codes["code"], number["country_code"]
    is_named = ~are_equal(code, "") | codes["is_understood"].to_numpy()
    return choose(~are_equal(own, ""), own, choose(is_named, code, leads["phone_code"]))


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
    of_country = map_distinct(regions, calling_code_of)
    return choose(~_says_nothing(codes), codes_as_sent(digits, codes), of_country)


def _fit(
    alt_phones: "pd.Series[str]",
    codes: "pd.Series[str]",
    regions: "pd.Series[str]",
    columns: Mapping[str, Column],
    options: LoadOptions,
) -> tuple["dict[str, pd.Series[str]]", Findings, list[Notices]]:
    """Make phone_code and alt_phone fit their columns."""
    phone_code, _, of_code = fit_field(
        named(codes, "phone_code"), column_of("phone_code", columns), options
    )
    alt_phone, unfit, of_alt_phone = fit_alt_phone(
        alt_phones, codes, regions, column_of("alt_phone", columns), options
    )
    return {"phone_code": phone_code, "alt_phone": alt_phone}, unfit, [of_code, of_alt_phone]


def _wrong_codes(codes: pd.DataFrame, number: pd.DataFrame, options: LoadOptions) -> Mask:
    """Return whose phone_code is not understood, or has an area that the number is not of."""
    if options.one_form:
        return np.zeros(len(codes), dtype=bool)
    wrong: Mask = is_of_other_area(codes, number).to_numpy(copy=True)
    if options.phone_validation != "length":
        is_unknown = are_equal(number["possible"], "INVALID_COUNTRY_CODE")
        wrong |= is_unknown & ~codes["is_understood"].to_numpy()
    return wrong


def _not_valid(
    called: "Mapping[str, pd.Series[str]]",
    given: "pd.Series[str]",
    number: pd.DataFrame,
    judged: Mask,
    options: LoadOptions,
) -> Findings:
    """Reject those of the judged rows that phone_validation does not let pass."""
    problem, invalid = number["possible"], ~number["valid"].to_numpy()
    if options.phone_validation == "length":
        unclear = are_equal(problem, "UNCLEAR") & (options.phone_format == "national")
        wrong_length = unclear | ~called["phone_number"].str.len().between(6, 16).to_numpy()
        invalid, problem = np.zeros(len(given), dtype=bool), problem.where(unclear)
    else:
        wrong_length = ~are_equal(problem, "IS_POSSIBLE")
    if options.phone_validation == "possible" and invalid.any():
        invalid[invalid] = called["national_number"][invalid].str.fullmatch(SAME_DIGITS)
    wrong_length &= judged
    invalid &= judged & ~wrong_length
    if not (wrong_length | invalid).any():
        return no_findings()
    length = findings(
        given.index[wrong_length],
        Reason.INVALID_PHONE_NUMBER_LENGTH,
        called["phone_number"][wrong_length] + f"|{options.user}",
        phone_number=given,
        problem=problem[wrong_length].str.lower(),
    )
    no_number = findings(given.index[invalid], Reason.INVALID_PHONE_NUMBER, phone_number=given)
    return join_frames([length, no_number])


def _too_wide(
    called: "Mapping[str, pd.Series[str]]",
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
        width = column_of(name, columns).width
        if width is not None:
            is_wide = are_longer(called[name], width)
            if not is_wide.any():
                continue
            wide = given.index[is_wide]
            wide = wide.difference(found[-1].index) if len(wide) else wide
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
