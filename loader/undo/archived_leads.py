"""Bring back the leads that an undo archived."""

from collections.abc import Collection

import numpy as np
import pandas as pd
from sqlalchemy import column, select, table

from loader.archive.archiver import Archiver
from loader.archive.conditions import loaded_anew
from loader.archive.journal import Journal
from loader.archive.selection import Ids, leads_in
from loader.database.connection import Database
from loader.dialer import ARCHIVE, LEADS
from loader.options.archive import ArchiveOptions
from loader.undo.outcome import Kept, LeadsNow, MovedLeads, as_stayed


class ArchivedLeads(Archiver):
    """Brings archived leads and their children back."""

    from_hopper = 0
    """Nothing is taken out of the hopper, or put back there: the dialer fills it."""

    def __init__(self, database: Database, options: ArchiveOptions) -> None:
        """Read how the tables are made; an undo decides itself which steps it does."""
        undo_options = {"insert": True, "delete": True, "with_children": True}
        self.journal, self.remarks = Journal(), list[str]()
        super().__init__(database, options.model_copy(update=undo_options), None, "dearchive")

    def make_archives(self) -> None:
        """Do nothing: they exist."""

    def read_leads(self, leads: pd.DataFrame) -> LeadsNow:
        """Read which leads of a chunk are in the archive, and why the others stay."""
        ids = leads["lead_id"]
        names = self.tables.shapes[ARCHIVE].columns
        archive = table(ARCHIVE, *map(column, names))
        later_lead = loaded_anew(archive) if self.options.loaded_anew == "leave" else None
        asked = select(archive.c.lead_id, *([] if later_lead is None else [later_lead])).where(
            archive.c.lead_id.in_(ids.tolist())
        )
        rows = self.database.read(lambda connection: connection.execute(asked).all())
        found = {int(row[0]): str(row[1]) if len(row) > 1 else "" for row in rows}
        details = ids.map(found).astype("str")
        missing = details.isna()
        why = pd.Series("", leads.index, "str").mask(details.ne("") & ~missing, Kept.LOADED_ANEW)
        if missing.any():
            is_back = ids.isin(self.moved_ids(ids[missing]))
            why = why.mask(missing, Kept.GONE).mask(missing & is_back, Kept.BACK)
        stayed = leads.assign(fields="", why=why, details=details.fillna(""))[why != ""]
        return LeadsNow(leads[why == ""], as_stayed(stayed))

    def take(self, leads: pd.DataFrame) -> MovedLeads:
        """Bring back those of a chunk of leads that are in the archive, see `Archiver.move`."""
        done = self.move(leads["lead_id"].to_numpy(np.int64), self.journal)
        stayed = leads[["row_number", "lead_id"]].merge(done.stayed, on="lead_id").assign(fields="")
        return MovedLeads(as_stayed(stayed), done.counts, done.children)

    def moved_ids(self, lead_ids: Collection[int]) -> Ids:
        """Read which lead_ids of a chunk are in vicidial_list."""
        return self.database.read(lambda connection: leads_in(connection, LEADS, lead_ids))
