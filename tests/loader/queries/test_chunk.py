"""What is asked of the database: the right answers, and few questions."""

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from loader.database import short_reads
from loader.database.connection import Database
from loader.database.server_clock import MOMENTS_PER_STATEMENT, existing_moments
from loader.dialer import Dialer, Lookups
from loader.options.duplicate_check import Kind
from loader.options.load import LoadOptions
from loader.queries.chunk import ChunkQueries
from loader.queries.facts import read_dialer
from tests.conformance.frozen import frozen, load_zone
from tests.support.products import PRODUCT
from tests.support.server import Server, fill
from tests.support.statements import statements

NOW = datetime(2026, 3, 10, 2, 30)
CHECKS = "DUPLIST-DUPSYS90DAY-DUPPHONEALTSYS-DUPTITLEALTPHONECAMP-DUPNAMEPHONESYS2DAY"
EVERYTHING = LoadOptions(
    dnc_check="AREACODE", campaign_dnc_check="AREACODE", duplicate_check=CHECKS
)


def lead(lead_id: int, phone_number: str, **more: Any) -> dict[str, Any]:
    return {
        "lead_id": lead_id, "phone_number": phone_number, "list_id": 101,
        "entry_date": "2026-03-09 10:00:00", "title": "MR", "first_name": "Ann",
        "last_name": "Lee", "alt_phone": "", "status": "NEW", **more,
    }  # fmt: skip


TABLES: dict[str, list[dict[str, Any]]] = {
    "vicidial_lists": [
        {"list_id": 101, "campaign_id": "CAMP1"}, {"list_id": 102, "campaign_id": "camp1"},
        {"list_id": 201, "campaign_id": "CAMP2"},
    ],
    "vicidial_campaigns": [
        {"campaign_id": "CAMP1", "use_other_campaign_dnc": "CAMP2"}, {"campaign_id": "CAMP2"},
    ],
    "vicidial_dnc": [{"phone_number": "7275550100"}, {"phone_number": "212xxxxxxx"}],
    "vicidial_campaign_dnc": [
        {"phone_number": "7275550101", "campaign_id": "CAMP1"},
        {"phone_number": "7275550102", "campaign_id": "camp2"},
        {"phone_number": "305XXXXXXX", "campaign_id": "CAMP2"},
        {"phone_number": "7275550101", "campaign_id": "OTHER"},
        {"phone_number": "7275550102", "campaign_id": ""},
    ],
    "vicidial_list": [
        lead(1, "7275550110"), lead(2, "7275550110", list_id=201),
        lead(3, "7275550111 ", entry_date="2020-01-01 00:00:00"),
        lead(4, "7275550119", alt_phone="7275550110"),
        lead(5, "7275550112", entry_date=None),
        lead(6, "7275550113", title="mr ", alt_phone="x", list_id=102, first_name="ÁNN"),
    ],
    "vicidial_list_archive": [
        lead(7, "7275550110", status="SALE"), lead(8, "7275550113", alt_phone="x", list_id=102),
        lead(9, "7275550118", entry_date="2020-01-01 00:00:00"),
    ],
}  # fmt: skip


def chunk(phones: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"phone_number": phones}, dtype="str")
    texts = {
        "title": "Mr", "alt_phone": "X", "first_name": "ann", "last_name": "LEE",
        "dnc_campaign_id": "CAMP1",
    }  # fmt: skip
    texts["phone_code"] = "1"
    return frame.assign(list_id=101, **texts).astype(dict.fromkeys(texts, "str"))


@pytest.fixture
def database(engine_name: str, database_url: str, request: pytest.FixtureRequest) -> Database:
    if engine_name != "sqlite":
        server: Server = request.getfixturevalue("server")
        load_zone(server, "America/New_York")
    fill(database_url, TABLES)
    return frozen(database_url, NOW, "America/New_York")


