"""The existing leads that rows are duplicates of, by every form of their numbers."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.dialer import Dialer
from loader.frames.arrow import join_columns, repeat, whole_numbers
from loader.frames.collation import Collation, fold
from loader.options.duplicate_check import DuplicateCheck, Kind, Scope
from loader.options.load import LoadOptions
from loader.phones.forms import (
    NATIONAL,
    WITH_TRUNK,
    can_be,
    country_codes,
    lead_codes,
    lead_numbers,
    number_forms,
    other_numbers,
)

SEPARATOR = "\x1f"
"""Between the parts of a key: a control character, which no cleaned value has."""

NUMBERED = ("phone_number", "phone_code", "number_sent", "national_number", "calling_code")
"""Columns that say what the number of a row is; see `loader.phones.forms.lead_numbers`."""

BESIDE = {
    Kind.PHONE: [],
    Kind.PHONEALT: [],
    Kind.TITLEALTPHONE: ["title"],
    Kind.NAMEPHONE: ["first_name", "last_name"],
}
"""What a row is compared by beside a number, in the order of the key; the number comes last."""

COMPARED_COLUMNS = {
    Kind.PHONE: ["phone_number"],
    Kind.PHONEALT: ["phone_number", "alt_phone"],
    Kind.TITLEALTPHONE: ["title", "alt_phone"],
    Kind.NAMEPHONE: ["first_name", "last_name", "phone_number"],
}
"""The columns of existing leads that a check compares."""


def compared_numbers(leads: pd.DataFrame, kind: Kind, options: LoadOptions) -> pd.DataFrame:
    """Give the number that each row is compared by, see `loader.phones.forms.lead_numbers`."""
    if kind is not Kind.TITLEALTPHONE:
        return lead_numbers(leads)
    return alt_numbers(leads, options)


def alt_numbers(leads: pd.DataFrame, options: LoadOptions) -> pd.DataFrame:
    """Likewise give the alternate number of each row."""
    if options.one_form:
        return lead_numbers(leads[["phone_code"]].assign(phone_number=leads["alt_phone"]))
    return other_numbers(leads["alt_phone"], lead_codes(leads))


def compared_texts(
    leads: pd.DataFrame, kind: Kind, options: LoadOptions, collation: Collation
) -> "list[pd.Series[str]]":
    """Give the texts of rows that a check compares, of which a server may have to be asked.

    The digits of a number have keys of their own, unless the collation has further rules.
    """
    texts = [leads[name] for name in BESIDE[kind]]
    has_alt = kind in {Kind.PHONEALT, Kind.TITLEALTPHONE}
    if collation.ignores_case is not None:
        return [*texts, *([leads["alt_phone"]] if has_alt else [])]
    numbers = [lead_numbers(leads)] if kind is not Kind.TITLEALTPHONE else []
    numbers += [alt_numbers(leads, options)] if has_alt else []
    return texts + [number_forms(each, as_stored=options.one_form)["form"] for each in numbers]


def scope_of(list_ids: "pd.Series[int]", scope: Scope, dialer: Dialer) -> "pd.Series[str]":
    """Name the part of the system that a lead of each list is compared within.

    The list itself, its campaign (null where the list is not defined or has a campaign of NULL:
    nothing to look in), or the one system.
    """
    if scope is Scope.LIST:
        return whole_numbers(list_ids)
    if scope is Scope.SYS:
        return repeat("", list_ids.index)
    return list_ids.map(dialer.list_scopes).astype("str")


def beside_number(leads: pd.DataFrame, check: DuplicateCheck, dialer: Dialer) -> "pd.Series[str]":
    """Give the part of each row's key that stands before a number."""
    scope = scope_of(leads["list_id"], check.scope, dialer)
    beside = [fold(leads[name], dialer.fold) for name in BESIDE[check.kind]]
    return join_columns([scope, *beside, repeat("", leads.index)], SEPARATOR)


def find_existing(
    leads: pd.DataFrame,
    check: DuplicateCheck,
    options: LoadOptions,
    dialer: Dialer,
    existing: pd.DataFrame,
) -> pd.DataFrame:
    """Find for each row the lowest lead within the check's window that it is a duplicate of.

    Leads of vicidial_list go before archived ones.

    Args:
        leads: see `loader.checks.duplicates.find_duplicates`.
        check: where and how far back it looks.
        options: duplicate_compare, and whether numbers have one form.
        dialer: lists and collation are read.
        existing: see `loader.dialer.Lookups.existing`.

    Returns:
        Index row_number, of those that have one. Columns lead_id, list_id, matched and
        archived as in `existing`, form (str, as the number stands there) and stored_code (str).
    """
    within = existing.assign(lead_id=existing[f"lead_id_{check.days or 0}"]).dropna(
        subset="lead_id"
    )
    scope = scope_of(within["list_id"], check.scope, dialer)
    within = within.assign(asked=scope + SEPARATOR + within["key"])[scope.notna()]
    numbers = compared_numbers(leads, check.kind, options)
    asks = number_forms(numbers, as_stored=options.one_form)
    before = beside_number(leads, check, dialer)
    asks["asked"] = before.loc[asks.index] + fold(asks["form"], dialer.fold)
    asks = asks[asks["asked"].isin(within["asked"])]
    asks = asks.join(numbers[["code", "national"]])
    found = asks.rename_axis("row_number").reset_index().merge(within, on="asked")
    found["stored_code"] = country_codes(found["phone_code"])
    found = found[_counts(found, by_number=options.duplicate_compare == "number")]
    # Of a lead that matches both ways, PHONE sorts after ALT and is what add_lead names.
    order = ["row_number", "archived", "lead_id", "matched", "kind"]
    ordered = found.sort_values(order, ascending=[True, True, True, False, True])
    return ordered.drop_duplicates("row_number").set_index("row_number")


def _counts(found: pd.DataFrame, *, by_number: bool) -> npt.NDArray[np.bool_]:
    """Say which leads that have the digits of a row's number have its number.

    The dialer compares digits alone, as they were sent (`by_number`). Forms that were not sent
    count if the lead's phone_code is the number's, is empty, or cannot be the one of these digits.
    """
    code, stored, form = found["code"], found["stored_code"], found["form"]
    counts = (stored == code) | (stored == "") | (code == "")
    inside = form == code + found["national"]
    if by_number:
        counts |= found["kind"] <= NATIONAL
        inside |= found["kind"] == WITH_TRUNK
    unclear = (inside & ~counts).to_numpy()
    decided = counts.to_numpy(copy=True)
    if unclear.any():
        decided[unclear] = ~can_be(form[unclear], stored[unclear])
    return decided
