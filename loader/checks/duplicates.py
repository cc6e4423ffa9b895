"""The duplicate checks over a chunk: existing leads, earlier chunks and the chunk itself."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from loader.checks.duplicates_in_file import earlier_duplicates, encode
from loader.dialer import Dialer, Lookups
from loader.findings import FINDING_TYPES, Findings, Notices, no_findings, notices
from loader.frames.accepted_keys import AcceptedKeys
from loader.frames.collation import fold
from loader.options.duplicate_check import DuplicateCheck, Kind, Scope
from loader.reasons import Notice, Reason

SEPARATOR = "\x1f"
"""Between the parts of a key: a control character, which no cleaned value has."""

KEYED = (
    "list_id", "list_id_given", "phone_number", "alt_phone", "title", "first_name", "last_name",
)  # fmt: skip
"""Columns by which duplicates are found."""

FIELDS = {
    Kind.PHONE: ["phone_number"],
    Kind.PHONEALT: ["phone_number"],
    Kind.TITLEALTPHONE: ["title", "alt_phone"],
    Kind.NAMEPHONE: ["first_name", "last_name", "phone_number"],
}
"""What a row is compared by, in the order of the key."""

TEXTS = {kind: FIELDS[kind] for kind in Kind} | {Kind.PHONEALT: ["phone_number", "alt_phone"]}
"""The columns whose texts are compared."""


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

    @property
    def hit(self) -> npt.NDArray[np.bool_]:
        """Whether the check finds a lead, existing or accepted, for each row."""
        return np.asarray((self.lead_id >= 0) | (self.row >= 0))


def find_duplicates(
    leads: pd.DataFrame,
    checks: Sequence[DuplicateCheck],
    dialer: Dialer,
    lookups: Lookups,
    accepted: Sequence[AcceptedKeys],
) -> Findings:
    """Reject the rows that one of the checks finds a lead for, as if each was sent by itself.

    Args:
        leads: columns `KEYED` (str; list_id int64); index row_number, in any order. All have
            passed every earlier rule. A row earlier in the frame goes before a later one.
        checks: in the order in which they answer.
        dialer: lists and collation are read.
        lookups: existing leads by kind, and keys of texts.
        accepted: one for each check: the keys of earlier chunks. The rows accepted here are added.

    Returns:
        Those of the first check that hits.
    """
    if not checks or leads.empty:
        return no_findings()
    keyed = [_keys(leads, check, _comparing(dialer, lookups, check)) for check in checks]
    found = [
        _known(leads, check, asks, dialer, lookups, keys)
        for check, (asks, _), keys in zip(checks, keyed, accepted, strict=True)
    ]
    rejected = np.logical_or.reduce([match.hit for match in found])
    codes = [encode(asks, offers) for asks, offers in keyed]
    earlier = earlier_duplicates(codes, rejected)
    matches = [
        _with_earlier(leads, match, positions)
        for match, positions in zip(found, earlier, strict=True)
    ]
    findings = _findings(leads, checks, matches)
    fresh = ~leads.index.isin(findings.index)
    for keys, (_, offers) in zip(accepted, keyed, strict=True):
        _add(keys, leads, offers, fresh)
    return findings


def known_duplicates(
    leads: pd.DataFrame,
    checks: Sequence[DuplicateCheck],
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
    for check, keys in zip(checks, accepted, strict=True):
        asks, _ = _keys(leads, check, _comparing(dialer, lookups, check))
        match = _known(leads, check, asks, dialer, lookups, keys)
        yield check.reason, leads.index[match.hit]


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


def _keys(
    leads: pd.DataFrame, check: DuplicateCheck, dialer: Dialer
) -> tuple["pd.Series[str]", "list[pd.Series[str]]"]:
    """Give the text that each row asks for under a check, and the texts that it offers."""
    scope = scope_of(leads["list_id"], check.scope, dialer)
    asks = scope
    for name in FIELDS[check.kind]:
        # A phone_number has no letters, and its key is itself, if keys are made here at all.
        is_key = name == "phone_number" and dialer.fold.ignores_case is not None
        text = leads[name] if is_key else fold(leads[name], dialer.fold)
        asks = asks + SEPARATOR + text
    if check.kind is not Kind.PHONEALT:
        return asks, [asks]
    return asks, [asks, scope + SEPARATOR + fold(leads["alt_phone"], dialer.fold)]


def scope_of(list_ids: "pd.Series[int]", scope: Scope, dialer: Dialer) -> "pd.Series[str]":
    """Name the part of the system that a lead of each list is compared within.

    The list itself, its campaign (null where the list is not defined or has a campaign of NULL:
    nothing to look in), or the one system.
    """
    if scope is Scope.LIST:
        return list_ids.astype("str")
    if scope is Scope.SYS:
        return pd.Series("", index=list_ids.index, dtype="str")
    return list_ids.map(dialer.list_scopes).astype("str")


def _known(
    leads: pd.DataFrame,
    check: DuplicateCheck,
    asks: "pd.Series[str]",
    dialer: Dialer,
    lookups: Lookups,
    accepted: AcceptedKeys,
) -> _Match:
    """Find existing leads, which go before the file's, then rows of earlier chunks."""
    none = np.full(len(leads), -1, dtype=np.int64)
    lead_id, list_id, by_phone = none.copy(), none.copy(), np.ones(len(leads), dtype=bool)
    archived = ~by_phone
    existing = lookups.existing.get(check.kind)
    if existing is not None and not existing.empty:
        first = _first_existing(existing, check, dialer)
        place = first.index.get_indexer(pd.Index(asks))
        hit = (place >= 0) & asks.notna().to_numpy()
        lead_id[hit] = first["lead_id"].to_numpy()[place[hit]]
        list_id[hit] = first["list_id"].to_numpy()[place[hit]]
        by_phone[hit] = (first["matched"] == "PHONE").to_numpy()[place[hit]]
        archived[hit] = first["archived"].to_numpy()[place[hit]]
    ask = (asks.notna() & (lead_id < 0)).to_numpy()
    row, coded = none.copy(), none.copy()
    row[ask], coded[ask] = accepted.find(asks[ask])
    # The lowest bit tells by which of its offers an accepted row was found.
    found = row >= 0
    by_phone[found] = row[found] % 2 == 0
    list_id[found] = coded[found]
    return _Match(lead_id, np.where(found, row // 2, -1), list_id, by_phone, archived)


def _first_existing(existing: pd.DataFrame, check: DuplicateCheck, dialer: Dialer) -> pd.DataFrame:
    """Give the lowest lead of each key within the check's window, indexed as rows ask for it.

    Leads of vicidial_list go before archived ones.
    """
    within = existing.assign(lead_id=existing[f"lead_id_{check.days or 0}"]).dropna(
        subset="lead_id"
    )
    scope = scope_of(within["list_id"], check.scope, dialer)
    within = within.assign(asked=scope + SEPARATOR + within["key"])[scope.notna()]
    # Of a lead that matches both ways, PHONE sorts after ALT and is what add_lead names.
    order = ["archived", "lead_id", "matched"]
    ordered = within.sort_values(order, ascending=[True, True, False])
    return ordered.drop_duplicates("asked").set_index("asked")


def _with_earlier(leads: pd.DataFrame, match: _Match, positions: npt.NDArray[np.int64]) -> _Match:
    """Add the accepted rows of the chunk itself, where nothing older matches."""
    new = ~match.hit & (positions >= 0)
    place = positions[new]
    phones = leads["phone_number"].to_numpy()
    rows, lists = leads.index.to_numpy(), leads["list_id"].to_numpy()
    row, list_id, by_phone = match.row.copy(), match.list_id.copy(), match.by_phone.copy()
    row[new], list_id[new] = rows[place], lists[place]
    by_phone[new] = phones[place] == phones[new]
    return replace(match, row=row, list_id=list_id, by_phone=by_phone)


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
    fields = FIELDS[check.kind]
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
    frame = pd.DataFrame(
        {
            "reason": check.reason.value,
            "list_id": list_id,
            "archived": archived.map({True: "Y"}),
            "answer": values + "|" + answered_list + "|",
            "answer_tail": tail,
            "lead_id": lead_id,
            "duplicate_row": row,
        },
        index=leads.index,
    )
    return frame.reindex(columns=list(FINDING_TYPES)).astype(FINDING_TYPES)


def _add(
    accepted: AcceptedKeys,
    leads: pd.DataFrame,
    offers: "Sequence[pd.Series[str]]",
    fresh: npt.NDArray[np.bool_],
) -> None:
    """Note what the accepted rows offer; the lowest bit of the row tells which of the offers."""
    count = len(offers)
    # Row by row, each with its offers: as of the frame, whatever the row numbers are.
    order = np.arange(count * fresh.sum()).reshape(count, -1).T.ravel()
    texts = pd.concat([offer[fresh] for offer in offers], ignore_index=True)
    order = order[texts.notna().to_numpy()[order]]
    rows = np.concatenate([leads.index[fresh].to_numpy() * 2 + bit for bit in range(count)])
    lists = np.tile(leads["list_id"].to_numpy()[fresh], count)
    accepted.add(texts.iloc[order], rows[order], lists[order])


def remember(
    leads: pd.DataFrame,
    checks: Sequence[DuplicateCheck],
    dialer: Dialer,
    lookups: Lookups,
    accepted: Sequence[AcceptedKeys],
) -> None:
    """Note rows as accepted without looking for duplicates, see `find_duplicates`."""
    if leads.empty:
        return
    for keys, check in zip(accepted, checks, strict=True):
        _, offers = _keys(leads, check, _comparing(dialer, lookups, check))
        _add(keys, leads, offers, np.ones(len(leads), dtype=bool))


def forget(accepted: Sequence[AcceptedKeys], rows: Collection[int]) -> None:
    """Forget that rows were accepted, see `find_duplicates`."""
    numbers = np.fromiter(rows, dtype=np.int64) * 2
    for keys in accepted:
        keys.drop(np.concatenate([numbers, numbers + 1]))
