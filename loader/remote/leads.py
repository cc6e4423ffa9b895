"""Leads through add_lead: what a call says, and what is known of one whose answer was lost.

A call without an answer is made again with a duplicate check of the lead's list. If that finds
nothing, the first one came to nothing. If it finds a lead, its lead_id tells whether that is older
than the call: lead_ids grow, and of the time before the call one is known, the watermark. A newer
lead with the same number in the same list is the call's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from loader.api.add_lead import LeadRequest, fields_of_call, options_of_calls, plain, write_request
from loader.api.add_lead_answers import (
    LeadAnswer,
    UnknownAnswerError,
    is_refused_login,
    read_answer,
)
from loader.errors import ConfigurationError, NotAllowedError
from loader.options.duplicate_check import WINDOWS, DuplicateCheck, Kind, Scope
from loader.options.load import LoadOptions
from loader.reasons import Reason
from loader.remote.calls import Answer, Caller, LostError, describe

IN_LIST = Reason.DUPLICATE_PHONE_NUMBER_IN_LIST

CHANGING = {Reason.PHONE_NUMBER_IN_DNC, Reason.PHONE_NUMBER_IN_CAMPAIGN_DNC}
"""Answered before duplicates are looked for: a lead may be there, and its person have asked since
not to be called."""


@dataclass(frozen=True)
class LeadCall:
    """A lead to be sent."""

    row: int
    lead: Mapping[str, str]
    """Values by field, see `fields_of_call`."""
    watermark: int = 0
    """A lead_id that was given out before it is sent for the first time; 0: none is known."""
    sent_at: datetime | None = None
    """When a process before this one sent it, and heard nothing; None: none did."""


class LeadSender:
    """Sends leads to one target, from several threads."""

    def __init__(self, caller: Caller, options: LoadOptions) -> None:
        """Take what calls, and the options that go with each call."""
        self._caller, self._target = caller, caller.target
        self._options = options_of_calls(options)
        self._checks = options.duplicate_checks
        self._user = plain(caller.target.user)

    def send(self, call: LeadCall) -> LeadAnswer:
        """Send a lead, until it is answered.

        Returns:
            What became of it; IN_DOUBT where nobody can know, with the lead_id that it may have.

        Raises:
            TargetUnavailableError: no answer after all attempts.
            NotAllowedError: the user may not add leads.
            ConfigurationError: what answers is no add_lead, or cannot do what is asked.
            StoppedError: no more attempts are wanted.
        """
        if self._is_too_late(call):
            return LeadAnswer(reason=Reason.IN_DOUBT)
        is_lost = call.sent_at is not None
        for attempt in self._caller.attempts():
            with attempt:
                try:
                    answer = self._call(call, is_lost=is_lost)
                except LostError:
                    is_lost = True
                    raise
        return self._settle(answer, call) if is_lost else answer

    def _call(self, call: LeadCall, *, is_lost: bool) -> LeadAnswer:
        options = self._options
        if is_lost:
            options = options | {"duplicate_check": self._check_of_lost(call)}
        request = LeadRequest(self._user, options, fields_of_call(call.lead))
        sent = {**write_request(request), "pass": self._target.password}
        answer = self._caller.post(self._target.lead_page, data=sent)
        try:
            if answer.status == 200:
                return read_answer(answer.text, self._user, request.fields.get("list_id", ""))
        except UnknownAnswerError:
            pass
        raise self._error(answer, sent)

    def _error(self, answer: Answer, sent: Mapping[str, str]) -> Exception:
        name = self._target.name
        if is_refused_login(answer.text) or answer.status in {401, 403}:
            words = describe(answer.text, {**sent, "user": ""})
            return NotAllowedError(f"{name} does not let user {self._user} add leads: {words}")
        status = f" with status {answer.status}" if answer.status != 200 else ""
        return ConfigurationError(
            f"{name} answers{status} what add_lead does not: {describe(answer.text, sent)}"
        )

    # ---- calls whose answer was lost

    @property
    def _window(self) -> int | None:
        """The days of the run's own checks: the dialer takes the most for all of them."""
        days = [check.days for check in self._checks if check.days]
        return max(days) if days else None

    def _is_too_late(self, call: LeadCall) -> bool:
        """Say whether the run's own checks do not look back far enough to find a lost lead."""
        if call.sent_at is None or self._window is None:
            return False
        return datetime.now(UTC) - call.sent_at > timedelta(days=self._window) - A_DAY_AT_MOST

    def _check_of_lost(self, call: LeadCall) -> str:
        """Give the run's checks, and one of the list, whose own window is as short as can be."""
        days = self._window
        if not self._checks:
            ago = datetime.now(UTC) - (call.sent_at or datetime.now(UTC)) + A_DAY_AT_MOST
            days = next((it for it in WINDOWS if timedelta(days=it) >= ago), None)
        of_list = DuplicateCheck(Kind.PHONE, Scope.LIST, days)
        return "-".join(map(str, dict.fromkeys([of_list, *self._checks])))

    def _settle(self, answer: LeadAnswer, call: LeadCall) -> LeadAnswer:
        """Say what a call came to that was lost, by the answer to its repetition."""
        in_doubt = LeadAnswer(reason=Reason.IN_DOUBT)
        if answer.reason == IN_LIST:
            if not call.watermark:
                return replace(in_doubt, lead_id=answer.lead_id)
            if answer.lead_id > call.watermark:
                return LeadAnswer(answer.lead_id)
            # An older lead: the run's own check refuses the row by it, or hides behind it a newer.
            return answer if self._looks_into_list else in_doubt
        if answer.reason in CHANGING and call.sent_at is not None:
            return in_doubt
        return answer

    @property
    def _looks_into_list(self) -> bool:
        """Whether a check of the run finds any lead of the list by its number.

        That of a campaign finds none if the list is not defined.
        """
        is_defined = self._options.get("list_exists_check") == "Y"
        return any(
            check.kind in {Kind.PHONE, Kind.PHONEALT}
            and (check.scope is not Scope.CAMP or is_defined)
            for check in self._checks
        )


A_DAY_AT_MOST = timedelta(hours=12)
"""What clocks, changes of them and attempts may take of a window of days."""
