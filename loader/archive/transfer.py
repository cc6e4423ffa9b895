"""The statements that move rows from one table to another, inside the server and without loss.

Each statement is committed by itself and can be repeated at any time. A row is deleted only by the
statement that compares it with its copy.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from copy import copy
from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import (
    ClauseElement,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    LargeBinary,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import DBAPIError

from loader.archive.tables import Pair
from loader.database.catalogue import WIDEST_CHARSET
from loader.database.error_codes import translate
from loader.errors import LOCK_CODES, RowDataError, TransientDatabaseError
from loader.options.archive import ArchiveOptions

PLACE = "(/* lead_ids of the chunk */)"
"""The placeholder for them in a statement."""


class Done(NamedTuple):
    """The known counts of rows; if the server refused some, there may be more."""

    inserted: int
    updated: int
    deleted: int
    deleted_ids: frozenset[int] | None
    """lead_ids of the rows that were deleted; None: the server does not say."""


class ForLeads:
    """A statement for given leads, worded once; `for_leads` is its placeholder for them."""

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        self._text = str(compiled)

    def run(self, connection: Connection, lead_ids: Iterable[int]) -> CursorResult[Any]:
        """Run it. To bind 500 lead_ids as parameters would take longer than the statement."""
        ids = f"({', '.join(map(str, lead_ids))})"
        return connection.exec_driver_sql(self._text.replace(PLACE, ids))

    def with_words(self, place: str, words: str) -> "ForLeads":
        """Give a copy in which a placeholder is filled."""
        other = copy(self)
        other._text = self._text.replace(place, words)
        return other


def for_leads(lead_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Word that a row belongs to one of the given leads."""
    return lead_id.op("IN", is_comparison=True)(literal_column(PLACE))


class Transfer:
    """Moves rows of leads from `pair.source` to `pair.target`.

    Every statement is for the rows of given leads.
    """

    def __init__(
        self,
        pair: Pair,
        dialect: Dialect,
        is_taken: ColumnElement[bool],
        leaving: ColumnElement[bool] | None = None,
    ) -> None:
        """Word the statements.

        Args:
            pair: the tables.
            dialect: the database's.
            is_taken: the condition of rows of `pair.source` in each step.
            leaving: one more condition of rows that are deleted.
        """
        self.pair = pair
        source, target = pair.source.c, pair.target.c
        is_taken &= for_leads(source.lead_id)
        here = source[pair.key] == target[pair.key]
        self.is_equal, self.is_same = _is_equal(pair), _is_same(pair)
        copies = select(literal(1)).select_from(pair.target).where(here)
        rows = select(*source).where(is_taken, not_(exists(copies)))
        copying = insert(pair.target).from_select(list(pair.columns), rows)
        updating = (
            update(pair.target)
            .values({target[name]: source[name] for name in pair.columns if name != pair.key})
            .where(here, is_taken, self.is_same, not_(self.is_equal))
        )
        deleting = delete(pair.source).where(is_taken, exists(copies.where(self.is_equal)))
        if leaving is not None:
            deleting = deleting.where(leaving)
        self._says_which = dialect.delete_returning or pair.key != "lead_id"
        removing = deleting.returning(source.lead_id) if dialect.delete_returning else deleting
        originals = select(literal(1)).select_from(pair.source).where(here)
        of_chunk = for_leads(target.lead_id)
        taking_back = delete(pair.target).where(of_chunk, exists(originals.where(self.is_same)))
        dropping = delete(pair.target).where(of_chunk, not_(exists(originals)))
        being_there = select(source.lead_id).where(for_leads(source.lead_id))
        being_equal = being_there.where(exists(copies.where(self.is_equal)))
        letting_go = delete(pair.source).where(
            for_leads(source.lead_id), exists(copies.where(self.is_same))
        )
        self._statements = {
            name: ForLeads(statement, dialect)
            for name, statement in {
                "insert": copying, "update": updating, "delete": removing,
                "take_back": taking_back, "drop": dropping, "let_go": letting_go,
                "there": being_there, "equal": being_equal,
            }.items()
        }  # fmt: skip

    def with_words(self, place: str, words: str) -> "Transfer":
        """Give a copy in which a placeholder is filled."""
        other = copy(self)
        other._statements = {
            name: each.with_words(place, words) for name, each in self._statements.items()
        }
        return other

    def move(
        self,
        connection: Connection,
        lead_ids: Collection[int],
        options: ArchiveOptions,
        refused: dict[int, int],
        differing: Collection[int] | None = None,
        before_delete: Callable[[Collection[int]], None] = lambda _: None,
    ) -> Done:
        """Insert missing copies, update differing ones, delete rows that equal their copy now.

        On the way back nothing is updated: what the dialer has is newer.

        Args:
            connection: one that commits each statement.
            lead_ids: of the leads.
            options: which of these steps to do.
            refused: gets the server's error code by lead_id, where it refuses a row.
            differing: those of the leads whose copies may have to be updated; None: all.
            before_delete: called with those to be deleted, when all is copied.
        """
        differing = lead_ids if differing is None else differing

        def accepted(wanted: Collection[int]) -> list[int]:
            return [each for each in wanted if each not in refused]

        def step(name: str, wanted: Collection[int]) -> Changed:
            return in_halves(self._statements[name], connection, accepted(wanted), refused)

        inserted = step("insert", lead_ids) if options.insert else NOTHING
        is_newer = options.update and not self.pair.is_back
        updated = step("update", differing) if is_newer else NOTHING
        if not options.delete:
            return Done(inserted.rows, updated.rows, 0, NOTHING.lead_ids)
        before_delete(accepted(lead_ids))
        # A server that does not say which leads it deletes is asked before and after.
        there = None if self._says_which else self._found("there", connection, accepted(lead_ids))
        deleted = step("delete", lead_ids)
        if there is not None:
            taken = there - self._found("there", connection, there)
            deleted = Changed(deleted.rows, taken if len(taken) == deleted.rows else None)
        return Done(inserted.rows, updated.rows, deleted.rows, deleted.lead_ids)

    def equal(self, connection: Connection, lead_ids: Collection[int]) -> frozenset[int]:
        """Read which of given leads are in the source, and equal their copies."""
        return self._found("equal", connection, lead_ids)

    def _found(
        self, name: str, connection: Connection, lead_ids: Collection[int]
    ) -> frozenset[int]:
        if not lead_ids:
            return frozenset()
        return frozenset(map(int, self._statements[name].run(connection, lead_ids).scalars()))

    def take_back(self, connection: Connection, lead_ids: Collection[int]) -> int:
        """Delete copies of leads that are to stay and are still in the source; give how many."""
        return self._statements["take_back"].run(connection, lead_ids).rowcount

    def drop(self, connection: Connection, lead_ids: Collection[int]) -> int:
        """Delete copies of leads that others deleted from the source; give how many."""
        return self._statements["drop"].run(connection, lead_ids).rowcount

    def let_go(self, connection: Connection, lead_ids: Collection[int]) -> int:
        """Delete leads of which the target has a copy, whatever became of it; give how many."""
        return self._statements["let_go"].run(connection, lead_ids).rowcount

    def status_query(self, dialect: Dialect, more: Mapping[str, ColumnElement[Any]]) -> ForLeads:
        """Word the question for the state of given leads, see `LOOKED_AT`.

        It has the columns up to same, and those of `more`.
        """
        source, target = self.pair.source, self.pair.target
        copied = target.c.lead_id.is_not(None)
        statement = (
            select(
                source.c.lead_id,
                copied.label("copied"),
                (copied & self.is_equal).label("equal"),
                (copied & self.is_same).label("same"),
                *(what.label(name) for name, what in more.items()),
            )
            .select_from(source.outerjoin(target, source.c.lead_id == target.c.lead_id))
            .where(for_leads(source.c.lead_id))
        )
        return ForLeads(statement, dialect)


