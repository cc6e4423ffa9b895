"""An FTP server, for drop folders at an address."""

import threading
import warnings
from pathlib import Path
from typing import Any

from jobs.nightly.odd_names import ANY_BYTES

with warnings.catch_warnings():
    # It uses modules that Python 3.12 removed, and warns of that.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

READ, ALL = "elr", "elradfmwMT"
"""Rights of an account, in pyftpdlib's letters."""
PASSWORD = "se:cret"  # noqa: S105 - of the tests


class Partner:
    """An FTP server with a folder `in` that a partner puts files into."""

    def __init__(self, root: Path, rights: str) -> None:
        self.drop = root / "in"
        self.drop.mkdir(parents=True)
        authorizer = DummyAuthorizer()
        authorizer.add_user("me", PASSWORD, str(root), perm=rights)

        class Handler(FTPHandler):
            """Has an authorizer of its own, which pyftpdlib keeps in the class."""

        Handler.authorizer = authorizer
        Handler.auth_failed_timeout = 0  # who guesses passwords waits, as it is shipped
        Handler.encoding = ANY_BYTES  # names are sent and taken as the bytes they are
        Handler.log = Handler.logline = lambda *_args, **_more: None
        # A loop of its own: pyftpdlib has one for all servers of a process.
        self._server = FTPServer(("127.0.0.1", 0), Handler, ioloop=IOLoop())
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._ends = threading.Event()
        self._thread.start()

    def _serve(self) -> None:
        while not self._ends.is_set():
            self._server.ioloop.loop(timeout=0.02, blocking=False)
        self._server.close_all()

    def close(self) -> None:
        """Stop the server."""
        self._ends.set()
        self._thread.join(10)

    @property
    def toml(self) -> str:
        """The settings as a source has them in a file."""
        storage = f'{{username = "me", password = "{PASSWORD}"}}'
        return f'folder = "ftp://127.0.0.1:{self.port}/in"\nstorage = {storage}'

    def settings(self, password: str = PASSWORD) -> dict[str, Any]:
        return {
            "folder": f"ftp://127.0.0.1:{self.port}/in",
            "storage": {"username": "me", "password": password},
        }
