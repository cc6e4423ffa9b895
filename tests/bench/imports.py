"""Imports at full pace, beside a bare LOAD DATA of the same rows."""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, create_engine

from jobs.load.job import load
from jobs.load.request import LoadRequest
from loader.database import schema
from loader.database.connection import Database
from loader.options.load import LoadOptions
from loader.options.throttle import PaceOptions
from tests.bench.leads import phones, write_leads
from tests.support.server import PrivateServer

EXISTING, DNC = 200_000, 1_000_000
"""Leads, and numbers in each of the do-not-call lists."""
LISTED = 10
"""Of so many rows of the file, the number of one is in both lists."""
COPIED_AT_ONCE = 20_000
OPTIONS = LoadOptions(
    list_id="101", campaign_id="CAMP1", duplicate_check="DUPSYS90DAY-DUPNAMEPHONELIST",
    dnc_check="Y", campaign_dnc_check="Y", source="bench",
)  # fmt: skip


def imports(console: Console, folder: Path, rows: int, rounds: int, existing: int) -> None:
    """Import into a table of leads and load the accepted rows by a bare LOAD DATA, in turn."""
    server = PrivateServer()
    try:
        console.print(f"MariaDB {server.execute('SELECT VERSION()')[0][0]}, nothing synced to disk")
        table = Table(
            title=f"{rows:,} rows into {existing:,}, {OPTIONS.duplicate_check}, two do-not-call "
            f"lists of {DNC:,}, one row in {LISTED} rejected"
        )
        for name in (
            "engine", "connections", "import, rows/s", "LOAD DATA, rows/s", "ratio", "by stage, s",
        ):  # fmt: skip
            table.add_column(name, justify="right")
        source = folder / "leads.csv"
        write_leads(source, rows, first=existing)
        accepted = rows - len(range(0, rows, LISTED))
        for engine_name, connections in (("InnoDB", 1), ("InnoDB", 2), ("MyISAM", 1)):
            ours, bare, stages = [], [], {}
            options = OPTIONS.model_copy(update={"connections": connections})
            for number in range(rounds):
                url = prepared(server, engine_name, existing, rows)
                start = time.perf_counter()
                results = folder / f"{engine_name}-{connections}-{number}"
                request = LoadRequest(
                    str(source), options, Database(url), results, job="import",
                    pace=PaceOptions(pace="full"),
                )  # fmt: skip
                summary = load(request)
                ours.append(accepted / (time.perf_counter() - start))
                stages = summary.seconds
                assert summary.loaded == accepted
                seconds = bare_load(server, url, folder / "bare.csv", engine_name, existing)
                bare.append(accepted / seconds)
            ratio = statistics.median(o / b for o, b in zip(ours, bare, strict=True))
            by_stage = ", ".join(f"{stage} {value:.1f}" for stage, value in stages.items())
            table.add_row(
                engine_name, f"{connections}", f"{statistics.median(ours):,.0f}",
                f"{statistics.median(bare):,.0f}", f"{ratio:.2f}", by_stage,
            )  # fmt: skip
        console.print(table)
    finally:
        server.close()


def prepared(
    server: PrivateServer, engine_name: str, existing: int = EXISTING, rows: int = 0
) -> str:
    """Make a database with leads, none of which is in the file, and do-not-call numbers.

    Args:
        server: where.
        engine_name: of the tables.
        existing: how many leads there are.
        rows: of the file behind these leads, of whose numbers some are in the lists.
    """
    url = server.new_database()
    engine = create_engine(url, connect_args={"local_infile": True})
    schema.create_missing(engine, storage_engine=engine_name)
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO vicidial_lists (list_id, campaign_id) VALUES (101, 'CAMP1')"
        )
        connection.exec_driver_sql("INSERT INTO vicidial_campaigns (campaign_id) VALUES ('CAMP1')")
        numbers = phones(np.arange(existing)).astype(str)
        in_file = phones(existing + np.arange(0, rows, LISTED))
        others = phones(np.arange(DNC - len(in_file)) + 90_000_000)
        listed = np.concatenate([in_file, others]).astype(str)
        for table, columns, values in (
            (
                "vicidial_list",
                "list_id, entry_date, phone_number, status, user",
                "101\t{}\t{}\tNEW\tx",
            ),
            ("vicidial_dnc", "phone_number", "{}"),
            ("vicidial_campaign_dnc", "campaign_id, phone_number", "CAMP1\t{}"),
        ):
            many = numbers if table == "vicidial_list" else listed
            now = time.strftime("%Y-%m-%d %H:%M:%S")
            with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
                given = [(now, n) if table == "vicidial_list" else (n,) for n in many.tolist()]
                file.write("".join(values.format(*each) + "\n" for each in given))
                file.flush()
                connection.exec_driver_sql(
                    f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE {table} ({columns})"
                )
        connection.commit()
    engine.dispose()
    return url


def bare_load(
    server: PrivateServer, loaded: str, file: Path, engine_name: str, existing: int = EXISTING
) -> float:
    """Time one LOAD DATA of the rows that an import stored, into a table like the one it found."""
    url = prepared(server, engine_name, existing)
    source, target = (
        create_engine(address, connect_args={"local_infile": True}) for address in (loaded, url)
    )
    with source.connect() as connection:
        names = _copy_rows(connection, file, existing)
    with target.connect() as connection:
        start = time.perf_counter()
        connection.exec_driver_sql(
            f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE vicidial_list CHARACTER SET utf8mb4 "
            f"FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' "
            f"({', '.join(f'`{name}`' for name in names)})"
        )
        connection.commit()
        seconds = time.perf_counter() - start
    source.dispose()
    target.dispose()
    return seconds


def _copy_rows(connection: Connection, file: Path, start: int) -> list[str]:
    """Write the rows that an import stored behind a lead_id to a file; give their columns."""
    names = list[str]()
    options = pyarrow.csv.WriteOptions(include_header=False)
    with file.open("wb") as target:
        while True:
            found = connection.exec_driver_sql(
                f"SELECT * FROM vicidial_list WHERE lead_id > {start} "
                f"ORDER BY lead_id LIMIT {COPIED_AT_ONCE}"
            )
            names = list(found.keys())[1:]
            rows = found.all()
            if not rows:
                return names
            start = rows[-1][0]
            columns = list(zip(*(row[1:] for row in rows), strict=True))
            texts = [pa.array([str(value) for value in column]) for column in columns]
            pyarrow.csv.write_csv(pa.table(texts, names=names), target, options)
