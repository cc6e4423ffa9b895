"""How leads are cut into batches: by the pace, by bytes, and as a process before began them."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jobs.load.batches import AT_FIRST, FEWEST, TIMES, Batches, pace_of_inserts
from jobs.pace import Pace, Rhythm
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.database.throttle import ChunkSize, Throttle
from loader.errors import UsageError
from loader.options.load import LoadOptions
from loader.options.throttle import PaceOptions
from loader.writing.writer import Writer
from tests.support.archives import sql
from tests.support.loads import NO_PAGE, Loads, leads, load_file, outcome_of
from tests.support.scripted import Scripted
from tests.support.step_kills import Killed, Point, killed_at

ON_SQLITE = pytest.mark.engines("sqlite")


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    return Loads(tmp_path)


def rows(count: int) -> list[dict[str, str]]:
    return [{"phone_number": str(7_275_551_000 + n), "list_id": "101"} for n in range(count)]


def sizes_in_ledger(database: Database) -> list[int]:
    asked = "SELECT row_count FROM leadloader_batches ORDER BY number"
    return database.read(lambda it: [int(row[0]) for row in it.exec_driver_sql(asked)])


class Begun:
    """Stands for the entries of a process before this one."""

    def __init__(self, *begun: int) -> None:
        self.begun = begun


def cut(
    database: Database, begun: Begun, count: int, *, seconds: float = 0.0, text: str = ""
) -> list[int]:
    """Give the sizes of the batches of so many leads, each statement of which takes so long."""
    pace = Pace(
        Throttle(database, PaceOptions()),
        Rhythm(ChunkSize(1000, 0.1, at_first=AT_FIRST, at_least=FEWEST)),
        Watchers(stop=Scripted()),
    )
    writer = Writer(database)
    batches: Any = Batches(pace, begun, [writer])  # type: ignore[arg-type]  # all that it reads of it
    sizes = []
    for (batch,) in batches.cut(pd.DataFrame({"comments": [text] * count}, dtype="str")):
        writer.longest = seconds * len(batch)
        sizes.append(len(batch))
    return sizes


@ON_SQLITE
@pytest.mark.parametrize(
    ("begun", "seconds", "sizes"),
    [
        pytest.param((), 1e-6, [500, 1000, 1000, 500], id="quick: larger, up to the most"),
        pytest.param((), 2e-4, [500] * 6, id="as long as wanted"),
        pytest.param((), 4e-4, [500, *[250] * 10], id="slow: smaller"),
        pytest.param((), 1.0, [500, *[200] * 12, 100], id="never fewer than is of use"),
        pytest.param((7, 1200), 1.0, [7, 1200, 500, *[200] * 6, 93], id="begun by another process"),
        pytest.param((2900, 100), 1e-6, [2900, 100], id="all begun"),
    ],
)
def test_a_batch_is_as_large_as_the_pace_allows(
    begun: tuple[int, ...], seconds: float, sizes: list[int], database: Database
) -> None:
    assert cut(database, Begun(*begun), 3000, seconds=seconds) == sizes


@ON_SQLITE
def test_a_batch_has_no_more_bytes_than_are_sent_at_once(database: Database) -> None:
    sizes = cut(database, Begun(), 600, seconds=1e-6, text="x" * 100_000)
    assert sum(sizes) == 600
    assert max(sizes) <= 160


@pytest.mark.engines("myisam", "innodb")
@pytest.mark.parametrize("name", TIMES)
def test_where_statements_lock_the_table_they_are_shorter(
    name: Any, database: Database, engine_name: str
) -> None:
    with pace_of_inserts(database, PaceOptions(pace=name), 9999, Watchers()) as pace:
        seconds = TIMES[name].locking if engine_name == "myisam" else TIMES[name].inserting
        pace.took(500, 2 * seconds)
        assert pace.next_size == 250


@ON_SQLITE
def test_a_paused_import_goes_on_when_the_file_is_gone(database: Database, loads: Loads) -> None:
    pause, said = loads.folder / "pause", list[str]()
    pause.touch()
    stop = Scripted(lambda it: pause.unlink() if it.waits == 3 else None)
    watchers = Watchers(say=said.append, stop=stop, monotonic=stop.monotonic)
    pace = PaceOptions(pause_file=pause, pace="full")
    options = LoadOptions()
    load_file(
        loads.file(rows(3)), options, database, loads.folder / "results", report=NO_PAGE,
        watchers=watchers, pace=pace,
    )  # fmt: skip
    summary = outcome_of(loads.folder / "results").summary
    assert said == [f"waiting: pause file {pause} exists"]
    assert f"the insert waited 3 s: pause file {pause} exists" in summary.remarks
    assert len(leads(database, "lead_id")) == 3


@ON_SQLITE
def test_a_signal_ends_the_wait_and_the_same_call_loads_all(
    database: Database, loads: Loads
) -> None:
    pause, path = loads.folder / "pause", loads.file(rows(3))
    pause.touch()

    def signal(stop: Scripted) -> None:
        stop.signal = "SIGTERM"

    watchers = Watchers(stop=Scripted(signal))
    with pytest.raises(KeyboardInterrupt):
        load_file(
            path, LoadOptions(), database, loads.folder / "results", report=NO_PAGE,
            watchers=watchers, pace=PaceOptions(pause_file=pause),
        )  # fmt: skip
    assert not leads(database, "lead_id")
    assert outcome_of(loads.folder / "results").reasons == dict.fromkeys([2, 3, 4], "NOT_INSERTED")
    load_file(path, LoadOptions(), database, loads.folder / "results", report=NO_PAGE)
    assert len(leads(database, "lead_id")) == 3


@ON_SQLITE
def test_what_cannot_be_waited_for_is_an_error_before_anything_is_done(
    database: Database, loads: Loads
) -> None:
    for wrong in ({"max_load": {"Threads_running": 1}}, {"max_lag": "1s", "replicas": "mysql://x"}):
        with pytest.raises(UsageError, match="are for servers"):
            load_file(
                loads.file(rows(1)), LoadOptions(), database, loads.folder / "results",
                pace=PaceOptions.model_validate(wrong),
            )  # fmt: skip
        assert not (loads.folder / "results").exists()


@pytest.mark.engines("myisam", "innodb")
def test_batches_that_were_begun_stay_as_they_are(database: Database, loads: Loads) -> None:
    path, results = loads.file(rows(10)), loads.folder / "results"
    with killed_at(Point(Writer, "write", "after"), 2), pytest.raises(Killed):
        load_file(path, LoadOptions(batch_size=3), database, results, report=NO_PAGE)
    load_file(path, LoadOptions(batch_size=5), database, results, report=NO_PAGE)
    assert len(leads(database, "lead_id")) == 10
    assert len({*outcome_of(results).lead_ids.values()}) == 10
    assert sizes_in_ledger(database) == [3, 3, 4]


@pytest.mark.engines("myisam", "innodb")
def test_slow_statements_make_the_next_batches_smaller(database: Database, loads: Loads) -> None:
    sql(
        database, "CREATE TRIGGER slow BEFORE INSERT ON vicidial_list FOR EACH ROW DO SLEEP(0.0005)"
    )
    try:
        loads.load(rows(AT_FIRST + FEWEST + 100), database)
    finally:
        sql(database, "DROP TRIGGER slow")  # or it would slow the next tests
    assert sizes_in_ledger(database) == [AT_FIRST, FEWEST, 100]
