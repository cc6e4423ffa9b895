"""Leads of calls, into the dialer as if they were rows of a file."""

import logging
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import ValidationError
from sqlalchemy import Connection

from jobs.load.begin import refuse_missing_tables
from jobs.load.recheck import Recheck
from jobs.serve.leads.answers import IN_DOUBT, NO_ANSWER, REFUSED, Answer, failed
from loader.api.add_lead import (
    ERROR,
    NOT_ADDED,
    Added,
    LeadRequest,
    answer_added,
    answer_rejected,
    format_offset,
    refuse_option,
    unknown_offset,
)
from loader.checks.settlement import Settlement
from loader.database.connection import Database
from loader.database.server_clock import read_clock
from loader.dialer import Dialer
from loader.errors import DatabaseUnavailableError, LoaderError, NotAllowedError, UsageError
from loader.extras.custom_fields import labels_of
from loader.feeds.feed import Feed
from loader.fields.lead import CUSTOM_PREFIX, usual_names
from loader.fields.mapping import ColumnMapping
from loader.findings import Findings, Notices, findings, join_frames, no_notices, without_rows
from loader.frames.arrow import frame_of, to_arrow
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.pipeline import Checks
from loader.queries.chunk import ChunkQueries
from loader.queries.facts import read_dialer
from loader.queries.forms import RowForms
from loader.reasons import Reason
from loader.results.wording import add_lead_answers
from loader.writing.extras import ExtraInserter, InsertedExtra
from loader.writing.leads import LeadInserter
from loader.writing.notices import with_stored_extra
from loader.writing.writer import Writer

LOG = logging.getLogger("leadloader")

MOST_SETUPS = 64
"""Sets of options whose facts are kept."""

NO_IDS = np.empty(0, dtype=np.int64)
NO_MAPPING = ColumnMapping({}, unmapped=())

NO_LIST = "999"
"""The list of a lead that names none (add_lead: list_id)."""


CLOCK_SECONDS = 1.0
"""How old the time may be by which a call is judged."""


@dataclass
class _Setup:
    """Options of calls, and the facts of the dialer that they need."""

    options: LoadOptions
    dialer: Dialer
    """The clock of it is as of `clock_at`."""
    read_at: float
    """By the monotonic clock."""
    clock_at: float
    standard: frozenset[float]
    """Offsets, in hours, as the dialer's tables have them."""
    queries: ChunkQueries
    """Windows begin when the facts were read."""
    recheck: Recheck
    checks: dict[tuple[str, ...], Checks]
    """As of `clock_at`, by the fields that calls have."""
    complete: set[tuple[str, ...]]
    """The fields for which no table is missing."""


