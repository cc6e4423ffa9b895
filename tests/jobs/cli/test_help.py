"""Help that one can look through, and completion in a shell."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from jobs.cli.examples import ENDINGS, EVERY, OF_DATABASES, WORDS
from jobs.cli.main import run
from jobs.settings.flags import ARCHIVE_FLAGS, FLAGS
from tests.docs.commands import parse
from tests.docs.generate import CODES

COMMANDS = (
    [], ["import"], ["validate"], ["archive"], ["dearchive"], ["undo"], ["nightly"], ["runs"],
    ["compare"], ["init"], ["config"], ["config", "check"], ["config", "schema"],
    ["config", "example"], ["demo"], ["schedule"], ["columns"],
    ["serve"], ["keys"], ["keys", "make"], ["keys", "list"], ["keys", "revoke"],
)  # fmt: skip
OF_A_LOAD = [
    "Source file", "Limits of a file", "List and campaign",
    "Phones", "Duplicates", "Do-not-call", "Time zone",
    "What comes with a lead", "Throttling", "Results", "Questions and messages", "Run",
    "Speed and memory", "Connection to the database", "Another dialer's APIs",
]  # fmt: skip
SHARED = [group for group in OF_A_LOAD[-6:] if group != "Speed and memory"]
AT_THE_END = ["Examples", "Exit codes"]


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def help_of(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert run([*command, "--help"]) == 0
    return capsys.readouterr().out


def groups_of(text: str) -> list[str]:
    return re.findall(r"^(\S.*):$", text, re.MULTILINE)


@pytest.mark.parametrize("command", ["import", "validate"])
def test_options_of_a_load_stand_in_groups(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(capsys, command)
    assert groups_of(text) == ["Arguments", *OF_A_LOAD, "Options", *AT_THE_END]
    groups = re.split(r"^\S.*:$", text, flags=re.MULTILINE)
    assert max(len(re.findall(r"^  -", group, re.MULTILINE)) for group in groups) <= 17


@pytest.mark.parametrize("command", ["archive", "dearchive"])
def test_options_of_an_archive_stand_in_groups(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = ["Which leads", "What is done", "Throttling", *SHARED, "Options", *AT_THE_END]
    assert groups_of(help_of(capsys, command)) == groups


def test_it_names_what_to_type_first(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys)
    assert groups_of(text)[0] == "First steps"
    steps = re.findall(r"^  leadloader (\S+)", text, re.MULTILINE)
    assert steps == ["columns", "validate", "init", "import", "import"]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_help_text_is_one_line(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys, *command)
    assert "..." not in re.sub(r"\S\.\.\.|\[ARGS\]\.\.\.", "", text)
    blocks = re.split(r"^(?=  \S)", text[text.index("\n  ") + 1 :], flags=re.MULTILINE)
    for block in blocks:
        lines = [line for line in block.splitlines() if line.startswith("  ")]
        # Help that stands below its flag, since that is long, has one line, too.
        is_beside = bool(re.search(r"\S  +\S", lines[0])) if lines else False
        if "--show-completion" not in block and lines:
            assert len(lines) == 1 or (len(lines) == 2 and not is_beside), block


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("list_id", "(default: 999)"),
        ("batch_size", "(default: 20000)"),
        ("page", "(default: on)"),
        ("results", "(default: results/<run>)"),
        ("dnc_check", ""),
        ("again", ""),
    ],
)
def test_help_states_the_default(name: str, said: str) -> None:
    (flag,) = (flag for flag in FLAGS if flag.name == name)
    assert re.findall(r"\(default: .*\)", flag.help) == ([said] if said else [])


def test_a_duration_is_stated_as_it_is_given() -> None:
    (flag,) = (flag for flag in ARCHIVE_FLAGS if flag.name == "chunk_time")
    assert flag.help.endswith("(default: 0.25s)")


# Completion.


def completed(line: str) -> list[str]:
    """Give what Bash offers for the last word of a line."""
    words = line.split(" ")
    environment = os.environ | {
        "_LEADLOADER_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    program = "import sys; sys.argv[0] = 'leadloader'; from jobs.cli.main import main; main();"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        pytest.param("leadloader im", ["import"], id="command"),
        pytest.param("leadloader config ", ["check", "schema", "example"], id="command-below"),
        pytest.param("leadloader import --call", "callback", id="flags"),
        pytest.param(
            "leadloader import --on-duplicate ", ["reject", "update", "move"], id="values"
        ),
        pytest.param("leadloader import --dnc-check A", ["AREACODE"], id="some-values"),
        pytest.param("leadloader import --default-region U", [], id="only-examples"),
    ],
)
def test_the_shell_completes(line: str, offered: list[str] | str) -> None:
    if isinstance(offered, str):
        flags = [flag.names[0] for flag in FLAGS if flag.name.startswith(offered)]
        assert sorted(completed(line)) == sorted(flags)
    else:
        assert completed(line) == offered


def test_completion_can_be_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--install-completion" in help_of(capsys)


def test_the_name_alone_gives_a_short_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 64
    said = capsys.readouterr().err
    assert said.count("\n") < 12
    assert max(map(len, said.splitlines())) <= 80
    commands = re.findall(r"^  leadloader (\S+)", said, re.MULTILINE)
    assert commands == ["demo", "validate", "import"]


def test_every_command_ends_with_two_examples(capsys: pytest.CaptureFixture[str]) -> None:
    named = {" ".join(command) for command in COMMANDS} - {"", "config", "keys"}
    assert named == set(ENDINGS)
    for name, (examples, _) in ENDINGS.items():
        text = help_of(capsys, *name.split())
        assert len(examples) == 2
        for line, what in examples:
            assert line.startswith(name)
            assert re.search(rf" {re.escape(line)}\s+{re.escape(what)}\n", text), line
        assert re.search(r"^  0   done$", text, re.MULTILINE)
        assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("line", [line for examples, _ in ENDINGS.values() for line, _ in examples])
def test_examples_of_the_help_are_commands(line: str) -> None:
    parse(shlex.split(line.partition(" > ")[0]))


def test_words_for_exit_codes_are_of_codes_that_there_are() -> None:
    assert WORDS.keys() <= CODES.keys()
    codes = {code for _, codes in ENDINGS.values() for code in codes}
    assert codes | {*EVERY, *OF_DATABASES} <= WORDS.keys()


def test_what_has_no_database_does_not_end_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ENDINGS:
        text = help_of(capsys, *name.split())
        assert ("the database does not answer" in text) == ("--database " in text), name


@pytest.mark.parametrize(
    ("command", "flag"),
    [("import", "--sample"), *(("validate", f"--{name}") for name in ("ask", "yes", "again"))],
)
def test_what_a_command_does_not_take_is_not_in_its_help(
    command: str, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = "validate" if command == "import" else "import"
    assert flag not in help_of(capsys, command)
    assert flag in help_of(capsys, other)
