"""What comes with a lead in other tables, as rows to insert once the lead has its lead_id."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from loader.dialer import Dialer
from loader.findings import Notices, no_notices
from loader.notices import Notice


@dataclass(frozen=True, kw_only=True)
class ExtraRows:
    """Rows of one table that come with the leads of one batch."""

    table: str
    """Its name, checked against the database."""
    notice: Notice
    """What leads say that have such rows."""
    rows: pd.DataFrame
    """Columns of the table: lead_id (int64), the others str. Index row_number, which repeats where
    a lead has several rows."""
    key: tuple[str, ...] = ("lead_id",)
    """The columns that tell these rows apart."""
    generated: str = ""
    """The column that the server numbers, which the notice tells; "" if it does not."""
    counted: str = ""
    """The column that counts the rows of a lead from 1; the dialer takes a gap for the end."""
    unless_stored: Mapping[str, str] = field(default_factory=dict)
    """Columns of vicidial_list to set back for the leads whose rows the server refuses."""
    is_worked_off: bool = False
    """The dialer deletes the rows, or settles them, when it calls their leads."""
    held: Notices = field(default_factory=no_notices)
    """What to say of the rows, counted from 0, that must not be stored any more."""
    replaces: bool = False
    """A row that is there for the lead_id is another lead's leftover, and gives way."""


def rows_of_table(
    table: str, values: Mapping[str, object], index: pd.Index, dialer: Dialer
) -> pd.DataFrame:
    """Make rows of a table, of the columns that the dialer's has: an older one may lack some.

    Args:
        table: its name; without a database it has all columns.
        values: by column, one for all rows or one for each; lead_id is int64, the others text.
        index: of the rows.
        dialer: its tables are read.
    """
    existing = dialer.tables.get(table, values)
    rows = pd.DataFrame({name: values[name] for name in values if name in existing}, index=index)
    return rows.astype(dict.fromkeys(rows.columns.drop("lead_id"), "str"))
