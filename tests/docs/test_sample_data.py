"""The sample files tell one story: what demo.py does, what the README says, what is pinned.

`python -m tests.docs.test_sample_data` writes sample_data/expected/ anew, from what the demo does
now.
"""

import csv
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from jobs.cli.main import run
from loader.database.schema import create_missing
from loader.extras.alt_phones import TABLE as ALT_PHONES
from loader.reasons import Reason
from sample_data.demo import COMMANDS, fixtures
from tests.support.once import made_once
from tests.support.server import fill
from tests.support.warm import SCRIPT, run_warm

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data"
README = (SAMPLE / "README.md").read_text("utf-8")
FILES = tuple(COMMANDS)

LAST_LEAD = max(lead["lead_id"] for lead in fixtures(datetime.now(UTC))["vicidial_list"])
"""The highest lead_id before the first load."""

EXCLUDED = {
    Reason.NOT_INSERTED: "the database would have to die in the middle of the load",
    Reason.IN_DOUBT: "the load would have to be killed, and somebody delete leads meanwhile",
    Reason.EXISTING_LEAD_GONE: "somebody would have to delete the lead in the middle of the load",
    Reason.OTHER_NUMBER_IN_DNC: "the demo does not ask for dnc_alt_phones",
    Reason.INVALID_PHONE_CODE: "no sample file has a column of phone codes",
    Reason.PHONE_NUMBER_TOO_WIDE: "the demo's columns are as wide as numbers can be",
    Reason.ENCRYPTED_CUSTOM_FIELD: "the demo would need a dialer that encrypts",
    Reason.CELL_WITHOUT_VALUE: "only spreadsheets have cells",
}

Row = dict[str, str]

ON_MARIADB: dict[str, dict[int, Row]] = {
    "leads": {
        # The trigger's own error, not SQLite's for any constraint.
        941: {"details": "error=1644"},
        # As installed, the dialer's columns hold no emoji.
        221: {"notices": "UNSTORABLE_REPLACED comments"},
    },
    "referrals": {35: {"reason": "UNSTORABLE_CHARACTERS", "details": "field=comments"}},
    "inquiries": {},
}
"""What is not the same there."""

TRIGGER = """CREATE TRIGGER no_test_leads BEFORE INSERT ON vicidial_list FOR EACH ROW
    IF LEFT(NEW.vendor_lead_code, 5) = 'TEST-'
    THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'test leads are not for the live table';
    END IF"""


def run_demo(root: Path) -> "subprocess.CompletedProcess[str]":
    """Run a copy of the demo, which has its folder to itself."""
    if not (root / "sample_data").exists():
        shutil.copytree(SAMPLE, root / "sample_data")
    return run_warm(root / "sample_data" / "demo.py", program=SCRIPT)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo that was run once; tests only read it."""
    return made_once(tmp_path_factory, "sample-data", _run_well) / "demo"


def _run_well(root: Path) -> None:
    done = run_demo(root)
    assert done.returncode == 0, done.stderr


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def outcomes(folder: Path) -> dict[int, Row]:
    """What is said of each row: lead_id and notices, or reason, details and add_lead."""
    names = ("lead_id", "notices", "reason", "details", "add_lead")
    rows = rows_of(folder / "loaded.csv") + rows_of(folder / "rejected.csv")
    said = {int(row["row_number"]): {n: row[n] for n in names if n in row} for row in rows}
    assert len(said) == len(rows), "a row has two outcomes"
    return dict(sorted(said.items()))


def pinned(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a summary that is the same every time; of a feed's age not even the plural is."""
    names = ("rows_read", "loaded", "rejected", "reasons", "notices", "lead_ids", "remarks")
    found = {name: summary[name] for name in ("options", "mapping", *names)}
    about = ("name", "sha256", "encoding", "bom", "delimiter", "header")
    found["remarks"] = [re.sub(r"\d+ days? old", "... old", said) for said in found["remarks"]]
    return {"file": {name: summary["file"][name] for name in about}} | found


def summary_of(folder: Path) -> dict[str, Any]:
    return pinned(json.loads((folder / "summary.json").read_text("utf-8")))


def expected(name: str) -> dict[int, Row]:
    return outcomes(SAMPLE / "expected" / name)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", FILES)
def test_every_row_has_the_pinned_outcome(demo: Path, name: str) -> None:
    assert outcomes(demo / "results" / name) == expected(name)


