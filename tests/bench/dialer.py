"""A dialer at work: it fills its hopper and updates leads until its standard input is closed.

`python -m tests.bench.dialer URL` prints how long each statement took, in seconds, as JSON.
"""

import json
import random
import select
import sys
import time

from sqlalchemy import Connection

from loader.database.connection import Database

PAUSE = 0.005
"""Seconds between two statements: a dialer that is at work, but not at its limit."""

HOPPER = (
    "SELECT lead_id FROM vicidial_list WHERE called_since_last_reset = 'N' AND status IN ('NEW') "
    "AND list_id IN (101) AND lead_id > {lead_id} LIMIT 100"
)
UPDATE = "UPDATE vicidial_list SET status = 'INCALL', user = '6666' WHERE lead_id = {lead_id}"
FIND = "SELECT lead_id, list_id FROM vicidial_list WHERE phone_number = '727555{lead_id:04}'"


def work(connection: Connection, leads: int) -> dict[str, list[float]]:
    """Run the statements in turn."""
    taken: dict[str, list[float]] = {"hopper": [], "update": [], "find": []}
    chance = random.Random(7)  # noqa: S311 - no secret
    while not select.select([sys.stdin], [], [], PAUSE)[0]:
        for name, statement in zip(taken, (HOPPER, UPDATE, FIND), strict=True):
            words = statement.format(lead_id=chance.randint(1, leads))
            began = time.perf_counter()
            connection.exec_driver_sql(words)
            connection.commit()
            taken[name].append(time.perf_counter() - began)
    return taken


if __name__ == "__main__":
    with Database(sys.argv[1]).engine.connect() as own:
        json.dump(work(own, int(sys.argv[2])), sys.stdout)
