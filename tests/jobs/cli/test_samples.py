"""Schedules that are printed fit the place where the program is."""

import sys

import pytest

from jobs.cli.main import run


@pytest.mark.parametrize(
    ("program", "python", "protection"),
    [
        ("/opt/leadloader/bin/leadloader", "/usr", "yes"),
        ("/srv/home/leadloader", "/usr", "yes"),
        ("/home/leads/.local/bin/leadloader", "/usr", "read-only"),
        ("/opt/leadloader/bin/leadloader", "/root/.local/share/uv/python/3.12", "read-only"),
    ],
)
def test_a_unit_sees_the_program_in_a_home_folder(
    program: str,
    python: str,
    protection: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    monkeypatch.setattr(sys, "base_prefix", python)
    assert run(["schedule", "systemd"]) == 0
    unit = capsys.readouterr().out.splitlines()
    assert f"ExecStart={program} nightly --config /etc/leadloader/nightly.toml" in unit
    assert f"ProtectHome={protection}" in unit
