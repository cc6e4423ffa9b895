"""The messages on standard error: for people, or a JSON object a line for machines.

The JSON objects include the bound facts, above all the `run`. No message has personal data: no
name, no number, no value of a row.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from rich.console import Console
from rich.markup import escape

from jobs.settings.command import LogFormat
from loader.paths import printable_values, without_passwords
from loader.report.wording import visible

Entry = MutableMapping[str, Any]
"""What structlog passes from processor to processor: `event`, `level` and the bound facts."""

LONGEST_LINE = 4_000
"""Characters of a message to people."""

STYLES = {"info": "", "warning": "bold", "error": "bold red"}

# Log messages of libraries may hold secrets, such as an address with its password. The loader
# reports failures itself.
logging.getLogger().addHandler(logging.NullHandler())


def configure(log_format: LogFormat, *, quiet: bool, console: Console) -> None:
    """Set how messages are written, until `reset`; quiet: warnings and errors only."""
    level = logging.WARNING if quiet else logging.INFO
    structlog.contextvars.clear_contextvars()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *(FOR_MACHINES if log_format == "json" else [_for_people]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_names: _Lines(console),
        cache_logger_on_first_use=False,
    )


def is_configured() -> bool:
    """Whether `configure` was called."""
    return structlog.is_configured()


def is_json() -> bool:
    """Whether messages are written as JSON."""
    return _put_message_first in structlog.get_config()["processors"]


def complain(message: str) -> None:
    """Write as JSON why a command ended that could not read its settings."""
    if not is_json():
        configure("json", quiet=True, console=Console(stderr=True))
    log().error(message)


def reset() -> None:
    """Reset the format of messages and the bound facts."""
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def log() -> Any:
    """Give structlog's logger; keyword arguments of a message are written to JSON only."""
    return structlog.get_logger()


def bind(**facts: Any) -> None:
    """Add facts, such as the run, to all messages from now on."""
    structlog.contextvars.bind_contextvars(**facts)


def unbind(*names: str) -> None:
    """Remove facts from further messages."""
    structlog.contextvars.unbind_contextvars(*names)


def _put_message_first(_logger: Any, _method: str, entry: Entry) -> Entry:
    first = {name: entry.pop(name) for name in ("timestamp", "level", "event")}
    return {**first, **entry}


def _make_printable(_logger: Any, _method: str, entry: Entry) -> Entry:
    return printable_values(entry)  # type: ignore[no-any-return]  # as its argument


FOR_MACHINES = (
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _put_message_first,
    _make_printable,
    structlog.processors.JSONRenderer(default=str),
)


def _for_people(_logger: Any, _method: str, entry: Entry) -> tuple[tuple[str], dict[str, str]]:
    style = STYLES[entry["level"]]
    prefix = "leadloader: " if style else ""
    return (f"{prefix}{harmless(entry['event'])}",), {"style": style}


def harmless(message: str) -> str:
    """Make what names of files may have visible: control characters, line breaks; no passwords."""
    return visible(without_passwords(message), LONGEST_LINE)


class _OfLoader(logging.Handler):
    """Passes on what the loader itself logs, which has no way to a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message."""
        if is_configured():
            log().log(record.levelno, record.getMessage())
        else:
            print(f"leadloader: {harmless(record.getMessage())}", file=sys.stderr)  # noqa: T201 - likewise


logging.getLogger("leadloader").addHandler(_OfLoader())


class _Lines:
    """Writes rendered messages, at the end of structlog's chain."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def msg(self, line: str, style: str | None = None) -> None:
        """Write a line: JSON, or text with a style."""
        if style is None:
            # The console could wrap or mark up a line of JSON.
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - it is the log
        else:
            self._console.print(escape(line), style=style or None)

    info = warning = error = msg
