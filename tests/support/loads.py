"""Whole loads of small files, and checks that their results match the tables."""

import contextlib
import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow.csv import ConvertOptions, read_csv

from jobs.load import screening
from jobs.load.job import load
from jobs.load.request import LoadRequest
from jobs.load.summarize import Job
from loader.database.connection import Database
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.options.report import ReportOptions
from loader.reading.part_files import PartFiles
from loader.results.summary import Summary
from tests.conformance.replay import extra_rows, read

Rows = Sequence[Mapping[str, str]]

NO_PAGE = ReportOptions(page=False)
"""Few of the tests need the page, which is a sixth of a small load."""


def load_file(
    path: Path | PartFiles,
    options: LoadOptions,
    database: Database | None,
    results: Path | None = None,
    job: Job = "import",
    report: ReportOptions = NO_PAGE,
    **request: Any,
) -> Summary:
    """Load a file, or several; `request` has further fields of `LoadRequest`."""
    source = path if isinstance(path, PartFiles) else str(path)
    return load(LoadRequest(source, options, database, results, job=job, report=report, **request))


@contextlib.contextmanager
def workers_from_the_first_row() -> Iterator[None]:
    """Let workers check small files, too."""
    before, screening.ROWS_ALONE = screening.ROWS_ALONE, 0
    try:
        yield
    finally:
        screening.ROWS_ALONE = before


@dataclass(frozen=True)
class Outcome:
    """The results of one load, by row number of the file: the header's is 1."""

    folder: Path
    summary: Summary
    loaded: dict[int, dict[str, str]]
    rejected: dict[int, dict[str, str]]

    @property
    def reasons(self) -> dict[int, str]:
        return {number: row["reason"] for number, row in self.rejected.items()}

    @property
    def lead_ids(self) -> dict[int, int]:
        return {number: int(row["lead_id"]) for number, row in self.loaded.items()}

    def notices(self, number: int) -> list[str]:
        return [notice for notice in self.loaded[number]["notices"].split("; ") if notice]

    def names(self, number: int) -> list[str]:
        """Return the notices of a row without their details."""
        return [notice.split()[0] for notice in self.notices(number)]

    def changes(self) -> list[tuple[int, int, str, str | None, str | None]]:
        """Return the rows of changes.csv: row_number, lead_id, field, old, new; None for NULL.

        A load that came upon no lead that is to be changed has no such file.
        """
        if not (self.folder / "changes.csv").exists():
            return []
        names = ("row_number", "lead_id", "field", "old", "new")
        convert = ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        table = read_csv(self.folder / "changes.csv", convert_options=convert)
        assert tuple(table.column_names) == names
        rows = [tuple(row.values()) for row in table.to_pylist()]
        return [(int(row), int(lead), *rest) for row, lead, *rest in rows]


