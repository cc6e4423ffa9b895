"""The pauses of a job that writes in chunks."""

from datetime import timedelta

import pytest

from jobs.pace import Pace, Rhythm
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.database.throttle import Throttle
from loader.options.archive import ArchiveOptions
from tests.support.scripted import Scripted


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("sleep", "ratio", "seconds", "expected"),
    [(0, 0, 0.5, 0), (1.5, 0, 0.5, 1.5), (0, 2, 0.5, 1.0), (1, 0.5, 0.25, 1.125)],
    ids=["none", "sleep", "ratio", "both"],
)
def test_the_sleep_after_a_chunk(
    sleep: float, ratio: float, seconds: float, expected: float, database: Database
) -> None:
    options, stop = ArchiveOptions(sleep=timedelta(seconds=sleep), sleep_ratio=ratio), Scripted()
    pace = Pace(Throttle(database, options), Rhythm.of_moves(options), Watchers(stop=stop))
    pace.wait()
    assert stop.now == 1000.0
    pace.took(10, seconds)
    pace.wait()
    assert stop.now - 1000.0 == pytest.approx(expected)
    pace.wait()
    assert stop.now - 1000.0 == pytest.approx(expected)
