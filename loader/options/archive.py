"""What is archived, and how gently: the options of an archive and of its way back."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from loader.options.durations import Duration, Moment, format_moment
from loader.options.option import Group, Option
from loader.options.throttle import MOST_COUNTED, ThrottleOptions
from loader.options.types import Statuses, Text, split_some_at_commas, whole_number_as_text

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


def _format_condition(condition: object) -> str:
    if isinstance(condition, tuple):
        return ",".join(map(str, condition))
    if isinstance(condition, datetime | timedelta):
        return format_moment(condition)
    return str(condition)


def _check_positive(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("give more than 0 seconds")
    return duration


ListId = Annotated[int, BeforeValidator(_list_id)]
# The last is the first to look at what was given.
ListIds = Annotated[
    tuple[ListId, ...], BeforeValidator(split_some_at_commas), BeforeValidator(whole_number_as_text)
]
CampaignIds = Annotated[
    tuple[Annotated[Text, AfterValidator(_campaign_id)], ...],
    BeforeValidator(split_some_at_commas),
    BeforeValidator(whole_number_as_text),
]
PositiveDuration = Annotated[Duration, AfterValidator(_check_positive)]


class ArchiveRule(BaseModel):
    """Which leads are processed: those that meet every condition that is given."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    # fmt: off
    statuses: Annotated[Statuses, Option(
        "Leads with one of these statuses", Group.SELECTION,
        values="NA,B,...", example=["NA", "B"],
    )] = ()
    campaigns: Annotated[CampaignIds, Option(
        "Leads in lists of these campaigns", Group.SELECTION,
        values="ID,...", example=["SALES"],
    )] = ()
    lists: Annotated[ListIds, Option(
        "Leads in these lists", Group.SELECTION, values="ID,...", example=[101, 102],
    )] = ()
    called_before: Annotated[Moment | None, Option(
        "Leads last called before then", Group.SELECTION, "A date, or an age such as 90d.",
        values="DATE|90d", example="90d",
    )] = None
    loaded_before: Annotated[Moment | None, Option(
        "Leads loaded before then", Group.SELECTION, "entry_date decides.",
        values="DATE|90d", example="2026-01-31",
    )] = None
    min_called_count: Annotated[Annotated[int, Field(ge=0, le=MOST_COUNTED)] | None, Option(
        "Leads called at least so often", Group.SELECTION, values="N", example=5,
    )] = None
    # fmt: on

    @property
    def is_empty(self) -> bool:
        """Whether it selects every lead there is."""
        return set(self.conditions()) <= {"min_called_count"} and not self.min_called_count

    def conditions(self) -> dict[str, str]:
        """Give the conditions by name, each as it can be given again; without those not given."""
        return {name: _format_condition(value) for name, value in self if value not in ((), None)}


class ArchiveOptions(ThrottleOptions):
    """How leads are archived or brought back, and when that has to wait or to stop."""

    # fmt: off
    insert: Annotated[bool, Option(
        "Copy leads that have no copy", Group.STEPS,
        flags=("--insert/--no-insert",), api="insert_leads",
    )] = True
    update: Annotated[bool, Option(
        "Update copies that differ", Group.STEPS,
        flags=("--update/--no-update",), api="update_leads",
    )] = True
    delete: Annotated[bool, Option(
        "Delete leads that are copied", Group.STEPS,
        "Only those that equal their copy in every column.",
        flags=("--delete/--no-delete",), api="delete_leads",
    )] = True
    with_children: Annotated[bool, Option(
        "Move custom fields, alt phones, callbacks", Group.STEPS,
        flags=("--with-children/--without-children",),
    )] = False
    held: Annotated[Literal["leave", "take"] | None, Option(
        "Leads that the dialer holds", Group.SELECTION,
        "By default a rule leaves them, and lead_ids take them.", example="leave",
    )] = None
    leave_dearchived: Annotated[Duration, Option(
        "Leave what came back so long", Group.SELECTION,
        "Of a rule: leads that dearchive brought back are worked with first. 0 leaves none.",
        values="TIME",
    )] = timedelta(days=30)
    loaded_anew: Annotated[Literal["leave", "take"], Option(
        "Leads loaded again since", Group.SELECTION,
        "Of dearchive and undo: archived leads whose number was loaded again into the same list.",
    )] = "leave"
    create_tables: Annotated[bool, Option(
        "Make missing archive tables", Group.STEPS, flags=("--create-tables/--no-create-tables",),
    )] = True
    chunk_size: Annotated[int, Field(ge=1, le=MOST_LEADS), Option(
        "Most leads of a chunk", Group.THROTTLE, values=f"1...{MOST_LEADS}",
    )] = MOST_LEADS
    chunk_time: Annotated[PositiveDuration, Option(
        "Longest time of a chunk", Group.THROTTLE,
        "Chunks become smaller if they take longer.", values="TIME",
    )] = timedelta(seconds=0.25)
    sleep: Annotated[Duration, Option(
        "Pause after each chunk: 0.5 or 2s", Group.THROTTLE, values="TIME",
    )] = timedelta()
    sleep_ratio: Annotated[float, Field(ge=0, le=1000), Option(
        "Pause, as a multiple of the chunk's time", Group.THROTTLE, values="N",
    )] = 0.0
    run_time: Annotated[PositiveDuration | None, Option(
        "End after so long, such as 30m or 2h", Group.THROTTLE, values="TIME", example="2h",
    )] = None
    limit: Annotated[Annotated[int, Field(ge=1, le=MOST_COUNTED)] | None, Option(
        "End after so many leads", Group.SELECTION, values="N", example=100_000,
    )] = None
    ignore_office_hours: Annotated[bool, Option(
        "Archive in office hours, too", Group.THROTTLE,
        flags=("--ignore-office-hours/--no-ignore-office-hours",),
    )] = False
    dry_run: Annotated[bool, Option(
        "Only report what would be done", Group.STEPS,
        "Nothing is written but the report.", flags=("--dry-run/--no-dry-run",),
    )] = False
    # fmt: on
