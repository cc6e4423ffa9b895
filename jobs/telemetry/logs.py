"""The messages on standard error: for people, or a JSON object a line for machines.

The JSON objects include the bound facts, above all the `run`. No message has personal data: no
name, no number, no value of a row.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape

from jobs.settings.command import LogFormat
from loader.paths import printable_values, without_passwords
from loader.report.wording import visible

LONGEST_LINE = 4_000
"""Characters of a message to people."""

STYLES = {logging.INFO: "", logging.WARNING: "bold", logging.ERROR: "bold red"}

# Log messages of libraries may hold secrets, such as an address with its password. The loader
# reports failures itself.
logging.getLogger().addHandler(logging.NullHandler())


class Log(NamedTuple):
    """Writes messages; what is given beside the text is written to JSON only."""

    is_json: bool
    level: int
    """The lowest that is written."""
    console: Console

    def info(self, message: str, **facts: Any) -> None:
        """Write what need not be known."""
        self.log(logging.INFO, message, **facts)

    def warning(self, message: str, **facts: Any) -> None:
        """Write what somebody should know."""
        self.log(logging.WARNING, message, **facts)

    def error(self, message: str, **facts: Any) -> None:
        """Write what failed."""
        self.log(logging.ERROR, message, **facts)

    def log(self, level: int, message: str, **facts: Any) -> None:
        """Write a message of a level of `logging`."""
        if level < self.level:
            return
        if self.is_json:
            # The console could wrap or mark up a line of JSON.
            print(_entry(level, message, facts), file=sys.stderr, flush=True)  # noqa: T201 - it is the log
        else:
            style = STYLES[level]
            prefix = "leadloader: " if style else ""
            self.console.print(escape(f"{prefix}{harmless(message)}"), style=style or None)


def _entry(level: int, message: str, facts: dict[str, Any]) -> str:
    first = {
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "level": logging.getLevelName(level).lower(),
        "event": message,
    }
    bound = {name: value for name, value in _bound.items() if name not in facts}
    return json.dumps(printable_values({**first, **facts, **bound}), default=str)


_configured: list[Log] = []
"""What `configure` has set, if it was called."""
_bound: dict[str, Any] = {}
"""The facts that all messages bear."""


def configure(log_format: LogFormat, *, quiet: bool, console: Console) -> None:
    """Set how messages are written, until `reset`; quiet: warnings and errors only."""
    level = logging.WARNING if quiet else logging.INFO
    _bound.clear()
    _configured[:] = [Log(log_format == "json", level, console)]


def is_configured() -> bool:
    """Whether `configure` was called."""
    return bool(_configured)


def is_json() -> bool:
    """Whether messages are written as JSON."""
    return log().is_json


def complain(message: str) -> None:
    """Write as JSON why a command ended that could not read its settings."""
    if not is_json():
        configure("json", quiet=True, console=Console(stderr=True))
    log().error(message)


def reset() -> None:
    """Reset the format of messages and the bound facts."""
    _bound.clear()
    _configured.clear()


def log() -> Log:
    """Give the log; before `configure`, messages are for people."""
    return _configured[0] if _configured else Log(False, logging.INFO, Console(stderr=True))


def bind(**facts: Any) -> None:
    """Add facts, such as the run, to all messages from now on."""
    _bound.update(facts)


def unbind(*names: str) -> None:
    """Remove facts from further messages."""
    for name in names:
        _bound.pop(name, None)


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
