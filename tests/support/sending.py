"""Files through the API of another dialer."""

from pathlib import Path
from typing import Any

from loader.ledger.runs import Ledger
from loader.options.load import LoadOptions
from loader.remote.target import Target
from tests.support.api_dialer import PASSWORD, USER
from tests.support.loads import Loads, Outcome, Rows, load_file, outcome_of


class Sending:
    """Sends files to one address, each again and again into the same results."""

    def __init__(self, folder: Path, url: str, **target: Any) -> None:
        given: dict[str, Any] = {"user": USER, "password": PASSWORD, "first_wait": 0.001}
        self.target = Target(url=url, **given | target)
        self.loads, self.results = Loads(folder), folder / "results"

    def send(self, rows: Rows | Path, **options: Any) -> Outcome:
        path = rows if isinstance(rows, Path) else self.loads.file(rows)
        load_file(path, LoadOptions(**options), None, self.results, target=self.target)
        return outcome_of(self.results)

    @property
    def ledger(self) -> Ledger:
        return Ledger.to_read_of_target(self.target.ledger_name, self.results.parent)
