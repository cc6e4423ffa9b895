"""The manual pages, made of what --help has."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from click_man.man import ManPage
from typer.main import get_command

from jobs.cli.examples import sections
from jobs.cli.help import FIRST_STEPS
from jobs.cli.main import app
from loader import __version__

NAME = "leadloader"
FILES = {
    "leadloader.toml": "the settings, in the current folder; --config names others",
    "/etc/astguiclient.conf": "the dialer's own file, which has the address of its database",
}


def man_pages(folder: Path) -> dict[Path, str]:
    """Give the page of each command, by its path in a folder."""
    return {
        folder / f"{path.replace(' ', '-')}.1": _page(path, command, context)
        for path, command, context in _commands(NAME, get_command(app), None)
    }


def _commands(path: str, command: Any, parent: Any) -> Iterator[tuple[str, Any, Any]]:
    context = command.make_context(path.rpartition(" ")[2], [], parent, resilient_parsing=True)
    yield path, command, context
    for name, each in getattr(command, "commands", {}).items():
        yield from _commands(f"{path} {name}", each, context)


def _page(path: str, command: Any, context: Any) -> str:
    page = ManPage(path)
    page.version, page.date = __version__, ""
    page.short_help = page.description = escaped(command.help)
    page.synopsis = " ".join(command.collect_usage_pieces(context))
    records = [each.get_help_record(context) for each in command.get_params(context)]
    page.options = [(name, escaped(text)) for name, text in filter(None, records)]
    page.commands = [
        (name, escaped(each.help)) for name, each in getattr(command, "commands", {}).items()
    ]
    program, _, name = path.partition(" ")
    ending: Mapping[str, list[tuple[str, str]]] = sections(name, program)
    if path == NAME:
        ending = {"Examples": list(FIRST_STEPS)}
    ending = {**ending, "Files": [*FILES.items()]}
    return str(page) + "".join(_section(heading, rows) for heading, rows in ending.items())


def _section(heading: str, rows: list[tuple[str, str]]) -> str:
    """Write a section as the page writes its options."""
    title = {"Exit codes": "EXIT STATUS"}.get(heading, heading.upper())
    lines = (f".TP\n\\fB{escaped(name)}\\fP\n{escaped(text)}\n" for name, text in rows)
    return f".SH {title}\n{''.join(lines)}"


def escaped(text: str) -> str:
    """Write a text so that nothing of it is taken for a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in {".", "'"} else line for line in text.split("\n"))
