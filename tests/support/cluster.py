"""A Galera cluster of three nodes on loopback, each a private server of its own."""

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pymysql
from sqlalchemy import make_url

from tests.support.certificates import make_authority, make_certificate
from tests.support.install_programs import GALERA
from tests.support.server import PATIENCE, PrivateServer, driver_options, free_port, run

NODES = 3

SETTINGS = (
    "--wsrep-on=ON",
    f"--wsrep-provider={GALERA}",
    "--wsrep-cluster-name=leadloader",
    "--wsrep-sst-method=nothing",
    "--binlog-format=ROW",
    "--innodb-autoinc-lock-mode=2",
    "--innodb-buffer-pool-size=32M",
)

SCRIPT = """\
#!/bin/sh
# All nodes begin with the same tables: only transactions that are missing are sent.
while [ $# -gt 0 ]; do
    case $1 in
        --role) role=$2 ;;
        --address) address=$2 ;;
        --gtid) position=$2 ;;
        --datadir) data=$2 ;;
        --bypass) bypass=yes ;;
    esac
    shift
done
if [ "$role" = donor ]; then
    [ "$bypass" = yes ] || exit 1
    echo "$position" > "${address#*/}.new" && mv "${address#*/}.new" "${address#*/}"
    echo "done $position"
else
    rm -f "$data/position"
    echo "ready 127.0.0.1:1/$data/position"
    while [ ! -e "$data/position" ]; do sleep 0.1; done
    cat "$data/position"
fi
"""
"""By which a node gets what it has missed: wsrep_sst_nothing."""

PROVIDER = {
    "gcache.size": "32M",
    # After these a node that was killed is left out; meanwhile the others stand still.
    "evs.suspect_timeout": "PT3S",
    "evs.inactive_timeout": "PT6S",
    # Nodes that were all killed find one another by a command, never by an old file.
    "pc.recovery": "FALSE",
}

RECOVERING = ("--wsrep-recover", "--wsrep-cluster-address=gcomm://", "--skip-networking")

POSITION = re.compile(r"WSREP: Recovered position: (\S+)")


