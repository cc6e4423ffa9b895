"""What must be there when a move is complete that was killed, and people were at work in between.

Each lead is in one place, as people left it: where the rule says, or gone if they deleted it.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.crash.archive_points import CHILDREN
from tests.support.people import People, Row, State
from tests.support.worked_leads import PROCESSED

KEYS = {"vicidial_list_alt_phones": "alt_phone_id", "vicidial_callbacks": "callback_id"}
"""What numbers the rows of children; the others have one for a lead."""


class Oracle:
    """Compares what there was at first, at the kill, after the work of people, and in the end."""

    def __init__(self, way: str, first: State, people: People) -> None:
        """Take the way, what there was before, and the people."""
        assert people.have_worked
        self.is_back = way == "dearchive"
        self.first, self.killed, self.worked = first, people.before, people.after
        self.deleted = {*self.killed.all_leads()} - {*self.worked.leads} - self._archived_by_people

    @property
    def _archived_by_people(self) -> set[int]:
        """Give the leads that people took out of the table and put into the archive."""
        gone = {*self.killed.leads} - {*self.worked.leads}
        return {n for n in gone if self.worked.archived.get(n) == self.killed.leads[n]}

    def problems(self, end: State, reports: Iterable[dict[str, Any]]) -> Iterator[str]:
        """Give what is wrong in the end, in words."""
        named = " ".join(remark for report in reports for remark in report["remarks"])
        for lead_id in self.first.all_leads() | self.worked.all_leads() | end.all_leads():
            if self.is_back:
                yield from self._of_lead_back(lead_id, end)
            else:
                yield from self._of_lead(lead_id, end, named)
            yield from self._of_children(lead_id, end)

    def _of_lead(self, lead_id: int, end: State, named: str) -> Iterator[str]:
        row, copy = self.worked.leads.get(lead_id), self.worked.archived.get(lead_id)
        was_copied = lead_id in self.first.archived
        if row and row["status"] in PROCESSED:
            yield from _differs(lead_id, end, None, row)
        elif row:
            old = end.archived.get(lead_id) if was_copied else None
            yield from _differs(lead_id, end, row, old)
        elif lead_id in self.killed.leads and lead_id not in self._archived_by_people:
            # Deleted: what was copied before must not live on, or is named.
            if lead_id in end.leads:
                yield f"lead {lead_id} was deleted, and is there"
            if lead_id in end.archived and not was_copied and str(lead_id) not in named:
                yield f"lead {lead_id} was deleted, and lives on in the archive"
        else:
            yield from _differs(lead_id, end, None, copy)

    def _of_lead_back(self, lead_id: int, end: State) -> Iterator[str]:
        row, copy = self.worked.leads.get(lead_id), self.worked.archived.get(lead_id)
        if row:
            yield from _differs(lead_id, end, row, None)
        elif lead_id in self.killed.leads and lead_id not in self._archived_by_people:
            if lead_id in end.leads:
                yield f"lead {lead_id} was deleted, and is there"
        elif copy and copy["status"] in PROCESSED:
            yield from _differs(lead_id, end, copy, None)
        else:
            yield from _differs(lead_id, end, None, copy)

    # --- what belongs to leads ---

    def _of_children(self, lead_id: int, end: State) -> Iterator[str]:
        is_there, is_archived = lead_id in end.leads, lead_id in end.archived
        for table in CHILDREN:
            here, there = (_by_key(end, name, lead_id) for name in (table, f"{table}_archive"))
            if twice := here.keys() & there.keys():
                yield f"lead {lead_id} has {[*twice]} of {table} twice"
            if not is_there and not is_archived:
                if here:
                    yield f"lead {lead_id} is gone, and has {here} in {table}"
                continue
            wanted = _by_key(self.worked, f"{table}_archive", lead_id)
            # What people removed may live on where it was copied to.
            may_be = wanted.keys() - _by_key(self.worked, table, lead_id).keys()
            wanted |= _by_key(self.worked, table, lead_id)
            found = here | there
            for key in wanted.keys() | found.keys():
                if wanted.get(key) != found.get(key) and not (
                    key in may_be and key in _by_key(self.killed, table, lead_id)
                ):
                    yield (f"lead {lead_id} has {found.get(key)} in {table}, not {wanted.get(key)}")
            is_strange = table.startswith("custom_") and not self._is_of(lead_id, table)
            wrong = there if is_there else here
            if wrong and not is_strange:
                yield f"lead {lead_id} is elsewhere than {wrong} of {table}"

    def _is_of(self, lead_id: int, table: str) -> bool:
        """Say whether a lead is still in the list that a table of custom fields belongs to."""
        return table == f"custom_{self.worked.all_leads()[lead_id]['list_id']}"


def _differs(lead_id: int, end: State, row: Row | None, copy: Row | None) -> Iterator[str]:
    if end.leads.get(lead_id) != row:
        yield f"lead {lead_id} is {end.leads.get(lead_id)}, and should be {row}"
    if end.archived.get(lead_id) != copy:
        yield f"the archive has {end.archived.get(lead_id)}, and should have {copy}"


def _by_key(state: State, table: str, lead_id: int) -> dict[Any, Row]:
    key = KEYS.get(table.removesuffix("_archive"), "lead_id")
    return {row[key]: row for row in state.rows(table, lead_id)}


def problems_of_files(
    folders: Sequence[Path], before: Iterable[int], after: Iterable[int], touched: set[int]
) -> Iterator[str]:
    """Give what is wrong with moved.csv: each lead that left its table is in one, once.

    Args:
        folders: of the results of all runs.
        before: the leads of the table before them.
        after: and after them.
        touched: leads that people took away or brought.
    """
    moved = Counter[int]()
    for path in (path for folder in folders for path in folder.glob("moved*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            moved.update(int(row["lead_id"]) for row in csv.DictReader(file))
    left = {*before} - {*after} - touched
    for lead_id in left | moved.keys():
        if moved[lead_id] != (1 if lead_id in left else 0) and lead_id not in touched:
            yield f"lead {lead_id} is in moved.csv {moved[lead_id]} times"
