"""Duplicates, fallback numbers and feeds through whole loads: who stays, what changes, who says."""

import gzip
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from jobs.cli.main import run
from loader.database.connection import Database
from loader.errors import NoSuchFileError, SourceFileError, UsageError
from tests.support.loads import Loads, Outcome, Rows, leads, snapshot
from tests.support.server import fill

ON_SQLITE = pytest.mark.engines("sqlite")

A, B, C, D, E = (f"727555{n}{n}{n}{n}" for n in range(1, 6))
THERE = {"entry_date": "2099-01-01 00:00:00", "modify_date": "2020-01-01 00:00:00"}


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


# --- on_duplicate: what happens to the existing lead ---

EXISTING: list[dict[str, Any]] = [
    {
        "lead_id": 1, "phone_number": A, "list_id": 101, "status": "SALE", "first_name": "Ann",
        "last_name": None, "city": "", "email": "a@x.org", "gender": "U", "rank": 0,
        "called_count": 4, "comments": "it's \\ \"she\" 50%", **THERE,
    },
    {
        "lead_id": 2, "phone_number": B, "list_id": 102, "status": "NEW", "first_name": "Bob",
        "last_name": "Bee", "city": None, "email": "", "gender": "M", "rank": 7,
        "called_count": 0, "comments": None, **THERE,
    },
    {
        "lead_id": 3, "phone_number": C, "list_id": 101, "status": "NA", "first_name": "",
        "last_name": "", "city": "", "email": "", "gender": "F", "rank": 0, "called_count": 1,
        "comments": "", **THERE,
    },
]  # fmt: skip
TABLES: dict[str, list[dict[str, Any]]] = {
    "vicidial_list": EXISTING,
    "vicidial_list_archive": [
        {"lead_id": 90, "phone_number": D, "list_id": 101, "first_name": "Dan", **THERE}
    ],
    "vicidial_lists": [
        {"list_id": n, "campaign_id": "EAST", "local_call_time": "always"} for n in (101, 102, 103)
    ],
    "vicidial_campaigns": [{"campaign_id": "EAST"}],
}


def row(phone: str, **values: str) -> dict[str, str]:
    nothing = dict.fromkeys(("first_name", "last_name", "city", "email", "gender", "rank"), "")
    return {"phone_number": phone, **nothing, **values}


ROWS: Rows = [
    row(A, first_name="Anna", last_name="Łee", city="Tampa", gender="F", rank="5"),
    row(B, first_name="Bob", email="b@x.org", rank="0"),
    row(A, first_name="Again", city="Elsewhere"),
    row(D, first_name="Dora"),
    row(E, first_name="Eve"),
    row(E, first_name="Evi"),
    row(C),
]
OPTIONS: dict[str, Any] = {
    "duplicate_check": "DUPSYS",
    "duplicate_scope_archive": "Y",
    "list_id": "103",
    "add_to_hopper": "Y",
    "chunk_size": 2,
    "batch_size": 2,
}
REJECTED = {
    4: f"DUPLICATE_PHONE_NUMBER_IN_SYSTEM {A} 1",
    5: f"DUPLICATE_PHONE_NUMBER_IN_SYSTEM {D} 90 archived",
    7: f"DUPLICATE_PHONE_NUMBER_IN_SYSTEM {E} new",
}

CHANGES: dict[str, list[tuple[int, int, str, str | None, str | None]]] = {
    "empty": [
        (2, 1, "last_name", None, "?ee"),
        (2, 1, "city", "", "Tampa"),
        (2, 1, "gender", "U", "F"),
        (2, 1, "rank", "0", "5"),
        (3, 2, "email", "", "b@x.org"),
    ],
    "all": [
        (2, 1, "first_name", "Ann", "Anna"),
        (2, 1, "last_name", None, "?ee"),
        (2, 1, "city", "", "Tampa"),
        (2, 1, "gender", "U", "F"),
        (2, 1, "rank", "0", "5"),
        (3, 2, "email", "", "b@x.org"),
    ],
    "move": [
        (2, 1, "list_id", "101", "103"),
        (3, 2, "list_id", "102", "103"),
        (8, 3, "list_id", "101", "103"),
    ],
}
NOTICES = {
    "empty": {
        2: "UPDATED_EXISTING_LEAD fields=last_name,city,gender,rank",
        3: "UPDATED_EXISTING_LEAD fields=email",
        8: "EXISTING_LEAD_UNCHANGED",
    },
    "all": {
        2: "UPDATED_EXISTING_LEAD fields=first_name,last_name,city,gender,rank",
        3: "UPDATED_EXISTING_LEAD fields=email",
        8: "EXISTING_LEAD_UNCHANGED",
    },
    "move": {
        2: "MOVED_EXISTING_LEAD from_list_id=101",
        3: "MOVED_EXISTING_LEAD from_list_id=102",
        8: "MOVED_EXISTING_LEAD from_list_id=101",
    },
}
WAYS: dict[str, dict[str, Any]] = {
    "empty": {"on_duplicate": "update"},
    "all": {"on_duplicate": "update", "update_fields": "all"},
    "move": {"on_duplicate": "move"},
}


