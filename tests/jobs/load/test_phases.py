"""Checks in phases: the same results, whatever meets whatever; errors in their order."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from jobs.load.exchange import Exchange
from jobs.load.phases import Phases
from loader.checks.settlement import Settlement
from loader.database.connection import Database
from loader.errors import SourceFileError
from tests.support.loads import Loads
from tests.support.phases import in_one_process
from tests.support.screening import results_of
from tests.support.server import fill

ON_SQLITE = pytest.mark.engines("sqlite")

NUMBERS = [f"727555{number:04}" for number in range(12)]
THERE = {"entry_date": "2099-01-01 00:00:00", "modify_date": "2020-01-01 00:00:00"}
TABLES: dict[str, list[dict[str, Any]]] = {
    "vicidial_list": [
        {"lead_id": 1, "phone_number": NUMBERS[0], "list_id": 101, "first_name": "Ann", **THERE},
        {"lead_id": 2, "phone_number": NUMBERS[1], "list_id": 102, "alt_phone": NUMBERS[2],
         **THERE},
    ],
    "vicidial_list_archive": [
        {"lead_id": 90, "phone_number": NUMBERS[3], "list_id": 101, **THERE}
    ],
    "vicidial_lists": [{"list_id": n, "campaign_id": "EAST"} for n in (101, 102)],
    "vicidial_campaigns": [{"campaign_id": "EAST"}],
    "vicidial_dnc": [{"phone_number": NUMBERS[4]}],
}  # fmt: skip
ROW = st.fixed_dictionaries(
    {
        "phone_number": st.sampled_from([*NUMBERS, "+1 727-555-0005", "555"]),
        "alt_phone": st.sampled_from([*NUMBERS[:8], ""]),
        "list_id": st.sampled_from(["101", "102", "777"]),
        "title": st.sampled_from(["", "MR"]),
        "first_name": st.sampled_from(["Ann", "ann", "Béa", "BEA", ""]),
        "last_name": st.sampled_from(["Łee", ""]),
    }
)
CHECKS = (
    "DUPSYS", "DUPLIST-DUPNAMEPHONESYS", "DUPPHONEALTSYS", "DUPPHONEALTLIST-DUPTITLEALTPHONESYS",
    "DUPCAMP-DUPPHONEALTCAMP", "DUPNAMEPHONELIST30DAY-DUPTITLEALTPHONELIST",
)  # fmt: skip
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"on_duplicate": "update"},
    {"on_duplicate": "move", "duplicate_scope_archive": "Y"},
    {"phone_format": "as-given", "phone_validation": "length"},
    {"duplicate_compare": "number", "dnc_check": "Y"},
    {"dnc_check": "Y", "list_exists_check": "Y"},
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path) -> Iterator[None]:
    with in_one_process(tmp_path):
        yield


@pytest.fixture
def site(database: Database, database_url: str) -> Database:
    """A database with leads, lists, and a number that must not be called."""
    fill(database_url, TABLES)
    return database


@pytest.fixture
def contested(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the rows of each settled chunk that are contested."""
    noted: list[int] = []
    settle = Settlement.settle

    def noting(self: Settlement, leads: Any, compared: Any) -> Any:
        noted.extend(leads.index if compared.contested is None else leads.index[compared.contested])
        return settle(self, leads, compared)

    monkeypatch.setattr(Settlement, "settle", noting)
    return noted


def on_cluster(**options: Any) -> dict[str, Any]:
    return {"engine": "dask", "chunk_size": 3, **options}


