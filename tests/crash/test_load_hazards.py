"""What servers, tables, other sessions and disks do to a load: it goes well or is said clearly."""

import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine, event

from jobs.cli.main import run as run_command
from jobs.watchers import Watchers
from loader.database import schema
from loader.database.connection import Database
from loader.database.short_reads import ShortReads
from loader.errors import (
    ConfigurationError,
    DatabaseUnavailableError,
    NoSuchFileError,
    ResultsError,
    SourceFileError,
    UsageError,
)
from loader.options.load import LoadOptions
from loader.queries.facts import read_dialer
from loader.queries.indexes import among
from tests.conformance.replay import read
from tests.support.loads import (
    Loads,
    Outcome,
    assert_extras_match,
    leads,
    load_file,
    outcome_of,
    snapshot,
)
from tests.support.products import PRODUCT
from tests.support.server import Server, fill, run

ON_SERVERS = pytest.mark.engines("myisam", "innodb")

TABLES: dict[str, list[dict[str, Any]]] = {
    "system_settings": [{"custom_fields_enabled": "1"}],
    "vicidial_campaigns": [{"campaign_id": "TEST"}],
    "vicidial_lists": [{"list_id": 101, "campaign_id": "TEST"}],
    "vicidial_lists_fields": [{"list_id": 101, "field_label": "colour", "field_type": "TEXT"}],
    "custom_tables": [{"table": "custom_101", "columns": {"colour": "VARCHAR(90)"}}],
}
EXTRAS = ("vicidial_list_alt_phones", "custom_101", "vicidial_hopper", "vicidial_callbacks")
OPTIONS: dict[str, Any] = {
    "list_id": "101",
    "campaign_id": "TEST",
    "custom_fields": "Y",
    "add_to_hopper": "Y",
    "callback": "Y",
    "callback_datetime": "2030-01-02",
    "batch_size": 4,
}
UPDATE: dict[str, Any] = {
    "list_id": "101",
    "duplicate_check": "DUPSYS",
    "on_duplicate": "update",
    "update_fields": "all",
}
MOMENTS = ("entry_date", "modify_date", "last_local_call_time")


def rows(count: int, **values: str) -> list[dict[str, str]]:
    """Give rows with everything that can come with a lead."""
    return [
        {
            "phone_number": f"727555{number:04}", "last_name": f"name{number}",
            "vendor_lead_code": f"v{number}", "colour": f"c{number}",
            "callback_comments": f"call {number}",
            "multi_alt_phones": f"7275550000_1_n{number}!7275550001_1_x", **values,
        }
        for number in range(count)
    ]  # fmt: skip


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


@pytest.fixture
def dialer(database_url: str) -> str:
    """The address of a database with a list whose leads can have everything."""
    fill(database_url, TABLES)
    return database_url


@pytest.fixture
def own_dialer(empty_database_url: str, engine_name: str) -> str:
    """The address of another such database, whose tables a test may alter."""
    with opened(empty_database_url) as it:
        schema.create_missing(it.engine, storage_engine=engine_name)
    fill(empty_database_url, TABLES)
    return empty_database_url


@contextmanager
def opened(url: str, sleep: Callable[[float], object] = lambda _: None) -> Iterator[Database]:
    database = Database(url, sleep=lambda seconds: (sleep(seconds), None)[1])
    yield database
    database.engine.dispose()


@contextmanager
def server_wide(server: Server, **values: object) -> Iterator[None]:
    """Set variables for the sessions that begin from now on."""
    with ExitStack() as stack:
        for name, value in values.items():
            [(before,)] = server.execute(f"SELECT @@GLOBAL.{name}")
            stack.callback(server.execute, f"SET GLOBAL {name} = %s", before)
            server.execute(f"SET GLOBAL {name} = %s", value)
        yield


@contextmanager
def session(url: str) -> Iterator[Any]:
    """Give a cursor of another session, whose transaction ends with it."""
    with closing(create_engine(url, poolclass=NullPool).raw_connection()) as other:
        yield other.cursor()


