"""The README says what the code does."""

import re
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from jobs.settings.flags import FLAGS, Flag
from jobs.settings.settings import Settings
from loader.options.load import LoadOptions
from tests.docs import readme_tables

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("page", readme_tables.PAGES, ids=lambda page: page.name)
def test_tables_are_those_of_the_code(page: Path) -> None:
    text = page.read_text("utf-8")
    assert readme_tables.fill_in(text) == text, "python -m tests.docs.readme_tables writes it anew"


def test_readme_is_one_page() -> None:
    assert len(README.splitlines()) <= 150


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"`make ([a-z]+)`", README))
    assert {"test", "help"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_ci_calls_what_the_readme_names() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.findall(r"^exec (.*)$", script, re.MULTILINE) == ["make test"]


OF_THE_COMMAND = {
    "again", "ask", "check_dialable", "compare", "config", "database", "json_summary",
    "log_format", "metrics_file", "page", "quiet", "results", "sample", "show_phones",
    "spreadsheet_safe",
}  # fmt: skip
"""Flags that are no options of the load."""


def test_every_option_has_a_flag() -> None:
    names = [flag.name for flag in FLAGS]
    assert sorted(names) == sorted({*LoadOptions.model_fields, *OF_THE_COMMAND})


def by_name(flag: Flag) -> str:
    return flag.name


STATING = [flag for flag in FLAGS if flag.name != "config" and flag.help.endswith(")")]


@pytest.mark.parametrize("flag", STATING, ids=by_name)
def test_help_states_the_default(flag: Flag) -> None:
    stated = flag.help.rpartition("(")[2].removesuffix(")").partition(",")[0]
    default = Settings.model_fields[flag.name].default
    if default in (None, ""):
        assert stated in readme_tables.documentation()[flag.name]
    else:
        assert stated == str(default)


@pytest.mark.parametrize("flag", FLAGS, ids=by_name)
def test_help_names_the_choices(flag: Flag) -> None:
    field = Settings.model_fields.get(flag.name)
    if field and get_origin(field.annotation) is Literal:
        assert flag.metavar == "|".join(get_args(field.annotation))
