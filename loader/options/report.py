"""How a run is to be reported."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """How a run is to be reported."""

    source: str = ""
    """Where the file comes from; "": its name tells."""
    sample: int | None = None
    """Of a validation: look at so many rows only, spread over the file."""
    page: bool = True
    show_phones: bool = False
    compare: Path | None = None
    """Summary of the file before this one."""
    spreadsheet_safe: bool = False
    """The source's own values, too, shall be no formulas to a spreadsheet."""
    check_dialable: bool = False
    """Of an import: say how many of the new leads the dialer could call now."""


AS_USUAL = ReportOptions()
