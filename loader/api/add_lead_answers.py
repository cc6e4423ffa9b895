"""What the lines say that answer a call of add_lead: those of the dialer, and ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loader.api.add_lead import DETAILS, ERROR, NOT_ADDED, NOTICE, SUCCESS
from loader.findings import NOTICE_DETAILS
from loader.notices import Notice
from loader.reasons import Reason

NO_LIST = "999"
"""What an answer shows of a lead that names no list."""

OFFSET = re.compile(r"(-?[0-9]{1,2}(\.[0-9]+)?)?")

RENAMED = {"lead_list": "list_id", "offset": "gmt_offset_now", "shown_time": "callback_time"}
"""Details of notices whose names differ in `NOTICE_DETAILS`."""

SENTENCES: Mapping[str, Notice] = {
    "NOT STORED" if kind is Notice.EXTRA_NOT_STORED else kind.answer: kind for kind in DETAILS
}

REASONS: Mapping[str, Reason] = {
    reason.answer: reason for reason in reversed(Reason) if reason.answer
}
"""By sentences; of those that have the same, the first."""

NOT_ALLOWED = ("Login incorrect", "USER DOES NOT HAVE PERMISSION", "user_group DOES NOT EXIST")
"""What answers say to whom they let in no lead at all."""

BUSY = "ERROR: BUSY, TRY AGAIN LATER"
"""How a server says that it did not look at a call."""


class UnknownAnswerError(Exception):
    """The lines do not say what became of the lead."""


@dataclass(frozen=True)
class LeadAnswer:
    """What became of the lead of a call."""

    lead_id: int = 0
    """Of a lead that was added; of a duplicate, that of the lead which is there."""
    reason: str = ""
    """The name of the reason that it was rejected for; empty: it was added."""
    answer: str = ""
    """Of one that was rejected: what the line has behind its sentence, up to the lead_id."""
    answer_tail: str = ""
    """Likewise, behind the lead_id."""
    offset: str | None = None
    """Of one that was added: its offset from UTC in hours; empty: none was found."""
    notices: tuple[Mapping[str, str], ...] = ()
    """The columns of `loader.findings.Notices`, of each."""

    def as_dict(self) -> dict[str, Any]:
        """Give what is not empty, as JSON has it."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def of(cls, noted: Mapping[str, Any]) -> "LeadAnswer":
        """Take what `as_dict` gave."""
        return cls(**{**noted, "notices": tuple(noted.get("notices", ()))})


def read_answer(text: str, user: str, list_id: str) -> LeadAnswer:
    """Read the lines of an answer.

    Args:
        text: the body.
        user: who called.
        list_id: as it was sent; empty: it was not.

    Raises:
        UnknownAnswerError: they do not say, in words that are known, what became of the lead.
    """
    lines = [line.strip("\r") for line in text.split("\n") if line.strip()]
    added = [line for line in lines if line.startswith(SUCCESS)]
    refused = [line for line in lines if line.startswith("ERROR")]
    if len(added) == 1 and not refused:
        lead_id, offset = _of_added(added[0], user, list_id or NO_LIST)
        return LeadAnswer(lead_id, offset=offset, notices=_notices(lines, lead_id))
    if len(refused) == 1 and not added:
        return _of_refused(refused[0], list_id or NO_LIST)
    raise UnknownAnswerError


def is_refused_login(text: str) -> bool:
    """Say whether an answer refuses the user, whatever the lead is."""
    return text.startswith("ERROR") and any(words in text for words in NOT_ALLOWED)


def _of_added(line: str, user: str, list_id: str) -> tuple[int, str]:
    """Read lead_id and offset of a line in either order of its fields.

    The dialer writes phone|list|lead_id|offset|user, and the document phone|user|list|lead_id|
    offset. No line can be read in both: a user that is an offset from UTC, of one or two digits,
    cannot be a list.
    """
    fields = line.partition(" - ")[2].split("|")
    found = []
    if len(fields) == 5:
        _, first, second, third, fourth = fields
        if (first, fourth) == (list_id, user):
            found.append((second, third))
        if (first, second) == (user, list_id):
            found.append((third, fourth))
    found = [each for each in found if each[0].isdecimal() and OFFSET.fullmatch(each[1])]
    if len(found) != 1:
        raise UnknownAnswerError
    return int(found[0][0]), found[0][1]


def _of_refused(line: str, list_id: str) -> LeadAnswer:
    sentence, _, details = line.removeprefix(ERROR).strip().partition(" - ")
    if not line.startswith(ERROR) or not details or sentence.startswith(f"{NOT_ADDED},"):
        raise UnknownAnswerError
    name = REASONS.get(sentence) or sentence.partition(":")[0].replace(" ", "_")
    if name not in Reason.__members__:
        raise UnknownAnswerError
    if Reason[name].likeness:
        return _of_duplicate(str(name), details.rstrip().split("|"), list_id)
    return LeadAnswer(reason=str(name), answer=details.rstrip())


def _of_duplicate(name: str, fields: Sequence[str], list_id: str) -> LeadAnswer:
    """Find the lead_id, behind the list that was sent; names before it may have any character.

    Behind it comes the list of the lead, unless that is the same (but in the document once), and
    which of its numbers it was, if several were compared.
    """
    is_by_number = fields[-1] in BY_NUMBER
    if is_by_number:
        name = name.replace("_PHONE_NUMBER_", "_PHONE_OR_ALT_PHONE_")
    last = len(fields) - 1 - is_by_number - (not name.endswith("_IN_LIST"))
    for place in (last, last - 1):
        if place > 0 and fields[place - 1] == list_id and fields[place].isdecimal():
            before = "".join(f"{field}|" for field in fields[:place])
            tail = "".join(f"|{field}" for field in fields[place + 1 :])
            return LeadAnswer(int(fields[place]), name, before, tail)
    raise UnknownAnswerError


BY_NUMBER = {"PHONE", "ALT"}
"""The last field where a number was compared with alternate numbers, too; the sentence is the same.
"""


def _notices(lines: Sequence[str], lead_id: int) -> tuple[Mapping[str, str], ...]:
    """Read what came with a lead; of alternate numbers the line begins with an echo of them."""
    found = []
    for line in lines:
        _, mark, text = line.rpartition(f"{NOTICE} ")
        words, _, details = text.partition(" - ")
        if mark and words in SENTENCES:
            found.append(_notice(SENTENCES[words], details.split("|"), str(lead_id)))
    return tuple(found)


def _notice(kind: Notice, values: Sequence[str], lead_id: str) -> Mapping[str, str]:
    """Name the details of a notice, if they are in our order."""
    names = DETAILS[kind]
    shown = {name.removesuffix("=") for name in NOTICE_DETAILS.get(kind, ())}
    found = dict(zip(names, values, strict=False))
    if found.get("lead_id") != lead_id:
        return {"notice": kind.value}
    details = {RENAMED.get(name, name): value for name, value in found.items()}
    return {"notice": kind.value} | {name: details[name] for name in details if name in shown}
