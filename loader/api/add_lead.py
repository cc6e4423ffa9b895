"""The dialer's function add_lead: what a request holds, and the lines that answer it."""

import re
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loader.fields.lead import CUSTOM_PREFIX, DEFAULT_VALUES, usual_names
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.options.option import options_of
from loader.reasons import Reason

FUNCTION = "add_lead"

OPTIONS = {option.api for option in options_of(LoadOptions).values() if option.api}
"""Parameters that are options of a load, by the same names."""

OF_THE_CALL = {"source", "user"}
"""Those that are judged before there is a request: `refuse_source` has said what it needs."""

SWITCHED_FIELDS = ("callback", "add_to_hopper")
"""Fields of a lead that say Y or N; a request that says something else is refused."""

UNSAID = DEFAULT_VALUES | dict.fromkeys(SWITCHED_FIELDS, "N")
"""Values of fields that mean as much as no value."""

SPELLINGS = {"campaing": "campaign_id", "goUser": "user", "goPass": "pass", "goAction": "function"}
"""Other names of parameters, as the document has them."""

SUCCESS, NOTICE, ERROR = (f"{word}: {FUNCTION}" for word in ("SUCCESS", "NOTICE", "ERROR"))

NOT_ADDED = "LEAD HAS NOT BEEN ADDED"


CONSTANTS = {"Y", "0", "1"}

DETAILS: Mapping[Notice, tuple[str, ...]] = {
    Notice.ALT_PHONES_LOADED: ("count", "lead_id", "asker"),
    Notice.CUSTOM_FIELDS_ADDED: ("phone", "lead_id", "lead_list", "1"),
    Notice.CUSTOM_FIELDS_DISABLED: ("phone", "lead_id", "Y", "0"),
    Notice.NO_CUSTOM_FIELDS_FOR_LIST: ("phone", "lead_id", "lead_list"),
    Notice.NO_FIELDS_DEFINED: ("phone", "lead_id", "lead_list"),
    Notice.NO_FIELDS_TO_UPDATE: ("phone", "lead_id", "lead_list"),
    Notice.ADDED_TO_HOPPER: ("phone", "lead_id", "hopper_id", "asker"),
    Notice.NOT_ADDED_TO_HOPPER: ("phone", "lead_id", "offset", "0", "asker"),
    Notice.CALLBACK_ADDED: (
        "lead_id", "campaign_id", "shown_time", "recipient", "user", "status",
    ),
    Notice.CALLBACK_CAMPAIGN_NOT_VALID: ("lead_id", "campaign_id"),
    Notice.CALLBACK_USER_NOT_VALID: ("lead_id", "campaign_id", "user", "recipient"),
    Notice.CALLBACK_DATE_NOT_VALID: ("lead_id", "campaign_id", "callback_datetime"),
    Notice.EXTRA_NOT_STORED: ("lead_id", "table", "error"),
}  # fmt: skip
"""What follows the words of a notice; asker is the user of the call, and lead_list the list as it
was sent."""


@dataclass(frozen=True)
class LeadRequest:
    """One call of add_lead, its user known and let in."""

    user: str
    """As `user_of` gives it."""
    options: Mapping[str, str]
    """Of a load, by name, as they were sent."""
    fields: Mapping[str, str]
    """All other parameters: those of a lead, and maybe custom fields."""


@dataclass(frozen=True)
class Added:
    """A lead that is stored, as its answer shows it."""

    phone_number: str
    list_id: str
    """As it was sent; the default where none was."""
    lead_id: int
    gmt_offset: str
    """As it was found, not as it is stored, see `format_offset` and `unknown_offset`."""
    notices: Iterable[Mapping[Hashable, Any]] = field(default=())
    """Of `loader.findings.Notices`, in their order."""


def with_usual_names(parameters: Mapping[str, str]) -> dict[str, str]:
    """Name parameters as add_lead does; where one comes by both names, its own counts."""
    named = {SPELLINGS[name]: value for name, value in parameters.items() if name in SPELLINGS}
    return named | {name: value for name, value in parameters.items() if name not in SPELLINGS}


