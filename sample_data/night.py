"""Run a night over the sample files: drop folders, one bad file among them, and a report."""
# ruff: noqa: T201 - its output is for the user

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
"""The sample file by its path in the drop folders; one has two names."""

MARCH_LINES = 501
"""Lines of leads.csv in the file of March, with the header."""


def fill_drop_folders() -> None:
    """Create the files: one of them is cut off within a character, one is still being sent."""
    lines = (HERE / "leads.csv").read_bytes().splitlines(keepends=True)
    april = lines[0] + b"".join(lines[MARCH_LINES:])
    made = {
        "vendor/leads_101_march.csv": b"".join(lines[:MARCH_LINES]),
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
    """Create demo/ anew and run a night there; return 0 if it ended as expected."""
    os.chdir(HERE.parent)
    make_database()
    fill_drop_folders()
    print(f"\n$ {COMMAND}\n", flush=True)
    code = run(shlex.split(COMMAND)[1:])
    print("\nThe files now:")
    for path in sorted(DROP.rglob("*")):
        if path.is_file():
            print(f"  {path}")
    print(f"""
The exit code is {code}, because leads_101_april.csv is cut off. Remove its last line, put it back
and run the next night:
    sed '$d' {DROP}/vendor/failed/*/leads_101_april.csv > {DROP}/vendor/leads_101_april.csv
    .venv/bin/{COMMAND}""")
    return 0 if code == 65 else code or 1


if __name__ == "__main__":
    sys.exit(main())
