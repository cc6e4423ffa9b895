"""What the duplicate checks know of each row by itself: its keys, and the existing leads it meets.

All that takes time is done here, before rows are seen in their order, by whoever has the rows.
"""

from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.checks.duplicates_existing import (
    SEPARATOR,
    alt_numbers,
    beside_number,
    find_existing,
)
from loader.dialer import Dialer, Lookups
from loader.frames.arrow import Mask, are_equal, join_columns, keep
from loader.frames.collation import fold
from loader.frames.key_parts import ASKS, OFFERS, KeyEntries
from loader.frames.key_runs import Hashes, hash_keys
from loader.options.duplicate_check import DuplicateCheck, Kind
from loader.options.load import LoadOptions
from loader.phones.forms import code_numbers, lead_numbers, without_code

FOUND = ("lead_id", "list_id", "matched", "archived", "form", "stored_code")
"""Columns of the existing leads that rows are duplicates of, see `find_existing`."""


@dataclass(frozen=True)
class OfferedKeys:
    """The keys that each row asks for under a check, and those that it offers to later rows."""

    asks: tuple[Hashes, ...]
    """One array, or one more for each other reading of the digits."""
    alt: tuple[Hashes, ...] = ()
    """What it offers besides what it asks for: its alternate number."""

    @property
    def offers(self) -> tuple[Hashes, ...]:
        """All that it offers."""
        return self.asks + self.alt

    def of_some(self, mask: Mask) -> "OfferedKeys":
        """Give the keys of some rows."""
        asks, alt = (tuple(keys[:, mask] for keys in each) for each in (self.asks, self.alt))
        return OfferedKeys(asks, alt)


@dataclass(frozen=True)
class Compared:
    """What is known of the rows of a chunk. Of each tuple there is one part for each check."""

    keys: tuple[OfferedKeys, ...] = ()
    existing: tuple[pd.DataFrame, ...] = ()
    """The existing lead of each row that has one. Columns `FOUND`; index row_number."""
    phone_codes: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """That of each row as a country code; -1: none. Empty where nothing is compared."""
    contested: Mask | None = None
    """Which rows may be duplicates, or make other rows such; all others may be accepted without a
    look. None: that is not known of any."""

    def meets_existing(self, rows: pd.Index) -> Mask:
        """Say which of the rows meet an existing lead."""
        mask = np.zeros(len(rows), dtype=bool)
        for found in self.existing:
            mask |= rows.isin(found.index)
        return mask

    def contested_among(self, rows: pd.Index, meeting: Mask) -> "Compared":
        """Give the same, knowing which of the rows share a key with another row of the file."""
        return replace(self, contested=meeting | self.meets_existing(rows))

    def of_contested(self, leads: pd.DataFrame) -> "tuple[pd.DataFrame, Compared]":
        """Leave out leads that no other row or lead meets, and what is known of them."""
        mask = self.contested
        if mask is None or mask.all():
            return leads, self
        keys = tuple(each.of_some(mask) for each in self.keys)
        return leads[mask], Compared(keys, self.existing, self.phone_codes[mask])

    def key_entries(self, rows: pd.Index, may_be_accepted: Mask) -> KeyEntries:
        """Give the keys of all checks, by which it is found which rows of a file meet.

        A row that cannot be accepted makes no other one a duplicate.
        """
        numbers, accepted = rows.to_numpy(), np.flatnonzero(may_be_accepted)
        roles = np.where(may_be_accepted, ASKS | OFFERS, ASKS)
        entries = [KeyEntries.of(keys, numbers, roles) for each in self.keys for keys in each.asks]
        entries += [
            KeyEntries.of(keys[:, accepted], numbers[accepted], OFFERS)
            for each in self.keys
            for keys in each.alt
        ]
        return KeyEntries.join(entries)