def plain(text: str) -> str:
    """Keep of a user's or a function's name what add_lead does."""
    return re.sub(r"[^0-9a-zA-Z_-]", "", text)


def read_request(parameters: Mapping[str, str]) -> LeadRequest:
    """Part the parameters of a call into options and fields.

    Args:
        parameters: by their usual names.
    """
    lead_fields = usual_names().keys()
    options = {
        name: value
        for name, value in parameters.items()
        if name in OPTIONS - lead_fields - OF_THE_CALL and value != ""
    }
    for name in SWITCHED_FIELDS:
        if parameters.get(name, "") not in {"", "Y", "N"}:
            options[name] = parameters[name]
    fields = {
        name: value
        for name, value in parameters.items()
        if name in lead_fields or name not in OPTIONS
    }
    if parameters.get("remove_from_hopper") == "Y":
        fields["add_to_hopper"] = "N"  # put in and taken out again
    return LeadRequest(plain(parameters.get("user", "")), options, fields)


def options_of_calls(options: LoadOptions) -> dict[str, str]:
    """Give the options of a load that go with each of its calls, by the names of parameters.

    Those that a lead has a field for, such as callback, come with the leads; so does user.
    """
    given = options.model_dump(exclude_defaults=True) | {"source": options.source}
    own = {*usual_names(), "user"}
    return {
        option.api: str(given[name])
        for name, option in options_of(LoadOptions).items()
        if option.api and option.api not in own and given.get(name)
    }


def fields_of_call(lead: Mapping[str, str]) -> dict[str, str]:
    """Give the parameters of a lead.

    Args:
        lead: its values by field, those of custom fields by `custom:<label>`. What is empty, or as
            add_lead has it by default, is not sent.
    """
    return {
        name.removeprefix(CUSTOM_PREFIX): value
        for name, value in lead.items()
        if value and value != UNSAID.get(name)
    }


def write_request(request: LeadRequest) -> dict[str, str]:
    """Give the parameters of a call but the password: `read_request` reads them back."""
    return {"function": FUNCTION, "user": request.user, **request.options, **request.fields}


# ---- what refuses a call


def refuse_source(source: str) -> list[str]:
    """Answer a call whose source has fewer than two letters and digits; empty: it is good."""
    kept = re.sub(r"[^0-9a-zA-Z]", "", source)
    if len(kept) >= 2:
        return []
    return [f"ERROR: Invalid Source - {kept}", f"ERROR: Invalid Source: |{kept}|"]


def refuse_login(user: str, password: str) -> list[str]:
    """Answer a wrong user or password, as the dialer does: with both."""
    return [f"ERROR: Login incorrect, please try again: |{user}|{password}|BAD|"]


def refuse_rights(user: str, row: Mapping[Hashable, Any]) -> list[str]:
    """Say why a user may not add leads; empty: the user may.

    Args:
        user: as the request names it.
        row: the user's row of vicidial_users, columns as in `loader.queries.users.USER_COLUMNS`.
    """
    functions = f" {row['api_allowed_functions']} "
    if " ALL_FUNCTIONS " not in functions and f" {FUNCTION} " not in functions:
        text = "USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION"
        return [f"ERROR: auth {text}: |{user}|{FUNCTION}|"]
    may = str(row["modify_leads"]) in {"1", "2", "3", "4"} and int(row["user_level"] or 0) >= 8
    if not may or str(row["vdc_agent_api_access"]) != "1":
        return [f"{ERROR} USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM: |{user}|0|"]
    return []


def refuse_option(name: str, problem: str) -> list[str]:
    """Answer a call with an option that cannot be understood: the dialer would leave it out."""
    return [f"{ERROR} INVALID PARAMETER - {name}|{problem}"]


# ---- what became of a lead


def answer_rejected(
    reason: str, line: str, sent: Mapping[str, str], user: str, *, nanpa: int | None = None
) -> list[str]:
    """Answer a lead that is rejected.

    Args:
        reason: its name.
        line: what add_lead prints, see `loader.results.wording`; empty: it has no sentence for it.
        sent: the fields of the request.
        user: who asked.
        nanpa: see `disabled_nanpa`.
    """
    if not line:
        shown = sent.get("list_id" if reason == Reason.INVALID_LIST_ID else "phone_number", "")
        if reason == Reason.INVALID_LIST_ID:
            digits = re.sub(r"[^0-9]", "", sent.get("phone_number", ""))
            line = f"{ERROR} INVALID LIST ID - {digits}|{shown.strip()}"
        else:
            line = f"{ERROR} {reason.replace('_', ' ')} - {shown}|{user}"
    return [*disabled_nanpa(reason, nanpa, user), line]


