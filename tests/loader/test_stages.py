"""The stages of the checks give the same in another process: nothing but their arguments counts."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from loader.checks.settlement import Settlement
from loader.database.connection import Database
from loader.extras.custom_fields import labels_of
from loader.feeds.files import read_feeds
from loader.fields.mapping import map_columns
from loader.options.load import LoadOptions
from loader.pipeline import Checks
from loader.queries.chunk import ChunkQueries
from loader.queries.facts import read_dialer
from tests.support.extras import OPTIONS, ROWS, TABLES
from tests.support.server import fill

REJECTED = [
    {"phone_number": "7.27556E+09"},
    {"phone_number": "7275550199"},
    {"phone_number": "8135550142", "list_id": "12"},
    {"phone_number": "8135550143"},
]


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    pd.testing.assert_frame_equal(one, other)
    return True


def test_stages_run_in_another_process(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    fill(database_url, TABLES | {"vicidial_dnc": [{"phone_number": "7275550199"}]})
    feed = tmp_path / "feed.csv"
    feed.write_text("8135550143\n", "utf-8")
    options = LoadOptions(
        **OPTIONS, dnc_check="Y", duplicate_check="DUPSYS", on_duplicate="update",
        feed={"litigators": feed},
    )  # fmt: skip
    rows = pd.DataFrame([*ROWS, *REJECTED]).fillna("").astype("str")
    rows.index = pd.Index(range(2, len(rows) + 2), dtype="int64")
    dialer = read_dialer(database, options)
    mapping = map_columns("leads.csv", tuple(rows), {}, None, labels_of(dialer))
    queries = ChunkQueries(database, options, dialer, read_feeds(options, tmp_path))
    settlement = Settlement(options, tmp_path)
    checks = Checks.of_file(options, mapping, dialer, rows)
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:

        def both(stage, *arguments):  # type: ignore[no-untyped-def]
            return stage(*arguments), elsewhere.submit(stage, *arguments).result()

        chunk, other = both(checks.clean, checks.fields(rows))
        assert same(chunk.leads, other.leads)
        chunk, other = both(checks.normalize, chunk)
        assert same(chunk.leads, other.leads)
        assert all(map(same, chunk.findings, other.findings))
        screened, other = both(checks.screen, chunk, queries.do_not_call(chunk.leads))
        for name in ("leads", "notices", "rejected", "further", "with_number"):
            assert same(getattr(screened, name), getattr(other, name))
        answers = queries.existing_leads(screened.leads)
        compared, other = both(checks.compare, screened.leads, answers)
        assert all(map(same, compared.existing, other.existing))
        for keys, others in zip(compared.keys, other.keys, strict=True):
            assert all(map(np.array_equal, keys.offers, others.offers))
        settled = settlement.settle(screened.leads, compared)
        leads = settled.staying(screened.leads)
        answers = queries.days_ahead(checks.days_ahead(leads))
        completed, other = both(checks.complete, leads, answers)
        assert all(map(same, completed, other))
    assert {*screened.rejected["reason"]} == {
        "DAMAGED_PHONE_NUMBER", "PHONE_NUMBER_IN_DNC", "INVALID_LIST_ID", "PHONE_NUMBER_IN_FEED",
    }  # fmt: skip
    assert "INVALID_SWITCH" in {*screened.notices["notice"]}
    assert {"CALLBACK_ADDED", "ADDED_TO_HOPPER"} <= {*completed[1]["notice"]}
