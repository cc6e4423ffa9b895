"""The messages on standard error: for people, or a JSON object a line for machines.

Both bear what is bound, above all the `run`; people are not shown it. No message holds anything of
a person: no name, no number, no value of a row.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from rich.console import Console
from rich.markup import escape

from jobs.settings.command import LogFormat
from loader.report.wording import visible

Entry = MutableMapping[str, Any]
"""What structlog hands from processor to processor: `event`, `level`, and what is bound."""

LONGEST_LINE = 4_000
"""Characters of a message to people."""

STYLES = {"info": "", "warning": "bold", "error": "bold red"}

# What libraries log may hold what we do not vouch for, such as an address with its password; what
# fails is told by us.
logging.getLogger().addHandler(logging.NullHandler())


def configure(log_format: LogFormat, *, quiet: bool, console: Console) -> None:
    """Say how messages are written from now on, until `reset`.

    Args:
        log_format: for whom.
        quiet: warnings and errors only.
        console: of standard error, for people.
    """
    level = logging.WARNING if quiet else logging.INFO
    structlog.contextvars.clear_contextvars()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *(_for_machines() if log_format == "json" else [_for_people]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: _Lines(console),
        cache_logger_on_first_use=False,
    )


def is_configured() -> bool:
    """Whether it was said how messages are written."""
    return structlog.is_configured()


def is_json() -> bool:
    """Whether messages are written for machines."""
    return _first_things_first in structlog.get_config()["processors"]


def complain(message: str) -> None:
    """Say to machines why a command ended, though it could not read its settings."""
    if not is_json():
        configure("json", quiet=True, console=Console(stderr=True))
    log().error(message)


def reset() -> None:
    """Forget how messages are written, and what is bound."""
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def log() -> Any:
    """Give structlog's logger; what is given beside a message is for machines only."""
    return structlog.get_logger()


def bind(**facts: Any) -> None:
    """Let all messages from now on bear facts, such as the run."""
    structlog.contextvars.bind_contextvars(**facts)


def unbind(*names: str) -> None:
    """Let messages bear some facts no more."""
    structlog.contextvars.unbind_contextvars(*names)


def _for_machines() -> list[Any]:
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    return [stamp, _first_things_first, structlog.processors.JSONRenderer(default=str)]


def _first_things_first(_logger: Any, _method: str, entry: Entry) -> Entry:
    first = {name: entry.pop(name) for name in ("timestamp", "level", "event")}
    return {**first, **entry}


def _for_people(_logger: Any, _method: str, entry: Entry) -> tuple[tuple[str], dict[str, str]]:
    style = STYLES[entry["level"]]
    prefix = "leadloader: " if style else ""
    return (f"{prefix}{harmless(entry['event'])}",), {"style": style}


def harmless(message: str) -> str:
    """Show control characters, which names of files and columns may have, instead of obeying."""
    return "\n".join(visible(line, LONGEST_LINE) for line in message.split("\n"))


class _Lines:
    """Writes what is rendered, at the end of structlog's chain."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def msg(self, line: str, style: str | None = None) -> None:
        """Write a line; with a style, for people."""
        if style is None:
            # Not by the console, which could wrap or mark up what is to be read by a machine.
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - it is the log
        else:
            self._console.print(escape(line), style=style or None)

    info = warning = error = msg