class Loads:
    """Loads files one after the other, each into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def file(self, rows: Rows) -> Path:
        """Write a file; its columns are all that some row has."""
        self.count += 1
        path = self.folder / f"leads-{self.count}.csv"
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def parts(self, *contents: str | bytes) -> PartFiles:
        """Write a folder of parts, part-1 and so on."""
        self.count += 1
        folder = self.folder / f"leads-{self.count}.parts"
        folder.mkdir()
        for number, content in enumerate(contents, 1):
            text = content if isinstance(content, bytes) else content.encode()
            (folder / f"part-{number}.csv").write_bytes(text)
        return PartFiles.find([str(folder)])

    def load(
        self,
        rows: Rows | Path | PartFiles,
        database: Database | None,
        job: Any = "import",
        **options: Any,
    ) -> Outcome:
        """Load rows or existing files; check that the results account for every row."""
        path = rows if isinstance(rows, Path | PartFiles) else self.file(rows)
        self.count += 1
        self.results = self.folder / f"results-{self.count}"
        wanted = LoadOptions(**options)
        load_file(path, wanted, database, self.results, job=job)
        assert not (self.results / ".work").exists()
        return outcome_of(self.results)


def outcome_of(folder: Path) -> Outcome:
    """Read the results of a load; they must add up."""
    found = []
    for name in ("loaded.csv", "rejected.csv"):
        with (folder / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        numbers = [int(row["row_number"]) for row in rows]
        assert len(set(numbers)) == len(numbers)
        found.append(dict(zip(numbers, rows, strict=True)))
    summary = Summary.model_validate(json.loads((folder / "summary.json").read_text("utf-8")))
    outcome = Outcome(folder, summary, *found)
    assert not outcome.loaded.keys() & outcome.rejected.keys()
    assert (summary.rows_read, summary.loaded, summary.rejected) == (
        len(outcome.loaded) + len(outcome.rejected), len(outcome.loaded), len(outcome.rejected)
    )  # fmt: skip
    assert summary.reasons == Counter(outcome.reasons.values())
    reasons_all = {row: each["reasons_all"].split("|") for row, each in outcome.rejected.items()}
    assert {row: reasons[0] for row, reasons in reasons_all.items()} == outcome.reasons
    assert all(len(set(reasons)) == len(reasons) for reasons in reasons_all.values())
    bare = [name.partition(":")[0] for each in reasons_all.values() for name in each]
    assert summary.reasons_all == Counter(bare)
    assert summary.profile is not None
    assert not [remark for remark in summary.remarks if "bug" in remark]
    noticed = Counter(name for row in outcome.loaded for name in set(outcome.names(row)))
    assert summary.notices == noticed
    return outcome


def leads(database: Database, *columns: str) -> list[tuple[str | None, ...]]:
    """Read columns of all leads as text, in the order of their lead_ids."""
    names = ", ".join(f"`{column}`" for column in columns)
    found = read(database, f"SELECT {names} FROM vicidial_list ORDER BY lead_id")
    return [tuple(row.values()) for row in found]


def snapshot(database: Database, *but: str) -> dict[str, list[dict[str, Any]]]:
    """Read all tables that a load could write to, but for some columns of the leads."""
    stored = read(database, "SELECT * FROM vicidial_list ORDER BY lead_id")
    kept = [{name: row[name] for name in row if name not in but} for row in stored]
    return {"vicidial_list": kept} | extra_rows(database)


def assert_extras_match(outcome: Outcome, database: Database) -> None:
    """Check that the notices in loaded.csv name exactly the rows of the other tables."""
    told: Counter[tuple[str, str, str]] = Counter()
    for row in outcome.loaded:
        told.update(rows_of_notices(outcome, row))
    stored: Counter[tuple[str, str, str]] = Counter()
    for table, rows in extra_rows(database).items():
        for extra in rows:
            number = extra.get("hopper_id") or extra.get("callback_id") or ""
            stored[table, extra["lead_id"], number] += 1
    assert told == stored
    found = read(database, "SELECT lead_id, status, entry_list_id, list_id FROM vicidial_list")
    by_id = {int(lead["lead_id"]): lead for lead in found}
    for row, lead_id in outcome.lead_ids.items():
        names = outcome.names(row)
        # After an unknown error nothing is reset, see `ExtraInserter.insert`.
        if "error=unknown" in outcome.loaded[row]["notices"] or any(
            "EXISTING_LEAD" in name for name in names
        ):
            continue
        lead = by_id[lead_id]
        assert lead["status"] == ("CBHOLD" if Notice.CALLBACK_ADDED in names else "NEW")
        custom = lead["list_id"] if Notice.CUSTOM_FIELDS_ADDED in names else "0"
        assert lead["entry_list_id"] == custom


def rows_of_notices(outcome: Outcome, row: int) -> Counter[tuple[str, str, str]]:
    lead_id, rows = outcome.loaded[row]["lead_id"], Counter[tuple[str, str, str]]()
    for notice in outcome.notices(row):
        name, *words = notice.split()
        details = dict(word.partition("=")[::2] for word in words)
        match name:
            case Notice.ALT_PHONES_LOADED:
                rows["vicidial_list_alt_phones", lead_id, ""] += int(details["count"])
            case Notice.CUSTOM_FIELDS_ADDED:
                rows[f"custom_{details['list_id']}", lead_id, ""] += 1
            case Notice.ADDED_TO_HOPPER:
                rows["vicidial_hopper", lead_id, details.get("hopper_id", "")] += 1
            case Notice.CALLBACK_ADDED:
                rows["vicidial_callbacks", lead_id, details.get("callback_id", "")] += 1
    return rows


def without_numbers(outcome: Outcome) -> dict[int, str]:
    """Return the notices as in a validation: without ids that the server assigns."""
    words = r" (hopper_id|callback_id)=[0-9]+"
    return {row: re.sub(words, "", loaded["notices"]) for row, loaded in outcome.loaded.items()}
