"""Imports point one way: the stages know no database, and the loader knows no jobs."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BOTTOM = {"errors", "reasons", "columnar", "grammar", "signals"}
"""Know no other module of ours."""

PURE = {
    "accepted", "ages", "alt_phones", "archive_account", "archive_options", "archive_result",
    "callbacks", "changes", "clean", "collation", "custom_fields", "dialable", "duplicate_rule",
    "duplicates", "extras", "feeds", "fill", "findings", "hopper", "lead_ids", "lookups", "mapping",
    "normalize", "number_zones", "numbering_plans", "office_hours", "options", "phones", "pipeline",
    "regions", "report", "report.call_hours", "report.odd_values", "report.oddities",
    "report.outcomes", "report.record", "report.repeated", "report.seen", "report.texts", "rules",
    "timezone", "undo_result", "zones",
}  # fmt: skip
"""Stages over frames and plain data: with the same input they give the same answer."""

READING = {"parse", "sniff", "source", "spreadsheet", "stored", "text"}
"""Know files, not leads."""

FEEDS = {"feed_files"}
"""Read files of numbers and know what numbers are."""

DATABASE = {
    "archive", "archive_children", "archive_conditions", "archive_preview", "archive_selection",
    "archive_tables", "batch_record", "bring_back", "calling", "change_log", "database",
    "extra_insert", "facts", "insert", "journal", "ledger", "ledger_tables", "lists", "locking",
    "needs", "queries", "revert", "rights", "schema", "table_shapes", "throttle", "transfer",
    "undo", "update", "write",
}  # fmt: skip

RESULTS = {
    "archive_report", "marks", "report.charts", "report.comparison", "report.moved", "report.page",
    "report.pictures", "report.score", "report.shown", "report.view", "results", "spool", "summary",
    "undo_report",
}  # fmt: skip

MAY_IMPORT = {
    "bottom": BOTTOM,
    "pure": BOTTOM | PURE,
    "reading": BOTTOM | READING,
    "feeds": BOTTOM | PURE | READING | FEEDS,
    "database": BOTTOM | PURE | DATABASE,
    "results": BOTTOM | PURE | RESULTS,
}
LAYERS = {
    "bottom": BOTTOM,
    "pure": PURE,
    "reading": READING,
    "feeds": FEEDS,
    "database": DATABASE,
    "results": RESULTS,
}
DRIVERS = {"sqlalchemy", "pymysql", "sqlite3", "tenacity"}
PROGRAM = {"typer", "rich", "pydantic_settings"}


def modules(package: str) -> dict[str, Path]:
    """Give the modules of a package by name, those of packages in it with the package's."""
    paths = sorted((ROOT / package).rglob("*.py"))
    return {named(path.relative_to(ROOT / package)): path for path in paths}


def named(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


@cache
def imported(path: Path) -> frozenset[str]:
    """Give the full names of the modules that a module imports, wherever in it."""
    return frozenset(_imports(ast.parse(path.read_text("utf-8"))))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports say where from"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path, package: str = "loader") -> set[str]:
    """Give the modules of one of our packages that a module imports."""
    known = modules(package)
    names = (name.partition(".") for name in imported(path))
    return {rest for first, _, rest in names if first == package} & known.keys()


def foreign(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(path)} - sys.stdlib_module_names | (
        {name.partition(".")[0] for name in imported(path)} & {"sqlite3"}
    )


def test_every_module_has_its_layer() -> None:
    placed = [name for layer in LAYERS.values() for name in layer]
    assert sorted(placed) == sorted(modules("loader").keys() - {"__init__"})


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_what_lies_below(layer: str) -> None:
    found = {
        name: sorted(ours(modules("loader")[name]) - MAY_IMPORT[layer]) for name in LAYERS[layer]
    }
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("layer", sorted(LAYERS.keys() - {"database"}))
def test_only_the_database_layer_imports_drivers(layer: str) -> None:
    found = {name: foreign(modules("loader")[name]) & DRIVERS for name in LAYERS[layer]}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_loader_knows_nothing_of_jobs_and_of_terminals() -> None:
    found = {
        name: foreign(path) & {"jobs", "tests", *PROGRAM}
        for name, path in modules("loader").items()
    }
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("package", ["loader", "jobs"])
def test_there_are_no_cycles(package: str) -> None:
    graph = {name: ours(path, package) for name, path in modules(package).items()}
    order = list(TopologicalSorter(graph).static_order())
    assert set(order) == set(graph)


def test_imports_are_seen_wherever_they_stand() -> None:
    tree = ast.parse("import a.b\ndef f():\n    from loader import rules\n    from c import d\n")
    assert set(_imports(tree)) == {"a.b", "loader", "loader.rules", "c", "c.d"}
