"""The README says what the code does."""

import re
from pathlib import Path

import pytest

from tests import readme_tables

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", readme_tables.TABLES)
def test_table_is_that_of_the_code(name: str) -> None:
    assert readme_tables.TABLES[name]() in README, "python -m tests.readme_tables writes it anew"


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"`make ([a-z]+)", README))
    assert {"demo", "test", "help"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_ci_calls_what_the_readme_names() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.findall(r"^exec (.*)$", script, re.MULTILINE) == ["make test"]


def test_linked_files_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
