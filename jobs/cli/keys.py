"""The commands below keys: make, list and revoke. What is heavy is imported late."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.help import CommandGroup, GroupedCommand, require_command
from jobs.cli.parameters import given_settings, with_flags
from jobs.settings.flags import CONNECTING, flags_named

if TYPE_CHECKING:
    from loader.ledger.keys import ApiKey

app = typer.Typer(
    name="keys",
    cls=CommandGroup,
    help="Keys of who may call the archive API of serve.",
    rich_markup_mode=None,
)

app.callback(invoke_without_command=True)(require_command)

FLAGS = flags_named(CONNECTING | {"results"})

NEVER = "never"

Name = Annotated[str, typer.Argument(help="Of the key, for people", metavar="NAME")]


@app.command(cls=GroupedCommand)
@with_flags(FLAGS)
def make(
    name: Name,
    may: Annotated[
        str,
        typer.Option(help="What it may do, one or several", metavar="archive,dearchive,files"),
    ],
    until: Annotated[
        str,
        typer.Option(
            help="Last day, or how long (default: 365d)",
            metavar="DATE|90d|never",
            show_default=False,
        ),
    ] = "365d",
    **given: Any,
) -> None:
    """Make a key, and print it: it is shown this once."""
    from jobs.cli.terminal import Terminal
    from jobs.settings.database import open_database
    from loader.ledger.keys import KeyStore

    rights, ends = _rights(may), _end(until)
    settings = given_settings(given)
    secret = KeyStore.open(open_database(settings), settings.ledger_folder).make(name, rights, ends)
    good = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "without end"
    Terminal(settings, "keys").warn(
        f"key {name} may {', '.join(rights)}, {good}; it is shown this once, and kept as a hash"
    )
    print(secret)


@app.command("list", cls=GroupedCommand)
@with_flags(FLAGS)
def list_keys(
    json_summary: Annotated[
        bool, typer.Option("--json", help="Print JSON, a line for each key")
    ] = False,
    **given: Any,
) -> None:
    """List all keys that were ever made, without what makes them keys."""
    import json
    from datetime import UTC

    from jobs.settings.database import open_database
    from loader.ledger.keys import KeyStore
    from loader.results.lines import align

    settings, now = given_settings(given), datetime.now(UTC)
    found = KeyStore.to_read(open_database(settings), settings.ledger_folder).all()
    if json_summary:
        for key in found:
            print(json.dumps(_as_dict(key, now), default=str))
        return
    head = ["name", "state", "may", "made", "ends", "last used", "id"]
    lines = [[key.name, key.state(now), ",".join(sorted(key.may)), _moment(key.made),
              _moment(key.ends), _moment(key.last_used), key.id] for key in found]  # fmt: skip
    print("\n".join(align([head, *lines], "<" * len(head))))


@app.command(cls=GroupedCommand)
@with_flags(FLAGS)
def revoke(name: Name, **given: Any) -> None:
    """Revoke a key: from now on it is good for nothing."""
    from jobs.settings.database import open_database
    from loader.ledger.keys import KeyStore

    settings = given_settings(given)
    KeyStore.to_read(open_database(settings), settings.ledger_folder).revoke(name)
    print(f"key {name} is revoked")


def _rights(text: str) -> list[str]:
    """Read what a key may do. UsageError: something else is named, or nothing."""
    from loader.errors import UsageError
    from loader.ledger.keys import RIGHTS
    from loader.options.suggestion import did_you_mean

    named = [*dict.fromkeys(part.strip() for part in text.split(",") if part.strip())]
    for each in named:
        if each not in RIGHTS:
            there = ", ".join(RIGHTS)
            raise UsageError(
                f"--may: {each!r} is nothing that a key may do; there is {there}"
                f"{did_you_mean(each, RIGHTS)}"
            )
    if not named:
        raise UsageError(f"--may: say what the key may do: {', '.join(RIGHTS)}")
    return named


def _end(text: str) -> datetime | None:
    """Read when a key ends; None: never. UsageError: it is no time, or is over."""
    from datetime import UTC, timedelta

    from loader.errors import UsageError
    from loader.options.durations import parse_moment

    if text == NEVER:
        return None
    now = datetime.now(UTC)
    try:
        moment = parse_moment(text)
    except ValueError as error:
        raise UsageError(f"--until: {error}, or never") from None
    if isinstance(moment, timedelta):
        end = now + moment
    else:
        # A day alone is its last one.
        is_day = len(text.strip()) == len("2026-08-01")
        end = moment.replace(tzinfo=UTC) + timedelta(days=is_day)
    if end <= now:
        raise UsageError(f"--until: {text} is over; give a day to come, such as 90d, or never")
    return end


def _as_dict(key: "ApiKey", now: datetime) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(key) | {"may": sorted(key.may), "state": key.state(now)}


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else NEVER
