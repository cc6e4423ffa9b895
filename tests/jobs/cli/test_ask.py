"""What an import asks on a terminal: always with --ask, and before rows go to list 999."""

import io
import os
import pty
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.cli.main import run
from loader.database.connection import Database
from loader.database.schema import create_missing
from tests.support.loads import leads
from tests.support.warm import PROGRAM, Warm

ROWS = "phone_number,first_name\n7275550101,Ann\n7275550102,Bo\n123,Cy\n"
PATIENCE = 60.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "leads.csv").write_text(ROWS, "utf-8")
    database = Database(f"sqlite:///{tmp_path}/leads.db")
    create_missing(database.engine)
    yield database
    database.engine.dispose()


class Session:
    """The command at a terminal of its own."""

    def __init__(self, folder: Path, *flags: str, ask: bool = True, program: str = PROGRAM) -> None:
        arguments = ["import", "leads.csv", *(["--ask"] if ask else [])]
        arguments += ["--database", "sqlite:///leads.db", "--results", "results", *flags]
        self._terminal, theirs = pty.openpty()
        environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
        self.process = Warm(
            *arguments, program=program, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
            env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def until(self, text: str) -> None:
        """Read what is shown until some text stands there."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self._terminal], [], [], 1.0)[0]:
                try:
                    self.seen += os.read(self._terminal, 65_536).decode("utf-8", "replace")
                except OSError:  # the other side is closed
                    assert text in self.seen, self.seen
                    return

    def answer(self, text: str) -> int:
        os.write(self._terminal, text.encode())
        return self.end()

    def end(self) -> int:
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            os.close(self._terminal)


def test_yes_loads_what_was_shown(site: Database, tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.until("Load 2 rows?")
    assert "INVALID_PHONE_NUMBER_LENGTH" in session.seen
    # It is known when the rejected rows are written.
    assert "score" not in session.seen
    assert leads(site, "phone_number") == []
    assert session.answer("y\n") == 0
    assert leads(site, "phone_number") == [("7275550101",), ("7275550102",)]


@pytest.mark.sample(1)
@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_no_loads_nothing_and_the_file_can_be_loaded_later(
    site: Database, tmp_path: Path, answer: str
) -> None:
    session = Session(tmp_path)
    session.until("Load 2 rows?")
    assert session.answer(answer) == 1
    assert leads(site, "phone_number") == []
    assert not (tmp_path / "results").exists()
    again = Session(tmp_path)
    again.until("Load 2 rows?")
    assert again.answer("y\n") == 0
    assert len(leads(site, "phone_number")) == 2


def test_an_interrupt_while_it_asks_loads_nothing(site: Database, tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.until("Load 2 rows?")
    session.process.send_signal(signal.SIGTERM)
    assert session.end() == 143
    assert leads(site, "phone_number") == []


SIGNAL_WHILE_IT_FLUSHES = """
import os, signal, sys
from jobs.cli import streams
from jobs.cli.main import main
flush = streams.Listened.flush
def interrupted(self):
    flush(self)
    caller = sys._getframe().f_back
    if caller and caller.f_code.co_name == "input":
        os.kill(os.getpid(), signal.SIGTERM)
streams.Listened.flush = interrupted
main()
"""


def test_a_signal_is_not_lost_while_streams_are_flushed(site: Database, tmp_path: Path) -> None:
    """`input` flushes before it reads, and drops what is raised then."""
    session = Session(tmp_path, program=SIGNAL_WHILE_IT_FLUSHES)
    session.until("Load 2 rows?")
    session.process.send_signal(signal.SIGTERM)
    assert session.end() == 143
    assert leads(site, "phone_number") == []


def test_a_terminal_that_goes_away_is_no_yes(site: Database, tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.until("Load 2 rows?")
    assert session.answer("\x04") == 1
    assert leads(site, "phone_number") == []


QUESTION = "2 rows that name no list go to list 999; go on?"


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("answer", "code", "loaded"), [("y\n", 0, 2), ("n\n", 1, 0), ("\n", 1, 0), ("\x04", 1, 0)]
)
def test_rows_go_to_list_999_only_with_a_yes(
    site: Database, tmp_path: Path, answer: str, code: int, loaded: int
) -> None:
    session = Session(tmp_path, ask=False)
    session.until(QUESTION)
    assert leads(site, "phone_number") == []
    assert session.answer(answer) == code
    assert len(leads(site, "phone_number")) == loaded
    assert (tmp_path / "results").exists() == bool(loaded)


def test_ask_says_it_beside_its_own_question(site: Database, tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.until("Load 2 rows?")
    assert "2 rows that name no list are in list 999" not in session.seen
    assert "2 rows that name no list go to list 999" in session.seen
    assert QUESTION not in session.seen
    assert session.answer("y\n") == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize("flags", [["--yes"], ["-y", "--quiet"], ["--list-id", "101"]])
def test_nothing_is_asked(site: Database, tmp_path: Path, flags: list[str]) -> None:
    session = Session(tmp_path, *flags, ask=False)
    assert session.end() == 0
    assert len(leads(site, "phone_number")) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "leads.csv", "--ask"], "--ask needs a terminal"),
        (["import", "leads.csv", "--ask", "--yes"], "give one of them"),
        (["validate", "leads.csv", "--ask", "--database", "none"], "--ask works with import only"),
        (["import", "leads.csv", "--sample", "5"], "--sample works with validate only"),
        (["validate", "leads.csv", "--sample", "0"], "--sample"),
    ],
)
def test_what_does_not_go_together_is_refused(
    site: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADLOADER_DATABASE", "sqlite:///leads.db")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run(arguments) == 64
    assert said in capfd.readouterr().err
    assert leads(site, "phone_number") == []
