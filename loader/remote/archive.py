"""Leads to another dialer's archive and back, by its Lead Archive API."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loader.api.lead_archive import IN_OFFICE_HOURS
from loader.errors import ConfigurationError, LoaderError, NotAllowedError, OfficeHoursError
from loader.remote.calls import Answer, Caller, LostError, describe

LeadIds = npt.NDArray[np.int64]

COUNTS = ("select_count", "insert_count", "update_count", "delete_count")

ROUNDS = 5
"""In which lead_ids are left out that the API names; others may go away in between."""


class Moved(NamedTuple):
    """What became of a chunk."""

    counts: Mapping[str, int]
    """Of the API, all `COUNTS`."""
    sent: LeadIds
    """Those that the counts are of."""
    missing: LeadIds
    """Those that are not in their table, by what the API says; ascending."""
    is_repeated: bool
    """An answer was lost, so that the first call may have moved those that are missing."""


class LeadMover:
    """Moves chunks of leads of one target."""

    def __init__(self, caller: Caller, job: str, steps: Mapping[str, bool]) -> None:
        """Take what calls, archive or dearchive, and the steps by the API's names."""
        self._caller, self._steps = caller, steps
        self._url = caller.target.archive_page(job)
        self._headers = {"Authorization": f"Key={caller.target.key}"}

    def move(self, lead_ids: LeadIds) -> Moved:
        """Move at most 500 leads; those that the API does not know are left out.

        Raises:
            OfficeHoursError: it is office hours there.
            NotAllowedError: the key is not valid.
            ConfigurationError: what answers is no such API.
            TargetUnavailableError: no answer after all attempts.
        """
        left, is_repeated = lead_ids, False
        for _ in range(ROUNDS):
            if not len(left):
                break
            answer, was_lost = self._call(left)
            is_repeated |= was_lost
            if answer.status == 200:
                counts = self._counts(answer)
                return Moved(counts, left, np.setdiff1d(lead_ids, left), is_repeated)
            left = np.setdiff1d(left, self._named(answer))
        if len(left):
            raise LoaderError(f"{self._caller.target.name}: leads go away there all the time")
        return Moved(dict.fromkeys(COUNTS, 0), left, lead_ids, is_repeated)

    def _call(self, lead_ids: LeadIds) -> tuple[Answer, bool]:
        """Call until there is an answer; say whether one was lost before it."""
        content = {**self._steps, "lead_ids": lead_ids.tolist()}
        was_lost = False
        for attempt in self._caller.attempts():
            with attempt:
                try:
                    answer = self._caller.post(self._url, json=content, headers=self._headers)
                except LostError:
                    was_lost = True
                    raise
        return answer, was_lost

    def _counts(self, answer: Answer) -> Mapping[str, int]:
        body = _body(answer)
        counts = {name: body.get(name, 0) for name in COUNTS}
        if "select_count" not in body or any(type(count) is not int for count in counts.values()):
            raise self._unknown(answer)
        return counts

    def _named(self, answer: Answer) -> Sequence[int]:
        """Give the lead_ids that an answer finds fault with; raise what else it says."""
        body, name = _body(answer), self._caller.target.name
        message = body.get("message")
        if answer.status == 403 and message == IN_OFFICE_HOURS:
            raise OfficeHoursError(f"{IN_OFFICE_HOURS} ({name})")
        if answer.status in {401, 403}:
            raise NotAllowedError(f"{name} does not take the key: {describe(str(message), {})}")
        named = body.get("lead_ids")
        if answer.status in {400, 404} and isinstance(named, list):
            found = [int(each) for each in named if str(each).isdecimal()]
            if found:
                return found
        raise self._unknown(answer)

    def _unknown(self, answer: Answer) -> ConfigurationError:
        message = _body(answer).get("message")
        words = describe(message if isinstance(message, str) else answer.text, {})
        return ConfigurationError(
            f"{self._caller.target.name} answers with status {answer.status} what the Lead Archive "
            f"API does not: {words}"
        )


def _body(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
