"""The program as users have it: a wheel, installed into an environment of its own."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from functools import partial
from pathlib import Path

import pytest

from tests.docs.installed import TOPS
from tests.docs.pages import ROOT
from tests.support.once import made_once


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built of what is in the repository."""
    (built,) = made_once(tmp_path_factory, "wheel", _build).glob("*.whl")
    return built


def _build(folder: Path) -> None:
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "leadloader.py"):
        shutil.copy(ROOT / name, source)
    for name in TOPS:
        compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=compiled)
    shutil.copytree(ROOT / "docs" / "man", source / "docs" / "man")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index",
         "--no-build-isolation", "--wheel-dir", str(folder), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, installed into an environment of its own; libraries are those of the tests."""
    folder = made_once(tmp_path_factory, "installed", partial(_install, wheel))
    return folder / "bin" / "leadloader"


def _install(wheel: Path, folder: Path) -> None:
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps",
         "--no-index", str(wheel)],
        check=True, capture_output=True,
    )  # fmt: skip
    (packages,) = (folder / "lib").glob("python*/site-packages")
    # A line of a .pth file is a folder, whose own .pth files are not read: nothing of the
    # repository comes along.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
