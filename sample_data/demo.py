"""Load the sample leads into a small embedded database, by the commands that a user would type."""
# ruff: noqa: T201 - its output is for the user

import json
import os
import shlex
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from jobs.cli.main import run
from loader.database.schema import create_missing, metadata
from loader.errors import UsageError
from loader.paths import printable_path
from loader.results.folder import PAGE

Tables = dict[str, list[dict[str, Any]]]
HERE = Path(__file__).resolve().parent
DATABASE = "sqlite:///demo/leads.sqlite"

LEFT_OUT = {"expected", "__pycache__", ".py"}
"""What of the folder no demo needs: by name or suffix."""

COMMANDS = {
    "leads": f"""leadloader import sample_data/leads.csv
        --database {DATABASE} --results demo/results/leads
        --user 6666 --list-id 101 --list-exists-check Y --phone-validation valid
        --dnc-check AREACODE --campaign-id SOLAR --campaign-dnc-check Y
        --duplicate-check DUPLIST-DUPCAMP-DUPSYS90DAY-DUPPHONEALTSYS90DAY-DUPNAMEPHONESYS""",
    "referrals": f"""leadloader import sample_data/referrals.txt
        --database {DATABASE} --results demo/results/referrals
        --mapping-file sample_data/referrals.toml
        --user partner --list-id 103 --unstorable reject
        --usacan-prefix-check Y --usacan-areacode-check Y --nanpa-ac-prefix-check Y
        --duplicate-check DUPPHONEALTLIST30DAY-DUPPHONEALTCAMP30DAY-DUPTITLEALTPHONELIST-DUPTITLEALTPHONECAMP-DUPTITLEALTPHONESYS90DAY-DUPNAMEPHONELIST-DUPNAMEPHONECAMP""",  # noqa: E501 - one word
    "inquiries": f"""leadloader import sample_data/inquiries.csv
        --database {DATABASE} --results demo/results/inquiries
        --user 6666 --list-id 104 --campaign-id SOLAR --force source_id=website
        --map vendor_lead_code=Inquiry --custom-fields Y --map monthly_bill=Bill
        --add-to-hopper Y --hopper-local-call-time-check Y
        --tz-method POSTAL --ambiguous-tz reject --lookup-state Y
        --feed litigators=sample_data/feed_litigators.csv --invalid-phone-fallback alt_phone
        --duplicate-check DUPCAMP --duplicate-scope-archive Y --on-duplicate update --keep best""",
}
"""The commands, by the name of the results folder."""

TRIGGER = """CREATE TRIGGER no_test_leads BEFORE INSERT ON vicidial_list
    WHEN NEW.vendor_lead_code LIKE 'TEST-%' BEGIN SELECT RAISE(ABORT, 'no test leads'); END"""
"""A rule of the site: its server refuses test records."""


def fixtures(now: datetime) -> Tables:
    """Return the rows of the dialer's tables, by table; `days_ago` becomes an entry_date.

    `custom_tables` describes the tables of custom fields: name, and types by column.
    """
    tables: Tables = json.loads((HERE / "fixtures.json").read_text("utf-8"))
    for lead in [*tables["vicidial_list"], *tables["vicidial_list_archive"]]:
        entered = now - timedelta(days=lead.pop("days_ago"))
        lead["entry_date"] = f"{entered:%Y-%m-%d %H:%M:%S}"
    return tables


def make_database() -> None:
    """Create the dialer's tables in an empty folder demo/, and fill them.

    Raises:
        UsageError: there is a folder of that name, and no demo made it.
    """
    demo = Path("demo")
    if demo.exists() and any(demo.iterdir()) and not Path(demo, "leads.sqlite").exists():
        raise UsageError(f"{demo.resolve()} is no folder of an earlier demo; name another folder")
    shutil.rmtree(demo, ignore_errors=True)
    demo.mkdir()
    engine = create_engine(DATABASE)
    create_missing(engine)
    tables = fixtures(datetime.now(UTC).astimezone())
    with engine.begin() as connection:
        for custom in tables.pop("custom_tables"):
            columns = ", ".join(f"{name} {kind}" for name, kind in custom["columns"].items())
            connection.exec_driver_sql(
                f"CREATE TABLE {custom['table']} (lead_id INTEGER PRIMARY KEY, {columns})"
            )
        for name, rows in tables.items():
            connection.execute(metadata.tables[name].insert(), rows)
        connection.exec_driver_sql(TRIGGER)
    engine.dispose()


def copy_samples(folder: Path) -> None:
    """Put the sample files into a folder, but for those that are there."""
    there = folder / HERE.name
    for path in sorted(HERE.rglob("*")):
        name = path.relative_to(HERE)
        target = there / name
        if path.is_file() and not LEFT_OUT & {*name.parts, name.suffix} and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def main(folder: Path = HERE.parent, program: str = ".venv/bin/leadloader") -> int:
    """Create demo/ anew in a folder and load all files; return the exit code.

    Args:
        folder: gets the sample files, too.
        program: how it is called there.

    Raises:
        UsageError: the folder cannot be used.
    """
    try:
        copy_samples(folder)
        os.chdir(folder)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    make_database()
    if folder != HERE.parent:
        print(f"in {printable_path(Path.cwd())}, where the commands below can be typed:")
    for command in COMMANDS.values():
        print(f"\n$ {command}\n".replace("\n  ", " \\\n  "), flush=True)
        if code := run(shlex.split(command)[1:]):
            return code
    print(f"""
The outcome of every row is in loaded.csv, rejected.csv and summary.json in demo/results/leads,
demo/results/referrals and demo/results/inquiries (there also in changes.csv). About the rows:
sample_data/README.md.

Next, your own file; only the report is written:
    {program} validate your.csv --database {DATABASE} --user 6666 --list-id 101

Open the page in a browser; you can send it to the vendor of the leads:
    {Path("demo/results/leads", PAGE).resolve().as_uri()}""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