EARLIEST = (
    Reason.INVALID_LIST_ID, Reason.NOT_AN_ALLOWED_LIST_ID, Reason.NOT_A_DEFINED_LIST_ID,
)  # fmt: skip
"""Reasons that are found before anything is said of NANPA."""


def disabled_nanpa(reason: str, nanpa: int | None, user: str) -> list[str]:
    """Say that options of NANPA do nothing; `nanpa`: how many prefixes there are, if they don't."""
    if nanpa is None or reason in EARLIEST:
        return []
    return [f"{NOTICE} {Notice.NANPA_NOT_LOADED.answer} - {nanpa}|{user}"]


def answer_added(
    lead: Added, sent: Mapping[str, str], user: str, *, nanpa: int | None = None
) -> list[str]:
    """Answer a lead that is stored: what was added, and what came with it, in add_lead's order."""
    shown = f"{lead.phone_number}|{user}|{lead.list_id}|{lead.lead_id}|{lead.gmt_offset}"
    lines = [f"{SUCCESS} LEAD HAS BEEN ADDED - {shown}"]
    for notice in lead.notices:
        lines += _notice_line(notice, lead, sent, user)
    return [*disabled_nanpa("", nanpa, user), *lines]


def _notice_line(
    notice: Mapping[Hashable, Any], lead: Added, sent: Mapping[str, str], user: str
) -> list[str]:
    """Word what came with a lead; of other notices add_lead says nothing."""
    kind = Notice[str(notice["notice"])]
    words = "NOT STORED" if kind is Notice.EXTRA_NOT_STORED else kind.answer
    if not words or kind is Notice.NANPA_NOT_LOADED:
        return []
    values: dict[Hashable, str] = {text: text for text in CONSTANTS}
    values |= {name: value for name, value in notice.items() if isinstance(value, str)}
    values |= {
        "phone": lead.phone_number,
        "lead_id": str(lead.lead_id),
        "lead_list": lead.list_id,
        "offset": lead.gmt_offset,
        "asker": user,
        "shown_time": _shown_time(sent.get("callback_datetime", ""), values.get("callback_time")),
    }
    details = "|".join(values.get(name, "") for name in DETAILS[kind])
    echo = _echo(sent) if kind is Notice.ALT_PHONES_LOADED else ""
    return [f"{echo}{NOTICE} {words} - {details}"]


def _shown_time(sent: str, time: str | None) -> str:
    """Show when a callback is due: as it was sent, unless that counts from now."""
    is_relative = sent.strip() == "NOW" or "DAYS" in sent.upper()
    return time if time and (is_relative or not sent) else sent


def _echo(sent: Mapping[str, str]) -> str:
    """Repeat alternate numbers as the dialer does, in front of its notice and without an end."""
    parts = (part.split("_") for part in sent.get("multi_alt_phones", "").split("!"))
    return "".join("|".join([*part, "", ""][:3]) for part in parts)


def format_offset(offset: float, standard: Collection[float]) -> str:
    """Write an offset from UTC, in hours, as add_lead prints it.

    Args:
        offset: as it was found, daylight saving included.
        standard: offsets of the dialer's tables, which have two decimals; a sum has no more than
            it needs.
    """
    if offset == int(offset):
        return str(int(offset))
    return f"{offset:.2f}" if offset in standard else f"{offset:g}"


def unknown_offset(tz_method: str, owner: str) -> str:
    """Write the offset of a lead of which no time zone was found, as add_lead prints it.

    Args:
        tz_method: the option.
        owner: of the lead. Where TZCODE looks for the zone that it names, add_lead begins with 0,
            else with nothing.
    """
    return "0" if tz_method == "TZCODE" and len(owner) >= 2 else ""