class LeadIntake:
    """Adds leads; those of neighbouring calls with the same options as one frame.

    It is for one thread at a time.
    """

    def __init__(
        self,
        database: Database,
        options: LoadOptions,
        folder: Path,
        feeds: Callable[[], Sequence[Feed]] = tuple,
        refresh: float = 10.0,
    ) -> None:
        """Take what all calls have in common.

        Args:
            database: the dialer's.
            options: of the site; those of a call go before them.
            folder: for what is kept on disk while leads are checked.
            feeds: gives the numbers that must not be called either.
            refresh: seconds for which facts of the dialer are good.
        """
        self._database, self._folder, self._feeds, self._refresh = database, folder, feeds, refresh
        self._given = options.model_dump(exclude_defaults=True)
        self._setups: dict[tuple[Hashable, ...], _Setup] = {}
        self._writer = Writer(database)

    def add(self, requests: Sequence[LeadRequest]) -> list[Answer]:
        """Add the leads of calls, in their order: each sees those before it.

        Returns:
            An answer to each. Where the database does not answer, those of which it is not known
            that they are stored are unavailable.
        """
        answers: list[Answer] = []
        is_down = False
        for key, group in groupby(requests, key=_options_key):
            calls = list(group)
            # Who waits for a database that is down need not wait once more for each call.
            found = [NO_ANSWER] * len(calls) if is_down else self._add_group(key, calls)
            is_down = NO_ANSWER in found
            answers += found
        return answers

    def _add_group(self, key: tuple[Hashable, ...], requests: list[LeadRequest]) -> list[Answer]:
        try:
            setup = self._setup(key, requests[0])
            batch = _Batch(self, setup, requests)
        except ValidationError as error:
            return [_invalid(error)] * len(requests)
        except Exception as error:  # noqa: BLE001 - calls with other options go on
            return [_unanswered(error)] * len(requests)
        try:
            batch.add()
        except Exception as error:  # noqa: BLE001 - likewise; and what is in was added
            return batch.answers(otherwise=_unanswered(error))
        return batch.answers()

    def _setup(self, key: tuple[Hashable, ...], request: LeadRequest) -> _Setup:
        """Give options and facts, the clock's as of now.

        Raises:
            ValidationError: an option has a value that it cannot have.
            LoaderError: the dialer lacks what the options need, or does not answer.
        """
        setup, now = self._setups.get(key), monotonic()
        if setup is None or now - setup.read_at > self._refresh:
            given = {**self._given, **request.options, "user": request.user}
            setup = self._read(LoadOptions(**given))
            self._setups.pop(key, None)
            if len(self._setups) >= MOST_SETUPS:
                del self._setups[next(iter(self._setups))]
            self._setups[key] = setup
        elif now - setup.clock_at > CLOCK_SECONDS:
            clock = self._database.read(read_clock)
            setup.dialer, setup.clock_at = replace(setup.dialer, clock=clock), now
            setup.checks = {fields: it.at(clock) for fields, it in setup.checks.items()}
        return setup

    def _read(self, options: LoadOptions) -> _Setup:
        now, dialer = monotonic(), read_dialer(self._database, options)
        codes = (dialer.phone_codes, dialer.postal_codes)
        standard = frozenset[float]().union(*(each["gmt_offset"] for each in codes))
        feeds = self._feeds()
        queries = ChunkQueries(self._database, options, dialer, feeds, self._folder)
        checks = Checks(options, NO_MAPPING, dialer)
        recheck = Recheck(checks, self._database, queries, lambda: NO_IDS, self._folder)
        return _Setup(options, dialer, now, now, standard, queries, recheck, {}, set())


def _options_key(request: LeadRequest) -> tuple[Hashable, ...]:
    return (request.user, *sorted(request.options.items()))


def _invalid(error: ValidationError) -> Answer:
    problem = error.errors(include_url=False, include_context=False)[0]
    name = ".".join(map(str, problem["loc"])) or "options"
    return Answer(refuse_option(name, problem["msg"].removeprefix("Value error, ")), REFUSED)


def _unanswered(error: Exception) -> Answer:
    """Answer calls of which an error kept the answer."""
    return _refused(error) if isinstance(error, LoaderError) else failed(error)


def _refused(error: LoaderError) -> Answer:
    """Answer calls that could not be decided; what the account may not do is said to nobody."""
    if isinstance(error, DatabaseUnavailableError):
        LOG.warning("leads cannot be added: %s", error)
        return NO_ANSWER
    if isinstance(error, UsageError):
        return Answer([f"{ERROR} INVALID PARAMETER - {error}"], REFUSED)
    text = str(error).partition(";")[0]
    if isinstance(error, NotAllowedError) and text.startswith("user_group"):
        return Answer([f"ERROR: {text}"], REFUSED)
    return Answer([f"{ERROR} {NOT_ADDED}, A CHECK CANNOT BE MADE - {text}"], REFUSED)


