"""Several connections, over which batches of new leads are sent at the same time.

They do what is usual: a batch is in at the first try and as it was sent, or all of it is left to
the one connection that knows how to go on from anything.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import Self

import numpy as np
import pandas as pd

from jobs.load.recheck import Recheck
from jobs.load.run import ImportContext
from loader.database.connection import Database
from loader.dialer import LEADS
from loader.errors import BusyError, ConfigurationError, LoaderError, TransientDatabaseError
from loader.ledger.batches import BatchLedger
from loader.ledger.leads import LeadEntry
from loader.signals import defer_signals
from loader.writing.leads import LeadInserter
from loader.writing.writer import Writer

NO_IDS = np.empty(0, dtype=np.int64)


class Lanes:
    """The connections of one run; with one of them nothing is sent here."""

    def __init__(
        self, run: ImportContext, database: Database, ledger: BatchLedger, recheck: Recheck
    ) -> None:
        """Take what `refuse_several_connections` has let pass; nothing is connected yet."""
        self.run, self.ledger, self.recheck = run, ledger, recheck
        self.count = run.options.connections
        self._databases = [database.anew() for _ in range(self.count if self.count > 1 else 0)]
        self.writers = [Writer(each) for each in self._databases]
        self._inserters = [
            LeadInserter(writer.database, run.dialer.columns, writer) for writer in self.writers
        ]
        self._threads = ThreadPoolExecutor(self.count)

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            DatabaseUnavailableError: the server or the account may not have so many.
        """
        with ExitStack() as stack:
            stack.callback(self._threads.shutdown)
            for writer in self.writers:
                database = writer.database
                stack.callback(database.engine.dispose)
                # The ids of the rows of one INSERT follow each other, whoever inserts meanwhile.
                if not database.read(database.adapter.numbers_files_in_a_row):
                    writer.loads_files = False
            self._closing = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._closing.close()

    def send(self, batches: Sequence[pd.DataFrame], entries: Sequence[LeadEntry]) -> None:
        """Insert batches whose entries are new; the entries say what is in.

        Args:
            batches: at most one for each connection, see `LeadInserter.insert`.
            entries: theirs, one after the other.

        Raises:
            BusyError: another process has taken over the run.
        """
        if len(batches) == 1 or any(entry.is_there for entry in entries):
            return
        self.ledger.begin(entries)
        try:
            with self.recheck.shared_turn() as confirm:
                rejected = self.recheck.reject_new(pd.concat(batches), NO_IDS)
                # As a statement of one connection: a signal waits for its end.
                with defer_signals():
                    ends = [
                        self._threads.submit(
                            inserter.try_insert,
                            leads,
                            self.run.options.user,
                            entry,
                            rejected[rejected.index.isin(leads.index)],
                            confirm,
                        )
                        for inserter, leads, entry in zip(
                            self._inserters, batches, entries, strict=False
                        )
                    ]
                    wait(ends)
                for end in ends:
                    end.result()
        except BusyError:
            raise
        except (LoaderError, TransientDatabaseError):
            return  # the one connection meets it, too, and tries again


def refuse_several_connections(run: ImportContext, ledger: BatchLedger) -> None:
    """Refuse several connections where batch and note would not be committed together.

    Raises:
        ConfigurationError: so it is, or the database has one writer at a time.
    """
    adapter = ledger.ledger.database.adapter
    if run.options.connections > 1 and not (adapter.has_many_writers and ledger.is_atomic(LEADS)):
        raise ConfigurationError(
            f"connections: {run.options.connections} need a vicidial_list on InnoDB, and the "
            "ledger in the same database; leave the option out"
        )
