"""Spend a night over the sample files: drop folders, one bad file among them, and a report."""
# ruff: noqa: T201 - it talks to the person who started it

import os
import shlex
import shutil
import sys
from pathlib import Path

from jobs.cli.main import run
from sample_data.demo import HERE, make_database

COMMAND = "leadloader nightly --config sample_data/nightly.toml"
DROP = Path("demo/drop")

FILES = {
    "partner/referrals.txt": "referrals.txt",
    "partner/referrals_again.txt": "referrals.txt",
    "website/inquiries.csv": "inquiries.csv",
}
"""Where the sample files are put; one comes under two names."""

HALF = 501
"""Lines of leads.csv that come in March, the header among them."""


def fill_drop_folders() -> None:
    """Put the files in: one of them is cut off within a letter, one is still on its way."""
    lines = (HERE / "leads.csv").read_bytes().splitlines(keepends=True)
    april = lines[0] + b"".join(lines[HALF:])
    made = {
        "vendor/leads_101_march.csv": b"".join(lines[:HALF]),
        "vendor/leads_101_april.csv": april[: april.rindex("é".encode()) + 1],
        "vendor/leads_102_may.csv.part": lines[0],
    }
    for name, content in made.items():
        (DROP / name).parent.mkdir(parents=True, exist_ok=True)
        (DROP / name).write_bytes(content)
    for name, sample in FILES.items():
        (DROP / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HERE / sample, DROP / name)


def main() -> int:
    """Make demo/ anew and spend a night there; give 0 if all went as the story has it."""
    os.chdir(HERE.parent)
    make_database()
    fill_drop_folders()
    print(f"\n$ {COMMAND}\n", flush=True)
    code = run(shlex.split(COMMAND)[1:])
    print("\nWhat lies where now:")
    for path in sorted(DROP.rglob("*")):
        if path.is_file():
            print(f"  {path}")
    print(f"""
The exit code is {code}, for leads_101_april.csv is cut off. Take its last line away, put it back,
and spend the next night:
    sed '$d' {DROP}/vendor/failed/*/leads_101_april.csv > {DROP}/vendor/leads_101_april.csv
    .venv/bin/{COMMAND}""")
    return 0 if code == 65 else code or 1


if __name__ == "__main__":
    sys.exit(main())
