"""The two locks: what is installed for the tests is what is installed for users, and more."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pinned(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def test_both_locks_pin_the_same_versions() -> None:
    base, all_ = pinned("requirements.lock"), pinned("requirements-dev.lock")
    assert "pandas" in base
    assert {name: all_.get(name) for name in base} == base
