"""The metrics, read as Prometheus reads them."""

import math
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobs.telemetry.metrics import METRICS, Metrics
from jobs.telemetry.outcome import RunOutcome

BEGAN = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ENDED = BEGAN + timedelta(seconds=90)
Found = dict[tuple[str, ...], float]


def account(source: str = "", exit_code: int = 0, **more: object) -> RunOutcome:
    given: dict[str, object] = {"rows": {("loaded", ""): 7, ("rejected", "DUPLICATE"): 2}, **more}
    return RunOutcome(
        job="import", what="leads.csv", source=source, began=BEGAN, ended=ENDED,
        exit_code=exit_code, **given,  # type: ignore[arg-type]  # by name
    )  # fmt: skip


def read(path: Path) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for family in text_string_to_metric_families(path.read_text("utf-8")):
        assert family.type == "gauge"
        assert family.documentation == METRICS[family.name][0]
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in METRICS[family.name][1])
            found.setdefault(family.name, {})[labels] = sample.value
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "leadloader.prom"


def test_a_run_is_counted(path: Path) -> None:
    Metrics(path).add(account(seconds={"read": 0.25, "insert": 1.5}))
    found = read(path)
    assert found == {
        "leadloader_rows": {
            ("import", "", "loaded", ""): 7,
            ("import", "", "rejected", "DUPLICATE"): 2,
        },
        "leadloader_stage_seconds": {("import", "", "read"): 0.25, ("import", "", "insert"): 1.5},
        "leadloader_runs": {("import", ""): 1},
        "leadloader_failed_runs": {("import", ""): 0},
        "leadloader_run_seconds": {("import", ""): 90},
        "leadloader_last_end_timestamp_seconds": {("import", ""): ENDED.timestamp()},
        "leadloader_last_success_timestamp_seconds": {("import", ""): ENDED.timestamp()},
    }


def test_runs_of_a_command_add_up_by_source(path: Path) -> None:
    metrics = Metrics(path)
    for source in ("north", "north", "south"):
        metrics.add(account(source))
    found = read(path)
    assert found["leadloader_rows"]["import", "north", "loaded", ""] == 14
    assert found["leadloader_rows"]["import", "south", "loaded", ""] == 7
    assert found["leadloader_runs"] == {("import", "north"): 2, ("import", "south"): 1}


def test_the_next_command_replaces_its_own_only(path: Path) -> None:
    for source, reason in (("north", "OLD"), ("south", "OLD"), ("north", "NEW")):
        Metrics(path).add(account(source, rows={("rejected", reason): 1}))
    assert set(read(path)["leadloader_rows"]) == {
        ("import", "north", "rejected", "NEW"),
        ("import", "south", "rejected", "OLD"),
    }


def test_the_last_success_outlives_a_failure(path: Path) -> None:
    Metrics(path).add(account("north"))
    later = timedelta(days=1)
    failed = RunOutcome(
        job="import", what="leads.csv", source="north", began=BEGAN + later, ended=ENDED + later,
        exit_code=65,
    )  # fmt: skip
    Metrics(path).add(failed)
    found = read(path)
    key = ("import", "north")
    assert found["leadloader_last_success_timestamp_seconds"] == {key: ENDED.timestamp()}
    assert found["leadloader_last_end_timestamp_seconds"] == {key: (ENDED + later).timestamp()}
    assert found["leadloader_failed_runs"] == {key: 1}
    assert "leadloader_rows" not in found


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"\xff\xfe\x00", id="bytes"),
        pytest.param(b"leadloader_runs{job=", id="broken-off"),
        pytest.param(b"", id="empty"),
        pytest.param(b'other_metric 1\nleadloader_runs{job="x"} 2\n', id="of-others"),
    ],
)
def test_what_is_no_file_of_ours_is_written_anew(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    Metrics(path).add(account())
    assert read(path)["leadloader_runs"] == {("import", ""): 1}


def test_names_with_quotes_survive(path: Path) -> None:
    nasty = 'a "quoted"\\ name\nof two lines, €'
    Metrics(path).add(account(nasty))
    Metrics(path).add(account("other"))
    assert set(read(path)["leadloader_runs"]) == {("import", nasty), ("import", "other")}


def test_the_file_is_replaced_as_a_whole(path: Path) -> None:
    Metrics(path).add(account("north"))
    with path.open(encoding="utf-8") as reader:
        Metrics(path).add(account("south"))
        old = reader.read()
    assert "south" not in old
    assert list(text_string_to_metric_families(old))
    # No half-written file is left that a collector would read too.
    assert sorted(each.name for each in path.parent.iterdir() if each.suffix == ".prom") == [
        "leadloader.prom"
    ]


def test_commands_at_the_same_time_lose_nothing(path: Path) -> None:
    sources = [f"source{number}" for number in range(8)]
    threads = [
        threading.Thread(target=lambda source=source: Metrics(path).add(account(source)))
        for source in sources
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {source for _, source in read(path)["leadloader_runs"]} == set(sources)


def test_all_values_are_numbers(path: Path) -> None:
    Metrics(path).add(account(rows={}, seconds={}))
    assert all(math.isfinite(value) for found in read(path).values() for value in found.values())


def test_it_cannot_be_written_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="there is no folder"):
        Metrics(tmp_path / "none" / "leadloader.prom").add(account())
