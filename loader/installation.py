"""How packages are added to the environment in which this program runs."""

import shlex
import sys
from importlib import metadata
from pathlib import Path

PROGRAM = "leadloader"

MARKS = {
    "pipx_metadata.json": f"pipx inject {PROGRAM}",
    "uv-receipt.toml": f"uv pip install --python {shlex.quote(sys.executable)}",
}
"""What tools leave in the environments that they make, and how they add packages."""


def install_command(extra: str) -> str:
    """Give the command that installs the packages of an extra, to be typed by the user."""
    here = Path(sys.prefix)
    tool = next((how for name, how in MARKS.items() if (here / name).exists()), "")
    tool = tool or f"{shlex.quote(sys.executable)} -m pip install"
    return f"{tool} {' '.join(map(shlex.quote, _packages(extra)))}"


def _packages(extra: str) -> list[str]:
    """Give the requirements of an extra, as the program was built with them."""
    try:
        every = metadata.requires(PROGRAM) or []
    except metadata.PackageNotFoundError:
        return [f"{PROGRAM}[{extra}]"]
    parts = (text.partition(";") for text in every)
    return [name.strip() for name, _, marker in parts if f'extra == "{extra}"' in marker]
