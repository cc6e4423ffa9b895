"""Notifications by Apprise: one for all runs of a command, by mail, chat or whatever it knows."""

import socket
from collections.abc import Sequence
from enum import IntEnum

from jobs.settings.telemetry import NotifySettings
from jobs.telemetry.outcome import RunOutcome
from loader.errors import ConfigurationError, missing_extra_error

PATIENCE = 30.0
"""Seconds in which all services must have answered."""
MOST_RUNS = 50
"""Runs that are told of one by one; failed ones first."""


class Severity(IntEnum):
    """What is to be told, the worst last."""

    SUCCESS = 0
    REJECTS = 1
    FAILURE = 2


LEAST = {
    "failure": Severity.FAILURE,
    "rejects": Severity.REJECTS,
    "always": Severity.SUCCESS,
}
"""From what on `when` wants it told."""


class Notifier:
    """Tells people, if it is worth telling."""

    def __init__(self, settings: NotifySettings) -> None:
        """Take the addresses.

        Raises:
            ConfigurationError: the extra is not installed, or Apprise does not know an address.
        """
        try:
            from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - an extra
        except ImportError:
            raise missing_extra_error("[notify]", "notify", "apprise") from None
        self._settings = settings
        asset = AppriseAsset(
            app_id="leadloader",
            app_desc="leadloader",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            storage_mode="memory",
        )
        self._apprise = Apprise(asset=asset)
        for number, url in enumerate(settings.urls, start=1):
            if not self._apprise.add(url.get_secret_value()):
                # The address may be a secret as a whole: it is not repeated.
                raise ConfigurationError(
                    f"notify.urls: Apprise does not understand address {number} of "
                    f"{len(settings.urls)}, or lacks a package for it; try it by: apprise --body "
                    "test ADDRESS"
                )

    def tell(self, command: str, accounts: Sequence[RunOutcome], text: str = "") -> list[str]:
        """Send the notification, if the settings want one of these runs.

        Args:
            command: what ran, such as nightly.
            accounts: of its runs.
            text: to tell in place of a line for each run.

        Returns:
            What could not be reached, each without its secrets.
        """
        worst = max((self._severity(each) for each in accounts), default=Severity.SUCCESS)
        if not accounts or worst < LEAST[self._settings.when]:
            return []
        result = self._apprise.notify(
            title=title(command, accounts),
            body=text or body(accounts),
            notify_type=("success", "warning", "failure")[worst],
            body_format="text",
            timeout=PATIENCE,
        )
        # What follows the ? of an address is how it is sent to, with what Apprise adds.
        return [f"{each.name} ({each.url.partition('?')[0]})" for each in result if not each]

    def _severity(self, account: RunOutcome) -> Severity:
        if account.exit_code:
            return Severity.FAILURE
        if account.reject_rate > self._settings.reject_rate:
            return Severity.REJECTS
        return Severity.SUCCESS


def title(command: str, accounts: Sequence[RunOutcome]) -> str:
    """Say in a line how a command went: leadloader nightly on dialer1: 1 of 3 failed."""
    failed = sum(bool(each.exit_code) for each in accounts)
    if len(accounts) == 1:
        how = accounts[0].headline
    elif failed:
        how = f"{failed} of {len(accounts)} failed"
    else:
        how = f"{len(accounts)} done"
    return f"leadloader {command} on {socket.gethostname()}: {how}"


def body(accounts: Sequence[RunOutcome]) -> str:
    """Tell of each run in a line, of the failed ones first."""
    in_order = sorted(accounts, key=lambda each: not each.exit_code)
    lines = [f"{'FAILED ' if each.exit_code else ''}{each.told()}" for each in in_order]
    more = len(lines) - MOST_RUNS
    return "\n".join(lines[:MOST_RUNS] + ([f"and {more} more"] if more > 0 else []))
