"""The duplicate checks over a chunk: existing leads, earlier chunks and the chunk itself."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.checks.duplicates_existing import (
    BESIDE,
    NUMBERED,
    SEPARATOR,
    alt_numbers,
    beside_number,
    compared_numbers,
    find_existing,
)
from loader.checks.duplicates_in_file import Keys, earlier_duplicates, encode
from loader.dialer import Dialer, Lookups
from loader.findings import FINDING_TYPES, Findings, Notices, no_findings, notices
from loader.frames.accepted_keys import AcceptedKeys
from loader.frames.collation import fold
from loader.notices import Notice
from loader.options.duplicate_check import DuplicateCheck, Kind, Scope
from loader.options.load import LoadOptions
from loader.phones.forms import country_codes, lead_numbers, without_code
from loader.reasons import Reason

KEYED = (
    "list_id", "list_id_given", *NUMBERED, "alt_phone", "title", "first_name", "last_name",
)  # fmt: skip
"""Columns by which duplicates are found."""

NUMBER_OF = dict.fromkeys(Kind, "phone_number") | {Kind.TITLEALTPHONE: "alt_phone"}
"""The field whose number a row is compared by."""


@dataclass(frozen=True)
class _Match:
    """What one check finds for each row of a chunk; -1 where it finds nothing."""

    lead_id: npt.NDArray[np.int64]
    """The existing lead."""
    row: npt.NDArray[np.int64]
    """The row_number of the accepted row, where no existing lead matches."""
    list_id: npt.NDArray[np.int64]
    """The list of either; from 2^63 on it wraps around."""
    by_phone: npt.NDArray[np.bool_]
    """It matches by its phone_number, not only by its alt_phone."""
    archived: npt.NDArray[np.bool_]
    """The existing lead is in vicidial_list_archive."""
    form: npt.NDArray[np.object_]
    """How the number stands in the existing lead (str), or None."""
    phone_code: npt.NDArray[np.int64]
    """That of either as a country code."""

    @classmethod
    def nothing(cls, rows: int) -> "_Match":
        """Give what a check that finds nothing finds."""
        none = np.full(rows, -1, dtype=np.int64)
        form = np.full(rows, None, dtype=object)
        by_phone, archived = np.ones(rows, dtype=bool), np.zeros(rows, dtype=bool)
        return cls(none, none.copy(), none.copy(), by_phone, archived, form, none.copy())

    @property
    def hit(self) -> npt.NDArray[np.bool_]:
        """Whether the check finds a lead, existing or accepted, for each row."""
        return np.asarray((self.lead_id >= 0) | (self.row >= 0))


def find_duplicates(
    leads: pd.DataFrame,
    options: LoadOptions,
    dialer: Dialer,
    lookups: Lookups,
    accepted: Sequence[AcceptedKeys],
) -> Findings:
    """Reject the rows that one of the checks finds a lead for, as if each was sent by itself.

    Args:
        leads: columns `KEYED` (str; list_id int64); index row_number, in any order. All have
            passed every earlier rule. A row earlier in the frame goes before a later one.
        options: duplicate_checks, in the order in which they answer; duplicate_compare, and
            whether numbers have one form.
        dialer: lists and collation are read.
        lookups: existing leads by kind, and keys of texts.
        accepted: one for each check: the keys of earlier chunks. The rows accepted here are added.

    Returns:
        Those of the first check that hits.
    """
    checks = options.duplicate_checks
    if not checks or leads.empty:
        return no_findings()
    compared = [_comparing(dialer, lookups, check) for check in checks]
    keyed = [
        _keys(leads, check, options, compares)
        for check, compares in zip(checks, compared, strict=True)
    ]
    found = [
        _known(leads, check, keys.asks, options, compares, lookups, known)
        for check, keys, compares, known in zip(checks, keyed, compared, accepted, strict=True)
    ]
    rejected = np.logical_or.reduce([match.hit for match in found])
    codes = [encode(keys.asks, keys.alt) for keys in keyed]
    earlier = earlier_duplicates(codes, rejected)
    matches = [
        _with_earlier(leads, match, positions, coded)
        for match, positions, coded in zip(found, earlier, codes, strict=True)
    ]
    findings = _findings(leads, checks, matches)
    fresh = ~leads.index.isin(findings.index)
    for known, keys in zip(accepted, keyed, strict=True):
        _add(known, leads, keys, fresh)
    return findings


def known_duplicates(
    leads: pd.DataFrame,
    options: LoadOptions,
    dialer: Dialer,
    lookups: Lookups,
    accepted: Sequence[AcceptedKeys],
) -> Iterator[tuple[Reason, pd.Index]]:
    """Say by each check which rows are duplicates of an existing lead or of an accepted row.

    Nothing is accepted, and nothing that is found by one check keeps another from finding it.
    Arguments are those of `find_duplicates`; none of the leads was accepted.

    Yields:
        A reason, and the row numbers to which it applies.
    """
    for check, known in zip(options.duplicate_checks, accepted, strict=True):
        compares = _comparing(dialer, lookups, check)
        keys = _keys(leads, check, options, compares)
        match = _known(leads, check, keys.asks, options, compares, lookups, known)
        yield check.reason, leads.index[match.hit]


def existing_duplicates(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, lookups: Lookups
) -> Findings:
    """Reject the rows that one of the checks finds an existing lead for.

    What they are to one another is no matter. Arguments are those of `find_duplicates`.
    """
    checks = options.duplicate_checks
    if not checks or leads.empty:
        return no_findings()
    matches = [
        _existing(leads, check, options, _comparing(dialer, lookups, check), lookups)
        for check in checks
    ]
    return _findings(leads, checks, matches)


def may_change(findings: Findings) -> "pd.Series[bool]":
    """Say which rows are duplicates of a lead that can be updated or moved.

    Leads of vicidial_list can; archived ones, and the other rows of the file, cannot.
    """
    return findings["lead_id"].notna() & findings["archived"].isna()


def without_campaign(
    leads: pd.DataFrame, checks: Sequence[DuplicateCheck], dialer: Dialer
) -> Notices:
    """Notice the rows whose list has no campaign, where a check looks in the campaign's lists."""
    asked = any(check.scope is Scope.CAMP for check in checks)
    unknown = ~leads["list_id"].isin(dialer.list_scopes.dropna().index) & asked
    list_ids = leads["list_id"][unknown].astype("str")
    return notices(list_ids.index, Notice.NO_CAMPAIGN_FOR_LIST, list_id=list_ids)


