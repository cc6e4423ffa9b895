"""Command-line parameters: flags become Typer parameters, given ones become settings."""

import functools
import inspect
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.settings.encoding import encoding_problems
from jobs.settings.flags import PAIRS, Flag, flag_name
from loader.errors import UsageError
from loader.paths import is_utf8, printable_path

if TYPE_CHECKING:
    from jobs.settings.settings import Settings


def given_settings(given: dict[str, Any], *, table: str = "") -> "Settings":
    """Read the settings with the given flags; those of [archive] or [serve] belong to the table."""
    from jobs.settings.serve import ServeOptions
    from jobs.settings.settings import read_settings
    from loader.options.archive import ArchiveOptions

    flags = given_flags(given)
    config = flags.pop("config", None)
    target = {"url": flags.pop("target", None), "ca_file": flags.pop("ca_file", None)}
    if target := {name: value for name, value in target.items() if value is not None}:
        flags["target"] = target
    if table:
        fields = {"archive": ArchiveOptions.model_fields, "serve": ServeOptions.model_fields}
        options = flags.keys() & fields[table].keys()
        flags[table] = {name: flags.pop(name) for name in options}
    return read_settings(flags, config)


def given_flags(given: dict[str, Any]) -> dict[str, Any]:
    """Give the flags that were given, pairs as tables.

    Raises:
        UsageError: what is to be NAME=VALUE is not, or a value is not UTF-8.
    """
    flags = {name: value for name, value in given.items() if value is not None}
    flags |= {name: _pairs(name, flags[name]) for name in PAIRS.keys() & flags.keys()}
    for problem in encoding_problems("", flags):
        raise problem.error
    return flags


def given_run(run: str) -> str:
    """Take the name of a run. UsageError: it is not UTF-8, and so is none."""
    if not is_utf8(run):
        raise UsageError(f"RUN: {printable_path(run)} is no run; leadloader runs lists them")
    return run


def _pairs(flag: str, texts: list[str]) -> dict[str, str]:
    pairs = dict(text.partition("=")[::2] for text in texts)
    empty_is_fine = flag in {"default", "force", "map"}
    if not all(name and (value or empty_is_fine) for name, value in pairs.items()) or not all(
        "=" in text for text in texts
    ):
        raise UsageError(f"{flag_name(flag)}: write it as {flag_name(flag)} {PAIRS[flag]}")
    if len(pairs) < len(texts):
        raise UsageError(f"{flag_name(flag)}: a name is given twice; each can have one value")
    return pairs


def with_flags(
    flags: tuple[Flag, ...], hidden: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command flags as parameters, None where they are not given.

    Help does not show those that are hidden: the command says why it does not take them.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        """Wrap the command, which stays as it is: it may be given other flags, too."""

        @functools.wraps(command)
        def taking(*arguments: Any, **given: Any) -> None:
            command(*arguments, **given)

        own = inspect.signature(command)
        first = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
        parameters = [_parameter(flag, hidden=flag.name in hidden) for flag in flags]
        taking.__signature__ = own.replace(parameters=[*first, *parameters])  # type: ignore[attr-defined]  # inspect reads it, mypy knows none
        taking.__annotations__ = command.__annotations__ | {
            each.name: each.annotation for each in parameters
        }
        return taking

    return decorate


def _parameter(flag: Flag, *, hidden: bool) -> inspect.Parameter:
    def complete(incomplete: str) -> list[str]:
        return [choice for choice in flag.choices if choice.startswith(incomplete)]

    option = typer.Option(
        *flag.names,
        help=flag.help,
        rich_help_panel=flag.option.group,
        metavar=flag.values,
        hidden=hidden,
        autocompletion=complete if flag.choices else None,
    )
    # `flag.kind` is a value, of which a type is made: mypy need not follow.
    annotation: Any = Annotated[flag.kind | None, option]
    return inspect.Parameter(
        flag.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )
