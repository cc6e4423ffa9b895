"""The commands demo and schedule: what comes with the program to try it, and to run it at night."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from loader.errors import UsageError
from loader.paths import printable_path

INSTALLED = "/opt/leadloader/bin/leadloader"
"""The program, as the schedules have it."""

PROGRAM = "leadloader"

HOMES = ("/home", "/root", "/run/user")
"""What a unit of systemd does not see with `ProtectHome=yes`."""


class Scheduler(StrEnum):
    """What starts programs at a time."""

    SYSTEMD = "systemd"
    CRON = "cron"
    AIRFLOW = "airflow"


FILES = {
    Scheduler.SYSTEMD: ("leadloader-nightly.service", "leadloader-nightly.timer"),
    Scheduler.CRON: ("leadloader.cron",),
    Scheduler.AIRFLOW: ("leadloader_airflow.py",),
}


def demo(
    folder: Annotated[Path, typer.Argument(help="Made if it is missing", metavar="[DIR]")] = Path(
        "leadloader-demo"
    ),
) -> None:
    """Load sample files into a small database, both in a folder of their own."""
    from sample_data.demo import main

    raise typer.Exit(main(folder, PROGRAM))


def schedule(
    scheduler: Annotated[Scheduler, typer.Argument(metavar="|".join(Scheduler))],
    write: Annotated[
        Path | None, typer.Option(help="Write the files into this folder", metavar="DIR")
    ] = None,
) -> None:
    """Print what starts nightly every night, or write it."""
    for name in FILES[scheduler]:
        text = _file(name)
        if write is None:
            print(text, end="")
        else:
            _write(write / name, text)
            print(printable_path(write / name))


def _file(name: str) -> str:
    """Give a file, with the program where it is installed."""
    import sample_data

    folder = Path(sample_data.__file__).parent / "schedules"
    program = Path(sys.argv[0])
    text = (folder / name).read_text("utf-8")
    if program.name != PROGRAM:
        return text
    program = program.resolve()
    if any(_is_in_home(each) for each in (program, Path(sys.base_prefix))):
        text = text.replace("ProtectHome=yes", "ProtectHome=read-only")
    return text.replace(INSTALLED, str(program))


def _is_in_home(path: Path) -> bool:
    return any(path.is_relative_to(home) for home in HOMES)


def _write(path: Path, text: str) -> None:
    """Write a file. UsageError: there is another one, or it cannot be written."""
    try:
        if path.exists() and path.read_bytes() != text.encode():
            raise UsageError(
                f"{printable_path(path)} is there, and differs; remove it, or name another folder"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        # A scheduler reads it, and there is no secret in it.
        path.chmod(0o644)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