class Node(PrivateServer):
    """One node; `start` lets it join the others, if there are any."""

    def __init__(
        self, password: str, ports: list[int], number: int, folder: Path, position: str
    ) -> None:
        """Start it.

        Args:
            password: of the account that all have.
            ports: at which the nodes speak with one another.
            number: of this node, from 0.
            folder: has the certificate, and system tables that the first node makes.
            position: up to which transaction of the others it has all; "" of the first node.
        """
        self._ports, self._number, self._place = ports, number, free_port()
        self._folder, self._joins = folder, position
        super().__init__(password=password)

    def start(self, *options: str) -> None:
        """Start it with options for this start only, and wait until it is Synced."""
        members = ",".join(f"127.0.0.1:{port}" for port in self._ports if self._joins)
        if self._joins:
            uuid, _, number = self._joins.rpartition(":")
            text = f"version: 2.1\nuuid: {uuid}\nseqno: {number}\nsafe_to_bootstrap: 0\n"
            (self._directory / "data" / "grastate.dat").write_text(text)
        own = self._ports[self._number]
        provider = PROVIDER | {
            "gmcast.listen_addr": f"tcp://127.0.0.1:{own}",
            "ist.recv_addr": f"127.0.0.1:{self._place}",
        }
        super().start(
            *SETTINGS,
            f"--ssl-ca={self._folder / 'ca.pem'}",
            f"--ssl-cert={self._folder / 'server.pem'}",
            f"--ssl-key={self._folder / 'server.key'}",
            f"--wsrep-node-name=node{self._number}",
            # It has all transactions from the first on.
            *(["--wsrep-sst-donor=node0,"] if self._number else []),
            f"--wsrep-node-address=127.0.0.1:{own}",
            f"--wsrep-cluster-address=gcomm://{members}",
            f"--wsrep-provider-options={';'.join(f'{k}={v}' for k, v in provider.items())}",
            *options,
        )
        self.wait()

    def wait(self) -> None:
        """Wait until it is Synced."""
        deadline = time.monotonic() + PATIENCE
        while self.state != "Synced":
            if time.monotonic() > deadline:
                raise RuntimeError(f"the node is {self.state}:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def rejoin(self) -> None:
        """Start it after it was killed; the others send what it has missed."""
        self._joins = self._recovered()
        self.start()

    def lead(self) -> None:
        """Let it be the one whom the others follow."""
        with contextlib.closing(pymysql.connect(**driver_options(self.url()))) as connection:
            connection.cursor().execute("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'")
        self.wait()

    def isolate(self, *, ends: bool = False) -> None:
        """Take it from the others, to whom it speaks no more; it goes on to answer clients."""
        setting = f"SET GLOBAL wsrep_provider_options = 'gmcast.isolate={int(not ends)}'"
        with contextlib.closing(pymysql.connect(**driver_options(self.url()))) as connection:
            connection.cursor().execute(setting)
        if ends:
            self.wait()

    @property
    def state(self) -> str:
        """What it says of itself, such as Synced."""
        return self.status("wsrep_local_state_comment")

    def status(self, name: str) -> str:
        """Give a variable of its status."""
        # Until a node is ready it understands nothing but SHOW, which is not enough for an engine.
        with contextlib.closing(pymysql.connect(**driver_options(self.url()))) as connection:
            cursor = connection.cursor()
            cursor.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")
            return str(dict(cursor.fetchall()).get(name))

    def _make_data(self, accounts: list[str]) -> list[str]:
        script = self._directory / "wsrep_sst_nothing"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        self._command = ["env", f"PATH={self._directory}:{os.environ['PATH']}", *self._command]
        data = self._directory / "data"
        made = self._folder / "data"
        if made.exists():
            shutil.copytree(made, data)
            return []
        options = super()._make_data(accounts)
        shutil.copytree(data, made)
        return options

    @property
    def position(self) -> str:
        """Up to which transaction it has all."""
        return f"{self.status('wsrep_cluster_state_uuid')}:{self.status('wsrep_last_committed')}"

    def _recovered(self) -> str:
        """Read that from the tables of a node that does not run."""
        said = subprocess.run(
            [*self._command, *SETTINGS, *RECOVERING, f"--socket={self.socket}"],
            capture_output=True,
            text=True,
            # It ends with an error in any case.
            check=False,
        ).stderr
        found = POSITION.search(said)
        assert found, said
        return found[1]


class Cluster:
    """Three nodes that have the same tables."""

    def __init__(self) -> None:
        """Start them, one after the other."""
        password, ports = secrets.token_hex(), [free_port() for _ in range(NODES)]
        self._folder = TemporaryDirectory()
        folder = Path(self._folder.name)
        self.authority = make_authority(folder, "ca")
        """Of the certificate that all nodes show."""
        make_certificate(self.authority, "server")
        self.nodes = [first := Node(password, ports, 0, folder, "")]
        for number in range(1, NODES):
            self.nodes.append(Node(password, ports, number, folder, first.position))

    def address(self, url: str, *numbers: int) -> str:
        """Give the address of a database by the nodes of these numbers; of all if none is named."""
        nodes = [self.nodes[number] for number in numbers or range(NODES)]
        hosts = ",".join(f"{node.host}:{node.port}" for node in nodes)
        of_one = make_url(url).render_as_string(hide_password=False)
        return re.sub(r"@[^/]*/", f"@{hosts}/", of_one)

    def beside(self, url: str, *numbers: int) -> str:
        """Give an address of one server, behind which these nodes come if it does not answer."""
        others = ",".join(f"{self.nodes[it].host}:{self.nodes[it].port}" for it in numbers)
        return re.sub(r"@([^/]*)/", rf"@\1,{others}/", url)

    def same(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        """Give the rows of a statement, which each node that runs must answer in the same way."""
        answers = [
            run(self.address(url, number), "SET SESSION wsrep_sync_wait = 15", statement)
            for number, node in enumerate(self.nodes)
            if node.is_running
        ]
        assert all(answer == answers[0] for answer in answers)
        return answers[0]

    def heal(self) -> None:
        """Start the nodes that do not run.

        On a busy machine those that run may have lost one another meanwhile.
        """
        running = [node for node in self.nodes if node.is_running]
        if all(node.status("wsrep_cluster_status") != "Primary" for node in running):
            running[0].lead()
        for node in self.nodes:
            if not node.is_running:
                self._leave_out()
                node.rejoin()

    def _leave_out(self) -> None:
        """Wait until those that run know that the others do not: no node comes back before."""
        running = [node for node in self.nodes if node.is_running]
        size, deadline = str(len(running)), time.monotonic() + PATIENCE
        while any(node.status("wsrep_cluster_size") != size for node in running):
            if time.monotonic() > deadline:
                raise RuntimeError("the nodes do not leave out those that were killed")
            time.sleep(0.05)

    def close(self) -> None:
        """End the nodes and remove their files."""
        for node in self.nodes:
            node.close()
        self._folder.cleanup()


class FirstNode:
    """A cluster as the server that is killed where tests kill one: its first node."""

    def __init__(self, cluster: Cluster) -> None:
        """Take the cluster, whose nodes all run."""
        self._cluster, self._node = cluster, cluster.nodes[0]
        self.host, self.port = self._node.host, self._node.port
        self.new_database, self.kill = self._node.new_database, self._node.kill

    @property
    def is_running(self) -> bool:
        """Whether it was not killed, or came back."""
        return self._node.is_running

    def start(self, *_options: str) -> None:
        """Let it join the others again, with the usual options."""
        self._cluster.heal()

    def execute(self, statement: str) -> None:
        """Run a statement on each node: settings are of one alone."""
        for node in self._cluster.nodes:
            node.execute(statement)
