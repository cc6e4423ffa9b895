"""The settings of who is told how runs went, and how messages are written."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

LogFormat = Literal["human", "json"]


class NotifySettings(BaseModel):
    """The table [notify]."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    urls: Annotated[tuple[SecretStr, ...], Field(min_length=1)]
    """Addresses as Apprise knows them, such as "mailto://user:password@example.com", a secret."""
    when: Literal["failure", "rejects", "always"] = "failure"
    """After a failure only, also after too many rejects, or after every command."""
    reject_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Of a file: rejects are too many if more than this share of the rows, 0 to 1, are rejected."""


class LineageSettings(BaseModel):
    """The table [lineage]: a file or an endpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    file: Path | None = None
    """Events are appended to it, one a line."""
    url: str | None = None
    """Address of a server that takes events, such as http://marquez:5000."""
    endpoint: str = "api/v1/lineage"
    """Path at that address."""
    api_key: SecretStr | None = None
    """Sent to it as a bearer token."""
    timeout: float = Field(default=5.0, gt=0)
    """Seconds that it may take to answer."""
    namespace: str = "leadloader"
    """Of the jobs."""

    @model_validator(mode="after")
    def _one_of_two(self) -> "LineageSettings":
        if (self.file is None) == (self.url is None):
            raise ValueError("give either file or url")
        return self
