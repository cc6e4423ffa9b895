"""The documentation keeps its word: its links lead somewhere, its commands do what it says."""

import contextlib
import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sample_data import demo
from tests.docs.commands import Scratch, arguments_of, commands_of, normalize, parse, pattern_of
from tests.docs.pages import LANGUAGES, MARKDOWN, PAGES, ROOT, anchors_of, blocks_of, links_of


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", MARKDOWN, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links_of(page):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_are_reached_from_the_readme(page: Path) -> None:
    index = {ROOT / "README.md", ROOT / "docs" / "README.md", ROOT / "docs" / "ARCHITECTURE.md"}
    linked = {
        (source.parent / link.partition("#")[0]).resolve()
        for source in index
        if source.exists()
        for link in links_of(source)
    }
    assert page in linked | index


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of the demo before anything is loaded into it."""
    folder = tmp_path_factory.mktemp("template")
    with contextlib.chdir(folder):
        demo.make_database()
    return folder / "demo" / "leads.sqlite"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_work(page: Path, tmp_path: Path, database: Path) -> None:
    scratch = Scratch(tmp_path, database)
    for block in blocks_of(page):
        assert block.language in LANGUAGES, f"{block}: name the language of the block"
        if "file" in block.directives:
            scratch.write(block)
        elif "output" in block.directives:
            expected = pattern_of(block.text)
            assert expected.search(normalize(scratch.printed)), f"{block}: {scratch.printed}"
        elif block.language == "sh" and "not run" in block.directives:
            assert block.directives["not run"], f"{block}: say why it is not run"
            for command in commands_of(block.text):
                for arguments in arguments_of(command):
                    parse(arguments)
        elif block.language == "sh":
            scratch.run(block)


@pytest.fixture(scope="module")
def settings_schema(database: Path, tmp_path_factory: pytest.TempPathFactory) -> object:
    """The JSON schema of settings files, as the program gives it."""
    scratch = Scratch(tmp_path_factory.mktemp("schema"), database)
    assert scratch.call("leadloader config schema") == 0
    return json.loads(scratch.printed)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_settings_are_right(page: Path, settings_schema: dict[str, object]) -> None:
    for block in blocks_of(page):
        if block.language == "toml":
            # As JSON has it: a date is a text there.
            settings = json.loads(json.dumps(tomllib.loads(block.text), default=str))
            if "not settings" not in block.directives:
                problems = Draft202012Validator(settings_schema).iter_errors(settings)
                assert [error.message for error in problems] == [], str(block)


def test_every_make_target_of_the_pages_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {line.partition(":")[0] for line in makefile.splitlines() if ": " in line}
    for page in PAGES:
        for block in blocks_of(page):
            for command in commands_of(block.text) if block.language == "sh" else ():
                words = command.split()
                if words[0] == "make":
                    assert words[1] in targets, f"{block}: {command}"
