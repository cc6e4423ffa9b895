"""Every message that ends the program is expected by a test, in at least three words of it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from loader.errors import LoaderError

ROOT = Path(__file__).parents[1]
WORDS = 3

ELSEWHERE = {
    "leads that were just inserted are not in vicidial_list": "only if the server loses them",
    "a sample can be validated, but not imported": "the command refuses --sample before",
    " is not known; there is ": "the option refuses an unknown layout before",
    " cannot be written: ": "of the system: test_hostile_values has the codes",
    "report of the night in ": "likewise",
    " of the ledger: ": "likewise",
    " is a link; remove it": "test_hostile_folder puts links there while a night runs",
    " loaded it and is being undone; `leadloader undo ": "test_undo has it in parts",
    "{} already, by session {} of {} from {}; wait until it has ended, or if that machine is gone, "
    "end its session: KILL {}": "test_nightly_crashes matches it by a pattern",
    " already; wait until it has ended": "likewise, where the session is gone by then",
    "; wait until it has ended": "likewise, of SQLite",
    "the server's max_allowed_packet is ": "test_load_hazards goes down to the smallest packet",
    "the ledger cannot be used: ": "test_archive_hazards sets innodb_flush_log_at_trx_commit",
    " or later is not ": "test_source has codecs that know no place",
    "all list_ids from ": "test_lists has it with its numbers",
    ": a worker of the cluster lacks its file": "test_on_cluster hides it: a copy is sent",
    "vicidial_url_multi: ": "test_new_lead_urls has it in parts",
}  # fmt: skip
"""Messages that are expected in other words, or of which no test can be; and why."""


def kinds(kind: type[LoaderError] = LoaderError) -> Iterator[str]:
    """Give the names of the errors that end the program."""
    yield kind.__name__
    for each in kind.__subclasses__():
        yield from kinds(each)


def texts_in(node: ast.AST) -> Iterator[str]:
    """Give the parts of texts that do not depend on what is wrong."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def phrases(text: str) -> list[str]:
    words = text.split()
    found = [" ".join(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)]
    return [phrase for phrase in found if re.search("[a-z]{2}", phrase)]


def messages() -> Iterator[tuple[str, list[str]]]:
    """Give the place and the phrases of each message."""
    names = {*kinds()}
    for path in sorted([*(ROOT / "loader").rglob("*.py"), *(ROOT / "jobs").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            texts = [text for each in node.args for text in texts_in(each)]
            found = [phrase for text in texts for phrase in phrases(text)]
            if node.func.id in names and found and not {*texts} & ELSEWHERE.keys():
                yield f"{path.relative_to(ROOT)}:{node.lineno}", found


@pytest.fixture(scope="module")
def expected() -> str:
    """All that tests expect, texts over several lines in one."""
    text = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    text = re.sub(r'"\s*\n\s*[rf]*"', "", text).replace("\\", "")
    return " ".join(text.split())


def test_every_message_is_expected_somewhere(expected: str) -> None:
    places = [*messages()]
    assert len(places) > 200
    unseen = [place for place, found in places if not any(each in expected for each in found)]
    assert unseen == [], "\n".join(unseen)
