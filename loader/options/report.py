"""How a run is to be reported."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from loader.options.option import Group, Option


class ReportSettings(BaseModel):
    """How runs are reported, and what of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    # fmt: off
    check_dialable: Annotated[bool, Option(
        "Count the new leads that can be called now", Group.RESULTS,
        "Of an import: by list, and why not the others.",
    )] = False
    page: Annotated[bool, Option(
        "Write report.html", Group.RESULTS, flags=("--page/--no-page",),
    )] = True
    show_phones: Annotated[bool, Option(
        "Show whole phone numbers on the page", Group.RESULTS,
        "Otherwise the middle of each is hidden.",
    )] = False
    compare: Annotated[Path | None, Option(
        "summary.json of an earlier file to compare", Group.RESULTS,
        values="FILE", example="results/yesterday/summary.json",
    )] = None
    spreadsheet_safe: Annotated[bool, Option(
        "No formulas among the source's values", Group.RESULTS,
        "Puts an apostrophe before values that a spreadsheet would take for a formula. Such a "
        "reject file is to be read, not to be loaded again.",
    )] = False
    sample: Annotated[Annotated[int, Field(ge=1, le=1_000_000_000)] | None, Option(
        "Only check so many rows of the file", Group.RESULTS,
        "Of validate. The rows are spread over the file.", values="N", example=5000,
    )] = None
    # fmt: on


class ReportOptions(ReportSettings):
    """How one run is reported."""

    source: str = ""
    """Where the file comes from; "": its name tells."""


# Not validated: that would build the model, which reading the options leaves for later.
AS_USUAL = ReportOptions.model_construct()
