"""Notifications by Apprise (mail, chat and others): one for all runs of a command."""

import socket
from collections.abc import Sequence
from enum import IntEnum

from jobs.settings.telemetry import NotifySettings
from jobs.telemetry.outcome import RunOutcome
from loader.errors import ConfigurationError, missing_extra_error
from loader.paths import visible_line

PATIENCE = 30.0
"""Seconds within which all services must answer."""
MOST_RUNS = 50
"""Runs that have a line of their own; failed ones come first."""


class Severity(IntEnum):
    """How bad the worst run was."""

    SUCCESS = 0
    REJECTS = 1
    FAILURE = 2


LEAST_SEVERITY = dict(zip(("always", "rejects", "failure"), Severity, strict=True))
"""The severity from which a notification is sent, by the setting `when`."""


class Notifier:
    """Sends notifications, as far as the settings want them."""

    def __init__(self, settings: NotifySettings) -> None:
        """Register the addresses.

        Raises:
            ConfigurationError: the extra is not installed, or Apprise does not know an address.
        """
        try:
            from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - an extra
        except ImportError:
            raise missing_extra_error("[notify]", "notify", "apprise") from None
        self._settings = settings
        asset = AppriseAsset(
            app_id="leadloader", app_desc="leadloader", app_url="", image_url_mask="",
            image_url_logo="", storage_mode="memory",
        )  # fmt: skip
        self._apprise = Apprise(asset=asset)
        for number, url in enumerate(settings.urls, start=1):
            if not self._apprise.add(url.get_secret_value()):
                # The whole address may be a secret, so the message does not repeat it.
                raise ConfigurationError(
                    f"notify.urls: Apprise does not understand address {number} of "
                    f"{len(settings.urls)}, or lacks a package for it; try it by: apprise --body "
                    "test ADDRESS"
                )

    def notify(
        self, command: str, outcomes: Sequence[RunOutcome], text: str = "", headline: str = ""
    ) -> list[str]:
        """Send a notification, if the settings want one for these runs.

        Args:
            command: the one that did them.
            outcomes: of the runs.
            text: the body, and
            headline: the end of the title, where they are not made of the outcomes.

        Returns:
            The services that could not be reached, without secrets.
        """
        worst = max(map(self._severity, outcomes), default=Severity.SUCCESS)
        if not outcomes or worst < LEAST_SEVERITY[self._settings.when]:
            return []
        result = self._apprise.notify(
            title=title(command, outcomes, headline),
            body=text or body(outcomes),
            notify_type=("success", "warning", "failure")[worst],
            body_format="text",
            timeout=PATIENCE,
        )
        # The part after the ? has parameters that Apprise adds.
        return [f"{each.name} ({each.url.partition('?')[0]})" for each in result if not each]

    def _severity(self, outcome: RunOutcome) -> Severity:
        if outcome.exit_code:
            return Severity.FAILURE
        if outcome.reject_rate > self._settings.reject_rate:
            return Severity.REJECTS
        return Severity.SUCCESS


def title(command: str, outcomes: Sequence[RunOutcome], headline: str = "") -> str:
    """Give the title, such as: leadloader import on dialer1: 1 of 3 failed."""
    failed = sum(bool(each.exit_code) for each in outcomes)
    if headline:
        result = headline
    elif len(outcomes) == 1:
        result = outcomes[0].headline
    elif failed:
        result = f"{failed} of {len(outcomes)} failed"
    else:
        result = f"{len(outcomes)} done"
    return f"leadloader {command} on {socket.gethostname()}: {result}"


def body(outcomes: Sequence[RunOutcome]) -> str:
    """Give a line for each run, the failed ones first."""
    in_order = sorted(outcomes, key=lambda each: not each.exit_code)
    lines = [
        f"{'FAILED ' if each.exit_code else ''}{visible_line(each.describe())}" for each in in_order
    ]
    more = len(lines) - MOST_RUNS
    return "\n".join(lines[:MOST_RUNS] + ([f"and {more} more"] if more > 0 else []))