@ON_SQLITE
@pytest.mark.property
@settings(
    max_examples=max(settings().max_examples // 6, 1),
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    rows=st.lists(ROW, min_size=1, max_size=16),
    checks=st.sampled_from(CHECKS),
    options=st.sampled_from(OPTIONS),
    chunk_size=st.sampled_from([1, 2, 3, 5, 100]),
)
def test_results_are_those_of_one_pass(
    site: Database, tmp_path: Path, rows: list[dict[str, str]],
    checks: str, options: dict[str, Any], chunk_size: int,
) -> None:  # fmt: skip
    folder = tmp_path / f"{time.monotonic_ns()}"
    folder.mkdir()
    loads = Loads(folder)
    path = loads.file(rows)
    given = {"list_id": "101", "duplicate_check": checks, **options}
    alone = loads.load(path, site, "validate", workers=1, **given)
    phased = loads.load(path, site, "validate", **on_cluster(chunk_size=chunk_size), **given)
    assert results_of(phased.folder) == results_of(alone.folder)
    assert not [*folder.glob(".blocks-*")]


def test_only_rows_that_share_a_key_or_meet_a_lead_are_settled(
    site: Database, tmp_path: Path, contested: list[int]
) -> None:
    loads = Loads(tmp_path)
    path = loads.file(
        [{"phone_number": number} for number in [*NUMBERS[5:], *NUMBERS[:1], NUMBERS[7]]]
    )
    loads.load(path, site, "validate", **on_cluster(duplicate_check="DUPSYS"))
    assert contested == [4, 9, 10]


def test_rejected_rows_are_duplicates_besides(site: Database, tmp_path: Path) -> None:
    loads = Loads(tmp_path)
    rows = [{"phone_number": n, "alt_phone": NUMBERS[4]} for n in (NUMBERS[5], NUMBERS[4])]
    options = {"dnc_check": "Y", "duplicate_check": "DUPPHONEALTSYS"}
    path = loads.file(rows)
    alone = loads.load(path, site, "validate", workers=1, **options)
    phased = loads.load(path, site, "validate", **on_cluster(chunk_size=1, **options))
    assert results_of(phased.folder) == results_of(alone.folder)
    assert "DUPLICATE" in phased.rejected[3]["reasons_all"]


@pytest.mark.parametrize(
    "options",
    [{"keep": "last"}, {"invalid_phone_fallback": ("alt_phone",)}, {"duplicate_check": ""}],
)
def test_other_rows_come_back_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.delattr(Exchange, "leave")
    loads = Loads(tmp_path)
    path = loads.file([{"phone_number": n, "alt_phone": NUMBERS[1]} for n in [*NUMBERS, *NUMBERS]])
    given = {"duplicate_check": "DUPSYS", **options}
    alone = loads.load(path, None, "validate", workers=1, **given)
    streamed = loads.load(path, None, "validate", **on_cluster(), **given)
    assert results_of(streamed.folder) == results_of(alone.folder)


def test_duplicates_of_a_row_that_the_server_refuses_are_decided_anew(
    database: Database, tmp_path: Path
) -> None:
    loads = Loads(tmp_path)
    rows = [
        {"phone_number": n, "first_name": f"n{at}"} for at, n in enumerate([*NUMBERS, *NUMBERS])
    ]
    _refuse(database, "n3")
    loaded = loads.load(rows, database, **on_cluster(duplicate_check="DUPSYS"))
    assert loaded.summary.loaded == len(NUMBERS)
    assert loaded.reasons[5] == "REFUSED_BY_SERVER"
    assert len(NUMBERS) + 5 in loaded.loaded
    assert not [*tmp_path.rglob(".blocks-*")]


def _refuse(database: Database, first_name: str) -> None:
    """Let the database refuse the lead of this name."""
    kind = database.engine.dialect.name
    message = "SELECT RAISE(ABORT, 'no')" if kind == "sqlite" else "SIGNAL SQLSTATE '45000'"
    body = (
        f"WHEN NEW.first_name = '{first_name}' BEGIN {message}; END"
        if kind == "sqlite"
        else f"IF NEW.first_name = '{first_name}' THEN {message}; END IF"
    )
    with database.engine.begin() as connection:
        connection.execute(
            text(f"CREATE TRIGGER refuse BEFORE INSERT ON vicidial_list FOR EACH ROW {body}")
        )


@pytest.mark.parametrize("blank", [2, 6])
def test_the_first_error_of_a_file_is_raised(tmp_path: Path, blank: int) -> None:
    loads = Loads(tmp_path)
    rows = [f"{number},".encode() for number in NUMBERS]
    # What is too long is seen by who reads a block, blank rows are counted over all of them.
    rows = [*rows[:4], *[b","] * blank, *rows[4:], b"7275550000," + b"x" * 300, rows[0], b""]
    path = tmp_path / "leads.csv"
    path.write_bytes(b"\n".join([b"phone_number,comments", *rows]))
    options = {"duplicate_check": "DUPSYS", "max_field_length": 200, "max_blank_rows": 4}
    errors = []
    for engine in ({"workers": 1}, on_cluster()):
        with pytest.raises(SourceFileError) as raised:
            loads.load(path, None, "validate", **engine, **options)
        errors.append(str(raised.value))
        assert not [*tmp_path.rglob("run-*")]
    assert errors[0] == errors[1]
    assert ("max_blank_rows" in errors[0]) == (blank > 4)


def test_each_phase_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, float]] = []
    init = Phases.__init__

    def noting(self: Phases, exchange: Exchange, folder: Path, size: int, progress: Any) -> None:
        def note(stage: str, done: int, share: float) -> None:
            seen.append((stage, share))
            progress(stage, done, share)

        init(self, exchange, folder, size, note)

    monkeypatch.setattr(Phases, "__init__", noting)
    loads = Loads(tmp_path)
    path = loads.file([{"phone_number": number} for number in NUMBERS])
    loads.load(path, None, "validate", **on_cluster(duplicate_check="DUPSYS"))
    for stage in ("read", "compare"):
        shares = [share for it, share in seen if it == stage]
        assert len(shares) > 1
        assert shares == sorted(shares)
        assert shares[-1] == 1