def _comparing(dialer: Dialer, lookups: Lookups, check: DuplicateCheck) -> Dialer:
    """Let texts compare as the columns of a check do."""
    compares = lookups.compares.get(check.kind) or dialer.compares.get(check.kind, dialer.fold)
    return replace(dialer, fold=compares)


@dataclass(frozen=True)
class _Texts:
    """The texts that each row asks for under a check, and those that it offers; null: none."""

    asks: "tuple[pd.Series[str], ...]"
    alt: "tuple[pd.Series[str], ...]" = ()
    """What it offers besides what it asks for: its alternate number."""

    @property
    def offers(self) -> "tuple[pd.Series[str], ...]":
        """All that it offers."""
        return self.asks + self.alt


def _keys(
    leads: pd.DataFrame, check: DuplicateCheck, options: LoadOptions, dialer: Dialer
) -> _Texts:
    """Give the keys under which rows of the file are duplicates of one another."""
    before = beside_number(leads, check, dialer)
    numbers = compared_numbers(leads, check.kind, options)
    asks = _of_numbers(numbers, before, options, dialer)
    if check.kind is not Kind.PHONEALT:
        return _Texts(asks)
    return _Texts(asks, _of_numbers(alt_numbers(leads, options), before, options, dialer))


def _of_numbers(
    numbers: pd.DataFrame, before: "pd.Series[str]", options: LoadOptions, dialer: Dialer
) -> "tuple[pd.Series[str], ...]":
    """Give the keys of numbers: who is called, and the digits as the dialer would compare them.

    Digits that may have their country code in front are two numbers, either of which counts.
    """
    by_number = options.duplicate_compare == "number"
    if not by_number:
        before = before + numbers["code"] + SEPARATOR
    if options.one_form:
        return (before + fold(numbers["number"], dialer.fold),)
    national, sent = numbers["national"], numbers["sent"]
    others = [without_code(numbers), *([sent[sent != national]] if by_number else [])]
    keys = [
        (before[digits.index] + fold(digits, dialer.fold)).reindex(numbers.index)
        for digits in (national, *others)
        if len(digits)
    ]
    return tuple(keys)