def look_up(
    database: Database, leads: pd.DataFrame, options: LoadOptions, dialer: Dialer
) -> Lookups:
    """Ask everything, as a run does in its stages."""
    dnc = ChunkQueries(database, options, dialer).do_not_call(leads)
    duplicates = ChunkQueries(database, options, dialer).existing_leads(leads)
    return Lookups(dnc=dnc.dnc, campaign_dnc=dnc.campaign_dnc, existing=duplicates.existing)


PHONES = ["7275550100", "7275550101", "7275550102", "2125550100", "3055550100", "4045550100"]


def test_do_not_call_lists(database: Database) -> None:
    dialer = read_dialer(database, EVERYTHING)
    found = ChunkQueries(database, EVERYTHING, dialer).do_not_call(chunk(PHONES))
    assert sorted(found.dnc) == ["212XXXXXXX", "7275550100"]
    # CAMP1 goes by the list of CAMP2.
    assert sorted(found.campaign_dnc) == ["CAMP2|305XXXXXXX", "CAMP2|7275550102"]


@pytest.mark.parametrize(
    ("campaigns", "listed"),
    [
        pytest.param(["camp2"], ["CAMP2|305XXXXXXX", "CAMP2|7275550102"], id="case"),
        pytest.param(["other"], ["OTHER|7275550101"], id="unknown-campaign"),
        pytest.param([""], ["|7275550102"], id="no-campaign"),
        pytest.param(
            ["OTHER", "CAMP1", ""],
            ["CAMP2|305XXXXXXX", "CAMP2|7275550102", "OTHER|7275550101", "|7275550102"],
            id="several",
        ),
        pytest.param(["NOBODY"], [], id="without-list"),
    ],
)
def test_do_not_call_lists_of_the_rows_campaigns(
    campaigns: list[str], listed: list[str], database: Database
) -> None:
    leads = pd.concat([chunk(PHONES).assign(dnc_campaign_id=name) for name in campaigns])
    leads["dnc_campaign_id"] = leads["dnc_campaign_id"].astype("str")
    options = LoadOptions(campaign_dnc_check="AREACODE")
    dialer = read_dialer(database, options)
    with statements(database) as asked:
        found = ChunkQueries(database, options, dialer).do_not_call(leads)
    assert sorted(found.campaign_dnc) == listed
    assert sum("vicidial_campaign_dnc" in statement for statement in asked) == 1
    assert found.dnc.empty


def test_existing_leads(database: Database) -> None:
    dialer = read_dialer(database, EVERYTHING)
    phones = ["7275550110", "7275550111", "7275550112", "7275550113", "7275550118"]
    existing = look_up(database, chunk(phones), EVERYTHING, dialer).existing
    assert rows(existing[Kind.PHONE], "lead_id_0", "lead_id_90") == [
        ("7275550110", 101, "PHONE", 1, 1), ("7275550110", 201, "PHONE", 2, 2),
        ("7275550111", 101, "PHONE", 3, None), ("7275550112", 101, "PHONE", 5, None),
        ("7275550113", 102, "PHONE", 6, 6),
    ]  # fmt: skip
    assert ("7275550110", 101, "ALT", 4) in rows(existing[Kind.PHONEALT], "lead_id_0")
    assert rows(existing[Kind.TITLEALTPHONE], "lead_id_0") == [("MR\x1fX", 102, "PHONE", 6)]
    names = rows(existing[Kind.NAMEPHONE], "lead_id_2")
    assert ("ANN\x1fLEE\x1f7275550113", 102, "PHONE", 6) in names


