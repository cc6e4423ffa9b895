"""The rounds of writing: what passed the checks, then duplicates of rows that did not get in."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection

import numpy as np

from jobs.load.check import CheckStage
from jobs.load.checkpoint import Checkpoint
from jobs.load.run import ImportContext
from loader.errors import BusyError, LoaderError, NoSuchFileError, SourceFileError
from loader.findings import Findings, findings
from loader.frames.arrow import counts
from loader.frames.spool import Spool
from loader.reasons import Reason
from loader.results.files import REJECTED
from loader.results.wording import reason_names


class WriteStage(ABC):
    """Writes what waits, round by round, and accounts for every row, however it ends."""

    def __init__(self, run: ImportContext, checkpoint: Checkpoint) -> None:
        """Take a run, and what its checks decided."""
        self.run, self.checks, self.options = run, run.checks, run.options
        self.checkpoint = checkpoint
        self._ever_refused: set[int] = set()

    @abstractmethod
    def write(self, waiting: Spool) -> None:
        """Write the leads of a round.

        Raises:
            LoaderError: what is not done yet cannot be done now.
            KeyboardInterrupt: a signal came.
        """

    @abstractmethod
    def take_found(self) -> tuple[Findings, set[int]]:
        """Take what was found in a round; and the rows of it that make no other one a duplicate."""

    @abstractmethod
    def give_up(self) -> None:
        """Note all that is known of rows on their way, when an error ended the writing."""

    def said_at_the_end(self) -> list[str]:
        """Give remarks for a run that came to its end."""
        return []

    def write_all(self) -> LoaderError | KeyboardInterrupt | None:
        """Write what waits.

        Returns:
            What ended it before its time; the results account for every row all the same.

        Raises:
            BusyError: another process has taken the run over, and accounts for it.
            SourceFileError: the source file has changed, so nobody can account for its rows.
            NoSuchFileError: likewise, or is not there any more.
        """
        try:
            self.write_rounds()
            self.run.remarks.extend(self.said_at_the_end())
        except BusyError:
            raise  # the results are another process's now
        except (LoaderError, KeyboardInterrupt) as error:
            self.run.profile_builder.ask_no_more()
            try:
                self.give_up()
                self._account_for_others()
            except (SourceFileError, NoSuchFileError) as gone:
                raise type(gone)(
                    f"{gone}; {self._so_far()}: put the file back as it was, and the same command "
                    "loads the others"
                ) from None
            if isinstance(error, KeyboardInterrupt):
                return error
            return type(error)(
                f"{error}; {self._so_far()}, {REJECTED} in {self.run.files.folder} has the others: "
                "the same command loads them"
            )
        return None

    def _so_far(self) -> str:
        tally = self.run.tally
        return f"{tally.loaded} of {tally.rows_read} rows were loaded so far"

    def write_rounds(self) -> None:
        """Write what passed the checks; then what were duplicates of rows that are not in."""
        done = 0
        while done < len(self.checkpoint.rounds):
            self.write(self.checkpoint.rounds[done])
            done += 1
            found, not_in = self.take_found()
            self._ever_refused.update(not_in)
            # If there is a next round already, all this was done before it.
            if len(found) and done == len(self.checkpoint.rounds):
                self.reject(found)
                self._check_again(not_in)

    def reject(self, found: Findings) -> None:
        """Note that rows are rejected."""
        for rows in self.run.source_rows(found.index):
            self.run.reject(rows, found.loc[rows.index])

    def _check_again(self, refused: Collection[int]) -> None:
        """Decide anew about duplicates of refused rows, whose reason is gone."""
        reopened = self.run.files.reopen(refused)
        if reopened.empty:
            return
        self.run.tally.reasons.subtract(counts(reason_names(reopened)))
        if self.checkpoint.is_restored:
            self._remember()
        again = self.run.files.next_round()
        self.run.settlement.forget(self._ever_refused, self.run.files.lead_ids()[:, 1])
        CheckStage(self.run, again).check_again(reopened.index)
        self.checkpoint.add(again)

    def _remember(self) -> None:
        """Tell the checks what a process before this one accepted."""
        for accepted in self.checkpoint.rounds:
            for leads in accepted.read():
                compared = self.checks.compare(leads, self.run.queries.text_keys(leads))
                self.run.settlement.remember(leads, compared)
        self.checkpoint.is_restored = False

    def _account_for_others(self) -> None:
        """Say of the rows that nothing else is said of that they are not in."""
        run = self.run
        rejected = [(frame.index, counts(reason_names(frame))) for frame in run.files.rejected()]
        run.tally.reasons = Counter()
        for _, reasons in rejected:
            run.tally.reasons.update(reasons)
        done = run.files.lead_ids(new=False)[:, 0]
        accounted = np.concatenate([done, *(rows for rows, _ in rejected)])
        for chunk in run.source.chunks():
            rows = chunk.rows[~chunk.rows.index.isin(accounted)]
            run.reject(rows, findings(rows.index, Reason.NOT_INSERTED))
