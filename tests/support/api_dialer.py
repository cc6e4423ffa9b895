"""A dialer of which there is nothing but add_lead's page: it adds leads and finds duplicates."""

import re
import threading
from collections.abc import Iterable

from tests.support.http_server import Reply, Request

USER, PASSWORD = "6666", "1234"


class ApiDialer:
    """Answers as a dialer does, and keeps the leads; `lead_ids` are given out from `next_id`."""

    def __init__(self, *, next_id: int = 1001, dnc: Iterable[str] = ()) -> None:
        self.leads: list[dict[str, str]] = []
        """In the order in which they were added, with lead_id."""
        self.next_id, self.dnc = next_id, {*dnc}
        self.lock = threading.Lock()

    def add(self, phone_number: str, list_id: str = "101") -> None:
        """Have a lead that somebody else added."""
        self._add({"phone_number": phone_number, "list_id": list_id})

    def answer(self, request: Request) -> Reply:
        sent = request.form
        with self.lock:
            return Reply("\n".join(self._lines(sent)) + "\n")

    def _lines(self, sent: dict[str, str]) -> list[str]:
        if (sent["user"], sent["pass"]) != (USER, PASSWORD):
            who = f"{sent['user']}|{sent['pass']}"
            return [f"ERROR: Login incorrect, please try again: |{who}|BAD|"]
        phone, list_id = sent["phone_number"], sent.get("list_id", "999")
        if phone in self.dnc:
            return [f"ERROR: add_lead PHONE NUMBER IN DNC - {phone}|{USER}"]
        checks = re.findall("DUP(LIST|SYS)", sent.get("duplicate_check", ""))
        for scope, words in (("LIST", "LIST"), ("SYS", "SYSTEM")):
            for lead in self.leads if scope in checks else ():
                found = lead["list_id"]
                if lead["phone_number"] == phone and (scope == "SYS" or found == list_id):
                    tail = f"|{found}" if scope == "SYS" else ""
                    shown = f"{phone}|{list_id}|{lead['lead_id']}{tail}"
                    return [f"ERROR: add_lead DUPLICATE PHONE NUMBER IN {words} - {shown}"]
        lead_id = self._add({**sent, "list_id": list_id})
        return [f"SUCCESS: add_lead LEAD HAS BEEN ADDED - {phone}|{list_id}|{lead_id}|-5|{USER}"]

    def _add(self, lead: dict[str, str]) -> int:
        lead_id, self.next_id = self.next_id, self.next_id + 1
        self.leads.append({**lead, "lead_id": str(lead_id)})
        return lead_id
