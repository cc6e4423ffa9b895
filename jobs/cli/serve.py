"""The command serve. Heavy modules are imported late."""

import gc
from typing import Any

from jobs.cli.parameters import given_settings
from jobs.settings.database import open_database


def serve(**given: Any) -> None:
    """Answer the dialer's HTTP APIs until a signal comes."""
    from jobs.cli.terminal import Terminal
    from loader.errors import missing_extra_error

    settings = given_settings(given, table="serve")
    terminal = Terminal(settings, "serve")
    try:
        from jobs.serve.app import application
        from jobs.serve.server import listen
        from jobs.settings.listening import refuse_open_address
    except ImportError:
        raise missing_extra_error("serve", "serve", "starlette") from None

    refuse_open_address(settings.serve)
    database = open_database(settings)
    with application(settings, database) as app:
        # While garbage is looked for, calls wait: of what was imported, each time for 50 ms.
        gc.freeze()
        listen(app, settings.serve, terminal.say)