@pytest.mark.parametrize(
    ("statuses", "lowest"),
    [
        pytest.param((), 20, id="all"),
        pytest.param(("NEW",), 24, id="one"),
        pytest.param(("sale", "NA"), 22, id="by-collation"),
        pytest.param(("XFER",), None, id="none-of-them"),
    ],
)
def test_statuses_that_count(
    statuses: tuple[str, ...], lowest: int | None, database: Database
) -> None:
    fill(str(database.engine.url.render_as_string(hide_password=False)), {
        "vicidial_list": [
            lead(20, "7275550120", status=None), lead(22, "7275550120", status="SALE"),
            lead(24, "7275550120", status="NEW"),
        ],
    })  # fmt: skip
    options = LoadOptions(duplicate_check="DUPSYS", duplicate_statuses=statuses)
    leads, dialer = chunk(["7275550120"]), read_dialer(database, options)
    existing = ChunkQueries(database, options, dialer).existing_leads(leads).existing
    expected = [] if lowest is None else [("7275550120", 101, "PHONE", lowest)]
    assert rows(existing[Kind.PHONE], "lead_id_0") == expected


def test_the_archive_counts_if_asked(database: Database) -> None:
    phones = ["7275550110", "7275550113", "7275550118"]
    options = LoadOptions(
        duplicate_check="DUPSYS-DUPSYS90DAY-DUPTITLEALTPHONESYS", duplicate_scope_archive="Y"
    )
    dialer = read_dialer(database, options)
    existing = ChunkQueries(database, options, dialer).existing_leads(chunk(phones)).existing
    archived = existing[Kind.PHONE][existing[Kind.PHONE]["archived"]]
    assert rows(archived, "lead_id_0", "lead_id_90") == [
        ("7275550110", 101, "PHONE", 7, 7), ("7275550113", 102, "PHONE", 8, 8),
        ("7275550118", 101, "PHONE", 9, None),
    ]  # fmt: skip
    assert existing[Kind.PHONE]["archived"].sum() == 3
    assert existing[Kind.TITLEALTPHONE]["archived"].tolist() == [False, True]
    options = options.model_copy(update={"duplicate_statuses": ("SALE",)})
    existing = ChunkQueries(database, options, dialer).existing_leads(chunk(phones)).existing
    assert rows(existing[Kind.PHONE], "lead_id_0") == [("7275550110", 101, "PHONE", 7)]
    options = LoadOptions(duplicate_check="DUPSYS")
    existing = ChunkQueries(database, options, dialer).existing_leads(chunk(phones)).existing
    assert not existing[Kind.PHONE]["archived"].any()


def rows(frame: pd.DataFrame, *ids: str) -> list[tuple[Any, ...]]:
    columns = ["key", "list_id", "matched", *ids]
    objects = frame[columns].astype(object).where(frame[columns].notna(), None)
    return sorted(map(tuple, objects.to_numpy().tolist()), key=str)


def test_window_starts_an_hour_later_in_the_hour_that_spring_skips(database: Database) -> None:
    # Two days back is 8 March, 02:30: the clocks went from 02:00 to 03:00.
    fill_more = [
        lead(11, "7275550121", entry_date="2026-03-08 03:29:59"),
        lead(12, "7275550122", entry_date="2026-03-08 03:30:01"),
    ]
    with database.engine.begin() as connection:
        for row in fill_more:
            names, values = (
                ", ".join(f"`{n}`" for n in row),
                ", ".join(f"'{v}'" for v in row.values()),
            )
            connection.exec_driver_sql(f"INSERT INTO vicidial_list ({names}) VALUES ({values})")
    options = LoadOptions(duplicate_check="DUPSYS2DAY")
    found = look_up(
        database, chunk(["7275550121", "7275550122"]), options, read_dialer(database, options)
    )
    frame = found.existing[Kind.PHONE].set_index("key")["lead_id_2"]
    assert pd.isna(frame["7275550121"])
    assert frame["7275550122"] == 12


