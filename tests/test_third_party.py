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
    "loader.remote": {"requests", "tenacity"},
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
    "jobs.load": FRAMES | {"sqlalchemy"},
    "jobs.nightly": {"fsspec", "paramiko", "pydantic"},
    "jobs.serve": FRAMES | {
        "bcrypt", "jinja2", "prometheus_client", "pydantic", "sqlalchemy", "starlette", "uvicorn",
    },
