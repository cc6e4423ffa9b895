"""A Galera cluster: servers that have the same tables, any of which takes any statement."""

from collections.abc import Callable, Sequence

from pymysql import err

from loader.database.driver import DriverConnection
from loader.database.error_codes import NODE_NOT_READY, TRANSIENT_CODES, error_code

SYNCED = "Synced"
"""What a node says of itself that has all that the others have."""

STATES = "SHOW STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_local_state_comment')"
"""A node that is not ready understands this, and little else."""

READS_ALL = 15
"""wsrep_sync_wait: every statement waits for what other nodes have committed before it."""

OF_LAGGING = (
    "SHOW STATUS LIKE 'wsrep_flow_control%' on each node whether one lags and stops the others"
)
"""What tells whether it is the cluster that keeps an answer."""

QUEUE = "or see by SHOW STATUS LIKE 'wsrep_local_recv_queue' how much the node has yet to store"
"""What tells whether it is the node that keeps a statement waiting for what others committed."""

Place = tuple[str, int]
"""Host and port of a server."""


class NoNodeError(err.OperationalError):
    """No server could be taken; `detail` says of each why not."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(code, detail)
        self.detail = detail


class Servers:
    """The servers of one database; one is stayed with as long as it answers."""

    def __init__(self, places: Sequence[Place]) -> None:
        """Take them in the order in which they are asked."""
        self._places = [*places]
        self.are_nodes = False
        """Whether the server that was taken last is a node of a cluster."""

    @property
    def current(self) -> Place:
        """The server that was taken last."""
        return self._places[0]

    def connect(self, connect: Callable[[Place], DriverConnection]) -> DriverConnection:
        """Connect to the first server that answers, and is Synced if it is a node.

        Raises:
            NoNodeError: there is no such server.
            MySQLError: the only server does not answer; or one refuses, and not just for now.
        """
        why_not: dict[Place, str] = {}
        code = NODE_NOT_READY
        for place in [*self._places]:
            try:
                connection = connect(place)
                state = node_state(connection)
            except err.MySQLError as error:
                code = error_code(error)
                if len(self._places) == 1 or code not in TRANSIENT_CODES:
                    raise
                why_not[place] = f"does not answer (error {code})"
                continue
            if state in {"", SYNCED}:
                self.are_nodes = bool(state)
                self._places.insert(0, self._places.pop(self._places.index(place)))
                return connection
            connection.close()
            why_not[place] = f"is a node that is not {SYNCED} ({state})"
        said = [f"{host}:{port} {why}" for (host, port), why in why_not.items()]
        raise NoNodeError(code, "; ".join(said))


def node_state(connection: DriverConnection) -> str:
    """Give what a node says of itself, such as Synced; "" of a server that is no node."""
    with connection.cursor() as cursor:
        cursor.execute(STATES)
        status = {row[0]: row[-1] for row in cursor.fetchall()}
    state = str(status.get("wsrep_local_state_comment", ""))
    return "not ready" if state == SYNCED and status.get("wsrep_ready") != "ON" else state
