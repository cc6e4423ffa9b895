"""The settings of who is told how runs went, and how messages are written."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from loader.options.option import Option


class NotifySettings(BaseModel):
    """Messages after commands."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # fmt: off
    urls: Annotated[tuple[SecretStr, ...], Field(min_length=1), Option(
        "Addresses as Apprise knows them", details="They hold passwords.",
        example=["mailto://user:password@example.com"],
    )]
    when: Annotated[Literal["failure", "rejects", "always"], Option(
        "After which commands",
        details="Those that failed, also those with too many rejects, or all.",
    )] = "failure"
    reject_rate: Annotated[float, Field(ge=0, le=1), Option(
        "Largest share of rejects", details="If more of a file are rejected, they are too many.",
    )] = 0.0
    # fmt: on


class LineageSettings(BaseModel):
    """OpenLineage events, in a file or to a server."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # fmt: off
    file: Annotated[Path | None, Option(
        "File that events are appended to, one a line",
        example="/var/log/leadloader/lineage.jsonl",
    )] = None
    url: Annotated[str | None, Option(
        "Address of a server that takes events", example="http://marquez:5000",
    )] = None
    endpoint: Annotated[str, Option("Path at that address")] = "api/v1/lineage"
    api_key: Annotated[SecretStr | None, Option(
        "Sent to it as a bearer token", example="secret",
    )] = None
    timeout: Annotated[float, Field(gt=0), Option("Seconds that it may take to answer")] = 5.0
    namespace: Annotated[str, Option("Namespace of the jobs")] = "leadloader"
    # fmt: on

    @model_validator(mode="after")
    def _one_of_two(self) -> "LineageSettings":
        if (self.file is None) == (self.url is None):
            raise ValueError("give either file or url")
        return self
