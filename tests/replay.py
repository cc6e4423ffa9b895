"""A recorded case through the real pipeline, and what came of it, row by row."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from jobs.load import load_source
from loader.database import Database
from loader.errors import LoaderError, NotAllowedError
from loader.mapping import usual_names
from loader.options import LoadOptions
from loader.parse import Chunk
from loader.source import SourceFile
from tests.corpus import Case, Row, options_of

REPLAYED = {"phone_format": "as-given", "phone_validation": "length"}
"""The dialer's own way with phone numbers: difference 18 is switched off."""

CHANGE_THE_LEAD = ("callback", "custom_fields", "lookup_state")
COME_AFTER_THE_LEAD = ("add_to_hopper", "hopper_local_call_time_check")
"""Switches that have no counterpart yet, but leave the lead and the verdict as they are."""
TIME_ZONE_METHODS = ("POSTAL", "TZCODE", "NANPA")


@dataclass(frozen=True)
class FrameSource:
    """Requests in place of a file: they may hold what no file can."""

    columns: tuple[str, ...]
    sample: pd.DataFrame
    chunk_size: int
    name: str = "requests"
    path: Path = Path("requests")
    sha256: str = "0" * 64
    size: int = 1
    compression: str | None = None
    encoding: str = "utf-8"
    bom: bool = False
    delimiter: str = ","
    header: bool = True

    def chunks(self) -> Iterator[Chunk]:
        nothing = self.sample.iloc[:0]
        problems = pd.DataFrame({"reason": [], "details": []}, index=nothing.index, dtype="str")
        for start in range(0, len(self.sample), self.chunk_size):
            yield Chunk(self.sample[start : start + self.chunk_size], nothing, problems, 1)


@dataclass
class Replayed:
    """What the pipeline made of a case."""

    refused: LoaderError | ValidationError | None = None
    loaded: dict[int, int] = field(default_factory=dict)
    """lead_id by number of the request, from 0."""
    rejected: dict[int, Row] = field(default_factory=dict)
    """reason, details and add_lead of rejected requests."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The new rows of vicidial_list, all values as text."""


def not_yet(case: Case) -> set[str]:
    """Name the options of a case that decide about the lead and have no counterpart yet."""
    requests = [{**case["options"], **lead} for lead in case["leads"]]
    found = {
        name
        for request in requests
        for name in (*CHANGE_THE_LEAD, *COME_AFTER_THE_LEAD)
        if request.get(name) not in (None, "", "N", *("Y" * (name in COME_AFTER_THE_LEAD)))
    }
    methods = {str(request.get("tz_method") or "").upper() for request in requests}
    if any(known in method for known in TIME_ZONE_METHODS for method in methods):
        found.add("tz_method")
    return found


def replay(case: Case, database: Database, folder: Path, *, chunk_size: int = 10) -> Replayed:
    """Load the requests of a case, in chunks so small that rows meet across them."""
    given = options_of(case)
    names = LoadOptions.model_fields.keys() - usual_names().keys()
    options = {n: v for n, v in given.items() if n in names and (v != "" or n == "source")}
    try:
        load = LoadOptions(**REPLAYED, **options)
    except ValidationError as error:
        return Replayed(refused=error)
    source = source_of(case, given, chunk_size)
    try:
        load_source(source, load, database, folder, job="import")
    except NotAllowedError as error:
        return Replayed(refused=error)
    with (folder / "loaded.csv").open(encoding="utf-8") as file:
        loaded = {int(r["row_number"]) - 2: int(r["lead_id"]) for r in csv.DictReader(file)}
    with (folder / "rejected.csv").open(encoding="utf-8", newline="") as file:
        rejected = {int(r["row_number"]) - 2: r for r in csv.DictReader(file)}
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["rows_read"] == len(case["leads"]) == len(loaded) + len(rejected)
    return Replayed(None, loaded, rejected, new_rows(database, loaded))


def source_of(case: Case, given: dict[str, str], chunk_size: int) -> SourceFile:
    """Make a source of a case's requests: the columns are their lead fields."""
    fields = [name for name in usual_names() if name != "phone_number"]
    requests = [{**given, **lead} for lead in case["leads"]]
    columns = ["phone_number", *(f for f in fields if any(f in request for request in requests))]
    frame = pd.DataFrame(
        [[request.get(name) or "" for name in columns] for request in requests],
        columns=columns,
        index=pd.RangeIndex(2, len(requests) + 2, name="row_number"),
        dtype="str",
    )
    frame.index = frame.index.astype("int64")
    return FrameSource(tuple(columns), frame, chunk_size)  # type: ignore[return-value]


def new_rows(database: Database, loaded: dict[int, int]) -> list[dict[str, Any]]:
    """Read the leads of this load back, every value as text."""
    if not loaded:
        return []
    with database.connect() as connection:
        ids = ", ".join(map(str, loaded.values()))
        found = connection.exec_driver_sql(
            f"SELECT * FROM vicidial_list WHERE lead_id IN ({ids}) ORDER BY lead_id"
        )
        return [{name: as_text(row[name]) for name in row} for row in found.mappings()]


def as_text(value: object) -> str | None:
    return None if value is None else str(value)
