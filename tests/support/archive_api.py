"""The Lead Archive API as its document has it, over two sets of lead_ids."""

import json
from collections.abc import Iterable
from typing import Any

from loader.api.lead_archive import IN_OFFICE_HOURS, SUCCESS
from tests.support.http_server import Reply, Request

KEY = "k" * 32
STEPS = {"insert_leads", "update_leads", "delete_leads"}


class ArchiveApi:
    """Moves leads between `active` and `archived`; those in `held` are copied and not deleted."""

    def __init__(self, active: Iterable[int], held: Iterable[int] = ()) -> None:
        self.active, self.archived, self.held = {*active}, set[int](), {*held}
        self.is_open = False
        """It is office hours."""

    def answer(self, request: Request) -> Reply:
        status, body = self._answer(request, json.loads(request.body))
        return Reply(json.dumps(body), status)

    def _answer(self, request: Request, sent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        is_back = request.path == "/vicidial/leads/dearchive"
        assert is_back or request.path == "/vicidial/leads/archive"
        if request.headers["Authorization"] != f"Key={KEY}":
            return 401, {"message": "unable to validate api user"}
        if self.is_open and not is_back:
            return 403, {"message": IN_OFFICE_HOURS}
        lead_ids = sent["lead_ids"]
        steps = {"insert_leads", "delete_leads"} if is_back else STEPS
        assert sent.keys() == {*steps, "lead_ids"}
        assert 0 < len({*lead_ids}) == len(lead_ids) <= 500
        source, other = (self.archived, self.active) if is_back else (self.active, self.archived)
        missing = [lead_id for lead_id in lead_ids if lead_id not in source]
        if missing:
            message = "lead_ids does not exist"
            return 404, {"message": message, "lead_errors": len(missing), "lead_ids": missing}
        inserted = [lead_id for lead_id in lead_ids if lead_id not in other]
        other.update(lead_ids)
        gone = [it for it in lead_ids if it not in self.held] if sent["delete_leads"] else []
        source.difference_update(gone)
        counts = {"select_count": len(lead_ids), "insert_count": len(inserted)}
        updated = {} if is_back else {"update_count": 0}
        return 200, {"message": SUCCESS, **counts, **updated, "delete_count": len(gone)}
