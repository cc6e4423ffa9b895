"""The commands of the documentation, run in a folder with the sample files and their database.

`leadloader` alone runs in this process, which saves a second of imports each time; what needs a
shell gets one.
"""

import contextlib
import importlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import dropwhile, groupby
from pathlib import Path
from unittest.mock import patch

import typer
from typer.core import TyperGroup

from tests.docs.pages import ROOT, Block

NAME = "leadloader"
SAMPLES = ("leads.csv", "inquiries.csv", "referrals.txt", "referrals.toml", "feed_litigators.csv")
ADDRESS = "mysql://loader:password@dialer/asterisk"
"""The address that pages show; commands get that of the scratch folder's database in its place."""

SHELL = re.compile(r"[|<>;&$`(]")
RUN = re.compile(r"20261122-\d{6}-(?:(archive|undo)-)?[0-9a-f-]{4,}")
"""A run that pages name; commands get the newest of its kind in its place."""

STATEFUL = re.compile(r"^(?:case|cd|export|for|if|while|set)\b|^\w+=|<<", re.MULTILINE)
"""What concerns the commands after it: such a block is run by one shell."""

_ENTRY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"][NAME]
MODULE, _, FUNCTION = _ENTRY.partition(":")


class Scratch:
    """The folder in which the commands of a page are run, one after the other."""

    def __init__(self, folder: Path, database: Path) -> None:
        """Put the sample files, their database and the program into an empty folder."""
        self.folder = folder
        shutil.copytree(ROOT / "sample_data", folder / "sample_data")
        for name in SAMPLES:
            # Short files make the tests quick; further on in leads.csv are rows that break rules.
            lines = (ROOT / "sample_data" / name).read_text("utf-8").splitlines(keepends=True)
            (folder / name).write_text("".join(lines[:150]), "utf-8")
        (folder / "demo").mkdir()
        own = shutil.copy(database, folder / "demo")
        self.address = f"sqlite:///{own}"
        programs = [folder / "bin" / NAME, folder / ".venv" / "bin" / NAME]
        code = f"import {MODULE}; {MODULE}.{FUNCTION}()"
        for program in programs:
            program.parent.mkdir(parents=True)
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c "{code}" "$@"\n')
            program.chmod(0o755)
        self.environment = {
            "LEADLOADER_DATABASE": self.address,
            "LEADLOADER_USER": "6666",
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "120",
            "NO_COLOR": "1",
        }
        self.printed = ""

    def write(self, block: Block) -> None:
        """Write the content of a block to the file that it stands for."""
        path = self.folder / block.directives["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text.replace(ADDRESS, self.address), "utf-8")

    def run(self, block: Block) -> None:
        """Run the commands of a block; all but the last one have to succeed."""
        self.printed = ""
        text = RUN.sub(self._newest, block.text.replace(ADDRESS, self.address))
        commands = [text] if STATEFUL.search(text) else commands_of(text)
        wanted = [0] * (len(commands) - 1) + [int(block.directives.get("exit", 0))]
        for command, code in zip(commands, wanted, strict=True):
            got = self.call(command)
            assert got == code, f"{block}: exit code {got}: {command}\n{self.printed}"

    def _newest(self, named: "re.Match[str]") -> str:
        """Give the newest run of the kind that is named: an archive, an undo, else an import."""
        kind = named[1] or ""
        folders = (self.folder / "results").iterdir()
        runs = [each for each in folders if kind_of(each.name) == kind]
        return max(runs, key=lambda folder: folder.stat().st_mtime_ns).name

    def call(self, command: str) -> int:
        """Run one command, keep what it prints, and give its exit code."""
        in_process = is_ours(command) and not SHELL.search(command)
        return self._in_process(command) if in_process else self._in_shell(command)

    def _in_process(self, command: str) -> int:
        output = io.StringIO()
        words = list(self._words(command))
        with (
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
            patch.dict(os.environ, self.environment),
            patch.object(sys, "argv", words),
        ):
            try:
                getattr(importlib.import_module(MODULE), FUNCTION)()
                code: object = 0
            except SystemExit as end:
                code = end.code or 0
        self.printed += output.getvalue()
        assert isinstance(code, int), code
        return code

    def _words(self, command: str) -> Iterator[str]:
        """Split a command as a shell does, with its globs."""
        for word in shlex.split(command, comments=True):
            found = sorted(self.folder.glob(word)) if "*" in word else []
            yield from [str(path.relative_to(self.folder)) for path in found] or [word]

    def _in_shell(self, command: str) -> int:
        done = subprocess.run(
            ["sh", "-euc", command],
            cwd=self.folder,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        self.printed += done.stdout
        return done.returncode


def kind_of(run: str) -> str:
    """Give the kind of a run by its name; those of imports have none."""
    return next((kind for kind in ("archive", "undo") if f"-{kind}-" in run), "")


def commands_of(text: str) -> list[str]:
    """Give the commands of a block, lines that go on joined, without comments of a whole line."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def is_ours(command: str) -> bool:
    """Say whether a command is of leadloader."""
    return Path(command.split(maxsplit=1)[0]).name == NAME


def arguments_of(command: str) -> Iterator[list[str]]:
    """Give the arguments of each call of leadloader within a line that is not run."""
    words = shlex.shlex(command, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    words.commenters = "#"
    for is_operator, group in groupby(words, lambda word: not set(word) - set("|<>;&()")):
        called = list(dropwhile(lambda word: re.match(r"\w+=", word), group))
        if called[:2] == ["sudo", "-u"]:
            called = called[3:]
        if not is_operator and called and is_ours(called[0]):
            yield called[1:]


def parse(arguments: list[str]) -> None:
    """Let the command line be parsed, not run; raises what its parser raises."""
    command = typer.main.get_command(importlib.import_module("jobs.cli.main").app)
    name = NAME
    while isinstance(command, TyperGroup):
        # What stands before a command, such as --install-completion, would be done at once.
        parsing = command.make_context(name, arguments, resilient_parsing=True)
        with contextlib.suppress(typer.Exit), parsing as context:
            rest = [*context._protected_args, *context.args]
            if not rest:
                return
            name, found, arguments = command.resolve_command(context, rest)
            assert found is not None
            command = found
            continue
        return
    with contextlib.suppress(typer.Exit):
        command.make_context(name, list(arguments))


def pattern_of(expected: str) -> "re.Pattern[str]":
    """Make a pattern of output that a page shows: `...` is anything, alone on a line any lines."""
    parts = []
    for line in expected.splitlines():
        words = " ".join(line.split())
        if words == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(re.escape(words).replace(r"\.\.\.", ".*") + r"\n")
    return re.compile("^" + "".join(parts), re.MULTILINE)


def normalize(printed: str) -> str:
    """Collapse blanks within the lines of an output."""
    return "".join(" ".join(line.split()) + "\n" for line in printed.splitlines())
