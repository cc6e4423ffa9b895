"""The tables of a settings file, and what each can have."""

from pydantic import BaseModel

from jobs.settings.archive import ArchiveSettings
from jobs.settings.nightly import NewList, NightlySettings, Source
from jobs.settings.profiles import OptionSet
from jobs.settings.serve import ServeSettings
from jobs.settings.target import TargetSettings
from jobs.settings.telemetry import LineageSettings, NotifySettings
from loader.options.archive import ArchiveRule
from loader.options.feed import FeedFile
from loader.options.office_hours import OfficeHours

TABLES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("profile.night", OptionSet),
    ("archive", ArchiveSettings), ("archive.worked", ArchiveRule), ("office_hours", OfficeHours),
    ("feed.litigators", FeedFile),
    ("nightly", NightlySettings), ("[source]", Source), ("source.new_list", NewList),
    ("serve", ServeSettings), ("target", TargetSettings),
    ("notify", NotifySettings), ("lineage", LineageSettings),
)  # fmt: skip
"""In their order in the file; the name of a table that there can be several of is in brackets."""
