"""`add_lead`, row by row, as this loader has to answer it: slow, plain, and of its own.

What the dialer was recorded to do (tests/conformance), with the wanted differences of
tests/conformance/differences.toml. Nothing here comes from the loader.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.conformance.reference_extras import Extras
from tests.conformance.reference_fields import (
    BIGGEST_UNSIGNED,
    WIDTHS,
    alt_phone,
    damaged,
    digits,
    fold,
    is_number,
    keep,
    phone_digits,
    stored_country,
    stored_date_of_birth,
    stored_gender,
    stored_list_id,
    stored_rank,
    stored_state,
)
from tests.conformance.reference_run import (
    COMPARED,
    SCOPES,
    Check,
    ReferenceRefusal,
    check_run,
    read_checks,
)
from tests.conformance.reference_zone import Zones, dialled, national, skip_gap

Row = dict[str, Any]
Lead = dict[str, str]

#: The biggest list_id that every database and every frame can hold.
BIGGEST_LIST_ID = 2**63 - 1


class Rejected(Exception):  # noqa: N818 an answer, not an error
    """The lead is rejected."""

    def __init__(self, reason: str, line: str, matching: list[Row] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.matching = matching or []


@dataclass
class Answer:
    """What became of one lead."""

    lines: list[str] = field(default_factory=list)
    """Lines as add_lead prints them; the success line in the documented order."""
    lead_id: int | None = None
    """The new lead's; for a duplicate the existing lead's."""
    list_id: int | None = None
    """The list of `lead_id`, as stored."""
    reason: str | None = None
    notices: list[str] = field(default_factory=list)
    """Our own notices: a name, for values with the field (`CUT first_name`)."""
    matching: list[Row] = field(default_factory=list)
    """For a duplicate, all existing leads that the check found, lowest lead_id first."""
    row: Row | None = None
    """The new row of vicidial_list, all columns."""


class Reference:
    """One run: tables that grow by the leads that are added."""

    zones_class = Zones
    extras_class = Extras
    # Where the dialer has accidents of its own; tests/support/dialer.py puts them back in.
    read_checks = staticmethod(read_checks)
    phone = staticmethod(phone_digits)
    damaged = staticmethod(damaged)
    gender = staticmethod(stored_gender)
    rank = staticmethod(stored_rank)
    state = staticmethod(stored_state)
    country = staticmethod(stored_country)
    birth = staticmethod(stored_date_of_birth)
    entry_list_id = staticmethod(stored_list_id)

    def __init__(
        self,
        tables: dict[str, list[Row]],
        clock: datetime,
        tz: str,
        options: dict[str, str],
        *,
        phone_format: str = "as-given",
        phone_validation: str = "length",
    ) -> None:
        if (phone_format, phone_validation) != ("as-given", "length"):
            raise NotImplementedError("recorded cases are replayed as-given, by length")
        self.tables = tables
        self.clock = clock
        self.zone = ZoneInfo(tz)
        self.now = skip_gap(clock, self.zone).isoformat(sep=" ")
        self.options = options
        self.zones = self.zones_class(tables, clock, tz)
        self.extras = self.extras_class(tables, clock, self.zone)
        for name in ("vicidial_list", "vicidial_users", "vicidial_lists"):
            self.tables.setdefault(name, [])

    # ---- one lead

    def add_lead(self, lead: dict[str, str | None]) -> Answer:
        """Answer one request: the run's options, then the lead's own values."""
        sent = {**self.options, **lead}
        request = {name: value for name, value in sent.items() if value is not None}
        user, user_row = check_run(request, self.tables["vicidial_users"])
        checks = self.read_checks(request.get("duplicate_check", ""))
        answer = Answer()
        try:
            self.answer(request, user, user_row, checks, answer)
        except Rejected as rejected:
            answer.reason = rejected.reason
            answer.lines.append(f"ERROR: add_lead {rejected.line}")
            answer.matching = rejected.matching
            if answer.matching:
                answer.lead_id = answer.matching[0]["lead_id"]
                answer.list_id = answer.matching[0]["list_id"]
        return answer

    def answer(
        self, request: Lead, user: str, user_row: Row, checks: list[Check], answer: Answer
    ) -> None:
        """Decide about one lead, and add it."""
        lead = self.clean(request, answer)
        self.check_list(lead, user_row, request)
        lead["list_id"] = self.default_list_id(lead["list_id"])
        if (
            request.get("nanpa_ac_prefix_check") == "Y"
            or "NANPA" in request.get("tz_method", "").upper()
        ) and len(self.zones.nanpa) < 10:
            loaded = len(self.zones.nanpa)
            text = "NANPA options disabled, NANPA prefix data not loaded"
            answer.lines.append(f"NOTICE: add_lead {text} - {loaded}|{user}")
        self.check_phone(lead, request, user)
        if request.get("lookup_state") == "Y" and not lead["state"]:
            lead["state"] = self.state_of(lead)
        self.check_dnc(lead, request, user)
        self.check_duplicates(lead, checks, answer)
        self.insert(lead, request, user, answer)

    def clean(self, request: Lead, answer: Answer) -> Lead:
        """Return all values of the lead, cleaned but not yet cut to their columns."""
        lead = {}
        for name in WIDTHS:
            sent = request.get(name, "")
            if name == "alt_phone":
                sent = alt_phone(sent)
            lead[name], notices = self.text(name, sent)
            answer.notices += [f"{notice} {name}" for notice in notices]
        lead["sent_phone"] = request.get("phone_number", "")
        lead["sent_list_id"] = request.get("list_id", "")
        lead["phone_number"] = self.phone(lead["sent_phone"])
        lead["dialled"] = dialled(lead["sent_phone"])
        lead["phone_code"] = digits(request.get("phone_code", "")) or "1"
        lead["list_id"] = digits(lead["sent_list_id"])
        lead["state"] = self.state(lead["state"])
        lead["country_code"] = self.country(lead["country_code"])
        return lead

    def text(self, _name: str, value: str) -> tuple[str, list[str]]:
        """Return a text as it is kept, with the notices."""
        return keep(value)

    def check_list(self, lead: Lead, user_row: Row, request: Lead) -> None:
        """Reject a list_id that cannot be one, that the user may not use, or that is undefined."""
        list_id, shown = lead["list_id"], f"{lead['phone_number']}|{lead['list_id']}"
        sent = lead["sent_list_id"].strip()
        if sent and not self.can_be_list_id(sent):
            raise Rejected("INVALID_LIST_ID", f"INVALID LIST ID - {lead['phone_number']}|{sent}")
        if str(user_row["api_list_restrict"]) == "1" and list_id not in self.allowed(user_row):
            raise Rejected("NOT_AN_ALLOWED_LIST_ID", f"NOT AN ALLOWED LIST ID - {shown}")
        if request.get("list_exists_check") == "Y" and self.list_row(list_id) is None:
            text = "NOT A DEFINED LIST ID, LIST EXISTS CHECK ENABLED"
            raise Rejected("NOT_A_DEFINED_LIST_ID", f"{text} - {shown}")

    def can_be_list_id(self, sent: str) -> bool:
        """Say whether a text can be a list_id."""
        return is_number(sent) and len(sent) >= 3 and int(sent) <= BIGGEST_LIST_ID

    def default_list_id(self, list_id: str) -> str:
        """Return the list of a lead that names none."""
        return list_id or "999"

    def allowed(self, user_row: Row) -> set[str]:
        """Return the lists, as text, that a restricted user may load into."""
        groups = self.tables.get("vicidial_user_groups", [])
        group = fold(user_row["user_group"])
        mine = [row["allowed_campaigns"] for row in groups if fold(row["user_group"]) == group]
        if not mine:
            line = (
                f"ERROR: user_group DOES NOT EXIST: |{user_row['user']}|{user_row['user_group']}|"
            )
            raise ReferenceRefusal("not_allowed", line)
        everything = "-ALL" in mine[0].upper()
        campaigns = {fold(name) for name in mine[0].split()}
        return {
            str(row["list_id"])
            for row in self.tables["vicidial_lists"]
            if everything or fold(row["campaign_id"] or "") in campaigns
        }

    def campaign_of(self, list_id: str) -> str | None:
        """Return the campaign of a list; None where the list is not defined, or that is NULL."""
        row = self.list_row(list_id)
        return None if row is None else row["campaign_id"]

    def list_row(self, list_id: str) -> Row | None:
        """Find a list."""
        for row in self.tables["vicidial_lists"]:
            if list_id and row["list_id"] == stored_list_id(list_id):
                return row
        return None

    def check_phone(self, lead: Lead, request: Lead, user: str) -> None:
        """Reject a number that cannot be called, or that the USA/Canada checks do not know."""
        phone, end = lead["phone_number"], f"{lead['phone_number']}|{user}"
        if self.damaged(lead["sent_phone"]):
            line = f"DAMAGED PHONE NUMBER - {lead['sent_phone']}|{user}"
            raise Rejected("DAMAGED_PHONE_NUMBER", line)
        if not 6 <= len(phone) <= 16:
            raise Rejected("INVALID_PHONE_NUMBER_LENGTH", f"INVALID PHONE NUMBER LENGTH - {end}")
        fourth = self.national(lead)[3:4]
        if request.get("usacan_prefix_check") == "Y" and fourth in ("", "0", "1", ","):
            raise Rejected("INVALID_PHONE_NUMBER_PREFIX", f"INVALID PHONE NUMBER PREFIX - {end}")
        known = self.can_be_usacan(lead) and self.known_area(phone[:3])
        if request.get("usacan_areacode_check") == "Y" and not known:
            line = f"INVALID PHONE NUMBER AREACODE - {end}"
            raise Rejected("INVALID_PHONE_NUMBER_AREACODE", line)
        prefixes = request.get("nanpa_ac_prefix_check") == "Y" and len(self.zones.nanpa) >= 10
        if prefixes and not self.zones.by_prefix(phone):
            line = f"INVALID PHONE NUMBER NANPA AREACODE PREFIX - {end}"
            raise Rejected("INVALID_PHONE_NUMBER_NANPA_AREACODE_PREFIX", line)

    def national(self, lead: Lead) -> str:
        """Return the national number; the digits as they are where there is none."""
        return national(lead["dialled"], lead["phone_code"])

    def can_be_usacan(self, lead: Lead) -> bool:
        """Say whether a number has the shape of one of the USA and Canada."""
        return int(lead["phone_code"]) == 1 and len(lead["phone_number"]) == 10

    def known_area(self, area: str) -> bool:
        """Say whether an area code of country 1 is known."""
        return any(
            int(row["country_code"]) == 1 and row["areacode"] == area for row in self.zones.codes
        )

    def state_of(self, lead: Lead) -> str:
        """Look up the state of an area code."""
        row = self.zones.by_area(lead)
        return row["state"] if row else ""

    # ---- do not call

    def check_dnc(self, lead: Lead, request: Lead, user: str) -> None:
        """Reject numbers on the system's list, then on the campaign's."""
        phone = lead["phone_number"]
        numbers = self.tables.get("vicidial_dnc", [])
        if self.listed(phone, numbers, request.get("dnc_check", "")):
            raise Rejected("PHONE_NUMBER_IN_DNC", f"PHONE NUMBER IN DNC - {phone}|{user}")
        campaign = re.sub(r"[^0-9a-zA-Z_-]", "", request.get("campaign_id", ""))
        looked = fold(self.dnc_campaign(campaign))
        rows = self.tables.get("vicidial_campaign_dnc", [])
        numbers = [row for row in rows if fold(row["campaign_id"]) == looked]
        if self.listed(phone, numbers, request.get("campaign_dnc_check", "")):
            line = f"PHONE NUMBER IN CAMPAIGN DNC - {phone}|{campaign}|{user}"
            raise Rejected("PHONE_NUMBER_IN_CAMPAIGN_DNC", line)

    def dnc_campaign(self, campaign: str) -> str:
        """Return the campaign whose list counts: another one's where that is set."""
        for row in self.tables.get("vicidial_campaigns", []):
            if fold(row["campaign_id"]) == fold(campaign):
                return row.get("use_other_campaign_dnc") or campaign
        return campaign

    @staticmethod
    def listed(phone: str, rows: list[Row], switch: str) -> bool:
        """Say whether a list has the number, or by AREACODE its area code."""
        wanted = {"Y": {phone}, "AREACODE": {phone, phone[:3] + "XXXXXXX"}}.get(switch, set())
        return any(fold(row["phone_number"]) in wanted for row in rows)

    # ---- duplicates

    def check_duplicates(self, lead: Lead, checks: list[Check], answer: Answer) -> None:
        """Reject a lead that one of the checks finds again; the first check that does answers."""
        for check in checks:
            where = self.lists_of(check, lead, answer)
            found = list(self.matches(check, lead, where))
            if found:
                raise self.duplicate(check, lead, found)

    def same(self, check: Check, lead: Lead, row: Row) -> bool:
        """Say whether a lead, as it would be stored, equals a row; NULL equals nothing."""
        phone = fold(lead["phone_number"])
        if check.key == "PHONEALT":
            return phone in (fold(row.get("phone_number") or ""), fold(row.get("alt_phone") or ""))
        if "PHONE" in COMPARED[check.key] and fold(row["phone_number"]) != phone:
            return False
        return all(
            row.get(name) is not None and fold(self.comparable(name, lead)) == fold(row[name])
            for name in COMPARED[check.key]
            if name != "PHONE"
        )

    def comparable(self, name: str, lead: Lead) -> str:
        """Return a value as it would be stored."""
        return lead[name][: WIDTHS[name]]

    def lists_of(self, check: Check, lead: Lead, answer: Answer) -> Callable[[int], bool]:
        """Return which lists a check looks in."""
        list_id = int(lead["list_id"])
        if check.scope == "SYS":
            return lambda _: True
        if check.scope == "LIST":
            return lambda other: other == list_id
        campaign = self.campaign_of(lead["list_id"])
        if campaign is None:
            answer.notices.append("CAMPAIGN_LISTS")
            return lambda _: False
        lists = {
            row["list_id"]
            for row in self.tables["vicidial_lists"]
            if row["campaign_id"] is not None and fold(row["campaign_id"]) == fold(campaign)
        }
        return lambda other: other in lists

    def matches(self, check: Check, lead: Lead, where: Callable[[int], bool]) -> Iterator[Row]:
        """Find the leads that a check calls duplicates, lowest lead_id first."""
        since = None
        if check.days:
            start = skip_gap(self.clock - timedelta(days=check.days), self.zone)
            since = start.isoformat(sep=" ")
        for row in sorted(self.tables["vicidial_list"], key=lambda row: row["lead_id"]):
            inside = since is None or (row.get("entry_date") or "") > since
            if inside and where(row["list_id"]) and self.same(check, lead, row):
                yield row

    def is_by_phone(self, phone: str, row: Row) -> bool:
        """Say whether a number is the phone_number of a lead, not its alt_phone."""
        return str(row["phone_number"]) == phone

    def duplicate(self, check: Check, lead: Lead, matching: list[Row]) -> Rejected:
        """Return the answer that names the existing lead, the first of those that match."""
        found = matching[0]
        scope = SCOPES[check.scope]
        phone = lead["phone_number"]
        kind = {"TITLEALTPHONE": "TITLE ALT_PHONE", "NAMEPHONE": "NAME PHONE"}.get(
            check.key, "PHONE NUMBER"
        )
        names = COMPARED.get(check.key, ("PHONE",))
        shown = "|".join(phone if n == "PHONE" else self.comparable(n, lead) for n in names)
        line = f"DUPLICATE {kind} IN {scope} - {shown}|{lead['list_id']}|{found['lead_id']}"
        if check.scope != "LIST":
            line += f"|{found['list_id']}"
        if check.key == "PHONEALT":
            line += "|PHONE" if self.is_by_phone(phone, found) else "|ALT"
            kind = "PHONE OR ALT PHONE"
        if check.key == "TITLEALTPHONE":
            kind = "TITLE ALT PHONE"
        return Rejected(f"DUPLICATE {kind} IN {scope}".replace(" ", "_"), line, matching)

    # ---- the new row

    def insert(self, lead: Lead, request: Lead, user: str, answer: Answer) -> None:
        """Add the lead, and what comes with it."""
        offset, unknown = self.zones.offset(lead, request.get("tz_method", ""))
        if unknown:
            answer.notices.append("ZONE")
        row = self.row_of(lead, request, user, offset, answer)
        self.tables["vicidial_list"].append(row)
        answer.row, answer.lead_id, answer.list_id = row, row["lead_id"], row["list_id"]
        shown = f"{lead['phone_number']}|{user}|{lead['list_id']}|{row['lead_id']}|{offset}"
        answer.lines.append(f"SUCCESS: add_lead LEAD HAS BEEN ADDED - {shown}")
        for line in self.extras.after_insert(row, lead, request, user, offset):
            answer.lines.append(line)

    def row_of(self, lead: Lead, request: Lead, user: str, offset: str, answer: Answer) -> Row:
        """Return the whole row as it is stored."""
        texts = {}
        for name, width in WIDTHS.items():
            texts[name] = lead[name][:width]
            if texts[name] != lead[name]:
                answer.notices.append(f"CUT {name}")
        gender, gender_notices = self.gender(request.get("gender", ""))
        rank, rank_notices = self.rank(request.get("rank", ""))
        birth, birth_notices = self.birth(request.get("date_of_birth", ""))
        answer.notices += gender_notices + rank_notices + birth_notices
        known = [row["lead_id"] for row in self.tables["vicidial_list"]]
        return {
            "lead_id": max(known, default=0) + 1,
            "entry_date": self.now,
            "modify_date": self.clock.isoformat(sep=" "),
            "status": "NEW",
            "user": user[:20],
            "list_id": min(int(lead["list_id"]), BIGGEST_UNSIGNED),
            "gmt_offset_now": f"{float(offset or 0):.2f}",
            "called_since_last_reset": "N",
            "phone_code": lead["phone_code"][:10],
            "phone_number": lead["phone_number"],
            **texts,
            "gender": gender,
            "date_of_birth": birth,
            "called_count": 0,
            "last_local_call_time": self.now,
            "rank": rank,
            "entry_list_id": self.entry_list_id(request.get("entry_list_id", "")),
        }
