"""A dialer, its agents and its administrators at work with leads; a seed decides what they do.

Each statement has a connection of its own, as theirs have. They come a minute after the leads that
are there.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import inspect

from tests.support.server import plain_engine, run

LEADS, ARCHIVE = "vicidial_list", "vicidial_list_archive"
HOPPER, CALLBACKS, ALT = "vicidial_hopper", "vicidial_callbacks", "vicidial_list_alt_phones"

Row = dict[str, Any]


class State(NamedTuple):
    """What the tables of leads hold at one time."""

    leads: dict[int, Row]
    archived: dict[int, Row]
    extras: dict[str, list[Row]]
    """Rows that belong to leads, and those that were archived with them, by table."""

    @classmethod
    def of(cls, url: str) -> "State":
        """Read it."""
        engine = plain_engine(url)
        names = inspect(engine).get_table_names()
        engine.dispose()
        of_leads = [name for name in names if name.startswith(("custom_", HOPPER, CALLBACKS, ALT))]
        leads, archived = (
            {row["lead_id"]: row for row in rows_of(url, name)} if name in names else {}
            for name in (LEADS, ARCHIVE)
        )
        return cls(leads, archived, {name: rows_of(url, name) for name in of_leads})

    def all_leads(self) -> dict[int, Row]:
        """Give the leads, wherever they are."""
        return self.archived | self.leads

    def rows(self, table: str, lead_id: int) -> list[Row]:
        """Give what a table has of a lead."""
        return [row for row in self.extras.get(table, ()) if row["lead_id"] == lead_id]

    def touched(self, later: "State") -> set[int]:
        """Give the leads that somebody worked with until later, or with what they come with."""
        everyone = self.all_leads() | later.all_leads()
        return {
            lead_id
            for lead_id in everyone
            if self.leads.get(lead_id) != later.leads.get(lead_id)
            or self.archived.get(lead_id) != later.archived.get(lead_id)
            or any(
                self.rows(name, lead_id) != later.rows(name, lead_id)
                for name in self.extras | later.extras
            )
        }


def rows_of(url: str, table: str) -> list[Row]:
    """Read a table; values are text, so that engines do not differ."""
    engine = plain_engine(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM `{table}` ORDER BY 1").mappings().all()
    engine.dispose()
    return [
        {name: int(row[name]) if name == "lead_id" else str(row[name]) for name in row}
        for row in found
    ]


class People:
    """Those who work with the leads of one database."""

    def __init__(self, url: str, seed: str) -> None:
        """Take the address of the database, and a seed."""
        self.url, self._random = url, random.Random(seed)  # noqa: S311 - a test
        self.seed, self.diary = seed, list[str]()
        self.before = self.after = State({}, {}, {})
        self.have_worked = False
        self._now, self._custom = "", list[str]()

    def work(self, *, share: float = 0.5, numbers: Sequence[str] = ()) -> None:
        """Do something with a share of the leads.

        Some of `numbers` come onto the do-not-call list; a lead is put in by hand.
        """
        self.before = before = State.of(self.url)
        self._custom = [name for name in before.extras if name.startswith("custom_")]
        self._custom = [name for name in self._custom if not name.endswith("_archive")]
        dates = [row["entry_date"] for row in before.leads.values() if row["entry_date"] != "None"]
        newest = max(map(datetime.fromisoformat, ["2026-11-01", *dates]))
        self._now = str(newest + timedelta(minutes=1))
        for lead_id in before.leads:
            if self._random.random() < share:
                self._deal_with(lead_id)
        for number in numbers:
            if self._random.random() < share / 2:
                self._do(f"{number} is not to be called", _not_to_be_called(number))
        if self._random.random() < share:
            self._do("a lead by hand", self._by_hand())
        self.after, self.have_worked = State.of(self.url), True

    def _deal_with(self, lead_id: int) -> None:
        deed = self._random.choice(DEEDS)
        self._do(f"{deed.__name__.strip('_')} {lead_id}", deed(self, lead_id))

    def _do(self, what: str, statements: Iterable[str]) -> None:
        self.diary.append(what)
        for statement in statements:
            run(self.url, statement)

    def __str__(self) -> str:
        return f"seed {self.seed}: {', '.join(self.diary) or 'nobody did anything'}"

    # --- what they do ---

    def _change(self, lead_id: int, values: str) -> str:
        return f"UPDATE {LEADS} SET {values}, modify_date = '{self._now}' WHERE lead_id = {lead_id}"

    def _call(self, lead_id: int, status: str = "A") -> list[str]:
        called = f"status = '{status}', user = '66', called_count = called_count + 1"
        called += f", called_since_last_reset = 'Y', last_local_call_time = '{self._now}'"
        return [
            self._change(lead_id, called),
            f"DELETE FROM {HOPPER} WHERE lead_id = {lead_id}",
        ]

    def _call_back(self, lead_id: int) -> list[str]:
        """Call as was agreed; that is settled."""
        done = f"UPDATE {CALLBACKS} SET status = 'INACTIVE', modify_date = '{self._now}'"
        return [*self._call(lead_id, "SALE"), f"{done} WHERE lead_id = {lead_id}"]

    def _call_back_and_tidy_up(self, lead_id: int) -> list[str]:
        gone = f"DELETE FROM {CALLBACKS} WHERE lead_id = {lead_id}"
        return [*self._call(lead_id, "SALE"), gone]

    def _agree_on_a_callback(self, lead_id: int) -> list[str]:
        agreed = (
            f"INSERT INTO {CALLBACKS} (lead_id, list_id, campaign_id, status, entry_time,"
            f" callback_time, modify_date, user, recipient) VALUES ({lead_id}, 101, 'TEST',"
            f" 'ACTIVE', '{self._now}', '2031-01-01 10:00:00', '{self._now}', '66', 'USERONLY')"
        )
        return [*self._call(lead_id, "CBHOLD"), agreed]

    def _take_from_hopper(self, lead_id: int) -> list[str]:
        return [f"UPDATE {HOPPER} SET status = 'QUEUE' WHERE lead_id = {lead_id}"]

    def _correct_number(self, lead_id: int) -> list[str]:
        return [self._change(lead_id, f"phone_number = '{9_990_000_000 + lead_id}', user = '66'")]

    def _correct_name(self, lead_id: int) -> list[str]:
        return [self._change(lead_id, "first_name = 'Corrected', city = 'Corrected'")]

    def _fill_in_fields(self, lead_id: int) -> list[str]:
        """Fill in custom fields: whoever does that stores the lead as well."""
        return [
            self._change(lead_id, "comments = 'asked'"),
            *(
                f"REPLACE INTO {table} (lead_id, colour) VALUES ({lead_id}, 'agent')"
                for table in self._custom
                if table == f"custom_{self.before.leads[lead_id]['list_id']}"
            ),
        ]

    def _fill_in_fields_in_a_call(self, lead_id: int) -> list[str]:
        return [*self._call(lead_id), *self._fill_in_fields(lead_id)]

    def _move(self, lead_id: int) -> list[str]:
        return [self._change(lead_id, "list_id = CASE list_id WHEN 102 THEN 101 ELSE 102 END")]

    def _delete(self, lead_id: int) -> list[str]:
        """Delete on request: nothing stays."""
        names = (LEADS, HOPPER, CALLBACKS, ALT, *self._custom)
        return [f"DELETE FROM {name} WHERE lead_id = {lead_id}" for name in names]

    def _archive(self, lead_id: int) -> list[str]:
        copy = f"INSERT INTO {ARCHIVE} SELECT * FROM {LEADS} WHERE lead_id = {lead_id}"
        # An archive may have one from an earlier time.
        return [f"DELETE FROM {ARCHIVE} WHERE lead_id = {lead_id}", copy, *self._delete(lead_id)]

    def _by_hand(self) -> list[str]:
        return [
            f"INSERT INTO {LEADS} (list_id, phone_number, first_name, email, status, entry_date,"
            f" modify_date) VALUES (102, '8135550000', 'Hand', 'hand', 'NEW', '{self._now}',"
            f" '{self._now}')"
        ]


def _not_to_be_called(number: str) -> list[str]:
    return [f"REPLACE INTO vicidial_dnc (phone_number) VALUES ('{number}')"]


Deed = Callable[[People, int], list[str]]
DEEDS: tuple[Deed, ...] = (
    People._call,
    People._call_back,
    People._call_back_and_tidy_up,
    People._agree_on_a_callback,
    People._take_from_hopper,
    People._correct_number,
    People._correct_name,
    People._fill_in_fields,
    People._fill_in_fields_in_a_call,
    People._move,
    People._delete,
    People._archive,
)
