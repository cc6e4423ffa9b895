"""A recorded case through the real pipeline, and what came of it, row by row."""

import csv
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError
from sqlalchemy import inspect

from jobs.load.job import load
from jobs.load.request import LoadRequest
from loader.database.connection import Database
from loader.errors import LoaderError, NotAllowedError
from loader.fields.lead import normalize_name, usual_names
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from loader.reading.parts import Part
from loader.reading.records import Chunk
from loader.reading.row_places import ONE_FILE, RowPlaces
from loader.reading.source import SourceFile
from tests.conformance.corpus import Case, Row, Tables, options_of

REPLAYED = {"phone_format": "as-given", "phone_validation": "length", "trim": "N"}
"""The dialer's own way with phone numbers and blanks: differences 18 and 20 are switched off."""

RUN_WIDE = LoadOptions.model_fields.keys() - usual_names().keys()
"""Parameters of a request that are options of a load; the others fill its columns."""

EXTRAS = {
    "vicidial_list_alt_phones": "alt_phone_id",
    "vicidial_hopper": "hopper_id",
    "vicidial_callbacks": "callback_id",
}
"""Tables that a lead may have rows in, with their keys; so may custom_..., by lead_id."""


@dataclass(frozen=True)
class FrameSource:
    """Requests in place of a file: they may hold what no file can."""

    columns: tuple[str, ...]
    sample: pd.DataFrame
    chunk_size: int
    name: str = "requests"
    first_name: str = "requests"
    sha256: str = "0" * 64
    size: int = 1
    compression: str | None = None
    format: str = "csv"
    sheet: str | None = None
    remarks: tuple[str, ...] = ()
    encoding: str = "utf-8"
    bom: bool = False
    delimiter: str = ","
    header: bool = True
    header_row: int | None = 1
    parts: tuple[Part, ...] = ()
    places: RowPlaces = ONE_FILE

    def block_reader(self) -> None:
        """Say that there is no text that others could read."""

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
    noticed: dict[int, list[str]] = field(default_factory=dict)
    """What add_lead would notice of it, in its words, sorted."""
    hopper_ids: dict[int, int] = field(default_factory=dict)
    rejected: dict[int, Row] = field(default_factory=dict)
    """reason, details and add_lead of rejected requests."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The new rows of vicidial_list, all values as text."""
    extras: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The rows of the other tables, all values as text; those without rows are left out."""


Request = dict[str, str]


def requests_of(case: Case) -> list[Request]:
    """Give the parameters of each request that are sent."""
    given = options_of(case)
    requests = [{**given, **lead} for lead in case["leads"]]
    return [{name: v for name, v in request.items() if v is not None} for request in requests]


def options_for(request: Request) -> dict[str, str]:
    """Give the options of a load for such a request."""
    options = {n: v for n, v in request.items() if n in RUN_WIDE and (v != "" or n == "source")}
    # A typing error in a switch ends a load; that a column has one is noticed row by row.
    for switch in ("callback", "add_to_hopper"):
        if request.get(switch, "") not in {"", "Y", "N"}:
            options[switch] = request[switch]
    return options


def replay(
    case: Case, database: Database, folder: Path, *, chunk_size: int = 10, **more: Any
) -> Replayed:
    """Load the requests of a case, in chunks so small that rows meet across them.

    Neighbours with the same options are one load; `more` are options of all of them.
    """
    replayed = Replayed()
    numbered = enumerate(requests_of(case))
    for run, (options, group) in enumerate(
        itertools.groupby(numbered, key=lambda each: options_for(each[1]))
    ):
        requests = dict(group)
        try:
            given = LoadOptions(**REPLAYED, **options, **more)  # type: ignore[arg-type]
            source = source_of(requests, labels_of(case, given), chunk_size)
            load(
                LoadRequest(
                    source, given, database, folder / str(run),
                    job="import", allow_reload=True, report=ReportOptions(page=False),
                )
            )  # fmt: skip
        except (ValidationError, NotAllowedError) as error:
            return Replayed(refused=error)
        read_results(folder / str(run), list(requests), replayed)
    replayed.rows = new_rows(database, replayed.loaded)
    replayed.extras = extra_rows(database)
    return replayed


def read_results(folder: Path, numbers: list[int], replayed: Replayed) -> None:
    """Add what the result files of a load say; its first request is in row 2."""
    with (folder / "loaded.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            number = numbers[int(row["row_number"]) - 2]
            replayed.loaded[number] = int(row["lead_id"])
            told = [part.split() for part in row["notices"].split("; ") if part]
            answers = [Notice[part[0]].answer for part in told]
            replayed.noticed[number] = sorted(filter(None, answers))
            values = dict(word.partition("=")[::2] for part in told for word in part[1:])
            if "hopper_id" in values:
                replayed.hopper_ids[number] = int(values["hopper_id"])
    with (folder / "rejected.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            replayed.rejected[numbers[int(row["row_number"]) - 2]] = row
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["rows_read"] == len(numbers) == summary["loaded"] + summary["rejected"]


def labels_of(case: Case, load: LoadOptions) -> set[str]:
    """Name the custom fields of a case, if they are asked for."""
    fields = case["fixture"].get("vicidial_lists_fields", [])
    return {row["field_label"] for row in fields if load.custom_fields == "Y"}


def source_of(requests: dict[int, Request], labels: set[str], chunk_size: int) -> SourceFile:
    """Make a source of requests: the columns are their lead fields, and others for custom ones."""
    sent = set().union(*requests.values())
    columns = ["phone_number", *(n for n in usual_names() if n in sent and n != "phone_number")]
    # A parameter is no column: its name alone counts, not what usually goes by it.
    names = {normalize_name(alias) for each in usual_names().values() for alias in each}
    columns += sorted(n for n in sent - {*columns} if n in labels or normalize_name(n) not in names)
    frame = pd.DataFrame(
        [[value_of(request, name) for name in columns] for request in requests.values()],
        columns=columns,
        index=pd.RangeIndex(2, len(requests) + 2, name="row_number"),
        dtype="str",
    )
    frame.index = frame.index.astype("int64")
    return FrameSource(tuple(columns), frame, chunk_size)  # type: ignore[return-value]


def value_of(request: Request, name: str) -> str:
    """Give a parameter as a value of a column."""
    if name == "add_to_hopper" and request.get("remove_from_hopper") == "Y":
        return "N"  # put in and taken out again
    return request.get(name, "")


def new_rows(database: Database, loaded: dict[int, int]) -> list[dict[str, Any]]:
    """Read the leads of this load back, every value as text."""
    if not loaded:
        return []
    ids = ", ".join(map(str, loaded.values()))
    return read(database, f"SELECT * FROM vicidial_list WHERE lead_id IN ({ids}) ORDER BY lead_id")


def extra_rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Read the other tables that a lead may have rows in."""
    with database.connect() as connection:
        names = inspect(connection).get_table_names()
    keys = EXTRAS | {name: "lead_id" for name in names if name.startswith("custom_")}
    found = {name: read(database, f"SELECT * FROM `{name}` ORDER BY {keys[name]}") for name in keys}
    return {name: rows for name, rows in found.items() if rows}


def read(database: Database, statement: str) -> list[dict[str, Any]]:
    with database.connect() as connection:
        found = connection.exec_driver_sql(statement)
        return [{name: as_text(row[name]) for name in row} for row in found.mappings()]


def extras_of(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    """Give the rows of the reference's other tables likewise."""
    keys = EXTRAS | {name: "lead_id" for name in tables if name.startswith("custom_")}
    keys.pop("custom_tables", None)
    return {
        name: [{n: as_text(v) for n, v in row.items()} for row in tables[name]]
        for name in keys
        if tables.get(name)
    }


def as_text(value: object) -> str | None:
    return None if value is None else str(value)
