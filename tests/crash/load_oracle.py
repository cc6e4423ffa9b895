"""What must be there when a load is complete that was killed, and people were at work in between.

Persons are known by their mail address, which nobody changes. Nobody is there twice; nobody is lost
but who was deleted; and nothing that a person did is undone.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from loader.notices import Notice
from tests.crash.load_points import LEADS, Ending
from tests.support.loads import Outcome, rows_of_notices
from tests.support.people import ALT, CALLBACKS, HOPPER, People, State, rows_of

OF_CALLS = (HOPPER, CALLBACKS)
"""What a call works off."""

IS_LOOKED_UP_AGAIN = True
"""Whether a number that came onto the do-not-call list since the checks is rejected."""

CHANGED = {Notice.UPDATED_EXISTING_LEAD, Notice.MOVED_EXISTING_LEAD, Notice.EXISTING_LEAD_UNCHANGED}
TIMES = ("entry_date", "modify_date", "last_local_call_time")


class Oracle:
    """Compares what there was at the kill, after the work of people, and in the end."""

    def __init__(self, rows: list[dict[str, str]], whole: Ending, people: People) -> None:
        """Take the file's rows, what an undisturbed load leaves, and what people did."""
        assert people.have_worked
        self.rows, self.whole, self.reasons = rows, whole.state, whole.outcome.reasons
        self.dnc = {row["phone_number"] for row in rows_of(people.url, "vicidial_dnc")}
        self.old = {lead["lead_id"] for lead in LEADS}
        self.killed, self.worked = people.before, people.after
        self.deleted = {*self.killed.all_leads()} - {*self.worked.all_leads()}

    def problems(self, end: State, outcome: Outcome) -> Iterator[str]:
        """Give what is wrong in the end, in words."""
        yield from self._of_persons(end, outcome)
        yield from self._of_what_people_did(end)
        yield from self._of_older_leads(end, outcome)
        yield from self._of_extras(end)
        yield from self._of_notices(end, outcome)

    # --- persons ---

    def _of_persons(self, end: State, outcome: Outcome) -> Iterator[str]:
        for number, row in enumerate(self.rows, start=2):
            person = row["email"]
            ids = self._new(end, person)
            killed, worked = self._new(self.killed, person), self._new(self.worked, person)
            if len(ids) > 1:
                yield f"{person} is there {len(ids)} times: {ids}"
            elif killed and not worked:
                if ids:
                    yield f"{person} was deleted and is loaded again as {ids}"
            elif worked and ids != worked:
                yield f"{person} was lead {worked} and is {ids}"
            yield from self._of_answer(number, ids, killed, outcome)
            yield from self._of_new_lead(end, person, ids)

    def _new(self, state: State, person: str) -> list[int]:
        """Give the new leads of a person, wherever they are."""
        everyone = state.all_leads().items()
        return [
            lead_id
            for lead_id, row in everyone
            if row["email"] == person and lead_id not in self.old
        ]

    def _of_answer(
        self, number: int, ids: list[int], killed: list[int], outcome: Outcome
    ) -> Iterator[str]:
        loaded, reason = outcome.lead_ids.get(number), outcome.reasons.get(number)
        if loaded in self.old:
            if ids:
                yield f"row {number} changed lead {loaded}, and {ids} is there"
        elif loaded is not None:
            if ids != [loaded] and not (killed == [loaded] and loaded in self.deleted):
                yield f"row {number} is said to be lead {loaded}, and {ids} is there"
        elif ids:
            yield f"row {number} is said to be {reason}, and is there as {ids}"
        elif reason == "IN_DOUBT":
            told = outcome.rejected[number]["details"].removeprefix("lead_id=")
            yield from self._of_doubt(number, told, killed)
        elif killed:
            yield f"row {number} is said to be {reason}, and was there as {killed}"
        elif reason != self.reasons.get(number):
            yield from self._of_other_reason(number, str(reason))

    def _of_doubt(self, number: int, told: str, killed: list[int]) -> Iterator[str]:
        if not self.deleted - self.old:
            yield f"row {number} is in doubt, and nobody deleted a lead"
        elif killed and told not in ("", str(killed[0])):
            yield f"row {number} is in doubt as lead {told}, and it was {killed}"

    def _of_other_reason(self, number: int, reason: str) -> Iterator[str]:
        if reason == "EXISTING_LEAD_GONE" and self._is_gone(self.rows[number - 2]["phone_number"]):
            return
        if reason == "PHONE_NUMBER_IN_DNC" and self.rows[number - 2]["phone_number"] in self.dnc:
            return
        yield f"row {number} is rejected as {reason}"

    def _is_gone(self, number: str) -> bool:
        """Say whether an older lead with a number went away, or was taken back.

        It has another number now; or it was written since the kill, and what the load changes is
        as it was before the load, so that nobody can know whether the load had changed it.
        """
        worked = self.worked.leads
        return any(
            lead["lead_id"] not in worked
            or worked[lead["lead_id"]]["phone_number"] != number
            or self._is_taken_back(lead, worked[lead["lead_id"]])
            for lead in LEADS
            if lead["phone_number"] == number
        )

    def _is_taken_back(self, before: dict[str, Any], worked: dict[str, Any]) -> bool:
        done = self.whole.leads[before["lead_id"]]
        changed = [n for n in ("list_id", "first_name", "city") if done[n] != str(before[n])]
        is_as_before = all(worked[name] == str(before[name]) for name in changed)
        return is_as_before and worked != self.killed.leads.get(before["lead_id"])

    def _of_new_lead(self, end: State, person: str, ids: list[int]) -> Iterator[str]:
        """One that nobody could touch is as the file says, and may be called."""
        for lead_id in ids:
            [*wanted] = self._new(self.whole, person)
            if lead_id in self.worked.all_leads() or not wanted:
                continue
            if IS_LOOKED_UP_AGAIN and end.leads[lead_id]["phone_number"] in self.dnc:
                yield f"{person} is not to be called, and is loaded as {lead_id}"
            left_out = {"lead_id", *TIMES}
            one, other = (
                {name: row[name] for name in row if name not in left_out}
                for row in (end.leads[lead_id], self.whole.leads[wanted[0]])
            )
            if one != other:
                yield f"{person} is {one}, and should be {other}"

    # --- leads that people worked with ---

    def _of_what_people_did(self, end: State) -> Iterator[str]:
        for lead_id, row in self.worked.archived.items():
            if end.archived.get(lead_id) != row:
                yield f"lead {lead_id} was archived, and is {end.archived.get(lead_id)}"
            if lead_id in end.leads and lead_id not in self.worked.leads:
                yield f"lead {lead_id} was archived, and is in {end.leads[lead_id]}"
        for lead_id, row in self.worked.leads.items():
            if lead_id not in self.old and end.leads.get(lead_id) != row:
                yield f"lead {lead_id} was {row}, and is {end.leads.get(lead_id)}"
        for lead_id in {*self.killed.leads} - {*self.worked.leads}:
            if lead_id in end.leads:
                yield f"lead {lead_id} was deleted or archived, and is there"

    def _of_older_leads(self, end: State, outcome: Outcome) -> Iterator[str]:
        """A row may change one; not back to what it was before somebody changed it since."""
        changed = {
            outcome.lead_ids[row] for row in outcome.loaded if CHANGED & {*outcome.names(row)}
        }
        for lead_id in self.old & {*self.worked.leads}:
            was, is_now = self.worked.leads[lead_id], end.leads.get(lead_id)
            if is_now is None:
                yield f"lead {lead_id} is gone"
                continue
            for name in was.keys() - {"modify_date"}:
                may_be = {was[name]}
                file = self.whole.leads[lead_id][name]
                if self.killed.leads[lead_id][name] != file:
                    # The row has not changed it yet.
                    may_be = {file} if lead_id in changed else {was[name], file}
                if is_now[name] not in may_be:
                    yield f"{name} of lead {lead_id} is {is_now[name]}, and should be {may_be}"

    # --- what comes with leads ---

    def _of_extras(self, end: State) -> Iterator[str]:
        for table in self.whole.extras:
            if table.endswith("_archive"):
                continue
            for lead_id in end.all_leads() | self.killed.all_leads():
                if lead_id in self.old:
                    wanted: Any = self.worked.rows(table, lead_id)
                    found: Any = end.rows(table, lead_id)
                else:
                    wanted, found = self._wanted_extras(table, lead_id, end)
                if wanted != found:
                    yield f"lead {lead_id} has {found} in {table}, and should have {wanted}"

    def _wanted_extras(self, table: str, lead_id: int, end: State) -> tuple[Any, Any]:
        """Give what should be there of a new lead, and what is."""
        killed, worked = self.killed.rows(table, lead_id), self.worked.rows(table, lead_id)
        found = end.rows(table, lead_id)
        if lead_id not in self.killed.leads:
            new = self._new(self.whole, end.all_leads()[lead_id]["email"])
            rest = without_numbers(found)
            # What would have changed an older lead comes as a new one, if that is gone.
            return self._of_file(table, lead_id, end) if new else rest, rest
        if lead_id not in self.worked.leads or (table in OF_CALLS and self._was_called(lead_id)):
            return worked, found
        of_file = self._of_file(table, lead_id, self.killed)
        if self._was_called(lead_id) and not killed:
            # Nobody can know whether it was there, and somebody has removed it.
            wanted = worked or (of_file if found else [])
            return without_numbers(wanted), without_numbers(found)
        if table == ALT:
            # A write may have been broken off between the two.
            assert killed == worked
            return of_file, without_numbers(found)
        if worked or killed:
            return worked, found
        return of_file, without_numbers(found)

    def _of_file(self, table: str, lead_id: int, state: State) -> list[dict[str, Any]]:
        person = state.all_leads()[lead_id]["email"]
        ids = self._new(self.whole, person)
        return without_numbers(self.whole.rows(table, ids[0])) if ids else []

    def _was_called(self, lead_id: int) -> bool:
        return self.worked.leads[lead_id]["called_count"] != "0"

    def _of_notices(self, end: State, outcome: Outcome) -> Iterator[str]:
        """The results name exactly what comes with leads, as long as nobody takes it away."""
        touched = self.killed.touched(self.worked)
        for number, lead_id in outcome.lead_ids.items():
            if lead_id in self.old or lead_id not in end.leads:
                continue
            said = Counter[str]()
            for (table, _, _), count in rows_of_notices(outcome, number).items():
                said[table] += count
            for table in self.whole.extras:
                found = len(end.rows(table, lead_id))
                differ = said[table] != found
                if lead_id in touched:
                    # Calls take some away, and agents fill in or agree on others.
                    differ = said[table] > found and table not in OF_CALLS
                if differ:
                    yield f"row {number} is said to have {said[table]} rows in {table}, not {found}"


def without_numbers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what differs from one load to the next."""
    left_out = {
        "lead_id", "hopper_id", "callback_id", "alt_phone_id", "entry_time", "modify_date",
    }  # fmt: skip
    return [{name: row[name] for name in row if name not in left_out} for row in rows]