def undo(database: Database, outcome: Outcome) -> None:
    """Do what a site would do with changes.csv."""
    with database.connect() as connection:
        for _, lead_id, field, old, new in outcome.changes():
            statement = f"UPDATE vicidial_list SET `{field}` = :old WHERE lead_id = :id "
            done = connection.execute(
                text(statement + f"AND `{field}` = :new"), {"old": old, "new": new, "id": lead_id}
            )
            assert done.rowcount == 1
        connection.commit()


def worded(changes: list[Any], letter: str) -> list[Any]:
    return [
        tuple(v.replace("?ee", letter) if isinstance(v, str) else v for v in c) for c in changes
    ]


@pytest.mark.sample(1)
@pytest.mark.parametrize("way", WAYS)
def test_existing_leads_change_and_changes_can_be_undone(
    database: Database,
    database_url: str,
    read_only_url: str,
    loads: Loads,
    way: str,
) -> None:
    fill(database_url, TABLES)
    path, before = loads.file(ROWS), snapshot(database, "modify_date")
    options = OPTIONS | WAYS[way]
    reader = Database(read_only_url)
    planned = loads.load(path, reader, "validate", **options)
    reader.engine.dispose()
    assert snapshot(database, "modify_date") == before
    outcome = loads.load(path, database, **options)

    assert told(outcome) == told(planned) == REJECTED
    assert sorted(outcome.loaded) == sorted(planned.loaded) == [2, 3, 6, 8]
    changes = worded(CHANGES[way], "Łee")
    assert sorted(outcome.changes()) == sorted(planned.changes()) == sorted(changes)
    said = {n: outcome.loaded[n]["notices"] for n in (2, 3, 8)}
    assert said == {n: planned.loaded[n]["notices"] for n in (2, 3, 8)} == NOTICES[way]
    assert {n: outcome.lead_ids[n] for n in (2, 3, 8)} == {2: 1, 3: 2, 8: 3}
    assert outcome.names(6) == planned.names(6) == ["ADDED_TO_HOPPER"]
    assert outcome.summary.notices == planned.summary.notices
    new = outcome.lead_ids[6]
    assert outcome.summary.lead_ids == [(new, new)]

    after = snapshot(database, "modify_date")
    assert [hopper["lead_id"] for hopper in after["vicidial_hopper"]] == [str(new)]
    expected = {str(lead["lead_id"]): lead for lead in before["vicidial_list"]}
    for _, lead_id, field, old, value in changes:
        assert expected[str(lead_id)][field] == old
        expected[str(lead_id)] = expected[str(lead_id)] | {field: value}
    assert after["vicidial_list"][:-1] == list(expected.values())

    undo(database, outcome)
    undone = snapshot(database, "modify_date")["vicidial_list"]
    assert undone[:-1] == before["vicidial_list"]


def told(outcome: Outcome) -> dict[int, str]:
    """Give reason, number and existing lead of rejected rows; new: the one of this load."""
    found = {}
    for number, said in outcome.rejected.items():
        words = dict(word.split("=") for word in said["details"].split())
        there = "new" if "row_number" in words else words["lead_id"]
        archived = " archived" * ("archived" in words)
        found[number] = f"{said['reason']} {said['phone_number']} {there}{archived}"
    return found


