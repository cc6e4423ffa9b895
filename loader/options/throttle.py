"""What the dialer's work comes before: when to wait, and how much to write at a time."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from loader.options.durations import Duration
from loader.options.option import Group, Option

MOST_COUNTED = 1_000_000_000
"""Of what is counted: no site has more, and every database can compare with it."""


def _split_addresses(value: object) -> object:
    """Take several addresses also as text with commas, which a password may have too."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in re.split(r",(?=\s*[a-z+]+://)", value) if part.strip()]


Addresses = Annotated[tuple[str, ...], BeforeValidator(_split_addresses)]


class ThrottleOptions(BaseModel):
    """What is waited for before each chunk or batch."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True
    )

    # fmt: off
    max_load: Annotated[dict[str, Annotated[int, Field(ge=0, le=MOST_COUNTED)]], Option(
        "Wait above this status value; repeatable", Group.THROTTLE,
        "A status variable of the server.",
        values="Threads_running=N", example={"Threads_running": 25},
    )] = {}
    max_lag: Annotated[Duration | None, Option(
        "Wait while a replica lags by more", Group.THROTTLE, values="TIME", example="10s",
    )] = None
    replicas: Annotated[Addresses, Field(repr=False), Option(
        "Address of a replica; repeatable", Group.THROTTLE, "Such as mysql://user:password@host.",
        values="URL", flags=("--replica",), repeatable=True,
        example=["mysql://user:password@replica"],
    )] = ()
    pause_file: Annotated[Path | None, Option(
        "Wait while this file exists", Group.THROTTLE,
        values="FILE", example="/run/leadloader.pause",
    )] = None
    # fmt: on

    @field_validator("max_load")
    @classmethod
    def _status_variables(cls, most: dict[str, int]) -> dict[str, int]:
        for name in most:
            if not re.fullmatch("[A-Za-z0-9_]+", name):
                raise ValueError(f"{name!r} is no status variable; give such as Threads_running=25")
        return most

    @model_validator(mode="after")
    def _lag_of_replicas(self) -> Self:
        if self.max_lag is not None and not self.replicas:
            raise ValueError("max_lag: it needs the addresses of replicas whose lag is watched")
        if self.replicas and self.max_lag is None:
            raise ValueError("replicas: give max_lag too, such as 10s, above which to wait")
        return self


class PaceOptions(ThrottleOptions):
    """How gently an import inserts."""

    # fmt: off
    pace: Annotated[Literal["gentle", "normal", "full"], Option(
        "How fast to insert", Group.THROTTLE,
        "How long one insert may take, and the pause after it. full is for an idle dialer.",
    )] = "normal"
    # fmt: on
