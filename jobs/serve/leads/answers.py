"""What calls are answered: the lines, and what they mean."""

import logging
from typing import NamedTuple

from loader.api.add_lead import ERROR, NOT_ADDED
from loader.errors import describe_bug

LOG = logging.getLogger("leadloader")

UNAVAILABLE, REFUSED, FAILED = "unavailable", "refused", "failed"

TURNED_AWAY = "turned away"

STATUSES = {UNAVAILABLE: 503, TURNED_AWAY: 503, FAILED: 500}
"""Of HTTP, by outcome; others are answered with 200, as the dialer does."""


class Answer(NamedTuple):
    """The answer to one call."""

    lines: list[str]
    outcome: str
    """added, a reason, or why nothing was decided: unavailable, refused, failed."""

    @property
    def status(self) -> int:
        """That of HTTP; 503: the same call may go well another time."""
        return STATUSES.get(self.outcome, 200)


NO_ANSWER = Answer([f"{ERROR} {NOT_ADDED}, THE DATABASE DOES NOT ANSWER"], UNAVAILABLE)

IN_DOUBT = Answer([f"{ERROR} NOBODY KNOWS WHETHER THE LEAD HAS BEEN ADDED"], UNAVAILABLE)


def failed(error: Exception) -> Answer:
    """Answer a call that a bug ended, and log the bug."""
    LOG.error("%s", describe_bug(error))
    return Answer([f"{ERROR} {NOT_ADDED}, INTERNAL ERROR"], FAILED)
