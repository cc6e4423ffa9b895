"""The published schema of summary.json, against summaries as the commands write them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from jobs.cli.main import run
from jobs.settings import settings as settings_module
from jobs.settings.schema import summary_schema
from loader.results.summary import Summary
from tests.support import reports

PUBLISHED = Path(__file__).parents[3] / "sample_data" / "summary.schema.json"
HEADER = "Phone,First Name,State,E-mail,Nobody's\n"
ROWS = [
    "727-555-0112,ANN,FL,ann@example.com,1\n",
    "727-555-0113,Bob,Florida,none,\n",
    "727-555-0113,Bob,FL,,\n",
    "not a number,Cy,FL,,\n",
    "727-555-0114\n",
    "+49 30 901820,Dora,,,\n",
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


@pytest.fixture
def dialer(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'dialer.db'}"
    assert run(["init", "--database", address]) == 0
    return address


def validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(PUBLISHED.read_text("utf-8")))


def wrong(content: Any) -> list[str]:
    """Say what is wrong with a summary, by the schema."""
    return [f"{error.json_path}: {error.message}" for error in validator().iter_errors(content)]


def summary_by(*arguments: str, rows: list[str] = ROWS, results: str = "out") -> dict[str, Any]:
    """Run a command on a file, and read what it writes."""
    Path("leads.csv").write_text(HEADER + "".join(rows), "utf-8")
    job, *others = arguments
    assert run([job, "leads.csv", "--results", results, "--quiet", *others]) == 0
    (written,) = Path(results).rglob("summary.json")
    content: dict[str, Any] = json.loads(written.read_text("utf-8"))
    return content


# --- the schema ----------------------------------------------------------------------------------


def test_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "schema", "--of", "summary"]) == 0
    assert capsys.readouterr().out == PUBLISHED.read_text("utf-8"), "make generate writes it anew"


def test_it_is_a_schema() -> None:
    schema = summary_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema
    assert list(schema["properties"]) == list(Summary.model_fields)


def test_every_object_names_all_that_it_has() -> None:
    schema = summary_schema()
    for record in [schema, *schema["$defs"].values()]:
        assert record["required"] == list(record["properties"])
        assert record["additionalProperties"] is False
        assert record["description"]
        assert not any("title" in it or "default" in it for it in record["properties"].values())


def test_fields_are_described_as_in_the_source() -> None:
    fields = summary_schema()["properties"]
    assert fields["loaded"]["description"] == "Of a validation: rows that would be loaded."
    assert fields["database"]["description"] == (
        "Its address without password, or that of the dialer whose API the rows went through; null "
        "if the file alone was looked at."
    )
    assert "None" not in json.dumps(summary_schema())


def test_that_of_settings_is_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for arguments in ([], ["--of", "settings"]):
        assert run(["config", "schema", *arguments]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert json.loads(printed[0])["title"] == "Settings of leadloader"
    assert run(["config", "schema", "--of", "nothing"]) == 64


def test_help_imports_no_schema() -> None:
    program = (
        "import sys; from jobs.cli.main import run; code = run(['config', 'schema', '--help']);"
        "heavy = {'pandas', 'pyarrow', 'numpy', 'sqlalchemy', 'jobs.settings.schema'};"
        "sys.exit(code or ','.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# --- summaries -----------------------------------------------------------------------------------


def test_of_a_validation_without_database() -> None:
    summary = summary_by("validate", "--database", "none")
    assert wrong(summary) == []
    assert (summary["job"], summary["database"], summary["rows_read"]) == ("validate", None, 6)


def test_of_an_import(dialer: str) -> None:
    options = ["--list-id", "101", "--duplicate-check", "DUPSYS", "--check-dialable"]
    summary = summary_by("import", "--database", dialer, *options)
    assert wrong(summary) == []
    assert summary["lead_ids"]
    assert summary["dialable"]
    assert len(summary["reasons"]) == 3
    again = summary_by("validate", "--database", dialer, *options, results="again")
    assert wrong(again) == []
    assert again["profile"]["duplicate_ages"]


def test_of_a_sample_that_is_compared(dialer: str) -> None:
    summary_by("validate", "--database", dialer, rows=ROWS[:3], results="before")
    (before,) = Path("before").rglob("summary.json")
    compared = summary_by(
        "validate", "--database", dialer, "--sample", "2", "--compare", str(before), results="now"
    )
    assert wrong(compared) == []
    assert compared["sample_of"] == 6
    assert compared["comparison"]["rows"] == {"name": "rows", "before": 3.0, "now": 6.0}


def full() -> dict[str, Any]:
    """Give a summary with everything that there can be."""
    content: dict[str, Any] = json.loads(reports.summary().model_dump_json())
    return content


def test_of_all_that_there_can_be() -> None:
    assert wrong(full()) == []


def lacks(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(summary: dict[str, Any]) -> None:
        for name in path[:-1]:
            summary = summary[name]
        del summary[path[-1]]

    return change


def has(value: Any, *path: str) -> Callable[[dict[str, Any]], None]:
    def change(summary: dict[str, Any]) -> None:
        for name in path[:-1]:
            summary = summary[name]
        summary[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lacks("loaded"), "$: 'loaded' is a required", id="no-field"),
        pytest.param(lacks("sample_of"), "$: 'sample_of' is a required", id="no-field-of-late"),
        pytest.param(lacks("file", "bom"), "$.file: 'bom' is a required", id="no-field-within"),
        pytest.param(lacks("profile", "score"), "$.profile: ", id="no-score"),
        pytest.param(has(1, "xyzzy"), "$: Additional properties", id="unknown"),
        pytest.param(has(1, "file", "x"), "$.file: Additional properties", id="unknown-within"),
        pytest.param(has("7", "rows_read"), "$.rows_read: '7' is not of type", id="number-as-text"),
        pytest.param(has(1.5, "loaded"), "$.loaded: 1.5 is not of type", id="part-of-a-row"),
        pytest.param(has(None, "options"), "$.options: None is not of type", id="null"),
        pytest.param(has("archive", "job"), "$.job: 'archive' is not one of", id="another-job"),
        pytest.param(has(2, "version"), "$.version: 1 was expected", id="another-version"),
        pytest.param(has({"A": "1"}, "reasons"), "$.reasons.A: ", id="count-as-text"),
        pytest.param(has([[1, 2, 3]], "lead_ids"), "$.lead_ids[0]: ", id="three-of-two"),
    ],
)
def test_a_broken_one(change: Callable[[dict[str, Any]], None], said: str) -> None:
    broken = full()
    change(broken)
    found = wrong(broken)
    assert len(found) == 1
    assert found[0].startswith(said), found