@pytest.mark.parametrize(
    ("archive", "count"),
    # Two do-not-call lists, and four kinds of duplicates, of which PHONEALT has two searches.
    [("N", 2 + 5), ("Y", 2 + 2 * 5)],
)
def test_number_of_statements_does_not_depend_on_the_rows(
    archive: str,
    count: int,
    engine_name: str,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Otherwise few numbers spare the question for their beginnings.
    monkeypatch.setattr(short_reads, "VALUES_A_BEGINNING", 0)
    if engine_name != "sqlite":
        # Of alt_phone there is no index. In place of one statement: the bounds of all leads, these
        # leads, and that there are no more; for a list, how many leads it has, and these.
        tables = 1 if archive == "N" else 2
        count += tables * ((3 - 1) + (2 - 1))
        # The beginnings of numbers, for each question by an index: two lists, and three kinds.
        count += 2 + tables * 3
    options = EVERYTHING.model_copy(update={"duplicate_scope_archive": archive})
    dialer = read_dialer(database, options)
    counts = set()
    for size in (1, 10, 100):
        leads = chunk([f"72755{number:05}" for number in range(size)])
        leads["campaign_id"] = [f"C{number % 50}" for number in range(size)]
        with statements(database) as asked:
            look_up(database, leads, options, dialer)
        counts.add(len(asked))
    assert counts == {count}


def test_nothing_is_asked_that_no_option_needs(database: Database) -> None:
    options = LoadOptions()
    dialer = read_dialer(database, options)
    with statements(database) as asked:
        look_up(database, chunk(["7275550100"]), options, dialer)
        look_up(database, chunk([]), EVERYTHING, dialer)
        ChunkQueries(database, options, dialer).days_ahead([])
    assert asked == []


def test_lists_that_no_check_can_find_anything_in_are_not_searched(database: Database) -> None:
    options = LoadOptions(duplicate_check="DUPLIST")
    found = look_up(database, chunk(["7275550110"]), options, read_dialer(database, options))
    assert found.existing[Kind.PHONE]["list_id"].tolist() == [101]
    options = LoadOptions(duplicate_check="DUPCAMP")
    found = look_up(database, chunk(["7275550113"]), options, read_dialer(database, options))
    assert found.existing[Kind.PHONE]["list_id"].tolist() == [102]


def test_days_ahead_of_the_hour_that_spring_skips(database: Database) -> None:
    # Now is 10 March, 02:30; the clocks go on at 02:00 on 14 March 2027 and 12 March 2028.
    ahead = {0: NOW, 1: datetime(2026, 3, 11, 2, 30), 369: datetime(2027, 3, 14, 3, 30)}
    ahead |= {733: datetime(2028, 3, 12, 3, 30), 734: datetime(2028, 3, 13, 2, 30)}
    dialer = read_dialer(database, LoadOptions())
    with statements(database) as asked:
        found = ChunkQueries(database, LoadOptions(), dialer).days_ahead(list(ahead))
    assert found.days_ahead == ahead
    assert len(asked) == 1


@pytest.mark.parametrize("year", [2039, 2107, 3002, 9998])
def test_moments_that_the_servers_calendar_ends_before_stay(year: int, database: Database) -> None:
    moment = datetime(year, 6, 1, 2, 30)
    with database.connect() as connection:
        assert existing_moments(connection, [moment, NOW]) == [moment, NOW]


def test_any_number_of_moments(database: Database) -> None:
    moments = [
        NOW + timedelta(days=number % 800) for number in range(2 * MOMENTS_PER_STATEMENT + 3)
    ]
    with database.connect() as connection:
        found = existing_moments(connection, moments)
    moved = [n for n, moment in enumerate(moments) if found[n] != moment]
    assert moved == [369, 733, 1169, 1533, 1969]
    assert [found[n].hour for n in moved] == [3] * 5


def test_clock_and_columns(database: Database, engine_name: str) -> None:
    dialer = read_dialer(database, LoadOptions())
    assert dialer.clock.now == NOW
    assert dialer.clock.offset.total_seconds() == -4 * 3600
    assert dialer.columns["first_name"].width == 30
    charset = None if engine_name == "sqlite" else PRODUCT.utf8mb3
    assert dialer.columns["first_name"].charset == charset
    assert dict(dialer.lists) == {101: "CAMP1", 102: "camp1", 201: "CAMP2"}
