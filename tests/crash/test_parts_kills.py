"""A load of several files whose process is killed is completed by the same command."""

import signal
from pathlib import Path
from typing import Any

import pytest

from loader.database.connection import Database
from loader.options.load import LoadOptions
from tests.support import failpoints
from tests.support.loads import Loads, leads, load_file, outcome_of

pytestmark = pytest.mark.engines("sqlite", "myisam", "innodb")

OPTIONS: dict[str, Any] = {
    "list_id": "101", "duplicate_check": "DUPLIST", "batch_size": 3, "chunk_size": 2, "workers": 2,
}  # fmt: skip
HEADER = "phone_number,first_name\n"
PARTS = tuple("".join(f"72755501{part}{n},Ann{n}\n" for n in range(4)) for part in (1, 2, 3))
SOME_STEPS = (18, 27, 36, 45)


@pytest.mark.parametrize("number", SOME_STEPS)
def test_the_same_command_completes_parts(
    database: Database, database_url: str, tmp_path: Path, number: int
) -> None:
    files = Loads(tmp_path).parts(
        HEADER + PARTS[0], PARTS[1] + "12,Bad\n", HEADER + PARTS[2] + PARTS[0][:16]
    )
    folder = tmp_path / "results"
    child = failpoints.start(database_url, files, OPTIONS, folder, number)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    load_file(files, LoadOptions(**OPTIONS), database, folder)
    outcome = outcome_of(folder)
    assert sorted(outcome.loaded) == [2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15]
    places = {row: (Path(it["part"]).name, it["part_row"]) for row, it in outcome.rejected.items()}
    assert places == {10: ("part-2.csv", "5"), 16: ("part-3.csv", "6")}
    numbers = [phone for (phone,) in leads(database, "phone_number")]
    assert sorted(numbers) == [row[:10] for part in PARTS for row in part.splitlines()]
