"""Accounts of a server that are given rights one by one."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import make_url

from loader.database.connection import Database
from loader.rights.account import DatabaseAccount
from loader.rights.needs import Right, Rights, Site
from tests.support.extras import OPTIONS
from tests.support.server import Server

EVERYTHING: dict[str, Any] = OPTIONS | {
    "dnc_check": "AREACODE", "campaign_dnc_check": "Y", "duplicate_scope_archive": "Y",
    "duplicate_check": "DUPSYS", "on_duplicate": "update", "update_fields": "all",
    "tz_method": "NANPA", "add_to_hopper": "Y", "callback": "Y",
    "map": {"multi_alt_phones": "multi_alt_phones"},
}  # fmt: skip
"""Options of a load that reads and writes all that it can."""

Needs = Callable[[Site], Rights]


class Granted:
    """An account that is given what is asked for, and its database."""

    def __init__(self, server: Server, url: str) -> None:
        self.server, self.address = server, server.new_account(url)
        self.database = Database(self.address, sleep=lambda _seconds: None)

    def account(self) -> DatabaseAccount:
        # A connection keeps the rights on whole databases that it began with.
        self.database.engine.dispose()
        return DatabaseAccount(self.database)

    def give(self, needs: Needs) -> list[str]:
        """Grant what is said to be missing, until nothing is; custom tables are seen at last."""
        given: list[str] = []
        for _ in range(3):
            account = self.account()
            statements = account.grants(account.missing(needs(account.site)))
            for statement in statements:
                self.server.execute(statement)
            given += statements
        assert statements == []
        return given

    def revoke(self, right: Right) -> str:
        """Take one right away; give the statement that gives it back."""
        privilege = f"{right.privilege} ({right.column})" if right.column else right.privilege
        name = make_url(self.address)
        place = f"ON {name.database}.{right.table}"
        self.server.execute(f"REVOKE {privilege} {place} FROM {name.username}@'%'")
        return f"GRANT {privilege} {place} TO {name.username}@'%'"
