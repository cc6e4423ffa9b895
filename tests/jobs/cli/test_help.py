"""Help that one can look through, and completion in a shell."""

import os
import re
import subprocess
import sys

import pytest

from jobs.cli.main import run
from jobs.settings.flags import ARCHIVE_FLAGS, FLAGS

COMMANDS = (
    [], ["import"], ["validate"], ["archive"], ["dearchive"], ["undo"], ["nightly"], ["runs"],
    ["compare"], ["init"], ["config"], ["config", "check"], ["config", "schema"],
)  # fmt: skip
OF_A_LOAD = [
    "Source file", "Limits of a file", "List and campaign",
    "Phones", "Duplicates", "Do-not-call", "Time zone",
    "What comes with a lead", "Throttling", "Results", "Questions and messages", "Run",
    "Connection to the database",
]  # fmt: skip


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
    assert groups_of(text) == ["Arguments", *OF_A_LOAD, "Options"]
    groups = re.split(r"^\S.*:$", text, flags=re.MULTILINE)
    assert max(len(re.findall(r"^  -", group, re.MULTILINE)) for group in groups) <= 16


@pytest.mark.parametrize("command", ["archive", "dearchive"])
def test_options_of_an_archive_stand_in_groups(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = ["Which leads", "What is done", "Throttling", *OF_A_LOAD[-4:], "Options"]
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