def once_before(database: Database, text: str, action: Callable[[], object]) -> None:
    """Act once, before the first statement with a text."""
    waiting = [action]

    def look(*arguments: Any) -> None:
        if waiting and text in arguments[2]:
            waiting.pop()()

    event.listen(database.engine, "before_cursor_execute", look)


def never_wait(connection: Any, _record: object) -> None:
    connection.cursor().execute("SET lock_wait_timeout = 0, innodb_lock_wait_timeout = 0")


def assert_all_in(outcome: Outcome, database: Database, count: int) -> None:
    """Everything of `rows` is stored, once."""
    assert (outcome.summary.loaded, outcome.reasons) == (count, {})
    assert outcome.summary.notices == {
        "ALT_PHONES_LOADED": count, "CUSTOM_FIELDS_ADDED": count,
        "ADDED_TO_HOPPER": count, "CALLBACK_ADDED": count,
    }  # fmt: skip
    assert leads(database, "last_name") == [(f"name{number}",) for number in range(count)]
    assert_extras_match(outcome, database)


# --- locks of other sessions ---

LOCKED = ("vicidial_list", "vicidial_list_alt_phones", "custom_101")


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize("table", LOCKED)
def test_a_table_that_others_lock_is_waited_for(dialer: str, loads: Loads, table: str) -> None:
    with session(dialer) as other, opened(dialer, lambda _: other.execute("UNLOCK TABLES")) as it:
        event.listen(it.engine, "connect", never_wait)
        # Of a custom table leftovers are looked for first.
        statement = "FROM custom_101" if table == "custom_101" else f"INTO TABLE `{table}`"
        once_before(it, statement, lambda: other.execute(f"LOCK TABLES {table} WRITE"))
        outcome = loads.load(rows(10), it, **OPTIONS)
        assert_all_in(outcome, it, 10)


@pytest.mark.sample(1)
@pytest.mark.engines("innodb")
@pytest.mark.parametrize("table", LOCKED)
def test_rows_and_gaps_that_others_lock_are_waited_for(
    dialer: str, loads: Loads, table: str
) -> None:
    with session(dialer) as other, opened(dialer, lambda _: other.execute("ROLLBACK")) as it:
        event.listen(it.engine, "connect", never_wait)
        lock = f"SELECT * FROM {table} FOR UPDATE"
        once_before(it, f"INTO TABLE `{table}`", lambda: other.execute(lock))
        outcome = loads.load(rows(10), it, **OPTIONS)
        assert_all_in(outcome, it, 10)


# Rows that part the gaps of an index: the first row of a load is free, others lock where the next
# one belongs.
DEADLOCKS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "vicidial_list": (
        [{"lead_id": n, "phone_number": f"7275550000{n % 900}"} for n in (900, 901)],
        "phone_number = '72755500001'",
    ),
    "vicidial_list_alt_phones": ([{"lead_id": n} for n in (1002, 1003)], "lead_id = 1003"),
}


@pytest.mark.sample(1)
@pytest.mark.engines("innodb")
@pytest.mark.parametrize("table", DEADLOCKS)
def test_the_victim_of_a_deadlock_loses_nothing(dialer: str, loads: Loads, table: str) -> None:
    there, locked = DEADLOCKS[table]
    first_lead = {"lead_id": 1000, "phone_number": "1", "modify_date": "2020-01-01"}
    # Who has changed more than the load is not the victim.
    weight = [{"phone_number": f"{number}"} for number in range(300)]
    fill(dialer, {"vicidial_dnc": weight, table: there})
    fill(dialer, {"vicidial_list": [first_lead]})
    tries: list[str] = []

    def lock() -> None:
        other.execute("BEGIN")
        other.execute("DELETE FROM vicidial_dnc")
        other.execute(f"SELECT * FROM {table} WHERE {locked} FOR UPDATE")
        other.fetchall()
        thread.start()

    def close_the_circle() -> None:
        states = "SELECT trx_state FROM information_schema.innodb_trx"
        wait_until(lambda: ("LOCK WAIT",) in run(dialer, states))
        other.execute(f"SELECT * FROM {table} FOR UPDATE")
        other.execute("ROLLBACK")

    thread = threading.Thread(target=close_the_circle, daemon=True)
    with session(dialer) as other, opened(dialer, lambda _: tries.append("again")) as it:
        once_before(it, f"INTO TABLE `{table}`", lock)
        outcome = loads.load(rows(4), it, **OPTIONS)
        thread.join(20)
        run(dialer, "DELETE FROM vicidial_list WHERE lead_id <= 1000")
        if table != "vicidial_list":
            run(dialer, f"DELETE FROM {table} LIMIT 2")
        assert_all_in(outcome, it, 4)
    assert tries == ["again"]


