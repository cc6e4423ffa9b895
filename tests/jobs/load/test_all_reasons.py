"""All reasons of rejected rows: what was asked about them is not asked again."""

from pathlib import Path

import pytest

from loader.database.connection import Database
from tests.support.loads import Loads
from tests.support.server import fill
from tests.support.statements import statements

OPTIONS = {"list_id": "101", "duplicate_check": "DUPSYS-DUPNAMEPHONELIST", "dnc_check": "Y"}
IN_SYSTEM, BY_NAME = "DUPLICATE_PHONE_NUMBER_IN_SYSTEM", "DUPLICATE_NAME_PHONE_IN_LIST"


def row(number: int, name: str = "ann") -> dict[str, str]:
    return {"phone_number": str(7_275_550_000 + number), "first_name": name, "last_name": "x"}


def questions(database: Database, loads: Loads, rows: list[dict[str, str]]) -> int:
    """Count the statements that look for existing leads by numbers."""
    with statements(database) as asked:
        loads.load(rows, database, "validate", workers=1, chunk_size=2, **OPTIONS)
    return sum("vicidial_list " in f"{each} " and "GROUP BY" in each for each in asked)


def test_duplicates_are_asked_about_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    fill(database_url, {"vicidial_list": [row(0) | {"list_id": "101"}]})
    loads = Loads(tmp_path)
    alone = questions(database, loads, [row(n) for n in range(1, 7)])
    assert alone == 6  # of three chunks, by each check
    assert questions(database, loads, [row(0), row(0), row(1), row(1), row(2), row(2)]) == alone


def test_rows_that_others_reject_are_asked_about_together(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    listed = [{"phone_number": row(n)["phone_number"]} for n in range(2)]
    fill(database_url, {"vicidial_list": [row(9) | {"list_id": "101"}], "vicidial_dnc": listed})
    rows = [row(0), row(2), row(1), row(3), row(0), row(4)]
    assert questions(database, Loads(tmp_path), rows) == 6 + 4


@pytest.mark.parametrize("keep", ["first", "last"])
def test_each_check_says_which_rows_are_duplicates(
    keep: str, database: Database, database_url: str, tmp_path: Path
) -> None:
    """Of an existing lead, and of a row whose turn was another chunk's."""
    listed = [{"phone_number": row(5)["phone_number"]}]
    existing = [row(0) | {"list_id": "101"}, row(5, "eve") | {"list_id": "102"}]
    fill(database_url, {"vicidial_list": existing, "vicidial_dnc": listed})
    rows = [row(0), row(1), row(5), row(2), row(0, "bob"), row(1), row(1, "bob")]
    options = OPTIONS | {"workers": 1, "chunk_size": 2, "keep": keep}
    outcome = Loads(tmp_path).load(rows, database, "validate", **options)
    found = {number: each["reasons_all"] for number, each in outcome.rejected.items()}
    both = f"{IN_SYSTEM}|{BY_NAME}"
    expected = {2: both, 4: f"PHONE_NUMBER_IN_DNC|{IN_SYSTEM}", 6: IN_SYSTEM}
    if keep == "first":
        assert found == expected | {7: both, 8: IN_SYSTEM}
    else:
        assert found == expected | {3: IN_SYSTEM, 7: IN_SYSTEM}
