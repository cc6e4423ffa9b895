"""summary.json of the sample file, to the last figure, and funnels that add up for any file.

`.venv/bin/python -m tests.loader.results.test_summary_golden` writes the expected summary anew;
read what changed.
"""

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from loader.database.schema import create_missing
from loader.options.load import LoadOptions
from sample_data.demo import fixtures
from tests.conformance.frozen import frozen
from tests.support.loads import Loads, load_file
from tests.support.server import fill

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).with_name("summary.json")
ZONE, NOW = "America/New_York", datetime(2026, 7, 3, 10, 40)
OPTIONS: dict[str, Any] = {
    "list_id": "101", "user": "6666", "list_exists_check": "Y", "phone_validation": "valid",
    "dnc_check": "AREACODE", "campaign_id": "SOLAR", "campaign_dnc_check": "Y",
    "duplicate_check": "DUPLIST-DUPCAMP-DUPSYS90DAY-DUPPHONEALTSYS90DAY-DUPNAMEPHONESYS",
}  # fmt: skip
VOLATILE = {"run": "", "began": "", "ended": "", "results": "", "database": "", "seconds": {}}
"""What differs from run to run."""


def summary_of_the_sample(folder: Path) -> dict[str, Any]:
    url = f"sqlite:///{folder / 'dialer.sqlite'}"
    engine = create_engine(url)
    create_missing(engine)
    tables = fixtures(NOW.astimezone())
    tables.pop("custom_tables")
    fill(engine, tables)
    engine.dispose()
    database = frozen(url, NOW, ZONE)
    sample = ROOT / "sample_data" / "leads.csv"
    load_file(sample, LoadOptions(**OPTIONS), database, folder / "results", "validate")
    database.engine.dispose()
    written = (folder / "results" / "summary.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(written) | VOLATILE
    found["file"]["name"] = Path(found["file"]["name"]).name
    return found


def test_the_summary_of_the_sample_is_as_expected(tmp_path: Path) -> None:
    assert summary_of_the_sample(tmp_path) == json.loads(GOLDEN.read_text("utf-8"))


VALUES = st.sampled_from(
    ["", " ", "7275550101", "+1 727 555 0101", "727", "7.27556E+09", "2125550153 x12", "101", "7",
     "404", "Ann", "ANN", "=1+1", "<b>", "\u202eevil", "😀", '"', 'a"b', "a\nb", "x" * 60, "FL",
     "Tampa", "none@", "2099-01-01", "'", "\\", "\x07"]
)  # fmt: skip
COLUMNS = ("phone_number", "list_id", "first_name", "state", "email", "date_of_birth", "whatever")


@pytest.mark.property
@settings(
    max_examples=max(settings().max_examples // 3, 1),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(st.lists(VALUES, min_size=1, max_size=9), min_size=1, max_size=12),
    chunk_size=st.integers(1, 20),
    keep=st.sampled_from(["first", "last", "best"]),
)
def test_the_funnel_of_any_file_adds_up(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], chunk_size: int, keep: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = folder / "any.csv"
    # Rows are too short or too long, and a quote here and there is not closed.
    text = "\n".join([",".join(COLUMNS), "7275559999" + 6 * ",", *map(",".join, rows)])
    path.write_text(text + "\n", "utf-8")
    outcome = Loads(folder).load(
        path, None, "validate", chunk_size=chunk_size, keep=keep, duplicate_check="DUPLIST-DUPSYS"
    )
    summary = outcome.summary
    left = summary.rows_read
    for name, taken, after in summary.funnel:
        left -= taken
        assert (after, summary.reasons[name]) == (left, taken)
        assert taken <= summary.reasons_all[name] <= summary.rejected
    assert left == summary.loaded
    profile = summary.profile
    assert profile is not None
    assert sum(profile.states.values()) == sum(profile.offsets.values()) == summary.loaded
    assert all(0 <= column.filled <= profile.rows for column in profile.columns)
    assert max(profile.oddities.values(), default=0) <= profile.odd_rows <= profile.rows


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        content = json.dumps(summary_of_the_sample(Path(name)), indent=2, ensure_ascii=False)
    GOLDEN.write_text(content + "\n", "utf-8")
