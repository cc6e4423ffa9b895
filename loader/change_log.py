"""What became of changes to existing leads, and who keeps it for who takes a batch up again."""

from dataclasses import dataclass, field

import pandas as pd
from sqlalchemy import Connection

from loader.changes import no_changes


@dataclass(frozen=True)
class Updated:
    """What became of the rows of a batch: each is in one of the first five."""

    changes: pd.DataFrame = field(default_factory=no_changes)
    """The changes that happened, see `loader.changes.CHANGE_TYPES`; new is what was read back."""
    unchanged: tuple[int, ...] = ()
    """Row numbers whose lead holds all that the row says."""
    gone: tuple[int, ...] = ()
    """Row numbers whose lead is not in vicidial_list any more: deleted or archived."""
    contended: tuple[int, ...] = ()
    """Row numbers whose lead others changed again and again, each time before it was written."""
    refused: dict[int, int] = field(default_factory=dict)
    """The server's error code by row number, of the changes that it refused."""
    changed: tuple[int, ...] = ()
    """Row numbers of leads that read back otherwise than written: the server changed them."""
    in_doubt: pd.DataFrame = field(default_factory=no_changes)
    """Changes of which nobody knows whether they happened; none unless an exception ended it."""

    def __add__(self, other: "Updated") -> "Updated":
        return Updated(
            _chained(self.changes, other.changes),
            self.unchanged + other.unchanged,
            self.gone + other.gone,
            self.contended + other.contended,
            self.refused | other.refused,
            self.changed + other.changed,
            _chained(self.in_doubt, other.in_doubt),
        )


def _chained(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    if one.empty or other.empty:
        return other if one.empty else one
    return pd.concat([one, other]).sort_index(kind="stable")


class ChangeLog:
    """Keeps what is known of a batch for those who take it up again; this one keeps nothing."""

    session: str | None = None
    """The one that sent it last, see `Database.end_session`."""
    planned = no_changes()
    """Changes that a process before this one sent, and nobody knows whether they happened."""
    known = Updated()
    """What it knew."""

    def sending(self, connection: Connection, changes: pd.DataFrame) -> None:
        """Note changes that are about to be sent over a connection; what was done is committed."""

    def stored(self, connection: Connection, sent: pd.Index, done: Updated) -> None:
        """Note over the same connection, before the commit, which of the rows sent were changed."""

    def lost(self, sent: pd.Index) -> None:
        """Learn that of rows sent nobody knows what became, be it noted or not."""

    def ended(self, known: Updated) -> None:
        """Note what became of all rows."""
