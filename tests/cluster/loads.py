"""A file of leads for a cluster, what its nodes have of it, and a node that lags."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pymysql

from loader.options.load import LoadOptions
from tests.support.cluster import Cluster, Node
from tests.support.server import PATIENCE, driver_options, run

OPTIONS = LoadOptions(force_list_id="101", list_exists_check="N", duplicate_check="DUPSYS")


def phones(count: int) -> list[str]:
    return [str(7_275_550_000 + number) for number in range(count)]


def file_of(folder: Path, count: int) -> Path:
    path = folder / "leads.csv"
    path.write_text("\n".join(["phone_number", *phones(count)]) + "\n")
    return path


def loaded(cluster: Cluster, url: str) -> list[str]:
    statement = "SELECT phone_number FROM vicidial_list ORDER BY phone_number, lead_id"
    return [phone for (phone,) in cluster.same(url, statement)]


def cut_leases(url: str) -> None:
    """Let leases of a process that was killed end soon: they are as long as any."""
    cut = "UPDATE leadloader_leases SET expires = UTC_TIMESTAMP(6) + INTERVAL 3 SECOND"
    run(url, f"{cut} WHERE expires > UTC_TIMESTAMP(6)")


@contextlib.contextmanager
def locked(node: Node, url: str, table: str) -> Iterator[None]:
    """Let a node lag in the block: what others write to a table is not stored there."""
    options = driver_options(url) | {"port": node.port}
    with contextlib.closing(pymysql.connect(**options)) as connection:
        connection.cursor().execute(f"LOCK TABLES {table} READ")
        yield


def is_asked(node: Node) -> bool:
    """Say whether a node is at a statement of somebody else."""
    sessions = "SELECT 1 FROM information_schema.processlist WHERE command = 'Query'"
    return bool(node.execute(f"{sessions} AND id <> CONNECTION_ID()"))


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
