"""Which libraries of others a package may import; import-linter knows our own packages alone."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"jobs", "loader"}
SAMPLES = {"sample_data"}

FRAMES = {"numpy", "pandas", "pyarrow"}
MODELS = {"pydantic", "pydantic_core"}
DRIVERS = {"pymysql", "sqlalchemy", "sqlite3", "tenacity"}

MAY_IMPORT = {
    "loader": FRAMES,
    "loader.api": {"numpy", "pydantic"},
    "loader.archive": FRAMES | MODELS | {"sqlalchemy"},
    "loader.checks": FRAMES,
    "loader.database": FRAMES | DRIVERS | {"filelock", "pydantic"},
    "loader.engines": {"dask", "distributed", "pandas", "pyarrow"},
    "loader.extras": FRAMES,
    "loader.feeds": FRAMES,
    "loader.fields": FRAMES,
    "loader.frames": FRAMES,
    "loader.ledger": FRAMES | {"sqlalchemy"},
    "loader.options": {"pydantic"},
    "loader.phones": FRAMES | {"phonenumbers"},
    "loader.profile": FRAMES | MODELS,
    "loader.queries": FRAMES | {"sqlalchemy"},
    "loader.reading": FRAMES | {"python_calamine"},
    "loader.remote": {"httpx2", "numpy", "paramiko", "requests", "tenacity"},
    "loader.report": MODELS | {"jinja2", "markupsafe", "pygal"},
    "loader.results": FRAMES | MODELS,
    "loader.rights": {"sqlalchemy"},
    "loader.undo": FRAMES | MODELS | {"sqlalchemy"},
    "loader.writing": FRAMES | {"sqlalchemy"},
    "jobs": {"sqlalchemy"},
    "jobs.archive": FRAMES,
    "jobs.cli": {"pydantic", "rich", "typer"} | SAMPLES,
    "jobs.compare": {"markupsafe", "pydantic", "rich"},
    "jobs.config_check": {"pydantic", "sqlalchemy"},
    "jobs.load": FRAMES | {"fsspec", "sqlalchemy"},
    "jobs.nightly": {"fsspec", "paramiko", "pydantic"},
    "jobs.serve": {"jinja2", "prometheus_client", "pydantic", "starlette", "uvicorn"},
    "jobs.serve.access": {"bcrypt", "pandas"},
    "jobs.serve.archive": {"starlette"},
    "jobs.serve.files": {"pydantic", "starlette"},
    "jobs.serve.leads": FRAMES | {"pydantic", "sqlalchemy", "starlette"},
    "jobs.serve.pages": {"anyio", "jinja2", "starlette"},
    "jobs.settings": MODELS | {"cryptography", "pydantic_settings", "sqlalchemy", "typer"},
    "jobs.telemetry": {
        "apprise", "filelock", "openlineage", "prometheus_client", "rich", "sqlalchemy",
        "structlog",
    },
    "jobs.undo": FRAMES,
}  # fmt: skip


def package_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parts[:-1])


def imported(source: str) -> set[str]:
    """Give the top-level names that a source imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            found.add(str(node.module))
    return {name.partition(".")[0] for name in found}


def third_party(package: str) -> set[str]:
    paths = list((ROOT / package.replace(".", "/")).glob("*.py"))
    names = set().union(*(imported(path.read_text("utf-8")) for path in paths))
    return names - OURS - (sys.stdlib_module_names - {"sqlite3"})


def test_every_package_is_listed() -> None:
    paths = [path for top in sorted(OURS) for path in (ROOT / top).rglob("*.py")]
    assert {package_of(path) for path in paths} == MAY_IMPORT.keys()


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_libraries_that_it_may(package: str) -> None:
    assert third_party(package) <= MAY_IMPORT[package]


def test_imports_are_found_wherever_they_stand() -> None:
    assert imported("import a.b\ndef f():\n    from c.d import e\n") == {"a", "c"}