def _is_same(pair: Pair) -> ColumnElement[bool]:
    """Say whether two rows with the same key are of one lead: counters can be reset.

    Two leads differ in the moment of the load and in the number.
    """
    source, target = pair.source.c, pair.target.c
    if pair.key != "lead_id":
        return source.lead_id == target.lead_id
    marks = [name for name in ("entry_date", "phone_number") if name in pair.columns]
    alike = (source[name].is_not_distinct_from(target[name]) for name in marks)
    return or_(*alike) if len(marks) == 2 else true()


def _is_equal(pair: Pair) -> ColumnElement[bool]:
    """Compare all columns; NULL equals only NULL, and texts are compared as bytes."""
    comparisons = (
        _exact(pair, name, pair.source.c[name]).is_not_distinct_from(
            _exact(pair, name, pair.target.c[name])
        )
        for name in pair.columns
        if name != pair.key
    )
    return reduce(lambda one, other: one & other, comparisons, true())


def _exact(pair: Pair, name: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
    kind = pair.columns[name]
    if kind.definition.startswith("timestamp"):
        # In autumn, two moments have the same text.
        return func.unix_timestamp(value)
    if not kind.is_text:
        return value
    if name in pair.converted:
        value = cast(value, mysql.CHAR(charset=WIDEST_CHARSET))
    # Texts that differ in case or trailing blanks would be equal.
    return cast(value, LargeBinary)


class Changed(NamedTuple):
    """What is known of a step; if the server refused some rows, there may be more."""

    rows: int
    lead_ids: frozenset[int] | None = None
    """Of the deleted rows; None: the server does not say."""

    def plus(self, other: "Changed") -> "Changed":
        """Add what was done for other leads."""
        known = self.lead_ids is not None and other.lead_ids is not None
        lead_ids = (self.lead_ids or frozenset()) | (other.lead_ids or frozenset())
        return Changed(self.rows + other.rows, lead_ids if known else None)


def in_halves(
    step: ForLeads,
    connection: Connection,
    lead_ids: list[int],
    refused: dict[int, int],
) -> Changed:
    """Do a step for leads; find those that the server refuses, or that are locked, by halves."""
    if not lead_ids:
        return NOTHING
    try:
        result = step.run(connection, lead_ids)
        if not result.returns_rows:
            return Changed(result.rowcount)
        found = [int(lead_id) for lead_id in result.scalars()]
        return Changed(len(found), frozenset(found))
    except DBAPIError as error:
        refusal = translate(error)
        if not isinstance(refusal, RowDataError | TransientDatabaseError) or (
            isinstance(refusal, TransientDatabaseError) and refusal.code not in LOCK_CODES
        ):
            raise
    if len(lead_ids) == 1:
        refused[lead_ids[0]] = refusal.code
        return NOTHING
    middle = len(lead_ids) // 2
    one, other = (
        in_halves(step, connection, half, refused)
        for half in (lead_ids[:middle], lead_ids[middle:])
    )
    return one.plus(other)


NOTHING = Changed(0, frozenset())
