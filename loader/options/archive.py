"""What is archived, and how gently: the options of an archive and of its way back."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from loader.options.durations import Duration, Moment, written_moment
from loader.options.types import Statuses, Text, separated, whole_number_as_text

MOST_LEADS = 500
"""Of one chunk, and of one request of the Lead Archive API."""


def _list_id(value: object) -> object:
    if not re.fullmatch("[0-9]{1,14}", str(value)):
        raise ValueError(f"{value!r} is no list_id, which is a whole number; write several as 1,2")
    return value


def _campaign_id(name: str) -> str:
    if not name.strip():
        raise ValueError(f"{name!r} is no campaign_id; write several as SALES,TESTCAMP")
    return name


def _addresses(value: object) -> object:
    """Take several addresses also as text with commas, which a password may have too."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in re.split(r",(?=\s*[a-z+]+://)", value) if part.strip()]


def _as_given(condition: object) -> str:
    if isinstance(condition, tuple):
        return ",".join(map(str, condition))
    if isinstance(condition, datetime | timedelta):
        return written_moment(condition)
    return str(condition)


def _some_time(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("give more than 0 seconds")
    return duration


ListId = Annotated[int, BeforeValidator(_list_id)]
# The last is the first to look at what was given.
ListIds = Annotated[
    tuple[ListId, ...], BeforeValidator(separated), BeforeValidator(whole_number_as_text)
]
CampaignIds = Annotated[
    tuple[Annotated[Text, AfterValidator(_campaign_id)], ...],
    BeforeValidator(separated),
    BeforeValidator(whole_number_as_text),
]
Addresses = Annotated[tuple[str, ...], BeforeValidator(_addresses)]
SomeTime = Annotated[Duration, AfterValidator(_some_time)]


class ArchiveRule(BaseModel):
    """Which leads are processed: those that meet every condition that is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    statuses: Statuses = ()
    """Leads of one of these: NA,B."""
    campaigns: CampaignIds = ()
    """Leads whose list belongs to one of these campaigns."""
    lists: ListIds = ()
    """Leads of one of these list_ids."""
    called_before: Moment | None = None
    """Leads that were called, the last time before this: a date, or an age such as 90d."""
    loaded_before: Moment | None = None
    """Leads whose entry_date is before this."""
    min_called_count: Annotated[int, Field(ge=0)] | None = None
    """Leads that were called at least so often."""

    @property
    def is_empty(self) -> bool:
        """Whether it selects every lead there is."""
        return set(self.described()) <= {"min_called_count"} and not self.min_called_count

    def described(self) -> dict[str, str]:
        """Give the conditions by name, each as it can be given again; without those not given."""
        return {name: _as_given(value) for name, value in self if value not in ((), None)}


class ArchiveOptions(BaseModel):
    """How leads are archived or brought back, and when that has to wait or to stop."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    insert: bool = True
    """Copy leads that the archive does not have."""
    update: bool = True
    """Bring copies up to date that differ from their leads."""
    delete: bool = True
    """Delete leads whose copy equals them in every column."""
    with_children: bool = False
    """Take along the leads' custom fields, alt phones and callbacks."""
    held: Literal["leave", "take"] | None = None
    """Leads that the dialer is holding; None: leave by a rule, take by lead_ids."""
    loaded_anew: Literal["leave", "take"] = "leave"
    """On the way back: archived leads that were loaded again into the same list since."""
    create_tables: bool = True
    """Make archive tables that are missing."""
    chunk_size: Annotated[int, Field(ge=1, le=MOST_LEADS)] = MOST_LEADS
    """Leads of a chunk, at most."""
    chunk_time: SomeTime = timedelta(seconds=0.25)
    """How long a chunk may take; chunks get smaller when they take longer."""
    sleep: Duration = timedelta()
    """How long to rest after each chunk."""
    sleep_ratio: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Rest also so many times as long as the chunk took."""
    max_load: dict[str, Annotated[int, Field(ge=0)]] = {}
    """Wait while a status variable of the server is above this: {"Threads_running": 25}."""
    max_lag: Duration | None = None
    """Wait while one of the replicas is further behind than this."""
    replicas: Annotated[Addresses, Field(repr=False)] = ()
    """Addresses of the databases that replicate this one, such as mysql://user:password@host."""
    pause_file: Path | None = None
    """Wait while this file exists."""
    run_time: SomeTime | None = None
    """Stop after so long."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Stop after so many leads."""
    ignore_office_hours: bool = False
    """Archive in office hours too."""
    dry_run: bool = False
    """Show what would be archived, and write nothing."""

    @field_validator("max_load")
    @classmethod
    def _status_variables(cls, most: dict[str, int]) -> dict[str, int]:
        for name in most:
            if not re.fullmatch("[A-Za-z0-9_]+", name):
                raise ValueError(f"{name!r} is no status variable; give such as Threads_running=25")
        return most

    @model_validator(mode="after")
    def _lag_of_replicas(self) -> "ArchiveOptions":
        if self.max_lag is not None and not self.replicas:
            raise ValueError("max_lag: it needs the addresses of replicas whose lag is watched")
        if self.replicas and self.max_lag is None:
            raise ValueError("replicas: give max_lag too, such as 10s, above which to wait")
        return self