@pytest.mark.sample(1)
@ON_SQLITE
@pytest.mark.parametrize(
    ("keep", "chooses"), [("first", 2), ("last", 5), ("best", 3)], ids=["first", "last", "best"]
)
@pytest.mark.parametrize("chunk_size", [2, 100])
def test_one_row_changes_a_lead_and_the_others_are_rejected(
    database: Database, loads: Loads, keep: str, chooses: int, chunk_size: int
) -> None:
    fill(database.engine, TABLES)
    rows = [
        row(C, city="first"),
        row(C, city="best", email="x@x.org", first_name="Cy"),
        row(C, city="best", email="y@x.org", first_name="Cyd"),
        row(C, city="last"),
    ]
    outcome = loads.load(
        rows, database, duplicate_check="DUPSYS", on_duplicate="update", keep=keep,
        chunk_size=chunk_size,
    )  # fmt: skip
    assert outcome.lead_ids == {chooses: 3}
    assert [city for (city,) in leads(database, "city")][2] == rows[chooses - 2]["city"]
    details = {said["details"] for said in outcome.rejected.values()}
    assert details == {"lead_id=3 list_id=101"}
    # Loaded again, another of them has its turn; in the end nothing is left.
    again = loads.load(
        outcome.folder / "rejected.csv", database, duplicate_check="DUPSYS", on_duplicate="update",
        update_fields="all", keep="last",
    )  # fmt: skip
    assert list(again.lead_ids.values()) == [3]
    assert len(again.rejected) == 2


@ON_SQLITE
def test_nothing_is_changed_where_nothing_is_a_duplicate(database: Database, loads: Loads) -> None:
    outcome = loads.load(
        [row(A), row(B)], database, duplicate_check="DUPSYS", on_duplicate="update"
    )
    assert len(outcome.loaded) == 2
    assert not (outcome.folder / "changes.csv").exists()


@ON_SQLITE
def test_default_and_forced_values_change_leads_too(database: Database, loads: Loads) -> None:
    fill(database.engine, TABLES)
    outcome = loads.load(
        [{"phone_number": A}, {"phone_number": C}], database, duplicate_check="DUPSYS",
        on_duplicate="update", default={"city": "Rome"}, force={"province": "Lazio"},
    )  # fmt: skip
    assert sorted(outcome.changes()) == [
        (2, 1, "city", "", "Rome"),
        (2, 1, "province", None, "Lazio"),
        (3, 3, "city", "", "Rome"),
        (3, 3, "province", None, "Lazio"),
    ]


@ON_SQLITE
def test_a_move_inside_the_list_changes_nothing(database: Database, loads: Loads) -> None:
    fill(database.engine, TABLES)
    rows = [{"phone_number": A}, {"phone_number": B}]
    outcome = loads.load(
        rows, database, duplicate_check="DUPLIST", on_duplicate="move", list_id="101"
    )
    assert (outcome.names(2), outcome.names(3)) == (["EXISTING_LEAD_UNCHANGED"], [])
    assert outcome.changes() == []


# --- keep, invalid_phone_fallback: against a plain reference ---

PHONES = (A, B, C, "12", "")
VALUES = ("", " ", "x")


@dataclass(frozen=True)
class Line:
    """A row of a small file."""

    number: int
    phone: str
    list_id: str
    alt_phone: str
    address3: str
    comments: str

    @property
    def filled(self) -> int:
        values = (self.phone, self.list_id, self.alt_phone, self.address3, self.comments)
        return sum(bool(value.strip()) for value in values)

    def promoted(self, name: str) -> "Line":
        taken: str = getattr(self, name)
        without = {"alt_phone": self.alt_phone, "address3": self.address3, name: ""}
        return Line(self.number, taken, self.list_id, comments=self.comments, **without)


@dataclass(frozen=True)
class Universe:
    """A small file and how to load it."""

    lines: tuple[Line, ...]
    keep: str
    check: str
    fallback: tuple[str, ...]

    def staying(self) -> dict[int, tuple[int, str]]:
        """Say which rows stay, and with what number; by row number the round and the number."""
        accepted: dict[int, tuple[int, Line]] = {}
        waiting = list(self.lines)
        for turn, name in enumerate(("", *self.fallback)):
            tried = [line.promoted(name) if name else line for line in waiting]
            for line in self.ordered([line for line in tried if line.phone.strip()]):
                good = len(line.phone) == 10
                if good and not any(self.same(line, other) for _, other in accepted.values()):
                    accepted[line.number] = (turn, line)
            waiting = [line for line in waiting if line.number not in accepted]
        return {number: (turn, line.phone) for number, (turn, line) in accepted.items()}

    def ordered(self, lines: list[Line]) -> list[Line]:
        if self.keep == "last":
            return lines[::-1]
        return sorted(lines, key=lambda line: -line.filled if self.keep == "best" else 0)

    def same(self, line: Line, other: Line) -> bool:
        offered = {other.phone, other.alt_phone} if "ALT" in self.check else {other.phone}
        of_list = "SYS" in self.check or line.list_id == other.list_id
        return line.phone in offered and of_list


