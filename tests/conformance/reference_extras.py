"""What `add_lead` does after the insert: a plain reference for the tests."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.conformance.reference_fields import BLANKS, NO_DATE, SEPARATORS, WIDTHS, fold, keep
from tests.conformance.reference_moments import read_moment, read_time, read_whole_moment
from tests.conformance.reference_zone import skip_gap

Row = dict[str, Any]
Request = dict[str, str]

DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
#: Names that a custom field cannot have: the lead's own columns.
LEAD_COLUMNS = {
    *WIDTHS,
    "lead_id",
    "entry_date",
    "modify_date",
    "status",
    "user",
    "list_id",
    "gmt_offset_now",
    "called_since_last_reset",
    "phone_code",
    "phone_number",
    "gender",
    "date_of_birth",
    "called_count",
    "last_local_call_time",
    "rank",
    "entry_list_id",
}


def name(value: str) -> str:
    """Keep letters, digits, hyphens and underscores."""
    return re.sub(r"[^0-9a-zA-Z_-]", "", value)


def campaign_row(tables: dict[str, list[Row]], campaign: str) -> Row | None:
    """Find a campaign by its name."""
    rows = tables.get("vicidial_campaigns", [])
    return next((row for row in rows if fold(row["campaign_id"]) == fold(campaign)), None)


def callback_time(value: str, clock: datetime, zone: ZoneInfo) -> str | None:
    """Read `callback_datetime`: NOW, xDAYS, a date or a date and time; None for anything else."""
    if value.strip() == "NOW":
        return skip_gap(clock, zone).isoformat(sep=" ")
    if found := re.match(r"(.*?)DAYS", value, re.IGNORECASE):
        days = re.sub(r"[^0-9]", "", found[1])
        if not days:
            return None
        return skip_gap(clock + timedelta(days=int(days)), zone).isoformat(sep=" ")
    moment = read_whole_moment(value)
    return None if moment is None or "-00" in moment else moment


def callback_problem(
    request: Request, tables: dict[str, list[Row]], clock: datetime, zone: ZoneInfo
) -> str | None:
    """Say why a callback cannot be made; None where it can."""
    if campaign_row(tables, name(request.get("campaign_id", ""))) is None:
        return "CAMPAIGN"
    if request.get("callback_type") == "USERONLY":
        user = fold(name(request.get("callback_user", "")))
        if not user or all(fold(row["user"]) != user for row in tables.get("vicidial_users", [])):
            return "USER"
    if callback_time(request.get("callback_datetime", ""), clock, zone) is None:
        return "DATE"
    return None


class Extras:
    """Alternate phones, custom fields, hopper and callback of one run."""

    def __init__(self, tables: dict[str, list[Row]], clock: datetime, zone: ZoneInfo) -> None:
        self.tables = tables
        self.clock = clock
        self.zone = zone
        self.now = skip_gap(clock, zone)

    def after_insert(
        self, row: Row, lead: Request, request: Request, user: str, offset: str
    ) -> Iterator[str]:
        """Add what comes with a lead; yield the notice lines."""
        yield from self.alt_phones(row, request, user)
        if request.get("custom_fields") == "Y":
            yield self.custom_fields(row, lead, request)
        wanted = request.get("add_to_hopper") == "Y" and request.get("remove_from_hopper") != "Y"
        if wanted:
            yield self.hopper(row, lead, request, user, offset)
        if request.get("callback") == "Y":
            yield self.callback(row, request)

    def add(self, table: str, key: str, row: Row) -> int:
        """Add a row with the next key."""
        rows = self.tables.setdefault(table, [])
        number = max((each[key] for each in rows), default=0) + 1
        rows.append({key: number, **row})
        return number

    # ---- alternate phones

    def alt_phones(self, row: Row, request: Request, user: str) -> Iterator[str]:
        """Add a row for every part between exclamation marks, also for an empty one."""
        sent = keep(request.get("multi_alt_phones", ""))[0]
        if len(sent) <= 5:
            return
        parts = sent.split("!")
        for count, part in enumerate(parts, start=1):
            number, code, note = (*part.split("_"), "", "")[:3]
            self.add(
                "vicidial_list_alt_phones",
                "alt_phone_id",
                {
                    "lead_id": row["lead_id"],
                    "phone_code": (code or "1")[:10],
                    "phone_number": number[:18],
                    "alt_phone_note": note[:30],
                    "alt_phone_count": count,
                    "active": "Y",
                },
            )
        loaded = f"{len(parts)}|{row['lead_id']}|{user}"
        yield f"NOTICE: add_lead MULTI-ALT-PHONE NUMBERS LOADED - {loaded}"

    # ---- custom fields

    def custom_fields(self, row: Row, lead: Request, request: Request) -> str:
        """Add the lead's row to its list's custom table."""
        settings = (self.tables.get("system_settings") or [{}])[0]
        begin = "NOTICE: add_lead CUSTOM FIELDS"
        if str(settings.get("custom_fields_enabled")) != "1":
            end = f"{lead['phone_number']}|{row['lead_id']}|Y|0"
            return f"{begin} NOT ADDED, CUSTOM FIELDS DISABLED - {end}"
        where = f"{lead['phone_number']}|{row['lead_id']}|{lead['list_id']}"
        custom = f"custom_{lead['list_id']}"
        tables = {each["table"]: each["columns"] for each in self.tables.get("custom_tables", [])}
        if custom not in tables:
            return f"{begin} NOT ADDED, NO CUSTOM FIELDS DEFINED FOR THIS LIST - {where}"
        labels = self.labels(int(lead["list_id"]))
        if not labels:
            return f"{begin} NOT ADDED, NO FIELDS DEFINED - {where}"
        labels = self.with_column(labels, tables[custom])
        if not labels:
            return f"{begin} NOT ADDED, NO FIELDS TO UPDATE DEFINED - {where}"
        values = dict.fromkeys(tables[custom])
        for label in labels:
            column = tables[custom][label]
            kept = self.custom_value(request.get(label, ""), column)
            values[label] = self.held(kept, column)
        self.tables.setdefault(custom, []).append({"lead_id": row["lead_id"], **values})
        row["entry_list_id"] = row["list_id"]
        return f"{begin} VALUES ADDED - {where}|1"

    @staticmethod
    def with_column(labels: list[str], columns: dict[str, str]) -> list[str]:
        """Return the fields that the list's table has a column for."""
        return [label for label in labels if label in columns]

    def labels(self, list_id: int) -> list[str]:
        """Return the fields of a list that can hold a value."""
        return [
            row["field_label"]
            for row in self.tables.get("vicidial_lists_fields", [])
            if row["list_id"] == list_id
            and row["field_type"] not in ("DISPLAY", "SCRIPT", "SWITCH", "BUTTON")
            and row.get("field_duplicate") != "Y"
            and row["field_label"] not in LEAD_COLUMNS
        ]

    @staticmethod
    def custom_value(value: str, column: str) -> str:
        """Return a value as it is kept; `--BLANK--` empties the field.

        A column of type TEXT keeps line breaks and tabs. What is blank at an end once other
        characters are gone goes with them.
        """
        if value == "--BLANK--":
            return ""
        whole = column.upper().endswith("TEXT")
        parts = re.split(f"([{SEPARATORS}])", value) if whole else [value]
        kept = [(part, []) if part in {*SEPARATORS} else keep(part) for part in parts]
        text = "".join(part for part, _ in kept)
        lost = {notice for _, notices in kept for notice in notices} & {"LINES", "CONTROL"}
        return text.strip(BLANKS + SEPARATORS) if lost else text

    @staticmethod
    def held(text: str, column: str) -> str:
        """Return a text as a column of this type holds it."""
        if column.upper() in ("DATE", "DATETIME"):
            moment = read_moment(text) or f"{NO_DATE} 00:00:00"
            return moment if column.upper() == "DATETIME" else moment[:10]
        if column.upper() == "TIME":
            return read_time(text) or "00:00:00"
        width = re.search(r"\(([0-9]+)\)", column)
        return text[: int(width[1])] if width else text

    # ---- hopper

    def hopper(self, row: Row, lead: Request, request: Request, user: str, offset: str) -> str:
        """Put the lead into the hopper, by wish only where it may be called now."""
        phone, lead_id = lead["phone_number"], row["lead_id"]
        campaign = self.campaign_of(row["list_id"])
        checked = request.get("hopper_local_call_time_check") == "Y"
        if checked and not self.callable_now(row, lead, campaign):
            end = f"{phone}|{lead_id}|{offset}|0|{user}"
            return f"NOTICE: add_lead NOT ADDED TO HOPPER, OUTSIDE OF LOCAL TIME - {end}"
        number = self.add(
            "vicidial_hopper",
            "hopper_id",
            {
                "lead_id": lead_id,
                "campaign_id": campaign or "",
                "status": "READY",
                "user": "",
                "list_id": row["list_id"],
                "gmt_offset_now": row["gmt_offset_now"],
                "state": row["state"],
                "alt_dial": "NONE",
                "priority": priority(request.get("hopper_priority", "")),
                "source": "P",
                "vendor_lead_code": row["vendor_lead_code"],
            },
        )
        return f"NOTICE: add_lead ADDED TO HOPPER - {phone}|{lead_id}|{number}|{user}"

    def list_row(self, list_id: int) -> Row | None:
        """Find a list."""
        rows = self.tables.get("vicidial_lists", [])
        return next((row for row in rows if row["list_id"] == list_id), None)

    def campaign_of(self, list_id: int) -> str | None:
        """Return the defined campaign of a list, as it spells itself; None where there is none."""
        row = self.list_row(list_id)
        if row is None or row["campaign_id"] is None:
            return None
        campaign = campaign_row(self.tables, row["campaign_id"])
        return campaign and str(campaign["campaign_id"])

    def callable_now(self, row: Row, lead: Request, campaign: str | None) -> bool:
        """Say whether the lead's local time lies within its call time."""
        in_list = self.list_row(row["list_id"])
        if in_list is None or campaign is None:
            return False
        call_time = in_list.get("local_call_time", "campaign")
        if fold(call_time or "") in ("", fold("campaign")):
            call_time = (campaign_row(self.tables, campaign) or {}).get("local_call_time", "")
        found = self.row_by("vicidial_call_times", "call_time_id", call_time)
        if found is None:
            return False
        start, stop = self.hours(found, lead["state"], float(row["gmt_offset_now"]))
        local = self.local(float(row["gmt_offset_now"]))
        return start <= local.hour * 100 + local.minute < stop

    def local(self, offset: float) -> datetime:
        """Return the local time at an offset."""
        return self.now.replace(tzinfo=self.zone).astimezone(UTC) + timedelta(hours=offset)

    def row_by(self, table: str, key: str, value: str) -> Row | None:
        """Find a row by its key."""
        rows = self.tables.get(table, [])
        return next((row for row in rows if fold(row[key]) == fold(value)), None)

    def hours(self, call_time: Row, state: str, offset: float) -> tuple[int, int]:
        """Return today's hours of a call time, or of the state's call time that it lists."""
        for listed in (call_time.get("ct_state_call_times") or "").split("|"):
            found = self.row_by("vicidial_state_call_times", "state_call_time_id", listed)
            if listed and found and fold(found["state_call_time_state"]) == fold(state):
                return self.today(found, "sct", offset)
        return self.today(call_time, "ct", offset)

    def today(self, row: Row, prefix: str, offset: float) -> tuple[int, int]:
        """Return the hours of the weekday, else the default hours."""
        day = DAYS[self.local(offset).isoweekday() % 7]
        start, stop = (int(row.get(f"{prefix}_{day}_{end}") or 0) for end in ("start", "stop"))
        if start or stop:
            return start, stop
        return int(row[f"{prefix}_default_start"]), int(row[f"{prefix}_default_stop"])

    # ---- callback

    def callback(self, row: Row, request: Request) -> str:
        """Schedule a callback and hold the lead; a callback that cannot be made leaves it NEW."""
        campaign = name(request.get("campaign_id", ""))
        kind = "USERONLY" if request.get("callback_type") == "USERONLY" else "ANYONE"
        user = name(request.get("callback_user", "")) if kind == "USERONLY" else ""
        problem = callback_problem(request, self.tables, self.clock, self.zone)
        begin, lead_id = "NOTICE: add_lead SCHEDULED CALLBACK", row["lead_id"]
        if problem == "CAMPAIGN":
            return f"{begin} NOT ADDED, CAMPAIGN NOT VALID - {lead_id}|{campaign}"
        if problem == "USER":
            return f"{begin} NOT ADDED, USER NOT VALID - {lead_id}|{campaign}|{user}|{kind}"
        sent = request.get("callback_datetime", "")
        time = callback_time(sent, self.clock, self.zone)
        if time is None:
            return f"{begin} NOT ADDED, DATE NOT VALID - {lead_id}|{campaign}|{sent}"
        row["status"] = "CBHOLD"
        status = name(request.get("callback_status", "")) or "CALLBK"
        in_users = self.row_by("vicidial_users", "user", user) if user else None
        self.add(
            "vicidial_callbacks",
            "callback_id",
            {
                "lead_id": lead_id,
                "list_id": row["list_id"],
                "campaign_id": campaign[:20],
                "status": "ACTIVE",
                "entry_time": self.now.isoformat(sep=" "),
                "callback_time": time,
                "modify_date": self.clock.isoformat(sep=" "),
                "user": user,
                "recipient": kind,
                "comments": keep(request.get("callback_comments", ""))[0][:255],
                "user_group": in_users["user_group"] if in_users else "",
                "lead_status": status[:6],
                "email_alert": None,
                "email_result": None,
                "customer_timezone": "",
                "customer_timezone_diff": "",
                "customer_time": None,
            },
        )
        is_relative = sent.strip() == "NOW" or "DAYS" in sent.upper()
        shown = time if is_relative else sent
        return f"{begin} ADDED - {lead_id}|{campaign}|{shown}|{kind}|{user}|{status}"


def priority(value: str) -> int:
    """Return the hopper priority: digits and hyphens, limited to -99..99 as PHP compares."""
    text = re.sub(r"[^0-9-]", "", value)
    if re.fullmatch(r"-?[0-9]+", text):
        return max(-99, min(99, int(text)))
    if text and not "-99" <= text <= "99":
        return -99 if text < "-99" else 99
    begin = re.match(r"-?[0-9]+", text)
    return int(begin[0]) if begin else 0
