"""Help in groups: options under the headings that they have, and commands likewise."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from jobs.cli.examples import sections
from loader.errors import UsageError

WIDEST = 30
"""Characters of a flag beside which its help stands; a longer one has it below."""

SHORT = """\
leadloader loads lead files into VICIdial, with an answer for every row.

  leadloader demo                              try it on sample files
  leadloader validate leads.csv                check a file, without a database
  leadloader import leads.csv --list-id 101    load it

leadloader --help lists all commands, leadloader import --help all options.
"""
"""What is said to who types the program's name alone."""

FIRST_STEPS = (
    ("leadloader columns leads.csv", "See which column fills which field"),
    ("leadloader validate leads.csv", "Check a file; no database is needed"),
    ("leadloader init", "Make the tables that are missing"),
    ("leadloader import leads.csv", "Load the file"),
    ("leadloader import --help", "See all options, in groups"),
)
"""What to type first."""


MAY_BE_EMPTY = {"callback_comments"}
"""Flags of which an empty value says something."""


class GroupedCommand(TyperCommand):
    """A command whose help has its options in groups, and that takes no flag for another."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises:
            UsageError: a flag is empty, as by a variable that is not set; or it is given twice,
                with different values.
        """
        for names, given in self._values(ctx, args).items():
            flag = next((name for name in names if name in args), names[0])
            if "" in given:
                raise UsageError(f"{flag}: it is empty; give a value, or leave the flag out")
            if len({*given}) > 1:
                raise UsageError(f"{flag}: it is given twice, with different values; give one")
        return super().parse_args(ctx, args)

    def _values(self, ctx: Any, args: list[str]) -> dict[tuple[str, ...], list[object]]:
        """Read all values of each flag by its names, not only the last one."""
        parser = self.make_parser(ctx)
        for option in {*parser._long_opt.values(), *parser._short_opt.values()}:
            option.action = option.action.replace("store", "append")
        found, _, _ = parser.parse_args(args=list(args))
        return {
            tuple(option.opts + option.secondary_opts): [*dict.fromkeys(found[option.name])]
            for option in self.get_params(ctx)
            if option.param_type_name == "option"
            and not option.multiple
            and option.name in found
            and option.name not in MAY_BE_EMPTY
        }

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options, group by group; then examples and exit codes."""
        _write_parameters(self, ctx, formatter)
        # Its name may have blanks: python -m leadloader.
        program = ctx.find_root().command_path
        command = ctx.command_path.removeprefix(program).strip()
        for heading, rows in sections(command, program).items():
            _write(formatter, {heading: rows})


class Entry(NamedTuple):
    """A command in a list of commands."""

    group: str
    """The heading under which it stands."""
    help: str
    """One line."""
    build: Callable[[], Any]
    """Makes the command with all its parameters, the same one each time."""


class _Commands(Mapping[str, Any]):
    """The commands of entries; each is built when it is asked for."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> Any:
        return self._entries[name].build()

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class CommandGroup(TyperGroup):
    """Commands, with help that has them in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands group by group, and the options."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, group, line in self._lines():
            sections.setdefault(group, []).append((name, line))
        _write(formatter, sections)
        _write_parameters(self, ctx, formatter)

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        """Give the name of each command, its group and its help in one line."""
        for name, command in self.commands.items():
            yield name, "Commands", command.get_short_help_str(WIDEST * 2)


class Program(CommandGroup):
    """All commands: to build them all takes longer than many a command runs."""

    entries: ClassVar[dict[str, Entry]] = {}

    def __init__(self, **attributes: Any) -> None:
        """Take Typer's attributes of a group; its commands are those of `entries`."""
        super().__init__(**attributes)
        self.commands = _Commands(self.entries)  # type: ignore[assignment]  # Typer only reads it

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write what to type first, and what every group writes."""
        _write(formatter, {"First steps": list(FIRST_STEPS)})
        super().format_options(ctx, formatter)

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        for name, entry in self.entries.items():
            yield name, entry.group, entry.help


def require_command(ctx: typer.Context) -> None:
    """Print the help of a group of commands if none is named.

    Raises:
        Exit: with the code of a wrong usage.
    """
    if ctx.invoked_subcommand is None:
        print(SHORT if ctx.parent is None else ctx.get_help(), file=sys.stderr)
        raise typer.Exit(UsageError.exit_code)


def _write_parameters(command: Any, ctx: Any, formatter: Any) -> None:
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        is_option = parameter.param_type_name == "option"
        group = (parameter.rich_help_panel or "Options") if is_option else "Arguments"
        record = parameter.get_help_record(ctx)
        if record:
            if not is_option:
                # Typer writes the type behind it, which says nothing more.
                record = (parameter.metavar or parameter.name.upper(), record[1])
            sections.setdefault(group, []).append(record)
    ungrouped = {"Options": sections.pop("Options")}
    _write(formatter, sections | ungrouped)


def _write(formatter: Any, sections: dict[str, list[tuple[str, str]]]) -> None:
    """Write sections whose second columns stand below one another."""
    longest = max((len(name) for rows in sections.values() for name, _ in rows), default=0)
    width = min(longest, WIDEST)
    for heading, rows in sections.items():
        with formatter.section(heading):
            formatter.write_dl([(f"{name:<{width}}", text) for name, text in rows])
