"""Other numbers of a lead, which a dialer may dial too, against the do-not-call lists and feeds."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from loader.checks.rules import found_in_campaign_dnc, found_in_dnc
from loader.dialer import Dialer, Lookups
from loader.findings import Findings, Notices, findings, no_findings, no_notices
from loader.frames.arrow import gather, to_arrow, to_series
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.phones.forms import lead_codes, lead_numbers, other_numbers
from loader.phones.parse import digits_only
from loader.reasons import Reason

SINGLE = ("alt_phone", "address3")
"""Fields of one number. Where a campaign says so, the dialer dials address3."""
SEVERAL = "multi_alt_phones"
"""The field of several numbers: `number_code_note!number_code_note`."""

SHORTEST = 6
"""Digits of a number."""

_ENTRY = r"^(?P<number>[^_]*)_?(?P<code>[^_]*)"


def numbers_of(leads: pd.DataFrame, options: LoadOptions) -> pd.DataFrame:
    """Give the other numbers of leads; none if dnc_alt_phones is off.

    Args:
        leads: phone_code and, if they have them, calling_code and the fields (str). Index
            row_number, unique.
        options: dnc_alt_phones, and whether numbers have one form.

    Returns:
        Columns of `loader.phones.forms.lead_numbers`, row_number (int64) of the lead, field (str)
        and entry (int64: which number of the field, from 0). The same leads give the same index.
    """
    rows = leads.iloc[:0]
    parts = [_entries("", rows.index, rows["phone_code"], rows["phone_code"])]
    if options.dnc_alt_phones:
        codes = lead_codes(leads)
        parts += [_single(name, leads[name], codes) for name in SINGLE if name in leads]
        parts += [_several(leads[SEVERAL], codes)] if SEVERAL in leads else []
    found = pd.concat(parts, ignore_index=True)
    digits = digits_only(found["phone_number"])
    found = found[digits.str.len() >= SHORTEST].astype({"field": "str"})
    if options.one_form:
        numbers = lead_numbers(found.assign(phone_number=digits[found.index]))
    else:
        numbers = other_numbers(found["phone_number"], found["phone_code"])
    return numbers.join(found[["row_number", "field", "entry"]])


def check_other_numbers(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, lookups: Lookups
) -> tuple[pd.DataFrame, Findings, Notices]:
    """Reject, notice or take out other numbers that must not be called, as dnc_alt_phones says.

    Args:
        leads: see `numbers_of`; dnc_campaign_id (str) too if campaign_dnc_check is on.
        options: dnc_alt_phones, dnc_check and campaign_dnc_check.
        dialer: whose do-not-call list counts for a campaign.
        lookups: dnc, campaign_dnc and other_feeds of these leads.

    Returns:
        The leads, without the numbers that are taken out; the rejected; and what was noticed.
    """
    is_listed = len(lookups.dnc) or len(lookups.campaign_dnc)
    if not options.dnc_alt_phones or not (is_listed or any(map(len, lookups.other_feeds.values()))):
        return leads, no_findings(), no_notices()
    listed = listed_numbers(leads, options, dialer, lookups)
    details = {"field": listed["field"], "phone_number": listed["number"]}
    if options.dnc_alt_phones == "reject":
        details["text"] = listed["found_in"]
        first = pd.DataFrame(details)[~listed.index.duplicated()]
        columns = {str(name): first[name] for name in first}
        return leads, findings(first.index, Reason.OTHER_NUMBER_IN_DNC, **columns), no_notices()
    clears = options.dnc_alt_phones == "clear"
    notice = Notice.OTHER_NUMBER_REMOVED if clears else Notice.OTHER_NUMBER_IN_DNC
    details["found_in"] = listed["found_in"]
    noticed = pd.DataFrame({"notice": notice.value, **details}).astype("str")
    return _without(leads, listed) if clears else leads, no_findings(), noticed


def listed_numbers(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, lookups: Lookups
) -> pd.DataFrame:
    """Give the other numbers of leads that must not be called, see `check_other_numbers`.

    Returns:
        Columns of `numbers_of`, and found_in (str): the first list or feed that has the number.
        Index row_number, which repeats.
    """
    numbers = numbers_of(leads, options)
    found_in = _found_in(numbers, leads, options, dialer, lookups)
    listed = numbers.loc[found_in.index].assign(found_in=found_in).sort_values("row_number")
    return listed.set_index("row_number", drop=False)


def _found_in(
    numbers: pd.DataFrame,
    leads: pd.DataFrame,
    options: LoadOptions,
    dialer: Dialer,
    lookups: Lookups,
) -> "pd.Series[str]":
    """Name the first list or feed that each number is in, of those that are in one."""
    places = {"vicidial_dnc": found_in_dnc(numbers, options, lookups).index}
    if not lookups.campaign_dnc.empty:
        campaigns = leads["dnc_campaign_id"].reindex(numbers["row_number"]).set_axis(numbers.index)
        in_campaign = found_in_campaign_dnc(numbers, campaigns, options, dialer, lookups)
        places["vicidial_campaign_dnc"] = in_campaign.index
    places |= {f"feed:{name}": index for name, index in lookups.other_feeds.items()}
    found = pd.concat([pd.Series(name, index=index, dtype="str") for name, index in places.items()])
    return found[~found.index.duplicated()].sort_index()


def _without(leads: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """Empty the fields of listed numbers; of several numbers the others stay."""
    changed = {
        name: leads[name].mask(leads.index.isin(listed.index[listed["field"] == name]), "")
        for name in SINGLE
        if name in leads
    }
    several = listed[listed["field"] == SEVERAL]
    if len(several):
        rows = several.index.unique()
        entries = pc.split_pattern(to_arrow(leads[SEVERAL].loc[rows]).combine_chunks(), "!")
        of_entry = rows[pc.list_parent_indices(entries).to_numpy()]
        pairs = pd.MultiIndex.from_arrays([of_entry, _counted(of_entry)])
        stays = ~pairs.isin(pd.MultiIndex.from_frame(several[["row_number", "entry"]]))
        kept = gather(pc.list_flatten(entries).filter(pa.array(stays)), of_entry[stays], rows)
        texts = to_series(pc.binary_join(kept, pa.scalar("!", pa.large_string())), rows)
        changed[SEVERAL] = leads[SEVERAL].where(~leads.index.isin(rows), texts)
    return leads.assign(**changed)


def _single(name: str, texts: "pd.Series[str]", codes: "pd.Series[str]") -> pd.DataFrame:
    filled = texts[texts != ""]
    return _entries(name, filled.index, filled, codes.loc[filled.index])


def _several(texts: "pd.Series[str]", codes: "pd.Series[str]") -> pd.DataFrame:
    filled = texts[texts != ""]
    lists = pc.split_pattern(to_arrow(filled).combine_chunks(), "!")
    rows = filled.index[pc.list_parent_indices(lists).to_numpy()]
    found = pc.extract_regex(pc.list_flatten(lists), _ENTRY)
    index = pd.RangeIndex(len(rows))
    number, code = (to_series(pc.struct_field(found, part), index) for part in ("number", "code"))
    of_lead = codes.loc[rows].set_axis(index)
    entries = _entries(SEVERAL, rows, number, code.where(code != "", of_lead))
    return entries.assign(entry=_counted(rows))


def _entries(
    name: str, rows: pd.Index, texts: "pd.Series[str]", codes: "pd.Series[str]"
) -> pd.DataFrame:
    values = {"row_number": rows, "phone_number": texts.array, "phone_code": codes.array}
    return pd.DataFrame({**values, "field": name, "entry": 0})


def _counted(rows: pd.Index) -> "pd.Series[int]":
    """Count the entries of each row from 0."""
    return pd.Series(rows).groupby(rows).cumcount()
