"""Help in groups: options under the headings that they have, and commands likewise."""

import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from loader.errors import UsageError

WIDEST = 30
"""Characters of a flag beside which its help stands; a longer one has it below."""

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
        """Write the arguments and options, group by group."""
        _write_parameters(self, ctx, formatter)


class CommandGroup(TyperGroup):
    """Commands, with help that has them in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write what to type first, the commands group by group, and the options."""
        if ctx.parent is None:
            _write(formatter, {"First steps": list(FIRST_STEPS)})
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            group = getattr(command, "rich_help_panel", None) or "Commands"
            sections.setdefault(group, []).append((name, command.get_short_help_str(WIDEST * 2)))
        _write(formatter, sections)
        _write_parameters(self, ctx, formatter)


def require_command(ctx: typer.Context) -> None:
    """Print the help of a group of commands if none is named.

    Raises:
        Exit: with the code of a wrong usage.
    """
    if ctx.invoked_subcommand is None:
        print(ctx.get_help(), file=sys.stderr)
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
