"""The limit of an archive rule, which counts for all nights that are at work at the same time."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from jobs.watchers import Watchers
from loader.database.server_clock import read_clock
from loader.ledger.archived import archived_since, note_archived
from loader.ledger.runs import Ledger
from loader.results.lines import count_of


@dataclass(kw_only=True)
class SharedLimit:
    """That of one rule in this night, where the ledger knows what other nights archived.

    One night archives at a time, so that others change nothing while this one does.
    """

    ledger: Ledger
    rule: str
    began: datetime
    """Of the night, aware, by the clock of this machine."""
    limit: int
    """Of the options."""
    chunk_size: int
    """Most leads of a chunk."""
    by_others: int = field(init=False)
    """Leads that nights archived by the rule after this one began."""
    _run: str = ""
    _done: int = 0

    def __post_init__(self) -> None:
        # By the clock of the server: those of the machines differ.
        since = self._now() - (datetime.now(UTC) - self.began)
        self.by_others = archived_since(self.ledger, self.rule, since)

    @property
    def left(self) -> int:
        """How many leads this night may archive."""
        return max(self.limit - self.by_others, 0)

    @property
    def remark(self) -> str:
        """Say what others took of the limit, if anything."""
        if not self.by_others:
            return ""
        others = count_of(self.by_others, "lead")
        return f"the limit is {self.limit:,}, and another night archived {others} of it"

    def watching(self, watchers: Watchers) -> Watchers:
        """Note each chunk of a run in the ledger before it is moved."""

        def named(run: str) -> None:
            watchers.named(run)
            self._run = run
            self._note(self.chunk_size)

        def progress(stage: str, done: int, share: float) -> None:
            watchers.progress(stage, done, share)
            self._done = done
            self._note(done + self.chunk_size)

        return replace(watchers, named=named, progress=progress)

    def ended(self) -> None:
        """Note that no further chunk comes."""
        self._note(self._done)

    def _note(self, leads: int) -> None:
        note_archived(self.ledger, self._run, self.rule, leads, self._now())

    def _now(self) -> datetime:
        return self.ledger.database.read(read_clock).utc