class _Batch:
    """Calls with the same options on their way; row_number counts them from 0."""

    def __init__(self, intake: LeadIntake, setup: _Setup, requests: list[LeadRequest]) -> None:
        self._intake, self._setup, self._requests = intake, setup, requests
        self._database, self._folder = intake._database, intake._folder
        self._answers: dict[int, Answer] = {}
        self._lead_ids: dict[int, int] = {}
        self._doubtful: set[int] = set()
        dialer, options = setup.dialer, setup.options
        self._checks, self._queries = self._checks_of(requests), setup.queries
        asks_nanpa = options.nanpa_ac_prefix_check == "Y" or "NANPA" in options.tz_method.upper()
        disabled = asks_nanpa and not dialer.nanpa_is_loaded
        self._nanpa = len(dialer.nanpa) if disabled else None

    def _checks_of(self, requests: Sequence[LeadRequest]) -> Checks:
        """Give the checks of the fields that the calls have."""
        setup = self._setup
        mapping = _mapping(requests, labels_of(setup.dialer))
        fields = tuple(mapping.fields)
        if fields not in setup.checks:
            setup.checks[fields] = Checks(setup.options, mapping, setup.dialer)
        checks = setup.checks[fields]
        if fields not in setup.complete:
            refuse_missing_tables(checks, self._database)
            setup.complete.add(fields)
        return checks

    @property
    def _default_list(self) -> str:
        return self._setup.options.list_id or NO_LIST

    def answers(self, otherwise: Answer | None = None) -> list[Answer]:
        """Give the answers in the order of the calls, and to those that have none, another."""
        nothing = otherwise or Answer([f"{ERROR} {NOT_ADDED}"], REFUSED)
        return [self._answers.get(row, nothing) for row in range(len(self._requests))]

    def add(self) -> None:
        """Check and insert.

        Raises:
            LoaderError: what is known by then has its answer.
        """
        self._add(self._rows(range(len(self._requests))))

    def _rows(self, wanted: Sequence[int]) -> pd.DataFrame:
        fields = self._checks.mapping.fields
        texts = {
            column: [self._requests[row].fields.get(column, "") for row in wanted]
            for column in dict.fromkeys(fields.values())
        }
        values = {name: pa.array(each, pa.large_string()) for name, each in texts.items()}
        return frame_of(values, pd.Index([*wanted], dtype="int64", name="row_number"))

    def _add(self, rows: pd.DataFrame) -> None:
        leads, noticed, rejected = self._database.read(partial(self._checked_by, rows))
        failed = self._insert(leads, noticed) if len(leads) else leads.index
        if not len(rejected):
            return
        # What is no lead makes nobody a duplicate.
        again = rejected.index[rejected["duplicate_row"].isin(failed)]
        unclear = rejected.index[rejected["duplicate_row"].isin(self._doubtful)]
        self._doubt(unclear)
        self._reject(without_rows(rejected, again.union(unclear)))
        if len(again):
            self._add(rows.loc[again])

    def _checked_by(
        self, rows: pd.DataFrame, connection: Connection
    ) -> tuple[pd.DataFrame, Notices, Findings]:
        """Check by one connection; all of it can be repeated."""
        with self._database.asked_by(connection):
            return self._check(rows)

    def _check(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, Notices, Findings]:
        """Give the leads that pass, what was noticed of them, and why others do not."""
        checks, queries, recheck = self._checks, self._queries, self._setup.recheck
        chunk = checks.normalize(checks.clean(checks.fields(rows)))
        forms = RowForms(chunk.leads, checks.options)
        screened = checks.screen(chunk, queries.do_not_call(chunk.leads, forms))
        if checks.options.dnc_alt_phones == "clear":
            forms = RowForms(screened.leads, checks.options)  # some numbers are gone
        recheck.forms = forms
        existing = queries.existing_leads(screened.leads, forms=forms)
        compared = checks.compare(screened.leads, existing, forms.numbers)
        settled = Settlement(checks.options, self._folder).settle(screened.leads, compared)
        leads = settled.staying(screened.leads)
        days = queries.days_ahead(checks.days_ahead(leads))
        leads, of_extras = checks.complete(leads, days)
        rejected = join_frames([screened.rejected, settled.findings])
        return leads, join_frames([no_notices(), screened.notices, of_extras]), rejected

    def _insert(self, leads: pd.DataFrame, noticed: Notices) -> pd.Index:
        """Insert leads and what comes with them; give the rows that are not in."""
        checks, intake, recheck = self._checks, self._intake, self._setup.recheck
        writer = intake._writer
        inserter = LeadInserter(self._database, checks.dialer.columns, writer, recheck)
        try:
            inserter.insert(leads, checks.options.user)
        finally:
            last = inserter.last
            is_in = leads.index.isin(last.lead_ids.index)
            stored = (leads if is_in.all() else leads[is_in]).assign(lead_id=last.lead_ids)
            noticed = noticed[noticed.index.isin(stored.index)] if len(noticed) else noticed
            noticed = self._insert_extras(stored, noticed, writer)
            self._answer_added(stored, noticed)
            self._doubt(last.doubtful)
            self._reject(last.rejected)
            if last.refused:
                self._reject(self._refused(leads.loc[[*last.refused]]))
        left = leads.index[~is_in]
        return left.difference([*self._doubtful]) if len(left) else left

    def _refused(self, leads: pd.DataFrame) -> Findings:
        """Give what is said of refused leads: what the dialer says, but for its statement."""
        given = leads["list_id_given"].mask(leads["list_id_given"] == "", self._default_list)
        answer = leads["phone_number"] + "|" + given + "||" + self._setup.options.user
        return findings(leads.index, Reason.REFUSED_BY_SERVER, answer=answer)

    def _doubt(self, rows: Iterable[int]) -> None:
        """Answer leads that maybe are in, or were, and those that would be their duplicates."""
        self._doubtful |= {*rows}
        self._answers |= dict.fromkeys(rows, IN_DOUBT)

    def _insert_extras(self, leads: pd.DataFrame, noticed: Notices, writer: Writer) -> Notices:
        """Insert what comes with stored leads; give the notices with what became of it."""
        if leads.empty:
            return noticed
        inserter = ExtraInserter(self._database, writer, self._checks.dialer.columns)
        for extra in self._checks.extra_rows(leads):
            try:
                stored = inserter.insert(extra)
            except LoaderError:
                # The leads are in: that is what was asked, and the answer says what is not.
                stored = inserter.last or InsertedExtra()
            noticed = with_stored_extra(noticed, extra, stored)
        return noticed

    def _answer_added(self, leads: pd.DataFrame, noticed: Notices) -> None:
        by_row: dict[int, list[dict[Hashable, Any]]] = {}
        records = noticed.to_dict("records") if len(noticed) else []
        for row, notice in zip(noticed.index, records, strict=True):
            by_row.setdefault(row, []).append(notice)
        phones, lists, owners = (
            to_arrow(leads[name]).to_pylist()
            for name in ("phone_number", "list_id_given", "owner_given")
        )
        lead_ids, offsets = leads["lead_id"].tolist(), leads["gmt_offset_now"].tolist()
        rows = zip(leads.index.tolist(), phones, lists, owners, lead_ids, offsets, strict=True)
        method = self._setup.options.tz_method
        for row, phone, list_id, owner, lead_id, offset in rows:
            notices = by_row.get(row, [])
            is_unknown = any(it["notice"] == Notice.NO_TIME_ZONE for it in notices)
            shown = (
                unknown_offset(method, owner)
                if is_unknown
                else format_offset(offset, self._setup.standard)
            )
            self._lead_ids[row] = int(lead_id)
            lead = Added(phone, list_id or self._default_list, int(lead_id), shown, notices)
            request = self._requests[row]
            lines = answer_added(lead, request.fields, request.user, nanpa=self._nanpa)
            self._answers[row] = Answer(lines, "added")

    def _reject(self, found: Findings) -> None:
        if not len(found):
            return
        of_rows = found["duplicate_row"].map(self._lead_ids).astype("Int64")
        lead_ids = found["lead_id"].fillna(of_rows)
        lines = add_lead_answers(found.assign(lead_id=lead_ids))
        for row, line, reason in zip(found.index.tolist(), lines, found["reason"], strict=True):
            request = self._requests[row]
            answer = answer_rejected(reason, line, request.fields, request.user, nanpa=self._nanpa)
            self._answers[row] = Answer(answer, reason)


def _mapping(requests: Sequence[LeadRequest], labels: Collection[str]) -> ColumnMapping:
    """Map parameters that some call has to the fields of the same names."""
    sent: set[str] = set().union(*(request.fields for request in requests))
    fields = {name: name for name in usual_names() if name in sent or name == "phone_number"}
    fields |= {CUSTOM_PREFIX + label: label for label in labels if label in sent}
    return ColumnMapping(fields, unmapped=())