def compare_leads(
    leads: pd.DataFrame,
    options: LoadOptions,
    dialer: Dialer,
    lookups: Lookups,
    numbers: pd.DataFrame | None = None,
) -> Compared:
    """Compare rows with existing leads, and make the keys by which rows meet one another.

    Args:
        leads: columns `loader.checks.duplicates.KEYED` (str; list_id int64); index row_number.
        options: duplicate_checks, duplicate_compare, and whether numbers have one form.
        dialer: lists and collation are read.
        lookups: existing leads by kind, and keys of texts.
        numbers: those of the rows and maybe of others, see `lead_numbers`; None: they are made.
    """
    if not options.duplicate_checks or leads.empty:
        return Compared()
    comparing = [_comparing(dialer, lookups, check) for check in options.duplicate_checks]
    checks = list(zip(options.duplicate_checks, comparing, strict=True))
    if numbers is None:
        numbers = lead_numbers(leads)
    elif len(numbers) > len(leads):
        numbers = numbers.loc[leads.index]
    return Compared(
        tuple(_keys(leads, numbers, check, options, compares) for check, compares in checks),
        existing_leads(leads, options, dialer, lookups),
        code_numbers(numbers["code"]),
    )


def existing_leads(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, lookups: Lookups
) -> tuple[pd.DataFrame, ...]:
    """Find the existing lead of each row that has one, by each check, see `Compared.existing`."""
    return tuple(
        _existing(leads, check, options, _comparing(dialer, lookups, check), lookups)
        for check in options.duplicate_checks
    )


def _comparing(dialer: Dialer, lookups: Lookups, check: DuplicateCheck) -> Dialer:
    """Let texts compare as the columns of a check do."""
    compares = lookups.compares.get(check.kind) or dialer.compares.get(check.kind, dialer.fold)
    return replace(dialer, fold=compares)


def _keys(
    leads: pd.DataFrame,
    numbers: pd.DataFrame,
    check: DuplicateCheck,
    options: LoadOptions,
    dialer: Dialer,
) -> OfferedKeys:
    """Give the keys under which rows of the file are duplicates of one another."""
    before = beside_number(leads, check, dialer)
    if check.kind is Kind.TITLEALTPHONE:
        numbers = alt_numbers(leads, options)
    asks = _of_numbers(numbers, before, options, dialer)
    if check.kind is not Kind.PHONEALT:
        return OfferedKeys(asks)
    return OfferedKeys(asks, _of_numbers(alt_numbers(leads, options), before, options, dialer))


def _of_numbers(
    numbers: pd.DataFrame, before: "pd.Series[str]", options: LoadOptions, dialer: Dialer
) -> tuple[Hashes, ...]:
    """Give the keys of numbers: who is called, and the digits as the dialer would compare them.

    Digits that may have their country code in front are two numbers, either of which counts.
    """
    by_number = options.duplicate_compare == "number"
    if not by_number:
        before = before + numbers["code"] + SEPARATOR
    readings = [numbers["number"]]
    if not options.one_form:
        national, sent = numbers["national"], numbers["sent"]
        others = [without_code(numbers)]
        others += [keep(~are_equal(sent, national), sent)] if by_number else []
        readings = [national, *(digits for digits in others if len(digits))]
    return tuple(_hashes(before, fold(digits, dialer.fold)) for digits in readings)


def _hashes(before: "pd.Series[str]", digits: "pd.Series[str]") -> Hashes:
    """Give the keys of rows, of which some may have no such digits, and no key."""
    if len(digits) == len(before):
        return hash_keys(join_columns([before, digits]))
    return hash_keys((before.loc[digits.index] + digits).reindex(before.index))


def _existing(
    leads: pd.DataFrame,
    check: DuplicateCheck,
    options: LoadOptions,
    dialer: Dialer,
    lookups: Lookups,
) -> pd.DataFrame:
    existing = lookups.existing.get(check.kind)
    if existing is None or existing.empty:
        return _nothing_found()
    return find_existing(leads, check, options, dialer, existing)[list(FOUND)]


@cache
def _nothing_found() -> pd.DataFrame:
    """Give the answer where no lead is found; it is one and the same, and not to be changed."""
    return pd.DataFrame(columns=list(FOUND))