def _known(
    leads: pd.DataFrame,
    check: DuplicateCheck,
    asks: "Sequence[pd.Series[str]]",
    options: LoadOptions,
    dialer: Dialer,
    lookups: Lookups,
    accepted: AcceptedKeys,
) -> _Match:
    """Find existing leads, which go before the file's, then rows of earlier chunks."""
    match = _existing(leads, check, options, dialer, lookups)
    for texts in asks:
        ask = np.flatnonzero(texts.notna().to_numpy() & ~match.hit)
        row, list_id, phone_code = accepted.find(texts.iloc[ask])
        new = row >= 0
        place, row = ask[new], row[new]
        # The lowest bit tells by which of its numbers an accepted row was found.
        match.row[place], match.by_phone[place] = row // 2, row % 2 == 0
        match.list_id[place], match.phone_code[place] = list_id[new], phone_code[new]
    return match


def _existing(
    leads: pd.DataFrame,
    check: DuplicateCheck,
    options: LoadOptions,
    dialer: Dialer,
    lookups: Lookups,
) -> _Match:
    """Find existing leads."""
    match = _Match.nothing(len(leads))
    existing = lookups.existing.get(check.kind)
    if existing is not None and not existing.empty:
        found = find_existing(leads, check, options, dialer, existing)
        place = leads.index.get_indexer(found.index)
        match.lead_id[place] = found["lead_id"]
        match.list_id[place] = found["list_id"].to_numpy().view(np.int64)
        match.by_phone[place] = found["matched"] == "PHONE"
        match.archived[place] = found["archived"]
        match.form[place] = found["form"]
        match.phone_code[place] = _code_numbers(found["stored_code"])
    return match


def _with_earlier(
    leads: pd.DataFrame, match: _Match, positions: npt.NDArray[np.int64], keys: Keys
) -> _Match:
    """Add the accepted rows of the chunk itself, where nothing older matches."""
    new = np.flatnonzero(~match.hit & (positions >= 0))
    place = positions[new]
    rows, lists = leads.index.to_numpy(), leads["list_id"].to_numpy()
    match.row[new], match.list_id[new] = rows[place], lists[place]
    match.phone_code[new] = _code_numbers(lead_numbers(leads)["code"])[place]
    # A row offers what it asks for, its phone_number, before its alt_phone.
    match.by_phone[new] = np.logical_or.reduce(
        [
            (ask[new] >= 0) & (ask[new] == offer[place])
            for ask in keys.asks
            for offer in keys.offers[: len(keys.asks)]
        ]
    )
    return match


def _findings(
    leads: pd.DataFrame, checks: Sequence[DuplicateCheck], matches: Sequence[_Match]
) -> Findings:
    """Let the first check that hits answer for each row."""
    hits = np.stack([match.hit for match in matches])
    answering = np.where(hits.any(axis=0), hits.argmax(axis=0), -1)
    parts = [
        _answers(leads[mask], check, match, mask)
        for number, (check, match) in enumerate(zip(checks, matches, strict=True))
        if (mask := answering == number).any()
    ]
    return pd.concat(parts).sort_index() if parts else no_findings()


