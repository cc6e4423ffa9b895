"""A file of leads for a cluster, and what its nodes have of it."""

from pathlib import Path

from loader.options.load import LoadOptions
from tests.support.cluster import Cluster

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
