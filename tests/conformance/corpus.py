"""Reading the recorded cases of `add_lead` (see tests/conformance/README.md)."""

import functools
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

Case = dict[str, Any]
Row = dict[str, Any]
Tables = dict[str, list[Row]]
#: Rows of tables by the name of the set; `@row_defaults` has one row for each table instead.
Named = dict[str, Any]

HERE = Path(__file__).parent

#: What every recorded request carries before the case's own options.
REQUEST = {"source": "test", "user": "6666", "pass": "1234"}


def read_lines(path: Path) -> list[Any]:
    """Return the objects of a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def fixtures(folder: Path = HERE) -> Named:
    """Return the named sets of rows, `@row_defaults` among them.

    A folder of held-out cases may come without the file: it uses the one kept here.
    """
    path = folder / "base_fixtures.jsonl"
    sets = read_lines(path if path.exists() else HERE / "base_fixtures.jsonl")
    return {each["name"]: each["tables"] for each in sets}


def load_cases(folder: Path = HERE) -> list[Case]:
    """Return all recorded `add_lead` cases below `folder`, each with its `topic`.

    Their answers about custom fields are those without a comma that the recorded copy had too much.
    """
    found = folder / "add_lead"
    paths = sorted((found if found.is_dir() else folder).glob("*.jsonl"))
    return [
        {**case, **case.get("variants", {}).get("custom_insert_fixed", {}), "topic": path.stem}
        for path in paths
        if path.stem not in ("base_fixtures", "lead_dearchive")
        for case in read_lines(path)
    ]


@functools.cache
def corpus(folder: Path) -> tuple[list[Case], Named]:
    """Return the cases below `folder` and the named sets of rows, read once."""
    return load_cases(folder), fixtures(folder)


def tables_of(case: Case, named: Named) -> Tables:
    """Return fresh rows of all tables as they are before the first lead of `case`."""
    tables: Tables = {}
    for source in [*(named[name] for name in case["uses"]), case["fixture"]]:
        for table, rows in source.items():
            tables.setdefault(table, []).extend(dict(row) for row in rows)
    for number, row in enumerate(tables.setdefault("vicidial_list", []), start=1):
        row.setdefault("lead_id", number)
    return tables


def clock_of(case: Case) -> datetime:
    """Return the frozen local time of `case`, naive; its zone is `case["tz"]`."""
    return datetime.fromisoformat(case["clock"])


def options_of(case: Case) -> dict[str, str]:
    """Return the options of `case` with what every request carries."""
    sent = {**REQUEST, **case["options"]}
    return {name: value for name, value in sent.items() if value is not None}


def stored_rows(case: Case, named: Named, table: str) -> list[Row]:
    """Return the recorded new or changed rows of `table`, with all their columns."""
    defaults = named["@row_defaults"].get(table, {})
    return [{**defaults, **row} for row in case["after"].get(table, [])]


# ---- what the lines of an answer say

ADDED = "SUCCESS: add_lead LEAD HAS BEEN ADDED - "
REJECTED = "ERROR: add_lead "
NOTICE = "NOTICE: add_lead "


@dataclass(frozen=True)
class Verdict:
    """What the lines of one answer say, in whatever order their fields stand."""

    reason: str | None = None
    """None: added. `refused`: the whole request was, for its user or its source."""
    phone_number: str = ""
    list_id: str = ""
    """As it was sent."""
    lead_id: int | None = None
    """The new lead's, or the existing lead's."""
    existing_list_id: int | None = None
    """The list of the existing lead."""
    matched: str = ""
    """PHONE or ALT, where a number was compared with both of the existing lead."""
    gmt_offset: str | None = None
    """As it is printed; None where the lead was not added."""
    notices: tuple[str, ...] = ()


def read_answer(lines: list[str], *, documented: bool = False) -> Verdict:
    """Read the lines of one answer.

    `documented`: the success line is in the documented order, as ours is, not in the dialer's.
    """
    notices = tuple(line[line.index(NOTICE) :] for line in lines if NOTICE in line)
    for line in lines:
        if line.startswith(ADDED):
            return _added(line.removeprefix(ADDED).split("|"), notices, documented)
        if line.startswith(REJECTED) and " - " in line:
            return _rejected(line.removeprefix(REJECTED), notices)
    return Verdict("refused")


def _added(fields: list[str], notices: tuple[str, ...], documented: bool) -> Verdict:
    if documented:
        phone, _, list_id, lead_id, offset = fields
    else:
        phone, list_id, lead_id, offset, _ = fields
    return Verdict(None, phone, list_id, int(lead_id), gmt_offset=offset, notices=notices)


def _rejected(text: str, notices: tuple[str, ...]) -> Verdict:
    what, _, shown = text.partition(" - ")
    reason = what.partition(",")[0].replace(" ", "_")
    if not what.startswith("DUPLICATE"):
        return Verdict(reason, notices=notices)
    fields, matched = shown.split("|"), ""
    if fields[-1] in ("PHONE", "ALT"):
        matched = fields.pop()
        reason = reason.replace("PHONE_NUMBER", "PHONE_OR_ALT_PHONE")
    other = fields[-2] if reason.endswith("_LIST") else fields.pop()
    return Verdict(reason, "", fields[-2], int(fields[-1]), int(other), matched, notices=notices)