def wait_until(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline, "never reached"
        # Who asks InnoDB more often than that is given old answers.
        time.sleep(0.15)


@ON_SERVERS
@pytest.mark.parametrize("table", ["vicidial_list", "vicidial_list_alt_phones"])
def test_a_lock_that_stays_is_said(dialer: str, loads: Loads, table: str) -> None:
    with session(dialer) as other, opened(dialer) as it:
        event.listen(it.engine, "connect", never_wait)
        once_before(
            it, f"INTO TABLE `{table}`", lambda: other.execute(f"LOCK TABLES {table} WRITE")
        )
        with pytest.raises(DatabaseUnavailableError, match=r"locked.*error 1205"):
            loads.load(rows(10), it, **OPTIONS)


@ON_SERVERS
def test_leads_that_others_lock_while_they_are_updated_are_waited_for(
    dialer: str, loads: Loads
) -> None:
    with session(dialer) as other, opened(dialer, lambda _: other.execute("ROLLBACK")) as it:
        event.listen(it.engine, "connect", never_wait)
        loads.load(rows(6), it, list_id="101")

        def lock() -> None:
            other.execute("BEGIN")
            other.execute("UPDATE vicidial_list SET city = 'theirs' WHERE lead_id = 3")

        once_before(it, "UPDATE (", lock)
        outcome = loads.load(rows(6, city="ours"), it, **UPDATE)
        assert outcome.summary.notices == {"UPDATED_EXISTING_LEAD": 6}
        assert leads(it, "city") == [("ours",)] * 6
    # What was not committed was never there; without transactions it was.
    assert {old for _, _, _, old, _ in outcome.changes()} <= {"", "theirs"}


# --- what the server is set to ---

FAT = {"comments": "é" * 255, "address1": "x" * 100, "address2": "y'" * 50, "city": "\\" * 50}


@ON_SERVERS
@pytest.mark.parametrize("packet", [1 << 16, 1 << 18])
def test_a_max_allowed_packet_that_is_too_small_is_said_before_anything_is_read(
    dialer: str, server: Server, loads: Loads, packet: int
) -> None:
    path = loads.file(rows(3))
    with server_wide(server, max_allowed_packet=packet), opened(dialer) as it:
        with pytest.raises(ConfigurationError, match=f"max_allowed_packet is {packet} bytes.*1 MB"):
            loads.load(path, it, **OPTIONS)
        assert not loads.results.exists()
    with opened(dialer) as it:
        assert leads(it, "lead_id") == []


@pytest.mark.sample(1)
@pytest.mark.engines("innodb")
@pytest.mark.parametrize("local_infile", [1, 0])
def test_fat_rows_go_through_the_smallest_packet(
    dialer: str, server: Server, loads: Loads, local_infile: int
) -> None:
    settings = {"max_allowed_packet": 1 << 20, "local_infile": local_infile}
    with server_wide(server, **settings), opened(dialer) as it:
        fat = rows(1500, **FAT)
        outcome = loads.load(fat, it, **OPTIONS | {"batch_size": 1500, "duplicate_check": "DUPSYS"})
        assert_all_in(outcome, it, 1500)
        again = [row | {"comments": "ü" * 255, "address2": "z\\" * 50} for row in fat]
        outcome = loads.load(again, it, batch_size=1500, **UPDATE)
        assert outcome.summary.notices == {"UPDATED_EXISTING_LEAD": 1500}
        assert set(leads(it, "comments", "address2")) == {("ü" * 255, "z\\" * 50)}


@pytest.mark.engines("innodb")
def test_many_numbers_are_asked_for_through_the_smallest_packet(
    dialer: str, server: Server
) -> None:
    with server_wide(server, max_allowed_packet=1 << 20), opened(dialer) as it:
        facts = read_dialer(it, LoadOptions(duplicate_check="DUPSYS"))
        numbers = [f"{number:018}" for number in range(100_000)]
        question = among("vicidial_list", "phone_number", facts, "lead_id")
        assert ShortReads(it, locks=False).rows(question, numbers) == []


ODD = {
    "last_name": "O'Neil \\ \"x\" \\' % {} ;-- ", "comments": "\\n\\0 a\\", "city": "'||'",
    "colour": "a\"b'c\\", "callback_comments": "\\\\ ''", "vendor_lead_code": "%s\\",
    "multi_alt_phones": "7275550000_1_a'b\"c\\!7275550001_1_\\",
}  # fmt: skip
OF_MARIADB = ("ORACLE", "EMPTY_STRING_IS_NULL") if PRODUCT.is_mariadb else ()
MODES = (
    "", "ANSI,NO_BACKSLASH_ESCAPES", "NO_BACKSLASH_ESCAPES", "TRADITIONAL", *OF_MARIADB,
    "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,PAD_CHAR_TO_FULL_LENGTH",
    "ONLY_FULL_GROUP_BY,IGNORE_SPACE,NO_UNSIGNED_SUBTRACTION",
)  # fmt: skip
SETTINGS: tuple[dict[str, object], ...] = (
    *({"sql_mode": mode} for mode in MODES),
    {"autocommit": 0, "completion_type": 1},
    {PRODUCT.isolation: "SERIALIZABLE"},
    {"character_set_server": "latin1", "low_priority_updates": 1, "local_infile": 0},
    {"sql_safe_updates": 1, "group_concat_max_len": 4},
    *([{"old_mode": ""}] if PRODUCT.is_mariadb else []),
)
TOGETHER: dict[str, object] = {
    **{name: value for settings in SETTINGS for name, value in settings.items()},
    "sql_mode": ",".join(filter(None, MODES)),
}
SAMPLE = (SETTINGS[0], TOGETHER, TOGETHER | {"local_infile": 1})


@pytest.mark.engines("innodb")
def test_whatever_the_server_is_set_to_the_same_is_stored(
    dialer: str, server: Server, loads: Loads, pytestconfig: pytest.Config
) -> None:
    path = loads.file([*rows(3, **ODD), {"phone_number": "7275559999", "last_name": "-"}])
    changing = loads.file([row | {"city": "\\'", "comments": '"\\'} for row in rows(2, **ODD)])
    found = {}
    for settings in ({}, *SAMPLE, *(SETTINGS if pytestconfig.getoption("full") else ())):
        for name in ("vicidial_list", *EXTRAS, *(["leadloader_runs"] if found else [])):
            run(dialer, f"TRUNCATE {name}")
        with server_wide(server, **settings), opened(dialer) as it:
            first = loads.load(path, it, **OPTIONS)
            second = loads.load(changing, it, **UPDATE)
        with opened(dialer) as it:
            stored = snapshot(it, *MOMENTS)
            assert_extras_match(first, it)
        for callback in stored["vicidial_callbacks"]:
            del callback["entry_time"], callback["modify_date"]
        told = first.loaded, second.loaded, second.changes()
        found[str(settings)] = repr((stored, told)).replace("'callback_", "\n'callback_")
    expected = found["{}"]
    assert "UPDATED_EXISTING_LEAD" in expected
    assert {name for name, what in found.items() if what != expected} == set()


# --- characters that columns cannot hold ---

NAMES = (
    "Müller",
    "Łukasz",
    "Ђорђе",
    "Ωmega",
    "שלום",
    "日本",
    "한국",
    "ไทย",
    "\U0001f642 Bob",
    "€5",
    "a\u0301",
)
FIELDS = {
    "vicidial_list": ("last_name", "vendor_lead_code"),
    "vicidial_list_alt_phones": ("alt_phone_note",),
    "custom_101": ("colour",),
    "vicidial_hopper": ("vendor_lead_code",),
    "vicidial_callbacks": ("comments",),
}
SAID_AS = {"alt_phone_note": "multi_alt_phones", "comments": "callback_comments"}


@pytest.mark.sample(1)
@pytest.mark.engines("myisam")
@pytest.mark.parametrize("charset", ["utf8mb3", "latin1", "utf8mb4"])
def test_no_question_mark_gets_into_any_table_in_silence(
    own_dialer: str, loads: Loads, charset: str
) -> None:
    given = ("last_name", "vendor_lead_code", "colour", "callback_comments")
    path = loads.file(
        [
            dict.fromkeys(given, name)
            | {"phone_number": f"727555{n:04}", "multi_alt_phones": f"7275550000_1_{name}"}
            for n, name in enumerate(NAMES)
        ]
    )
    set_charset(own_dialer, charset)
    with opened(own_dialer) as it:
        outcome = loads.load(path, it, **OPTIONS)
        assert outcome.summary.loaded == len(NAMES)
        assert_extras_match(outcome, it)
        for table, columns in FIELDS.items():
            query = f"SELECT {', '.join(columns)} FROM {table} ORDER BY lead_id"
            for row, (name, held) in enumerate(zip(NAMES, read(it, query), strict=True), start=2):
                said = " ".join(n for n in outcome.notices(row) if "UNSTORABLE_REPLACED" in n)
                for column in columns:
                    is_said = SAID_AS.get(column, column) in said
                    assert is_said == (held[column] != name), (table, column, name)
                    assert is_said == ("?" in held[column])
        if charset == "utf8mb4":
            return
        reasons = loads.load(path, it, unstorable="reject", **OPTIONS).reasons
        assert set(reasons.values()) == {"UNSTORABLE_CHARACTERS"}


def set_charset(url: str, charset: str) -> None:
    """Let what `FIELDS` names have a character set."""
    widths = {("vicidial_callbacks", "comments"): 255, ("custom_101", "colour"): 90}
    for table, columns in FIELDS.items():
        kinds = (
            f"MODIFY {name} VARCHAR({widths.get((table, name), 30)}) CHARACTER SET {charset}"
            for name in columns
        )
        run(url, f"ALTER TABLE {table} {', '.join(kinds)}")


@pytest.mark.engines("myisam")
def test_of_each_of_the_servers_character_sets_what_is_stored_is_known(
    database_url: str, server: Server, loads: Loads
) -> None:
    charsets = sorted({name for name, *_ in server.execute("SHOW CHARACTER SET")} - {"binary"})
    labels = [f"text_{charset}" for charset in charsets]
    kinds = {f"text_{name}": f"VARCHAR(40) CHARACTER SET {name}" for name in charsets}
    fields = [
        {"list_id": 101, "field_label": label, "field_type": "TEXT", "field_rank": n}
        for n, label in enumerate(labels)
    ]
    custom = [{"table": "custom_101", "columns": kinds}]
    fill(database_url, TABLES | {"vicidial_lists_fields": fields, "custom_tables": custom})
    rows = [
        {"phone_number": f"727{200 + place}{n:04}", label: name}
        for place, label in enumerate(labels)
        for n, name in enumerate(NAMES)
    ]
    with opened(database_url) as it:
        outcome = loads.load(rows, it, list_id="101", campaign_id="TEST", custom_fields="Y")
        held = read(it, "SELECT * FROM custom_101 ORDER BY lead_id")
    silent = [
        (row, stored)
        for number, (row, stored) in enumerate(zip(rows, held, strict=True), start=2)
        for label in row.keys() - {"phone_number"}
        if (stored[label] != row[label])
        != any(said.startswith(WARNS) for said in outcome.notices(number))
    ]
    assert silent == []


WARNS = ("UNSTORABLE_REPLACED", "CHANGED_BY_SERVER table=custom_101")


# --- disks and folders ---


@contextmanager
def files_of_at_most(size: int) -> Iterator[Callable[[], None]]:
    """Give what lets no file of this process grow any more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


BEFORE_THE_INSERT = ("check", "first check")
PLACES = (*BEFORE_THE_INSERT, "insert", "read back", "commit", "rejected.csv", "summary.json")


@pytest.mark.sample(1)
@ON_SERVERS
@pytest.mark.parametrize("place", PLACES)
def test_a_full_disk_is_said_and_nothing_is_lost(dialer: str, loads: Loads, place: str) -> None:
    bad = [{"phone_number": "1", "last_name": "bad"}]
    path = loads.file([*rows(10), *bad])
    results = loads.folder / "out"
    with opened(dialer) as it, files_of_at_most(0) as fill_up:

        def progress(stage: str, _done: int, share: float) -> None:
            if (stage, place) == ("check", "check"):
                fill_up()
            if stage == "insert" and share == 1 and place.endswith((".csv", ".json")):
                [plan] = (results / ".work").glob("*/plan.json")
                plan.with_name(place).symlink_to("/dev/full")

        statements = {"insert": "LOAD DATA", "read back": "CONCAT_WS"}
        if place in statements:
            once_before(it, statements[place], fill_up)
        if place == "commit":
            on_commit = ("commit", lambda _connection: fill_up())
            once_before(it, "CONCAT_WS", lambda: event.listen(it.engine, *on_commit))
        begin = fill_up if place == "first check" else lambda: None
        watchers = Watchers(started=lambda _source, _mapping: begin(), progress=progress)
        with pytest.raises(ResultsError, match=r"File too large|No space left") as caught:
            load_file(path, LoadOptions(**OPTIONS), it, results, watchers=watchers)
    assert caught.value.exit_code == 74
    if place in BEFORE_THE_INSERT:
        assert not results.exists()
    with opened(dialer) as it:
        assert (leads(it, "lead_id") == []) == (place in BEFORE_THE_INSERT)
        # When there is room again.
        if place.endswith((".csv", ".json")):
            [plan] = (results / ".work").glob("*/plan.json")
            plan.with_name(place).unlink()
        load_file(path, LoadOptions(**OPTIONS), it, results)
        outcome = outcome_of(results)
        assert outcome.reasons == {12: "INVALID_PHONE_NUMBER_LENGTH"}
        assert leads(it, "last_name") == [(f"name{number}",) for number in range(10)]
        assert_extras_match(outcome, it)


@pytest.mark.engines("sqlite")
def test_a_results_folder_that_is_a_file(
    dialer: str, loads: Loads, capsys: pytest.CaptureFixture[str]
) -> None:
    path = loads.file(rows(2))
    (loads.folder / "file").write_text("mine")
    for results in ("file", "file/below"):
        where = str(loads.folder / results)
        arguments = ["import", str(path), "--list-id", "101", "--results", where]
        assert run_command([*arguments, "--database", dialer]) == 64
        assert f"results folder {where}: " in capsys.readouterr().err
    assert (loads.folder / "file").read_text() == "mine"
    with opened(dialer) as it:
        assert leads(it, "lead_id") == []


@contextmanager
def read_only_folder() -> Iterator[Path]:
    """Give a folder in which this process can make no file; root has to be somebody else."""
    with tempfile.TemporaryDirectory(prefix="leadloader-") as name:
        folder, was_root = Path(name), os.geteuid() == 0
        try:
            yield folder
        finally:
            if was_root:
                os.seteuid(0)
            folder.chmod(0o700)


@pytest.mark.engines("innodb")
def test_a_read_only_folder(dialer: str, loads: Loads) -> None:
    with read_only_folder() as folder, opened(dialer) as it:
        path = folder / "leads.csv"
        path.write_bytes(loads.file(rows(2)).read_bytes())
        path.chmod(0o644)
        # Somebody else may not be able to read the modules of the interpreter: root imports them.
        load_file(path, LoadOptions(**OPTIONS), it, loads.folder / "validated", job="validate")
        folder.chmod(0o555)
        if os.geteuid() == 0:
            os.seteuid(65534)
        with pytest.raises(UsageError, match=r"results folder .*: Permission denied"):
            load_file(path, LoadOptions(**OPTIONS), it, folder / "out")
        assert leads(it, "lead_id") == []
        # The file itself may lie there.
        with tempfile.TemporaryDirectory(prefix="leadloader-") as other:
            results = Path(other) / "out"
            load_file(path, LoadOptions(**OPTIONS), it, results)
            assert_all_in(outcome_of(results), it, 2)


# --- the file itself ---


def grow(path: Path) -> None:
    with path.open("a") as file:
        file.write("7275558888\n")


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    other.rename(path)


@pytest.mark.sample(1)
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("change", [grow, replace, Path.unlink])
def test_a_file_that_changes_while_it_is_checked_is_not_loaded(
    dialer: str, loads: Loads, change: Callable[[Path], None]
) -> None:
    path = loads.file(
        [{"phone_number": f"72755{n:05}", "comments": "x" * 250} for n in range(12_000)]
    )
    changing = [path]

    def progress(_stage: str, _done: int, _share: float) -> None:
        if changing:
            change(changing.pop())

    results, options = loads.folder / "out", LoadOptions(list_id="101", chunk_size=1000)
    with opened(dialer) as it:
        watchers = Watchers(progress=progress)
        if change is grow:
            with pytest.raises(SourceFileError, match="was changed while it was read"):
                load_file(path, options, it, results, watchers=watchers)
            assert leads(it, "lead_id") == []
            assert not results.exists()
        else:
            # What is open stays what it was.
            load_file(path, options, it, results, watchers=watchers)
            assert len(leads(it, "lead_id")) == 12_000


@pytest.fixture
def refusing(dialer: str) -> Iterator[None]:
    """The server refuses a row; what it refuses is read again, for the reject file."""
    run(
        dialer,
        "CREATE TRIGGER refusing BEFORE INSERT ON vicidial_list FOR EACH ROW"
        " IF NEW.last_name = 'name2' THEN SIGNAL SQLSTATE '45000'; END IF",
    )
    yield
    run(dialer, "DROP TRIGGER refusing")


def error_when_changed(path: Path, change: Callable[[Path], None], it: Database) -> str:
    """Load a file that is changed while it is inserted."""
    changing, results = [path], path.parent / "out"

    def progress(stage: str, _done: int, _share: float) -> None:
        if stage == "insert" and changing:
            change(changing.pop())

    watchers = Watchers(progress=progress)
    with pytest.raises((SourceFileError, NoSuchFileError)) as caught:
        load_file(path, LoadOptions(**OPTIONS), it, results, watchers=watchers)
    return str(caught.value)


@pytest.mark.sample(1)
@pytest.mark.engines("innodb")
@pytest.mark.parametrize("change", [grow, Path.unlink])
@pytest.mark.usefixtures("refusing")
def test_a_file_that_changes_while_it_is_inserted_is_completed_when_it_is_as_it_was(
    dialer: str, loads: Loads, change: Callable[[Path], None]
) -> None:
    path = loads.file(rows(10))
    content = path.read_bytes()
    with opened(dialer) as it:
        error_when_changed(path, change, it)
        path.write_bytes(content)
        load_file(path, LoadOptions(**OPTIONS), it, loads.folder / "out")
        outcome = outcome_of(loads.folder / "out")
        assert outcome.reasons == {4: "REFUSED_BY_SERVER"}
        assert len(leads(it, "lead_id")) == 9
        assert_extras_match(outcome, it)


@pytest.mark.engines("innodb")
@pytest.mark.usefixtures("refusing")
def test_a_file_that_changes_while_it_is_inserted_is_told_with_what_was_loaded(
    dialer: str, loads: Loads
) -> None:
    with opened(dialer) as it:
        said = error_when_changed(loads.file(rows(10)), Path.unlink, it)
    assert "9 of 10 rows were loaded" in said