def _answers(
    leads: pd.DataFrame, check: DuplicateCheck, match: _Match, mask: npt.NDArray[np.bool_]
) -> Findings:
    """Give the findings of one check about the rows that it rejects."""
    number = NUMBER_OF[check.kind]
    fields = [*BESIDE[check.kind], number]
    given = leads["list_id_given"]
    answered_list = given.where(given != "", leads["list_id"].astype("str"))
    values = leads[fields[0]].str.cat(leads[fields[1:]], sep="|")
    lead_id = pd.Series(match.lead_id[mask], index=leads.index, dtype="Int64").replace(-1, pd.NA)
    row = pd.Series(match.row[mask], index=leads.index, dtype="Int64").replace(-1, pd.NA)
    list_id = pd.Series(match.list_id[mask].view(np.uint64), index=leads.index).astype("str")
    tail = "" if check.scope is Scope.LIST else "|" + list_id
    if check.kind is Kind.PHONEALT:
        by_phone = pd.Series(match.by_phone[mask], index=leads.index)
        tail = tail + by_phone.map({True: "|PHONE", False: "|ALT"}).astype("str")
    archived = pd.Series(match.archived[mask], index=leads.index)
    form = pd.Series(match.form[mask], index=leads.index, dtype="str")
    code = match.phone_code[mask]
    own = [_code_numbers(codes) for codes in (lead_numbers(leads)["code"], leads["phone_code"])]
    differs = (code >= 0) & (code != own[0]) & (code != own[1])
    frame = pd.DataFrame(
        {
            "reason": check.reason.value,
            "list_id": list_id,
            "archived": archived.map({True: "Y"}),
            "found_as": form.where(form != leads[number]),
            "phone_code": pd.Series(code, index=leads.index).where(differs).astype("Int64"),
            "answer": values + "|" + answered_list + "|",
            "answer_tail": tail,
            "lead_id": lead_id,
            "duplicate_row": row,
        },
        index=leads.index,
    )
    return frame.reindex(columns=list(FINDING_TYPES)).astype(FINDING_TYPES)


def _code_numbers(codes: "pd.Series[str]") -> npt.NDArray[np.int64]:
    """Give phone_codes as numbers; -1 for none."""
    numbers = pd.to_numeric(country_codes(codes), errors="coerce")
    return numbers.fillna(-1).to_numpy(dtype=np.int64)


def _add(
    accepted: AcceptedKeys, leads: pd.DataFrame, keys: _Texts, fresh: npt.NDArray[np.bool_]
) -> None:
    """Note what the accepted rows offer; the lowest bit of the row says: its alt_phone."""
    count = len(keys.offers)
    # Row by row, each with its offers: as of the frame, whatever the row numbers are.
    order = np.arange(count * fresh.sum()).reshape(count, -1).T.ravel()
    texts = pd.concat([offer[fresh] for offer in keys.offers], ignore_index=True)
    order = order[texts.notna().to_numpy()[order]]
    bits = [0] * len(keys.asks) + [1] * len(keys.alt)
    rows = np.concatenate([leads.index[fresh].to_numpy() * 2 + bit for bit in bits])
    of_rows = (leads["list_id"].to_numpy(), _code_numbers(lead_numbers(leads)["code"]))
    lists, codes = (np.tile(values[fresh], count) for values in of_rows)
    accepted.add(texts.iloc[order], rows[order], lists[order], codes[order])


def remember(
    leads: pd.DataFrame,
    options: LoadOptions,
    dialer: Dialer,
    lookups: Lookups,
    accepted: Sequence[AcceptedKeys],
) -> None:
    """Note rows as accepted without looking for duplicates, see `find_duplicates`."""
    if leads.empty:
        return
    for known, check in zip(accepted, options.duplicate_checks, strict=True):
        keys = _keys(leads, check, options, _comparing(dialer, lookups, check))
        _add(known, leads, keys, np.ones(len(leads), dtype=bool))


def forget(accepted: Sequence[AcceptedKeys], rows: Collection[int]) -> None:
    """Forget that rows were accepted, see `find_duplicates`."""
    numbers = np.fromiter(rows, dtype=np.int64) * 2
    for keys in accepted:
        keys.drop(np.concatenate([numbers, numbers + 1]))
