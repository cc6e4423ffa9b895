"""What an archive run would move: counts by list, status and age; nothing is written."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Select, TableClause, case, column, func, literal, select
from sqlalchemy import table as table_of

from loader.archive.conditions import AGE_CONDITIONS, age_group
from loader.archive.outcome import Preview, Stay
from loader.archive.selection import CAME_BACK, Leads
from loader.clock import Clock
from loader.database.connection import Database
from loader.dialer import LISTS_TABLE

GROUPED = {
    "list_id": "int64", "status": "str", "age": "int64", "last_call": "int64", "details": "str",
    "leads": "int64",
}  # fmt: skip
PREVIEW_LIST_COLUMNS = {"list_id": "int64", "list_name": "str", "campaign_id": "str"}


def preview(
    database: Database,
    table: TableClause,
    leads: Leads,
    spared: tuple[Stay, ColumnElement[str]],
    clock: Clock,
    *,
    by_last_call: bool,
) -> Preview:
    """Count the leads that would be moved, one part of the table after the other.

    `spared` says why some are spared, and the details, "" for all others; details that differ for
    each lead are not given. Ages count from the clock; `by_last_call`: from the last call, too.
    """
    why, details = spared
    if why is Stay.LOADED_ANEW:
        details = case((details == "", ""), else_="as a later lead")
    columns = [
        table.c.list_id.label("list_id"),
        func.coalesce(table.c.status, "").label("status"),
        age_group(table.c.entry_date, clock.now).label("age"),
        (age_group(table.c.last_local_call_time, clock.now) if by_last_call else literal(0)).label(
            "last_call"
        ),
    ]
    *names, _ = GROUPED
    found = pd.DataFrame(columns=list(GROUPED)).astype(GROUPED)
    for condition, came_back in leads.parts():
        said = case((details != "", details), (table.c.lead_id.in_(came_back), CAME_BACK), else_="")
        groups = (*columns, (said if came_back else details).label("details"))
        counted = select(*groups, func.count()).where(condition).group_by(*names)
        found = pd.concat([found, _frame(database, counted, GROUPED)]).pipe(_summed, *names)
    selected, stays = found[found["details"] == ""], found[found["details"] != ""]
    lists = table_of(LISTS_TABLE, *map(column, PREVIEW_LIST_COLUMNS))
    by_list = _summed(selected, "list_id").merge(
        _frame(database, select(*lists.c), PREVIEW_LIST_COLUMNS), on="list_id", how="left"
    )
    return Preview(
        leads=int(selected["leads"].sum()),
        spared=_spared(_summed(stays, "details"), why),
        by_list=by_list.fillna({"list_name": "", "campaign_id": ""})[
            [*PREVIEW_LIST_COLUMNS, "leads"]
        ],
        by_status=_summed(selected, "status"),
        by_age=_by_age(selected, "age"),
        by_last_call=_by_age(selected if by_last_call else selected[:0], "last_call"),
    )


def _spared(counts: pd.DataFrame, why: Stay) -> pd.DataFrame:
    """Say of each of the details why it spares a lead."""
    reasons = counts["details"].eq(CAME_BACK).map({True: Stay.CAME_BACK.value, False: why.value})
    return counts.assign(why=reasons.astype("str"))[["why", "details", "leads"]]


def _by_age(counts: pd.DataFrame, place: str) -> pd.DataFrame:
    """Sum by the group of `AGE_CONDITIONS` that a column names the place of."""
    ages = pd.Series([name for name, _ in AGE_CONDITIONS], dtype="str")
    summed = _summed(counts, place)
    return pd.DataFrame({"age": summed[place].map(ages).astype("str"), "leads": summed["leads"]})


def undefined(database: Database, lists: Collection[int]) -> list[int]:
    """Give the list_ids that are no list of the dialer's, ascending."""
    if not lists:
        return []
    defined = table_of(LISTS_TABLE, column("list_id"))
    asked = select(defined.c.list_id).where(defined.c.list_id.in_(lists))
    found = _frame(database, asked, {"list_id": "int64"})["list_id"]
    return sorted({*lists} - {*found})


def _frame(database: Database, asked: "Select[Any]", types: Mapping[str, str]) -> pd.DataFrame:
    rows = database.read(lambda connection: [tuple(row) for row in connection.execute(asked)])
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def _summed(counts: pd.DataFrame, *names: str) -> pd.DataFrame:
    return counts.groupby(list(names), as_index=False)[["leads"]].sum()