@pytest.mark.parametrize("name", FILES)
def test_the_summary_is_the_pinned_one(demo: Path, name: str) -> None:
    assert summary_of(demo / "results" / name) == summary_of(SAMPLE / "expected" / name)


@pytest.mark.parametrize("name", FILES)
def test_the_changes_are_the_pinned_ones(demo: Path, name: str) -> None:
    assert changes(demo / "results" / name) == changes(SAMPLE / "expected" / name)


def changes(folder: Path) -> str:
    """What changes.csv says, as text: a NULL has no quotes; empty if there is none."""
    file = folder / "changes.csv"
    return file.read_text("utf-8") if file.exists() else ""


def test_every_reason_occurs() -> None:
    said = [row for name in FILES for row in expected(name).values()]
    said += [row for rows in ON_MARIADB.values() for row in rows.values()]
    occurring = {Reason.of(row["reason"]) for row in said if "reason" in row}
    assert set(Reason) - occurring == set(EXCLUDED)


def test_the_demo_runs_again_over_what_it_left(demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo.parent, tmp_path, dirs_exist_ok=True)
    done = run_demo(tmp_path)
    assert done.returncode == 0, done.stderr
    folders = (tmp_path / "demo", demo)
    first, second = ([outcomes(f / "results" / name) for name in FILES] for f in folders)
    assert first == second
    for command in COMMANDS.values():
        assert shlex.split(command) in shell_commands(done.stdout)
    for path in re.findall(r"(?:demo|sample_data)/[\w./]+\.(?:csv|json|md|sqlite)", done.stdout):
        assert (tmp_path / path).exists(), path


def test_the_demo_ends_as_the_load_does(tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "sample_data")
    (tmp_path / "sample_data" / "leads.csv").unlink()
    demo = [sys.executable, str(tmp_path / "sample_data" / "demo.py")]
    done = subprocess.run(demo, check=False, capture_output=True, text=True)
    assert done.returncode == 66
    assert "leads.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_readme_has_the_commands() -> None:
    said = shell_commands(README)
    for command in COMMANDS.values():
        assert shlex.split(command) in said


def shell_commands(page: str) -> list[list[str]]:
    lines = page.replace("\\\n", " ").splitlines()
    commands = (line.strip().removeprefix("$ ") for line in lines if "leadloader " in line)
    return [shlex.split(line) for line in commands if line.startswith("leadloader ")]


def told(name: str) -> Iterator[tuple[int, str]]:
    """The row numbers and outcomes in the README's table of a file."""
    section = README.partition(f"### Rows of {name}")[2].partition("\n#")[0]
    for rows, outcome in re.findall(r"^\| ([\d, ]+) \| `([A-Z_a-z:]+)`", section, re.MULTILINE):
        for row in re.findall(r"\d+", rows):
            yield int(row), outcome


@pytest.mark.parametrize("name", FILES)
def test_the_readme_tells_what_happens(name: str) -> None:
    rows = expected(name)
    tales = dict(told(name))
    assert {n: outcome for n, outcome in tales.items() if outcome not in outcomes_of(rows[n])} == {}
    assert {number for number, row in rows.items() if "reason" in row} <= set(tales)


def outcomes_of(row: Row) -> set[str]:
    """What a table may say of a row: the reason, or else one of the notices, or that it loaded."""
    if "reason" in row:
        return {row["reason"]}
    return {notice.partition(" ")[0] for notice in row["notices"].split("; ")} - {""} or {"loaded"}


@pytest.mark.parametrize("name", FILES)
def test_the_readme_has_the_totals(name: str) -> None:
    summary = summary_of(SAMPLE / "expected" / name)
    source = Path(summary["file"]["name"]).name
    counts = " | ".join(f"{summary[column]:,}" for column in ("rows_read", "loaded", "rejected"))
    assert f"| `{source}` | {counts} |" in README


STORED = [
    pytest.param(
        21,
        {"comments": 'Gate code 4411. Dog is friendly, "Rex"', "phone_number": "7275550151"},
        id="line break in a note",
    ),
    pytest.param(
        41,
        {"first_name": 'Robert "Bob"', "last_name": "Núñez, Jr.", "city": "Tampa"},
        id="quotes, commas and accents",
    ),
    pytest.param(61, {"phone_number": "2125550153"}, id="extension"),
    pytest.param(81, {"phone_code": "1", "phone_number": "6175550154"}, id="full-width digits"),
    pytest.param(101, {"phone_code": "1", "phone_number": "3035550155"}, id="00 for +"),
    pytest.param(121, {"date_of_birth": "1971-03-09"}, id="year of two digits"),
    pytest.param(141, {"date_of_birth": "0000-00-00"}, id="date of another form"),
    pytest.param(161, {"title": "Prof"}, id="title of nine letters"),
    pytest.param(181, {"gender": "U"}, id="unknown sex"),
    pytest.param(221, {"comments": "very happy customer 😀"}, id="emoji"),
    pytest.param(241, {"list_id": 102}, id="list of the row"),
    pytest.param(361, {"alt_phone": "ask for Joe"}, id="other phone that is none"),
]  # fmt: skip


