"""Who lacks an extra is given the command that installs it where the program runs."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from loader import installation
from loader.installation import install_command

EXTRAS = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text("utf-8"))[
    "project"
]["optional-dependencies"]


@pytest.mark.parametrize("extra", sorted(EXTRAS.keys() - {"dev"}))
def test_the_packages_of_an_extra_are_named(extra: str) -> None:
    command = install_command(extra)
    assert command.startswith(f"{sys.executable} -m pip install ")
    assert all(f"'{package}'" in command for package in EXTRAS[extra])
    # As a shell takes it.
    subprocess.run(["/bin/sh", "-nc", command], check=True)


@pytest.mark.parametrize(
    ("mark", "tool"),
    [("pipx_metadata.json", "pipx inject leadloader "),
     ("uv-receipt.toml", f"uv pip install --python {sys.executable} ")],
)  # fmt: skip
def test_environments_of_tools_are_known(
    mark: str, tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / mark).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert install_command("metrics") == f"{tool}'prometheus-client>=0.26'"


def test_a_program_that_was_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(installation.metadata, "requires", none)
    assert install_command("s3").endswith("pip install 'leadloader[s3]'")
