"""The settings of serve: where it listens, and how requests are gathered."""

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from loader.errors import UsageError
from loader.options.load import LoadOptions
from loader.options.option import Group, Option
from loader.options.types import split_at_commas

HOST = r"^[0-9A-Za-z.:_-]+$"


def _as_networks(addresses: tuple[str, ...]) -> tuple[str, ...]:
    for address in addresses:
        if address != "*":
            ipaddress.ip_network(address)
    return addresses


Networks = Annotated[
    tuple[str, ...], BeforeValidator(split_at_commas), AfterValidator(_as_networks)
]


class ServeOptions(BaseModel):
    """Where the service listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # fmt: off
    host: Annotated[str, Field(pattern=HOST), Option(
        "Address to listen at", Group.SERVICE,
        "Other machines reach it only at an address that is not of this machine alone; that needs "
        "tls_cert and tls_key, or behind_proxy.",
        values="ADDRESS", example="127.0.0.1",
    )] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535), Option(
        "Port to listen at", Group.SERVICE, "0: any that is free.", values="N",
    )] = 8765
    tls_cert: Annotated[Path | None, Option(
        "Certificate, a PEM file", Group.SERVICE,
        "With those between it and the authority.", values="FILE",
        example="/etc/ssl/certs/leads.pem",
    )] = None
    tls_key: Annotated[Path | None, Option(
        "Its private key", Group.SERVICE, values="FILE", example="/etc/ssl/private/leads.pem",
    )] = None
    behind_proxy: Annotated[bool, Option(
        "A proxy on this network does TLS", Group.SERVICE,
        "Its X-Forwarded-For says who asks, and is believed if it comes from forwarded_allow.",
    )] = False
    # fmt: on

    @model_validator(mode="after")
    def _both_or_none(self) -> "ServeOptions":
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key: give both or none")
        return self


class ServeSettings(ServeOptions):
    """The table [serve]."""

    # fmt: off
    forwarded_allow: Annotated[Networks, Option(
        "Addresses of the proxies", details="Networks, too: 10.0.0.0/8. *: any address.",
    )] = ("127.0.0.1", "::1")
    tls_passphrase_file: Annotated[Path | None, Option(
        "File with the passphrase of the private key", details="Of one line.",
        example="/etc/leadloader/tls-passphrase",
    )] = None
    gather_ms: Annotated[float, Field(ge=0, le=1000), Option(
        "Milliseconds that a request waits for others",
        details="They are checked and inserted together. Those that come while others are at work "
        "wait for these anyway.",
    )] = 3.0
    most_gathered: Annotated[int, Field(ge=1, le=10_000), Option(
        "Most requests that are checked and inserted together",
    )] = 500
    queue: Annotated[int, Field(ge=1, le=1_000_000), Option(
        "Requests that may wait", details="Others are answered with 503 and Retry-After.",
    )] = 2000
    access_log: Annotated[bool, Option(
        "A message for each request",
        details="Who asked, the path and the status; never what follows the question mark.",
    )] = False
    refresh: Annotated[float, Field(ge=0, le=3600), Option(
        "Seconds after which lists, campaigns and users are read again",
        details="A change in the dialer counts after so long at the latest.",
    )] = 10.0
    file_queue: Annotated[int, Field(ge=1, le=1000), Option(
        "Files that may wait to be checked or loaded",
        details="One is at work at a time. Others are answered with 503 and Retry-After.",
    )] = 20
    keep_files: Annotated[int, Field(ge=1, le=8760), Option(
        "Hours for which a file that was sent is kept",
        details="Since it was last checked or loaded. One whose import is not complete stays, and "
        "so do the results.",
    )] = 24
    # fmt: on


OF_FILES = {"on_duplicate": "reject", "keep": "first", "invalid_phone_fallback": (),
            "new_lead_url": "skip"}  # fmt: skip
"""Options that only files can have, with the value that is good for calls, too."""


NOT_FOR_CALLS = (
    "serve cannot follow it, because a call is one lead that add_lead adds or not; leave it out, "
    "or give it to the files alone, in [[source]] or a profile"
)


def options_of_files(options: LoadOptions) -> list[str]:
    """Give the names of options that a call cannot follow."""
    return [name for name, value in OF_FILES.items() if getattr(options, name) != value]


def refuse_options_of_files(options: LoadOptions) -> None:
    """Refuse options that a call cannot follow.

    Raises:
        UsageError: it names the first of them.
    """
    for name in options_of_files(options):
        raise UsageError(f"{name}: {NOT_FOR_CALLS}")
