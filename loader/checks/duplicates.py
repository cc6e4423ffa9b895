"""The duplicate checks over a chunk: existing leads, earlier chunks and the chunk itself."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.checks.duplicates_compared import Compared, existing_leads
from loader.checks.duplicates_existing import BESIDE, NUMBERED
from loader.checks.duplicates_in_file import Keys, earlier_duplicates, encode
from loader.dialer import Dialer, Lookups
from loader.findings import FINDING_TYPES, Findings, Notices, no_findings, no_notices, notices
from loader.frames.accepted_keys import AcceptedKeys
from loader.notices import Notice
from loader.options.duplicate_check import DuplicateCheck, Kind, Scope
from loader.options.load import LoadOptions
from loader.phones.forms import code_numbers, lead_codes
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
    compared: Compared,
    checks: Sequence[DuplicateCheck],
    accepted: Sequence[AcceptedKeys],
) -> Findings:
    """Reject the rows that one of the checks finds a lead for, as if each was sent by itself.

    Args:
        leads: columns `KEYED` (str; list_id int64); index row_number, in any order. All have
            passed every earlier rule. A row earlier in the frame goes before a later one.
        compared: of these rows.
        checks: in the order in which they answer.
        accepted: one for each check: the keys of earlier chunks. The rows accepted here are added.

    Returns:
        Those of the first check that hits.
    """
    if not checks or leads.empty:
        return no_findings()
    found = _known(leads, compared, accepted)
    rejected = np.logical_or.reduce([match.hit for match in found])
    codes = [encode(keys.asks, keys.alt) for keys in compared.keys]
    earlier = earlier_duplicates(codes, rejected)
    matches = [
        _with_earlier(leads, compared, match, positions, coded)
        for match, positions, coded in zip(found, earlier, codes, strict=True)
    ]
    findings = _findings(leads, checks, matches)
    remember(leads, compared, accepted, ~leads.index.isin(findings.index))
    return findings


def known_duplicates(
    rows: pd.Index,
    compared: Compared,
    checks: Sequence[DuplicateCheck],
    accepted: Sequence[AcceptedKeys],
) -> Iterator[tuple[Reason, pd.Index]]:
    """Say by each check which rows are duplicates of an existing lead or of an accepted row.

    Nothing is accepted, and nothing that is found by one check keeps another from finding it.

    Args:
        rows: row numbers, none of them accepted.
        compared: of these rows; of the existing leads, no column is looked at.
        checks: see `find_duplicates`.
        accepted: likewise.

    Yields:
        A reason, and the row numbers to which it applies.
    """
    parts = zip(checks, compared.existing, compared.keys, accepted, strict=True)
    for check, existing, keys, known in parts if len(rows) else ():
        hit = rows.isin(existing.index)
        for asks in keys.asks:
            ask = np.flatnonzero((asks[0] != 0) & ~hit)
            hit[ask] = known.find(asks[:, ask])[0] >= 0
        yield check.reason, rows[hit]


def existing_duplicates(
    leads: pd.DataFrame, options: LoadOptions, dialer: Dialer, lookups: Lookups
) -> Findings:
    """Reject the rows that one of the checks finds an existing lead for.

    What they are to one another is no matter. Arguments are those of `compare_leads`.
    """
    checks = options.duplicate_checks
    if not checks or leads.empty:
        return no_findings()
    existing = existing_leads(leads, options, dialer, lookups)
    return _findings(leads, checks, [_match_existing(leads, found) for found in existing])


def may_change(findings: Findings) -> "pd.Series[bool]":
    """Say which rows are duplicates of a lead that can be updated or moved.

    Leads of vicidial_list can; archived ones, and the other rows of the file, cannot.
    """
    return findings["lead_id"].notna() & findings["archived"].isna()


def without_campaign(
    leads: pd.DataFrame, checks: Sequence[DuplicateCheck], dialer: Dialer
) -> Notices:
    """Notice the rows whose list has no campaign, where a check looks in the campaign's lists."""
    if not any(check.scope is Scope.CAMP for check in checks):
        return no_notices()
    unknown = ~leads["list_id"].isin(dialer.list_scopes.dropna().index)
    list_ids = leads["list_id"][unknown].astype("str")
    return notices(list_ids.index, Notice.NO_CAMPAIGN_FOR_LIST, list_id=list_ids)