@pytest.mark.parametrize(("row_number", "fields"), STORED)
def test_ugly_rows_are_stored_well(demo: Path, row_number: int, fields: dict[str, Any]) -> None:
    lead_id = outcomes(demo / "results" / "leads")[row_number]["lead_id"]
    assert stored(demo, f"lead_id = {lead_id}", *fields) == [tuple(fields.values())]


def test_inquiries_bring_what_the_readme_says(demo: Path) -> None:
    ids = {n: row.get("lead_id", "") for n, row in expected("inquiries").items()}
    assert tables(demo, "custom_104", ids[2], "roof_age", "monthly_bill") == [("12", "180")]
    assert tables(demo, "custom_104", ids[20], "survey_date") == [("0000-00-00",)]
    numbers = [("8135550107", "work"), ("8135550113", "his sister")]
    assert tables(demo, ALT_PHONES, ids[3], "phone_number", "alt_phone_note") == numbers
    callback = [("2035-03-05 17:30:00", "USERONLY", "partner")]
    columns = ("callback_time", "recipient", "user")
    assert tables(demo, "vicidial_callbacks", ids[5], *columns) == callback
    assert tables(demo, "vicidial_hopper", ids[5], "status") == []
    assert tables(demo, "vicidial_hopper", ids[6], "status") == [("READY",)]
    assert tables(demo, "vicidial_hopper", ids[8], "status") == []
    leads = "vicidial_list"
    assert tables(demo, leads, ids[4], "status", "source_id") == [("CBHOLD", "website")]
    assert tables(demo, leads, ids[6], "status", "entry_list_id") == [("NEW", 104)]
    assert tables(demo, leads, ids[9], "state") == [("FL",)]
    assert tables(demo, leads, ids[14], "phone_number", "alt_phone") == [("4045550106", "")]
    assert tables(demo, leads, ids[15], "city", "phone_number") == [("Clearwater", "7275550199")]
    hours = [float(tables(demo, leads, ids[row], "gmt_offset_now")[0][0]) for row in (10, 11)]
    # Idaho's north and Washington, in winter or summer.
    assert hours in ([-8.0, -8.0], [-7.0, -7.0])


RESERVED = {
    "1": r"[2-9]\d\d55501\d\d",
    "44": r"207946\d{4}|(?:161|121|131|113)4960\d{3}",
    "61": r"4915701(?:57|58|59|10)|491570(?:313|737)|(?:255|755|855)50\d{4}|37010\d{4}",
    "33": r"19900\d{4}",
    "49": r"3023125\d{3}",
}
"""Numbers that their countries keep free for films and examples, by phone_code."""


def test_no_lead_is_anyone(demo: Path) -> None:
    leads = stored(demo, "TRUE", "phone_code", "phone_number", "alt_phone", "email")
    assert len(leads) > 1_000
    for phone_code, phone_number, alt_phone, email in leads:
        assert re.fullmatch(RESERVED[phone_code], phone_number)
        assert alt_phone in {"", "ask for Joe"} or re.fullmatch(RESERVED["1"], alt_phone)
        assert not email or email.endswith("@example.com")

    for phone_code, phone_number in tables(demo, ALT_PHONES, "", "phone_code", "phone_number"):
        assert re.fullmatch(RESERVED[phone_code], phone_number)


def stored(demo: Path, where: str, *columns: str) -> list[tuple[Any, ...]]:
    return query(f"sqlite:///{demo / 'leads.sqlite'}", where, *columns)


def tables(demo: Path, table: str, lead_id: str, *columns: str) -> list[tuple[Any, ...]]:
    """The rows of a table that belong to a lead; all of them, if it is none."""
    where = f"lead_id = {lead_id}" if lead_id else "TRUE"
    return query(f"sqlite:///{demo / 'leads.sqlite'}", where, *columns, table=table)


