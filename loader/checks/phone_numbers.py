"""From phone numbers as people write them to the phone_code and phone_number that are dialled."""

import pandas as pd

from loader.checks.fit import fit_field
from loader.dialer import Column
from loader.fields.lead import WIDTHS
from loader.findings import Findings, Notices, findings, notices
from loader.options.load import LoadOptions
from loader.phones.forms import digits_as_sent
from loader.phones.parse import digits_only, is_damaged, mend_decimals, parse_phones
from loader.phones.regions import main_region, region_of_country, region_of_phone_code
from loader.reasons import Notice, Reason

DEFAULT_PHONE_CODE = "1"
WIDEST_PHONE_NUMBER = 18
ALT_PHONE = Column(width=WIDTHS["alt_phone"])


def normalize_phones(
    leads: pd.DataFrame,
    options: LoadOptions,
    *,
    decimals: bool,
    alt_phone: Column = ALT_PHONE,
) -> tuple[pd.DataFrame, Findings, Notices]:
    """Normalize phone_number and alt_phone, and reject what cannot be called.

    The country comes from the number itself if it is international, else from the row's
    phone_code, the row's country, default_region, or the run's phone_code, the first that
    is there. Damaged numbers are rejected first, for they often parse as a valid, wrong one.

    Args:
        leads: str columns phone_number, phone_code, country_code_given and alt_phone; index
            row_number.
        options: phone_code, default_region, phone_validation, phone_format, unstorable and user
            are read.
        decimals: the file's whole phone column is digits and `.0`, which is mended, not rejected.
        alt_phone: the column that alt_phone has to fit into.

    Returns:
        The leads, with phone_code and phone_number in digits, alt_phone normalized where it is
        possible, and columns national_number, number_sent, calling_code, number_type and region
        (str) added; the rejected (add_lead: INVALID PHONE NUMBER LENGTH, the only one of these it
        knows); and notices.
    """
    given, noticed = leads["phone_number"], []
    if decimals:
        mended = mend_decimals(given)
        noticed.append(notices(leads.index[mended != given], Notice.DECIMAL_MENDED))
        given = mended
    bad = is_damaged(given)
    regions = _regions(leads, options)
    number = parse_phones(given.where(~bad, ""), regions)
    noticed += _notices_of_numbers(leads, number, options)
    leads = _with_numbers(leads, digits_only(given), number, options)
    leads["number_sent"] = digits_as_sent(given, number)
    if options.phone_format == "national":
        leads["alt_phone"] = _alt_phone(leads["alt_phone"], regions)
    leads["alt_phone"], unfit, of_field = fit_field(leads["alt_phone"], alt_phone, options)
    rejected = _rejected(leads, given, bad, number, options)
    unfit = unfit.drop(rejected.index, errors="ignore")
    return leads, pd.concat([rejected, unfit]).sort_index(), pd.concat([*noticed, of_field])


def _regions(leads: pd.DataFrame, options: LoadOptions) -> "pd.Series[str]":
    regions = region_of_phone_code(leads["phone_code"])
    by_country = region_of_country(leads["country_code_given"]).where(leads["phone_code"] == "", "")
    fallback = options.default_region or main_region(options.phone_code or DEFAULT_PHONE_CODE)
    regions = regions.where(regions != "", by_country)
    # A phone_code that no country has must not be taken for the default.
    return regions.where((regions != "") | (leads["phone_code"] != ""), fallback)


def _notices_of_numbers(
    leads: pd.DataFrame, number: pd.DataFrame, options: LoadOptions
) -> list[Notices]:
    """Say whose country is not understood, and which extensions are not stored."""
    countries, extensions = leads["country_code_given"], number["extension"]
    asked = (leads["phone_code"] == "") & (countries.str.strip() != "")
    strange = countries[asked & (region_of_country(countries) == "")]
    noticed = [notices(strange.index, Notice.UNKNOWN_COUNTRY, value=strange)]
    if options.phone_format == "national":
        dropped = extensions[extensions != ""]
        noticed.append(notices(dropped.index, Notice.EXTENSION_DROPPED, value=dropped))
    return noticed


def _with_numbers(
    leads: pd.DataFrame, sent: "pd.Series[str]", number: pd.DataFrame, options: LoadOptions
) -> pd.DataFrame:
    """Give the leads the number that is called, as it was sent or as parsed, and what it is."""
    parsed = number["national_number"].where(number["national_number"] != "", sent)
    default = options.phone_code or DEFAULT_PHONE_CODE
    phone_number = sent
    phone_code = leads["phone_code"].where(leads["phone_code"] != "", default)
    if options.phone_format == "national":
        found = number["country_code"] != ""
        phone_number, phone_code = parsed, number["country_code"].where(found, phone_code)
    return leads.assign(
        phone_number=phone_number,
        phone_code=phone_code,
        national_number=parsed,
        calling_code=number["country_code"],
        number_type=number["number_type"],
        region=number["region"],
    )


def _alt_phone(given: "pd.Series[str]", regions: "pd.Series[str]") -> "pd.Series[str]":
    number = parse_phones(given.where(~is_damaged(given), ""), regions)
    good = number["possible"] == "IS_POSSIBLE"
    return number["national_number"].where(good, given)


def _rejected(
    leads: pd.DataFrame,
    given: "pd.Series[str]",
    bad: "pd.Series[bool]",
    number: pd.DataFrame,
    options: LoadOptions,
) -> Findings:
    length = leads["phone_number"].str.len()
    if options.phone_validation == "length":
        wrong_length = ~length.between(6, 16)
        problem = pd.Series(None, index=leads.index, dtype="str")
    else:
        wrong_length = (number["possible"] != "IS_POSSIBLE") | (length > WIDEST_PHONE_NUMBER)
        problem = number["possible"].str.lower()
    wrong_length &= ~bad
    invalid = ~bad & ~wrong_length & ~number["valid"] & (options.phone_validation == "valid")
    answer = leads["phone_number"] + f"|{options.user}"
    return pd.concat(
        [
            findings(leads.index[bad], Reason.DAMAGED_PHONE_NUMBER, phone_number=given),
            findings(
                leads.index[wrong_length],
                Reason.INVALID_PHONE_NUMBER_LENGTH,
                answer,
                phone_number=given,
                problem=problem,
            ),
            findings(leads.index[invalid], Reason.INVALID_PHONE_NUMBER, phone_number=given),
        ]
    ).sort_index()