def _known(
    leads: pd.DataFrame, compared: Compared, accepted: Sequence[AcceptedKeys]
) -> list[_Match]:
    """Find existing leads, which go before the file's, then rows of earlier chunks."""
    matches = [_match_existing(leads, found) for found in compared.existing]
    for match, keys, known in zip(matches, compared.keys, accepted, strict=True):
        for asks in keys.asks:
            ask = np.flatnonzero((asks[0] != 0) & ~match.hit)
            row, list_id, phone_code = known.find(asks[:, ask])
            new = row >= 0
            place, row = ask[new], row[new]
            # The lowest bit tells by which of its numbers an accepted row was found.
            match.row[place], match.by_phone[place] = row // 2, row % 2 == 0
            match.list_id[place], match.phone_code[place] = list_id[new], phone_code[new]
    return matches


def _match_existing(leads: pd.DataFrame, found: pd.DataFrame) -> _Match:
    """Give the existing leads that were found, see `Compared.existing`."""
    match = _Match.nothing(len(leads))
    if len(found):
        place = leads.index.get_indexer(found.index)
        match.lead_id[place] = found["lead_id"]
        match.list_id[place] = found["list_id"].to_numpy().view(np.int64)
        match.by_phone[place] = found["matched"] == "PHONE"
        match.archived[place] = found["archived"]
        match.form[place] = found["form"]
        match.phone_code[place] = code_numbers(found["stored_code"])
    return match


def _with_earlier(
    leads: pd.DataFrame,
    compared: Compared,
    match: _Match,
    positions: npt.NDArray[np.int64],
    keys: Keys,
) -> _Match:
    """Add the accepted rows of the chunk itself, where nothing older matches."""
    new = np.flatnonzero(~match.hit & (positions >= 0))
    place = positions[new]
    rows, lists = leads.index.to_numpy(), leads["list_id"].to_numpy()
    match.row[new], match.list_id[new] = rows[place], lists[place]
    match.phone_code[new] = compared.phone_codes[place]
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
    own = [code_numbers(codes) for codes in (lead_codes(leads), leads["phone_code"])]
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


def remember(
    leads: pd.DataFrame,
    compared: Compared,
    accepted: Sequence[AcceptedKeys],
    fresh: npt.NDArray[np.bool_],
) -> None:
    """Note what the fresh rows offer as accepted, without looking for duplicates.

    The lowest bit of the row says that it is its alt_phone. Other arguments are those of
    `find_duplicates`.
    """
    numbers, codes = leads.index.to_numpy(), compared.phone_codes
    for known, keys in zip(accepted, compared.keys, strict=True):
        count = len(keys.offers)
        # Row by row, each with its offers: as of the frame, whatever the row numbers are.
        order = np.arange(count * fresh.sum()).reshape(count, -1).T.ravel()
        offers = np.concatenate([offer[:, fresh] for offer in keys.offers], axis=1)
        order = order[offers[0, order] != 0]
        bits = [0] * len(keys.asks) + [1] * len(keys.alt)
        rows = np.concatenate([numbers[fresh] * 2 + bit for bit in bits])
        of_rows = (np.tile(values[fresh], count) for values in (leads["list_id"].to_numpy(), codes))
        known.add(offers[:, order], *(values[order] for values in (rows, *of_rows)))


def forget(accepted: Sequence[AcceptedKeys], rows: Collection[int]) -> None:
    """Forget that rows were accepted, see `find_duplicates`."""
    numbers = np.fromiter(rows, dtype=np.int64) * 2
    for keys in accepted:
        keys.drop(np.concatenate([numbers, numbers + 1]))
