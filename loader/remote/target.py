"""Where calls go: the address of another dialer's API, who calls, and how much at a time."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from loader.api.add_lead import plain
from loader.errors import ConfigurationError, SettingError, UsageError

PAGE = "/vicidial/non_agent_api.php"
"""Where add_lead is, unless the address has a path."""
LEADS = "/vicidial/leads/"
"""Where archive and dearchive are."""
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """A dialer that is reached by its APIs alone."""

    url: str
    """See `check_url`."""
    user: str = ""
    """Of the dialer, who adds leads."""
    password: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    """Of the Lead Archive API."""
    concurrency: int = 8
    """Most calls at a time."""
    timeout: float = 30.0
    """Seconds that an answer may take."""
    ca_file: Path | None = None
    """Certificates that vouch for the server's; None: the machine's own."""
    is_verified: bool = True
    """The server's certificate is looked at."""
    first_wait: float = 0.5
    """Seconds before the second attempt of a call; they grow."""

    @property
    def name(self) -> str:
        """Its address, as it can be shown."""
        return self.url

    @property
    def ledger_name(self) -> str:
        """Tell it apart from others by names of files."""
        parts = urlsplit(self.url)
        path = parts.path if parts.path not in {"", "/", PAGE} else ""
        return f"{parts.hostname}-{parts.port or parts.scheme}{path}"

    @property
    def lead_page(self) -> str:
        """The address of add_lead."""
        parts = urlsplit(self.url)
        path = parts.path if parts.path.strip("/") else PAGE
        return urlunsplit((parts.scheme, parts.netloc, path, "", ""))

    def archive_page(self, job: str) -> str:
        """Give the address of archive or dearchive."""
        parts = urlsplit(self.url)
        folder, _, last = parts.path.rpartition("/")
        path = f"{folder}/" if last in {"archive", "dearchive"} else LEADS
        return urlunsplit((parts.scheme, parts.netloc, f"{path}{job}", "", ""))

    def refuse_without_login(self) -> None:
        """Refuse to call add_lead without user and password. ConfigurationError: one is missing."""
        if not plain(self.user):
            raise ConfigurationError(
                "target: user is missing: the user of the dialer who adds leads there"
            )
        if not self.password:
            raise ConfigurationError(
                "target: password is missing: give LEADLOADER_TARGET__PASSWORD, or password or "
                "password_file in [target]"
            )

    def refuse_without_key(self) -> None:
        """Refuse calls of the Lead Archive API without a key. ConfigurationError: it is missing."""
        if not self.key:
            raise ConfigurationError(
                "target: key is missing: give LEADLOADER_TARGET__KEY, or key or key_file in "
                "[target]"
            )

    def tls(self) -> ssl.SSLContext:
        """Give what looks at the certificate. SettingError: ca_file cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            problem = f"{self.ca_file}: {error.strerror or 'it has no certificate'}"
            raise SettingError("target", "ca_file", problem) from None
        if not self.is_verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def check_url(url: str, *, is_clear_allowed: bool = False) -> str:
    """Take the address of a target. UsageError: there can be none; it does not show secrets.

    Args:
        url: http is for this machine alone, unless it is allowed.
        is_clear_allowed: what is sent may be read on its way.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("it is no address; write it as https://dialer.example") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise UsageError("it is no address; write it as https://dialer.example")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "it is to have no user, password or parameters; user and password have settings of "
            "their own"
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not is_clear_allowed:
        raise UsageError(
            "passwords and persons would pass in clear: write https (http is for this machine "
            "alone)"
        )
    return url
