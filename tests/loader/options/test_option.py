"""What every option says of itself, and that it is quick to read."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

import loader.options
from jobs.settings.settings import Settings
from jobs.settings.tables import TABLES
from loader.checks.clean import DEFAULT_LIST_ID
from loader.extras.callbacks import DEFAULT_STATUS
from loader.options.archive import ArchiveOptions
from loader.options.load import LoadOptions
from loader.options.option import Group, describe_default, option_of, options_of
from loader.options.report import ReportSettings

HEAVY = ("numpy", "pandas", "phonenumbers", "pyarrow", "sqlalchemy")
MODELS = (Settings, *(model for _, model in TABLES))


@pytest.mark.parametrize("more", ["", "jobs.settings.flags"])
def test_reading_the_options_imports_nothing_heavy(more: str) -> None:
    folder = Path(loader.options.__path__[0])
    names = [f"loader.options.{path.stem}" for path in folder.glob("*.py")] + [more]
    program = (
        f"import importlib, sys; [importlib.import_module(n) for n in {names} if n];"
        f"sys.exit(', '.join({{*{HEAVY}}} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_setting_is_an_option(model: type[BaseModel]) -> None:
    assert options_of(model).keys() == model.model_fields.keys()


@pytest.mark.parametrize("model", [LoadOptions, ArchiveOptions, ReportSettings])
def test_every_option_of_a_job_has_a_group(model: type[BaseModel]) -> None:
    assert all(option.group in Group for option in options_of(model).values())


def test_texts_are_sentences_without_their_full_stop() -> None:
    for model in MODELS:
        for name, option in options_of(model).items():
            assert not option.help.endswith("."), name
            assert not option.details or option.details.endswith("."), name
            assert not re.search(r"default: ", option.description), name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list_id", "999"), ("batch_size", "20000"), ("dnc_check", "N"), ("user", ""),
        ("duplicate_statuses", ""), ("max_reject_rate", "1.0"), ("callback_status", "CALLBK"),
    ],
)  # fmt: skip
def test_how_a_default_is_written(name: str, text: str) -> None:
    assert describe_default(LoadOptions.model_fields[name]) == text


def test_what_nothing_stands_for_is_what_the_code_has() -> None:
    empty = {name: option.empty for name, option in options_of(LoadOptions).items() if option.empty}
    assert empty["list_id"] == DEFAULT_LIST_ID
    assert empty["callback_status"] == DEFAULT_STATUS


def test_names_of_the_document_are_those_of_the_options() -> None:
    assert {name for name, it in options_of(LoadOptions).items() if it.api not in {"", name}} == (
        set()
    )
    steps = {name: it.api for name, it in options_of(ArchiveOptions).items() if it.api}
    assert steps == {name: f"{name}_leads" for name in ("insert", "update", "delete")}


def test_a_field_may_be_no_option() -> None:
    class Other(BaseModel):
        plain: int = 0

    assert option_of(Other.model_fields["plain"]) is None
    assert options_of(Other) == {}
