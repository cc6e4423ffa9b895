"""The addresses that the dialer requests for new leads: after the insert, if the run shall."""

from collections.abc import Collection, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import pandas as pd

from jobs.load.run import ImportContext
from loader.database.connection import Database
from loader.errors import LoaderError, missing_extra_error
from loader.options.load import LoadOptions
from loader.queries.leads import read_leads, read_requested
from loader.remote.addresses import check_address, fill_address
from loader.results.lines import count_of
from loader.signals import defer_signals
from loader.writing.url_log import log_answer, log_requests

if TYPE_CHECKING:
    from loader.remote.sender import UrlSender

LEADS_AT_ONCE = 500


def check_new_lead_urls(options: LoadOptions, urls: pd.DataFrame) -> None:
    """Refuse addresses that cannot be requested, before anything is inserted.

    Args:
        options: new_lead_url is read.
        urls: see `loader.dialer.NEW_LEAD_URLS`.

    Raises:
        ConfigurationError: requests is not installed, or an address is none.
    """
    if options.new_lead_url == "skip" or urls.empty:
        return
    try:
        import loader.remote.sender  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise missing_extra_error("--new-lead-url send", "urls", "requests") from None
    for address in urls["url_address"]:
        check_address(address)


class NewLeadRequests:
    """Requests the addresses of the new leads of one run."""

    def __init__(self, run: ImportContext, database: Database) -> None:
        """Take a run whose leads are inserted."""
        self._run, self._database, self._urls = run, database, run.dialer.new_lead_urls
        self._sent = self._failed = 0

    def send_all(self) -> LoaderError | KeyboardInterrupt | None:
        """Request what was not requested before, and add a remark to the run.

        Returns:
            What ended it before its time; the same command goes on.
        """
        if self._run.options.new_lead_url == "skip" or self._urls.empty:
            return None
        try:
            self._send_all()
        except (LoaderError, KeyboardInterrupt) as error:
            return error
        finally:
            if self._sent:
                self._run.remarks.append(self._remark())
        return None

    def _remark(self) -> str:
        requested = f"new leads: {count_of(self._sent, 'request')} to addresses of the dialer"
        failed = f", {self._failed} without success: see vicidial_url_log" if self._failed else ""
        return requested + failed

    def _send_all(self) -> None:
        from loader.remote.sender import UrlSender  # noqa: PLC0415 - an extra

        lead_ids = self._run.files.lead_ids()[:, 1].tolist()
        sender = UrlSender(self._run.options.new_lead_url_rate, self._run.watchers.stop.wait)
        with closing(sender):
            for start in range(0, len(lead_ids), LEADS_AT_ONCE):
                chunk = lead_ids[start : start + LEADS_AT_ONCE]
                for lead in self._unsent(chunk):
                    with defer_signals():
                        self._send(lead, sender)
                done = start + len(chunk)
                self._run.watchers.progress("urls", done, done / len(lead_ids))

    def _unsent(self, lead_ids: Sequence[int]) -> list[dict[str, str]]:
        requested = read_requested(self._database, lead_ids)
        custom = [name for name in self._run.dialer.tables if name.startswith("custom_")]
        leads = read_leads(self._database, lead_ids, custom)
        return [lead for lead in leads if int(lead["lead_id"]) not in requested]

    def _send(self, lead: dict[str, str], sender: "UrlSender") -> None:
        is_of_lead = self._urls["list_id"].isin(["", lead["list_id"]])
        addresses = [fill_address(each, lead) for each in self._urls["url_address"][is_of_lead]]
        if not addresses:
            return
        entries = log_requests(self._database, int(lead["lead_id"]), addresses)
        for entry, address in zip(entries, addresses, strict=True):
            answer = sender.send(address)
            log_answer(self._database, entry, answer.text, answer.seconds)
            self._sent += 1
            self._failed += not answer.is_good


def new_lead_url_remark(
    options: LoadOptions, urls: pd.DataFrame, lists: Collection[str]
) -> list[str]:
    """Name the lists of loaded leads whose addresses are not requested."""
    if options.new_lead_url == "send" or urls.empty or not lists:
        return []
    of_lists = set(urls["list_id"])
    having = sorted((each for each in lists if {"", each} & of_lists), key=int)
    if not having:
        return []
    return [
        f"list {', '.join(having)}: the dialer has addresses that it requests for a new lead "
        "(apinewlead); they were not requested: --new-lead-url send does it"
    ]
