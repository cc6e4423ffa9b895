"""The checks of add_lead on one row by itself, in add_lead's order; each is a function of a frame.

A rule takes leads and gives the findings of those that it rejects. A row that one rule rejects is
seen by the rules after it, too: the first reason counts, the others are reported with it. The
duplicate checks, which look at rows together, are in `loader.checks.duplicates`.
"""

from collections.abc import Callable

import pandas as pd

from loader.dialer import Dialer, Lookups
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
from loader.frames.arrow import Mask, first_letters
from loader.frames.collation import fold
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.options.types import DncCheck
from loader.phones.forms import area_forms, lead_numbers, number_forms
from loader.phones.parse import digits_only
from loader.reasons import Reason

Rule = Callable[[pd.DataFrame, LoadOptions, Dialer], Findings]
"""Leads have the columns list_id (int64, -1 for one that no list can have), list_id_given,
phone_code and phone_number (str), as the row says it, and after normalization its digits; then also
national_number (str)."""


def list_is_allowed(leads: pd.DataFrame, _options: LoadOptions, dialer: Dialer) -> Findings:
    """Reject lists outside of the user group's campaigns (add_lead: list restriction)."""
    allowed = dialer.permissions.lists
    if allowed is None:
        return no_findings()
    lists = [str(list_id) for list_id in allowed]
    return _reject_list(leads, ~leads["list_id_given"].isin(lists), Reason.NOT_AN_ALLOWED_LIST_ID)


def list_exists(leads: pd.DataFrame, options: LoadOptions, dialer: Dialer) -> Findings:
    """Reject lists that are not defined (add_lead: list_exists_check)."""
    if options.list_exists_check == "N" or not dialer.knows_leads:
        return no_findings()
    missing = ~leads["list_id"].isin(dialer.lists.index) | (leads["list_id_given"] == "")
    return _reject_list(leads, missing, Reason.NOT_A_DEFINED_LIST_ID)


def list_id_is_valid(leads: pd.DataFrame, _options: LoadOptions, _dialer: Dialer) -> Findings:
    """Reject what no list can be called: under three digits, or more than the column holds."""
    return _reject_list(leads, leads["list_id"].to_numpy() < 0, Reason.INVALID_LIST_ID)


def usacan_prefix(leads: pd.DataFrame, options: LoadOptions, _dialer: Dialer) -> Findings:
    """Reject a fourth digit of 0 or 1 in the national number (add_lead: usacan_prefix_check)."""
    if options.usacan_prefix_check == "N":
        return no_findings()
    bad = leads["national_number"].str.slice(3, 4).isin(("0", "1"))
    return _reject_phone(leads, bad, Reason.INVALID_PHONE_NUMBER_PREFIX, options)


def usacan_areacode(leads: pd.DataFrame, options: LoadOptions, dialer: Dialer) -> Findings:
    """Reject all but ten digits, country 1, known area code (add_lead: usacan_areacode_check)."""
    if options.usacan_areacode_check == "N" or not dialer.knows_leads:
        return no_findings()
    phones = leads["phone_number"]
    known = (phones.str.len() == 10) & first_letters(phones, 3).isin(dialer.area_codes)
    known &= leads["phone_code"].str.lstrip("0") == "1"
    return _reject_phone(leads, ~known, Reason.INVALID_PHONE_NUMBER_AREACODE, options)


def nanpa_prefix(leads: pd.DataFrame, options: LoadOptions, dialer: Dialer) -> Findings:
    """Reject unknown area code and prefix (add_lead: nanpa_ac_prefix_check)."""
    if options.nanpa_ac_prefix_check == "N" or not dialer.nanpa_is_loaded:
        return no_findings()
    unknown = ~first_letters(leads["phone_number"], 6).isin(dialer.nanpa["prefix"])
    return _reject_phone(leads, unknown, Reason.INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX, options)


LIST_RULES: tuple[Rule, ...] = (list_id_is_valid, list_is_allowed, list_exists)
"""Before the phone number is looked at."""

PHONE_RULES: tuple[Rule, ...] = (usacan_prefix, usacan_areacode, nanpa_prefix)
"""After the phone number was normalized and found good."""


def dnc_forms(numbers: pd.DataFrame, check: DncCheck, options: LoadOptions) -> "pd.Series[str]":
    """Give what to look up in a do-not-call list: every form of numbers, and of their area codes.

    An area code stands there as `727XXXXXXX` or `1727XXXXXXX` and is looked for under AREACODE, for
    numbers of any country and length.

    Args:
        numbers: as from `loader.phones.forms.lead_numbers`.
        check: that of the list.
        options: whether numbers have one form.

    Returns:
        Index of `numbers`, which repeats.
    """
    forms: pd.Series[str] = number_forms(numbers, as_stored=options.one_form)["form"]
    return with_areas(forms, numbers, check, options)


def with_areas(
    forms: "pd.Series[str]", numbers: pd.DataFrame, check: DncCheck, options: LoadOptions
) -> "pd.Series[str]":
    """Add to forms of numbers those of their area codes, where a check looks for these."""
    if check != "AREACODE":
        return forms
    areas: pd.Series[str] = area_forms(numbers, as_stored=options.one_form)["form"]
    return pd.concat([forms, areas])


def found_in_dnc(numbers: pd.DataFrame, options: LoadOptions, lookups: Lookups) -> "pd.Series[str]":
    """Give the form in which numbers stand in the system's do-not-call list, of those that do.

    Index as of `numbers`.
    """
    if lookups.dnc.empty:
        return pd.Series(index=numbers.index[:0], dtype="str")
    return _first_listed(dnc_forms(numbers, options.dnc_check, options), lookups.dnc)