def query(
    url: str, where: str, *columns: str, table: str = "vicidial_list"
) -> list[tuple[Any, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        statement = f"SELECT {', '.join(columns)} FROM {table} WHERE {where}"
        found = [tuple(row) for row in connection.execute(text(statement))]
    engine.dispose()
    return found


def adapted(name: str, **changed: object) -> list[str]:
    """A command of the demo with other values of some options."""
    words = shlex.split(COMMANDS[name])[1:]
    for option, value in changed.items():
        words[words.index(f"--{option}") + 1] = str(value)
    return words


def test_corrected_rejects_load(demo: Path, tmp_path: Path) -> None:
    corrections = {
        "481": {"List": "102"},
        "501": {"Phone": "727-555-0169"},
        "541": {"Phone": "302-555-0151"},
    }
    rejected = rows_of(demo / "results" / "leads" / "rejected.csv")
    for row in rejected:
        row.update(corrections.get(row["row_number"], {}))
    corrected = tmp_path / "corrected.csv"
    with corrected.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rejected[0]))
        writer.writeheader()
        writer.writerows(rejected)
    database = shutil.copy(demo / "leads.sqlite", tmp_path)
    words = adapted("leads", database=f"sqlite:///{database}", results=tmp_path / "again")
    words[1] = str(corrected)

    assert run(words) == 0

    again = outcomes(tmp_path / "again")
    loaded = {n: row["lead_id"] for n, row in again.items() if "lead_id" in row}
    sent = {n: row["row_number"] for n, row in enumerate(rejected, 2)}
    assert {sent[n] for n in loaded} == set(corrections)
    ids = ", ".join(loaded.values())
    codes = query(f"sqlite:///{database}", f"lead_id IN ({ids})", "vendor_lead_code", "list_id")
    assert codes == [(row["Vendor ID"], 102 if row["List"] == "102" else 101)
                     for row in rejected if row["row_number"] in corrections]  # fmt: skip


@pytest.mark.engines("myisam", "innodb")
def test_mariadb_gives_the_same_answers(
    engine_name: str, empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A database of its own, for the trigger would stay in the one that tests share.
    engine = create_engine(empty_database_url)
    create_missing(engine, storage_engine=engine_name)
    fill(engine, fixtures(datetime.now(UTC).astimezone()))
    with engine.begin() as connection:
        connection.exec_driver_sql(TRIGGER)
    engine.dispose()
    monkeypatch.chdir(ROOT)
    for name in FILES:
        assert run(adapted(name, database=empty_database_url, results=tmp_path / name)) == 0
        assert without_new_ids(outcomes(tmp_path / name)) == without_new_ids(on_mariadb(name))
        assert changes(tmp_path / name) == changes(SAMPLE / "expected" / name)


def on_mariadb(name: str) -> dict[int, Row]:
    """The pinned outcomes, with what is different there."""
    rows = expected(name)
    for number, row in ON_MARIADB[name].items():
        rejected_only_there = "reason" in row and "lead_id" in rows[number]
        rows[number] = {"add_lead": ""} | row if rejected_only_there else rows[number] | row
    return rows


def without_new_ids(rows: dict[int, Row]) -> dict[int, Row]:
    """Leave out the ids that the loads gave out: some engines leave gaps between them."""

    def mask(match: re.Match[str]) -> str:
        return "new" if int(match[0]) > LAST_LEAD else match[0]

    masked = {"lead_id": r"\d+", "details": r"(?<=lead_id=)\d+", "add_lead": r"(?<=\|)\d{4}\b"}
    counted = re.compile(r"(?<=hopper_id=)\d+|(?<=callback_id=)\d+")
    return {
        number: {
            name: re.sub(masked[name], mask, value) if name in masked else counted.sub("new", value)
            for name, value in row.items()
        }
        for number, row in rows.items()
    }


def write_expected() -> None:
    """Pin what the demo does now."""
    with tempfile.TemporaryDirectory() as folder:
        done = run_demo(Path(folder))
        if done.returncode:
            sys.exit(done.stderr)
        for name in FILES:
            results, target = Path(folder, "demo", "results", name), SAMPLE / "expected" / name
            target.mkdir(parents=True, exist_ok=True)
            for file in results.glob("*.csv"):
                shutil.copy(file, target)
            summary = json.dumps(summary_of(results), indent=2, ensure_ascii=False)
            (target / "summary.json").write_text(summary + "\n", "utf-8")


if __name__ == "__main__":
    write_expected()
