"""The settings of another dialer that is reached by its APIs alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from loader.errors import SettingError, UsageError
from loader.files import read_whole
from loader.options.option import Group, Option

if TYPE_CHECKING:
    from loader.remote.target import Target

LONGEST_SECRET = 4096
"""Bytes of a file with a secret."""


class TargetFlags(BaseModel, defer_build=True):
    """What of a target a flag can say."""

    # fmt: off
    target: Annotated[str | None, Option(
        "Send through this dialer's APIs", Group.TARGET,
        "In place of a database. User and password are in [target] or the environment.",
        values="URL",
    )] = None
    ca_file: Annotated[Path | None, Option(
        "Certificates that vouch for its own", Group.TARGET,
        "A file in PEM format. Without it the machine's own count.", values="FILE",
    )] = None
    # fmt: on


class TargetSettings(BaseModel):
    """Another dialer, into which import and archive send through its APIs, without a database.

    It counts for --target, and where no database is named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # fmt: off
    url: Annotated[str, Field(min_length=1), Option(
        "Its address",
        details="Behind it comes /vicidial/non_agent_api.php, unless it has a path of its own.",
        example="https://dialer.example",
    )] = ""
    user: Annotated[str, Field(max_length=20), Option(
        "User of that dialer who adds leads", example="6666",
    )] = ""
    password: Annotated[SecretStr | None, Option(
        "The user's password", details="LEADLOADER_TARGET__PASSWORD has it, too.",
        example="secret",
    )] = None
    password_file: Annotated[Path | None, Option(
        "File with the password", details="Of one line.",
        example="/etc/leadloader/target-password",
    )] = None
    key: Annotated[SecretStr | None, Option(
        "Key of the Lead Archive API", details="LEADLOADER_TARGET__KEY has it, too.",
        example="secret",
    )] = None
    key_file: Annotated[Path | None, Option(
        "File with the key", example="/etc/leadloader/target-key",
    )] = None
    concurrency: Annotated[int, Field(ge=1, le=64), Option("Most calls at a time")] = 8
    timeout: Annotated[float, Field(gt=0, le=600), Option(
        "Seconds that an answer may take", details="Then the call is made again.",
    )] = 30.0
    ca_file: Annotated[Path | None, Option(
        "Certificates that vouch for the server's",
        details="A file in PEM format. Without it the machine's own count.",
        example="/etc/ssl/private-ca.pem",
    )] = None
    insecure: Annotated[bool, Option(
        "Do not look at the server's certificate",
        details="Whoever is on the line can read persons and the password. Only a settings file "
        "can say it.",
    )] = False
    # fmt: on

    @model_validator(mode="after")
    def _says_it_once(self) -> "TargetSettings":
        for name in ("password", "key"):
            if getattr(self, name) and getattr(self, f"{name}_file"):
                raise ValueError(f"{name}_file: {name} is given, too; leave one out")
        return self

    @model_validator(mode="after")
    def _can_be_called(self) -> "TargetSettings":
        if self.url:
            from loader.remote.target import check_url  # noqa: PLC0415 - late: --help answers at once

            try:
                check_url(self.url, is_clear_allowed=self.insecure)
            except UsageError as error:
                raise ValueError(f"url: {error}") from None
        return self

    def as_target(self, user: str = "") -> "Target":
        """Give it as calls need it.

        Args:
            user: of the load's options, where the settings name none.

        Raises:
            UsageError: two users are named.
            SettingError: a file with a secret cannot be read.
        """
        from loader.remote.target import Target  # noqa: PLC0415 - likewise

        if self.user and user and self.user != user:
            raise UsageError(f"user: [target] has user {self.user}, who loads there; leave one out")
        return Target(
            url=self.url,
            user=self.user or user,
            password=self.secret("password"),
            key=self.secret("key"),
            concurrency=self.concurrency,
            timeout=self.timeout,
            ca_file=self.ca_file,
            is_verified=not self.insecure,
        )

    def secret(self, name: str) -> str:
        """Give the password or the key; "": there is none.

        Raises:
            SettingError: the file with it cannot be read.
        """
        given, file = getattr(self, name), getattr(self, f"{name}_file")
        if given is not None or file is None:
            return given.get_secret_value() if given else ""
        try:
            return read_whole(file, LONGEST_SECRET).decode().strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SettingError("target", f"{name}_file", f"{file}: {why}") from None