def lines() -> st.SearchStrategy[tuple[Line, ...]]:
    values = st.tuples(
        st.sampled_from(PHONES),
        st.sampled_from(["101", "102"]),
        st.sampled_from(["", *PHONES]),
        st.sampled_from(["", *PHONES]),
        st.sampled_from(VALUES),
    )
    return st.lists(values, min_size=1, max_size=10).map(
        lambda rows: tuple(Line(n, *values) for n, values in enumerate(rows, 2))
    )


@pytest.mark.property
@settings(
    # Each is a whole load, or two.
    max_examples=max(settings().max_examples // 6, 1),
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    lines=lines(),
    keep=st.sampled_from(["first", "last", "best"]),
    check=st.sampled_from(["DUPSYS", "DUPLIST", "DUPPHONEALTSYS", "DUPPHONEALTLIST"]),
    fallback=st.sampled_from([(), ("alt_phone",), ("address3", "alt_phone")]),
    chunk_size=st.sampled_from([2, 3, 100]),
)
def test_who_stays_is_as_in_a_plain_reference(
    tmp_path: Path,
    lines: tuple[Line, ...],
    keep: str,
    check: str,
    fallback: tuple[str, ...],
    chunk_size: int,
) -> None:
    universe = Universe(lines, keep, check, fallback)
    rows = [
        {
            "phone_number": line.phone, "list_id": line.list_id, "alt_phone": line.alt_phone,
            "address3": line.address3, "comments": line.comments,
        }
        for line in lines
    ]  # fmt: skip
    folder = tmp_path / f"{time.monotonic_ns()}"
    folder.mkdir()
    outcome = Loads(folder).load(
        rows, None, "validate", duplicate_check=check, keep=keep, chunk_size=chunk_size,
        invalid_phone_fallback=fallback, phone_format="as-given",
    )  # fmt: skip
    staying = universe.staying()
    assert sorted(outcome.loaded) == sorted(staying)
    for number, (turn, _) in staying.items():
        promoted = [said for said in outcome.notices(number) if said.startswith("PHONE_PROMOTED")]
        assert len(promoted) == (turn > 0)
        if turn:
            assert promoted[0].startswith(f"PHONE_PROMOTED field={fallback[turn - 1]} instead_of=")
    for number, said in outcome.rejected.items():
        words = dict(word.split("=", 1) for word in said["details"].split() if "=" in word)
        if "DUPLICATE" in said["reason"]:
            assert int(words["row_number"]) in staying
            assert int(words["row_number"]) != number


# --- invalid_phone_fallback with all that rejects a number ---

FALLBACK: dict[str, Any] = {
    "duplicate_check": "DUPSYS",
    "dnc_check": "AREACODE",
    "campaign_dnc_check": "Y",
    "campaign_id": "EAST",
    "invalid_phone_fallback": "alt_phone,address3",
}
NEW = tuple(f"727555{n}" for n in range(6000, 6020))


def numbers(main: str, alt_phone: str = "", address3: str = "") -> dict[str, str]:
    return {"phone_number": main, "alt_phone": alt_phone, "address3": address3}


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / "litigators.csv"
    path.write_text("Phone,Name\n(727) 555-7777,x\n+1 727 555 7778,y\nnone,z\n")
    return path


@pytest.mark.sample(1)
@pytest.mark.parametrize("keep", ["first", "last", "best"])
@ON_SQLITE
def test_another_number_of_the_row_takes_the_place(
    database: Database, loads: Loads, feed: Path, keep: str
) -> None:
    dnc = {
        "vicidial_dnc": [{"phone_number": B}, {"phone_number": "212XXXXXXX"}],
        "vicidial_campaign_dnc": [{"phone_number": C, "campaign_id": "EAST"}],
    }
    fill(database.engine, TABLES | {"vicidial_list": EXISTING[:1]} | dnc)
    rows = [
        numbers("12", NEW[0]),
        numbers(B, NEW[1]),
        numbers(C, "", NEW[2]),
        numbers("7275557777", "7275557778", NEW[3]),
        numbers(A, "2125551234", NEW[4]),
        # The number of the row below, which has it as its own.
        numbers("7.27E+09", NEW[5]),
        numbers(NEW[5]),
        numbers("", A, "13"),
        numbers(NEW[6], NEW[7], NEW[8]),
        numbers(NEW[9], "", "x"),
    ]
    outcome = loads.load(
        rows, database, keep=keep, chunk_size=3, feed={"litigators": feed}, **FALLBACK
    )
    assert outcome.reasons == {7: "DAMAGED_PHONE_NUMBER", 9: "INVALID_PHONE_NUMBER_LENGTH"}
    said = {n: outcome.loaded[n]["notices"] for n in outcome.loaded}
    promoted = "PHONE_PROMOTED field={} instead_of={}"
    assert said == {
        2: promoted.format("alt_phone", "INVALID_PHONE_NUMBER_LENGTH"),
        3: promoted.format("alt_phone", "PHONE_NUMBER_IN_DNC"),
        4: promoted.format("address3", "PHONE_NUMBER_IN_CAMPAIGN_DNC"),
        5: promoted.format("address3", "PHONE_NUMBER_IN_FEED:litigators"),
        6: promoted.format("address3", "DUPLICATE_PHONE_NUMBER_IN_SYSTEM"),
        8: "",
        10: "",
        11: "",
    }
    assert outcome.summary.notices == {"PHONE_PROMOTED": 5}
    phones = leads(database, "phone_number", "alt_phone", "address3")
    stored = dict(zip(leads(database, "lead_id"), phones, strict=True))
    found = {n: stored[str(lead_id),] for n, lead_id in outcome.lead_ids.items()}
    assert found == {
        2: (NEW[0], "", ""),
        3: (NEW[1], "", ""),
        4: (NEW[2], "", ""),
        5: (NEW[3], "7275557778", ""),
        6: (NEW[4], "2125551234", ""),
        8: (NEW[5], "", ""),
        10: (NEW[6], NEW[7], NEW[8]),
        11: (NEW[9], "", "x"),
    }
    # The file's own values stay in the reject file, from which it can be loaded again.
    assert outcome.rejected[7]["phone_number"] == "7.27E+09"
    again = loads.load(
        outcome.folder / "rejected.csv", database, feed={"litigators": feed}, **FALLBACK
    )
    assert again.reasons == {2: "DAMAGED_PHONE_NUMBER", 3: "INVALID_PHONE_NUMBER_LENGTH"}


@ON_SQLITE
def test_a_row_that_changes_an_existing_lead_needs_no_other_number(
    database: Database, loads: Loads
) -> None:
    fill(database.engine, TABLES)
    rows = [
        {"phone_number": A, "alt_phone": NEW[0], "city": "Rome"},
        {"phone_number": A, "alt_phone": NEW[1], "city": "Oslo"},
        {"phone_number": "12", "alt_phone": B, "city": "Bonn"},
    ]
    outcome = loads.load(rows, database, on_duplicate="update", **FALLBACK)
    assert outcome.reasons == {}
    assert [sorted(outcome.names(n)) for n in (2, 3, 4)] == [
        ["UPDATED_EXISTING_LEAD"],
        ["PHONE_PROMOTED"],
        ["PHONE_PROMOTED", "UPDATED_EXISTING_LEAD"],
    ]
    assert leads(database, "phone_number", "city") == [
        (A, "Rome"), (B, "Bonn"), (C, ""), (NEW[1], "Oslo")
    ]  # fmt: skip


@ON_SQLITE
def test_a_fallback_that_the_file_lacks_is_remarked(database: Database, loads: Loads) -> None:
    outcome = loads.load(
        [{"phone_number": "12"}], database, invalid_phone_fallback="alt_phone,address3"
    )
    assert outcome.reasons == {2: "INVALID_PHONE_NUMBER_LENGTH"}
    for name in ("alt_phone", "address3"):
        assert f"invalid_phone_fallback: no column of the file fills {name}" in (
            outcome.summary.remarks
        )


# --- feeds ---


def write_feed(path: Path, content: str, days: float = 0) -> Path:
    data = content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    then = time.time() - days * 86_400
    os.utime(path, (then, then))
    return path


@ON_SQLITE
def test_feeds_answer_in_their_order(database: Database, loads: Loads, tmp_path: Path) -> None:
    feeds = {
        "litigators": write_feed(tmp_path / "l.csv.gz", f"Name,Phone\nx,+1{A}\ny,{B}\n"),
        "wireless": write_feed(tmp_path / "bare.txt", f"{B}\n{C}\n"),
        "one": write_feed(tmp_path / "one.csv", f"whatever\n1-{D}\n", days=3),
    }
    rows = [{"phone_number": phone} for phone in (A, B, C, D, E)]
    outcome = loads.load(rows, database, feed=feeds, feed_max_age=4)
    assert outcome.reasons == {
        2: "PHONE_NUMBER_IN_FEED:litigators",
        3: "PHONE_NUMBER_IN_FEED:litigators",
        4: "PHONE_NUMBER_IN_FEED:wireless",
        5: "PHONE_NUMBER_IN_FEED:one",
    }
    assert outcome.rejected[2]["details"] == f"phone_number={A} feed=litigators"
    assert outcome.summary.reasons == {
        "PHONE_NUMBER_IN_FEED:litigators": 2,
        "PHONE_NUMBER_IN_FEED:wireless": 1,
        "PHONE_NUMBER_IN_FEED:one": 1,
    }
    assert "feed one: 1 number, 3 days old" in outcome.summary.remarks
    assert leads(database, "phone_number") == [(E,)]
    validated = loads.load(rows, None, "validate", feed=feeds)
    assert validated.reasons == outcome.reasons


@ON_SQLITE
@pytest.mark.parametrize(
    ("feed", "error", "said"),
    [
        ({"old": "old.csv"}, SourceFileError, "feed old: .*written 9.0 days ago.*feed_max_age"),
        ({"none": "none.csv"}, NoSuchFileError, "feed none: .*none.csv"),
        ({"wide": "wide.csv"}, SourceFileError, "feed wide: .*which of the columns"),
        ({"a b": "old.csv"}, UsageError, "letters, digits"),
        ({"words": "words.csv"}, SourceFileError, "feed words: .*no phone number"),
    ],
    ids=["stale", "missing", "columns", "name", "no-numbers"],
)
def test_a_feed_that_cannot_be_used_stops_the_load(
    database: Database,
    loads: Loads,
    tmp_path: Path,
    feed: dict[str, str],
    error: type[Exception],
    said: str,
) -> None:
    write_feed(tmp_path / "old.csv", f"{A}\n", days=9)
    write_feed(tmp_path / "wide.csv", f"one,two\n{A},{B}\n")
    write_feed(tmp_path / "words.csv", "phone\nnone\nnever\n")
    feeds = {name: tmp_path / path for name, path in feed.items()}
    with pytest.raises(error, match=said):
        loads.load([{"phone_number": A}], database, feed=feeds, feed_max_age=7)
    assert not loads.results.exists()
    assert leads(database, "lead_id") == []


@ON_SQLITE
def test_feeds_on_the_command_line(
    database_url: str,
    loads: Loads,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_feed(tmp_path / "tps.csv", f"phone\n{A}\n", days=2)
    path = str(loads.file([{"phone_number": A}, {"phone_number": B}]))
    arguments = ["import", path, "--database", database_url, "--feed", "tps=tps.csv"]
    assert run([*arguments, "--results", "out"]) == 0
    said = capsys.readouterr().out
    line = next(line for line in said.splitlines() if "PHONE_NUMBER_IN_FEED:tps" in line)
    assert line.split()[1:3] == ["-1", "1"]
    assert "the number is in the feed" in line
    assert "do not call" in said
    assert "feed tps: 1 number, 2 days old" in said
    assert "PHONE_NUMBER_IN_FEED:tps" in Path("out/rejected.csv").read_text()
    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["reasons"] == {"PHONE_NUMBER_IN_FEED:tps": 1}
    assert summary["options"]["feed"] == {"tps": "tps.csv"}
    assert run([*arguments, "--feed-max-age", "1", "--results", "no"]) == 65
    assert "feed tps" in capsys.readouterr().err
    assert not Path("no").exists()


@pytest.mark.parametrize("chunk_size", [1, 2, 100])
def test_loaded_rows_stand_in_the_order_of_the_file(
    database: Database, tmp_path: Path, chunk_size: int
) -> None:
    loads = Loads(tmp_path)
    loads.load([{"phone_number": f"727555000{n}"} for n in (1, 3, 5)], database, list_id="101")
    rows = [{"phone_number": f"727555000{n}", "first_name": "Bo"} for n in range(1, 7)]
    options = {"duplicate_check": "DUPSYS", "on_duplicate": "update", "list_id": "101"}
    found = loads.load(rows, database, chunk_size=chunk_size, **options)
    lines = (found.folder / "loaded.csv").read_text("utf-8").splitlines()
    assert [line.partition(",")[0] for line in lines[1:]] == ["2", "3", "4", "5", "6", "7"]
