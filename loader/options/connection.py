"""How the database is reached: encryption, and how long an answer is waited for."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from loader.options.durations import Duration
from loader.options.option import Group, Option

SslMode = Literal["disabled", "preferred", "required", "verify-ca", "verify-identity"]

VERIFYING = ("verify-ca", "verify-identity")
"""Modes that look at the server's certificate."""


def _as_patience(duration: timedelta) -> timedelta:
    if not timedelta() < duration <= timedelta(days=1):
        raise ValueError("give more than 0 seconds and at most 1d")
    return duration


Patience = Annotated[Duration, AfterValidator(_as_patience)]


class ConnectionOptions(BaseModel):
    """How servers are connected to, unless an address says otherwise behind its `?`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True
    )

    # fmt: off
    ssl_mode: Annotated[SslMode | None, Option(
        "Encryption", Group.CONNECTION,
        "preferred encrypts if the server can, required always; verify-ca and verify-identity also "
        "check the server's certificate, the latter its name, too. With ssl_ca the default is "
        "verify-identity.",
        empty="preferred", example="verify-identity",
    )] = None
    ssl_ca: Annotated[Path | None, Option(
        "Certificates that vouch for the server's", Group.CONNECTION,
        "A file in PEM format. Without it, verify-ca and verify-identity take the machine's own.",
        values="FILE", example="/etc/ssl/private-ca.pem",
    )] = None
    ssl_cert: Annotated[Path | None, Option(
        "Certificate of the client", Group.CONNECTION,
        "A file in PEM format, as some servers want it.",
        values="FILE", example="/etc/leadloader/client.pem",
    )] = None
    ssl_key: Annotated[Path | None, Option(
        "Its private key, unless that is in ssl_cert", Group.CONNECTION,
        "A file in PEM format without a passphrase.",
        values="FILE", example="/etc/leadloader/client-key.pem",
    )] = None
    connect_timeout: Annotated[Patience, Option(
        "Longest wait for a connection", Group.CONNECTION, values="TIME",
    )] = timedelta(seconds=10)
    read_timeout: Annotated[Patience, Option(
        "Longest wait for an answer", Group.CONNECTION,
        "Then the connection counts as lost, and the statement is tried again.", values="TIME",
    )] = timedelta(minutes=5)
    write_timeout: Annotated[Patience, Option(
        "Longest wait while sending", Group.CONNECTION, "Likewise.",
        values="TIME",
    )] = timedelta(minutes=5)
    load_timeout: Annotated[Patience, Option(
        "Both for LOAD DATA and ALTER", Group.CONNECTION,
        "And their like. They may have to wait for others and take long.", values="TIME",
    )] = timedelta(minutes=30)
    # fmt: on

    @property
    def encryption(self) -> SslMode:
        """What `ssl_mode` is if it is not given: no certificate is given in vain."""
        if self.ssl_mode:
            return self.ssl_mode
        if self.ssl_ca:
            return "verify-identity"
        return "required" if self.ssl_cert else "preferred"

    @model_validator(mode="after")
    def _nothing_in_vain(self) -> "ConnectionOptions":
        if self.ssl_ca and self.encryption not in VERIFYING:
            raise ValueError(
                f"ssl_mode: {self.ssl_mode} does not look at ssl_ca; give verify-identity or "
                "verify-ca, or leave ssl_ca out"
            )
        if self.ssl_cert and self.encryption == "disabled":
            raise ValueError("ssl_mode: disabled needs no ssl_cert; leave it out, or give required")
        if self.ssl_key and not self.ssl_cert:
            raise ValueError("ssl_key: it needs ssl_cert, whose key it is")
        return self