def found_in_campaign_dnc(
    numbers: pd.DataFrame,
    campaigns: "pd.Series[str]",
    options: LoadOptions,
    dialer: Dialer,
    lookups: Lookups,
) -> "pd.Series[str]":
    """Likewise in the do-not-call list of the campaign of each number's row."""
    if lookups.campaign_dnc.empty:
        return pd.Series(index=numbers.index[:0], dtype="str")
    forms = dnc_forms(numbers, options.campaign_dnc_check, options)
    counting = fold(dnc_campaigns(campaigns, dialer)) + "|"
    return _first_listed(forms, lookups.campaign_dnc, counting.reindex(forms.index))


def _first_listed(
    forms: "pd.Series[str]", listed: pd.Index, before: "pd.Series[str] | str" = ""
) -> "pd.Series[str]":
    found = forms[(before + forms).isin(listed)]
    return found[~found.index.duplicated()].sort_index()


def on_dnc(leads: pd.DataFrame, options: LoadOptions, lookups: Lookups) -> Findings:
    """Reject numbers on the system's do-not-call list (add_lead: dnc_check)."""
    if lookups.dnc.empty:
        return no_findings()
    found_as = found_in_dnc(lead_numbers(leads), options, lookups)
    hit = leads.loc[found_as.index]
    phones = hit["phone_number"]
    return findings(
        hit.index,
        Reason.PHONE_NUMBER_IN_DNC,
        phones + f"|{options.user}",
        phone_number=phones,
        found_as=found_as.where(found_as != phones),
    )


def on_campaign_dnc(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, lookups: Lookups
) -> Findings:
    """Reject numbers on the do-not-call list of the row's campaign (add_lead: campaign_dnc_check).

    Where another campaign's list counts in its place, the answer still names the row's campaign.
    Leads have the column dnc_campaign_id (str) too, see `name_campaigns`.
    """
    if lookups.campaign_dnc.empty:
        return no_findings()
    numbers = lead_numbers(leads)
    found_as = found_in_campaign_dnc(numbers, leads["dnc_campaign_id"], options, dialer, lookups)
    hit = leads.loc[found_as.index]
    phones, campaigns = hit["phone_number"], hit["dnc_campaign_id"]
    return findings(
        hit.index,
        Reason.PHONE_NUMBER_IN_CAMPAIGN_DNC,
        phones + "|" + campaigns + f"|{options.user}",
        campaign_id=campaigns,
        found_as=found_as.where(found_as != phones),
    )


def name_campaigns(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer
) -> tuple[pd.DataFrame, Notices]:
    """Give leads the campaign whose do-not-call list is asked: their own, or that of their list.

    That one counts where the row names none, or one that is not defined. As the dialer compares, it
    is their own alone (add_lead: campaign_id).

    Args:
        leads: campaign_id (str) and list_id (int64); index row_number.
        options: whether numbers compare as the dialer compares them.
        dialer: its campaigns, and those of lists.

    Returns:
        The leads with dnc_campaign_id (str), "" for none; and notices where the row's campaign is
        not defined, or none is known.
    """
    own = leads["campaign_id"]
    if options.one_form:
        return leads.assign(dnc_campaign_id=own), no_notices()
    of_list = leads["list_id"].map(dialer.list_campaigns).astype("str").fillna("")
    is_defined = fold(own, dialer.campaign_collation).isin(dialer.campaigns.index)
    replaced = ~is_defined & (of_list != "")
    known = {"campaign_id": own, "list_id": leads["list_id"].astype("str")}
    noticed = [
        notices(leads.index[replaced & (own != "")], Notice.CAMPAIGN_NOT_DEFINED, **known),
        notices(leads.index[~is_defined & ~replaced], Notice.NO_CAMPAIGN_FOR_DNC, **known),
    ]
    return leads.assign(dnc_campaign_id=own.mask(replaced, of_list)), join_frames(noticed)


def dnc_campaigns(campaigns: "pd.Series[str]", dialer: Dialer) -> "pd.Series[str]":
    """Give the campaigns whose do-not-call lists count for leads of some campaigns.

    That is another one where the dialer says so (add_lead: use_other_campaign_dnc).
    """
    others = dialer.campaigns["use_other_campaign_dnc"]
    other = fold(campaigns, dialer.campaign_collation).map(others[others != ""]).astype("str")
    return other.fillna(campaigns)


def _reject_list(leads: pd.DataFrame, mask: "pd.Series[bool] | Mask", reason: Reason) -> Findings:
    if not mask.any():
        return no_findings()
    wrong = leads.loc[mask, ["phone_number", "list_id_given"]]
    digits, given = digits_only(wrong["phone_number"]), wrong["list_id_given"]
    return findings(wrong.index, reason, digits + "|" + given, list_id=given)


def _reject_phone(
    leads: pd.DataFrame, mask: "pd.Series[bool]", reason: Reason, options: LoadOptions
) -> Findings:
    phones = leads["phone_number"][mask]
    return findings(phones.index, reason, phones + f"|{options.user}", phone_number=phones)


def on_feeds(leads: pd.DataFrame, lookups: Lookups) -> Findings:
    """Reject the numbers of the feeds; of several that have a number the first answers."""
    found = [no_findings()]
    for name, rows in lookups.feeds.items():
        hit = leads[leads.index.isin(rows)]
        numbers = hit["phone_number"]
        found.append(
            findings(hit.index, Reason.PHONE_NUMBER_IN_FEED, phone_number=numbers, feed=name)
        )
        leads = without_rows(leads, hit.index)
    return in_order(join_frames(found))
