"""Leads by lead_id, their custom fields, and which of their addresses were requested."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from loader.database.connection import Database
from loader.dialer import LEADS

URL_TYPE = "apinewlead"
URLS, URL_LOG = "vicidial_url_multi", "vicidial_url_log"
OF_SYSTEM = "-SYSTEM-API-NEWLEAD-"
"""The campaign_id of addresses that are for the leads of all lists."""


def read_leads(
    database: Database, lead_ids: Sequence[int], custom_tables: Collection[str]
) -> list[dict[str, str]]:
    """Read leads as text, by column, with the values of their lists' custom fields.

    Args:
        database: the dialer's.
        lead_ids: at most some hundreds.
        custom_tables: names of the tables custom_<list_id>.

    Returns:
        The leads in the order of lead_id, NULL as an empty text; those that are gone are left out.
    """

    def read(connection: Connection) -> list[dict[str, str]]:
        leads = _rows(connection, database, LEADS, lead_ids)
        names = {f"custom_{lead['list_id']}" for lead in leads.values()} & {*custom_tables}
        for name in sorted(names):
            for lead_id, values in _rows(connection, database, name, lead_ids).items():
                if lead_id in leads and name == f"custom_{leads[lead_id]['list_id']}":
                    leads[lead_id] = values | leads[lead_id]
        return [leads[lead_id] for lead_id in sorted(leads)]

    return database.read(read)


def _rows(
    connection: Connection, database: Database, table: str, lead_ids: Sequence[int]
) -> dict[int, dict[str, str]]:
    adapter = database.adapter
    statement = f"SELECT * FROM {table} WHERE lead_id IN {adapter.list_mark}"  # noqa: S608 - our own names
    found = connection.exec_driver_sql(statement, (adapter.list_value(lead_ids),)).mappings()
    return {int(row["lead_id"]): _texts(row) for row in found}


def _texts(row: Mapping[Any, object]) -> dict[str, str]:
    return {str(name): "" if value is None else str(value) for name, value in row.items()}


def list_of_lead(database: Database, table: str, lead_id: int) -> int | None:
    """Read the list_id of a lead in vicidial_list or its archive; None: it is not there."""
    mark, value = database.adapter.list_mark, database.adapter.list_value([lead_id])
    statement = f"SELECT list_id FROM {table} WHERE lead_id IN {mark}"  # noqa: S608 - our own names
    found = database.read(lambda it: it.exec_driver_sql(statement, (value,)).scalar())
    return None if found is None else int(found)


def read_requested(database: Database, lead_ids: Sequence[int]) -> set[int]:
    """Read for which of some leads an address was requested, or began to be."""
    adapter = database.adapter
    statement = (
        f"SELECT uniqueid FROM {URL_LOG} WHERE url_type = '{URL_TYPE}' "  # noqa: S608 - our own names
        f"AND uniqueid IN {adapter.list_mark}"
    )
    value = adapter.list_value([str(each) for each in lead_ids])
    rows = database.read(lambda it: it.exec_driver_sql(statement, (value,)).all())
    return {int(row[0]) for row in rows}
