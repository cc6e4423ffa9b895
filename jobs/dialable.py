"""After a load: what the dialer could call now of the new leads, in the summary."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from loader.calling import Calling
from loader.database import Database
from loader.errors import LoaderError
from loader.reasons import Notice
from loader.results import LOADED
from loader.summary import Summary

NO_FILTERS = {"", "NONE"}
"""What lead_filter_id says where a campaign has none."""


def with_dialable(summary: Summary, database: Database) -> Summary:
    """Look at the new leads of a load that is done, and add what was found to its summary.

    The load is done whatever comes of it: what fails is a remark.

    Args:
        summary: of an import; its result files are read.
        database: that of the import.

    Returns:
        The summary with `dialable`.
    """
    found = None
    try:
        calling = Calling(database)
        found = calling.look_at(summary.lead_ids, _without_zone(summary))
        remarks = _remarks(calling, {each.campaign_id for each in found})
    except LoaderError as error:
        remarks = [f"what could be called is not known: {error}"]
    return summary.model_copy(update={"dialable": found, "remarks": [*summary.remarks, *remarks]})


def _remarks(calling: Calling, campaigns: set[str]) -> list[str]:
    """Say what was not looked at."""
    said = [f"the database has no {name}, so it keeps no lead back" for name in calling.missing]
    filters = calling.campaigns.set_index("campaign_id")["lead_filter_id"]
    return said + [
        f"campaign {campaign} calls by the lead filter {name}, which was not looked at"
        for campaign, name in filters.items()
        if campaign in campaigns and name not in NO_FILTERS
    ]


def _without_zone(summary: Summary) -> npt.NDArray[np.int64]:
    """Give the lead_ids of rows for which no time zone was found."""
    nothing = np.empty(0, dtype=np.int64)
    if Notice.NO_TIME_ZONE not in summary.notices:
        return nothing
    columns = {"lead_id": pa.int64(), "notices": pa.large_string()}
    options = pyarrow.csv.ConvertOptions(include_columns=list(columns), column_types=columns)
    found = [nothing]
    with pyarrow.csv.open_csv(Path(summary.results) / LOADED, convert_options=options) as batches:
        for batch in batches:
            told = pc.match_substring(batch["notices"], Notice.NO_TIME_ZONE.value)
            found.append(batch["lead_id"].filter(told).drop_null().to_numpy())
    return np.concatenate(found)
