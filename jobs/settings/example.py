"""An example of a settings file: every setting there is, with what it does, all commented out."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from jobs.settings.nightly import NewList, NightlySettings, Source
from jobs.settings.schema import documentation, settings_schema
from jobs.settings.settings import ArchiveSettings, Settings
from jobs.settings.telemetry import LineageSettings, NotifySettings
from loader.options.archive import ArchiveRule
from loader.options.load import LoadOptions
from loader.options.office_hours import OfficeHours

WIDTH = 100

ABOUT = """\
#:schema leadloader.schema.json

# All settings of leadloader, as `leadloader config example` writes them. Take what you need into a
# leadloader.toml of your own, without the leading #; `leadloader config check` tells what is wrong.
# What stands here is the default, or an example where there is none. Flags of the command line and
# variables such as LEADLOADER_LIST_ID go before this file, and before the defaults the dialer's own
# /etc/astguiclient.conf, which knows the database.
"""

TABLES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("archive", ArchiveSettings), ("archive.worked", ArchiveRule), ("office_hours", OfficeHours),
    ("nightly", NightlySettings), ("[source]", Source), ("source.new_list", NewList),
    ("notify", NotifySettings), ("lineage", LineageSettings),
)  # fmt: skip
"""In their order in the file; the name of a table that there can be several of is in brackets."""

LOAD = "## Any option of a load, such as list_id and mapping_file above, can stand here too.\n"

EXAMPLES: dict[str, Any] = {
    "list_id": "101", "force_list_id": "101", "campaign_id": "SALES", "phone_code": "1",
    "force_phone_code": "1", "default": {"title": "Mr"}, "force": {"source_id": "spring"},
    "duplicate_check": "DUPCAMP-DUPSYS90DAY", "tz_method": "POSTAL",
    "callback_status": "CALLBK", "callback_datetime": "3DAYS", "callback_type": "ANYONE",
    "callback_user": "6666", "callback_comments": "asked for a call",
    "duplicate_statuses": ["NEW", "NA"], "invalid_phone_fallback": ["alt_phone"],
    "feed": {"litigators": "litigators.csv"}, "feed_max_age": 30, "user": "6666",
    "default_region": "US", "map": {"phone_number": "Home Tel"}, "mapping_file": "vendor.toml",
    "delimiter": ";", "encoding": "cp1252", "layout": "vicidial-standard",
    "date_format": "%d.%m.%Y", "database": "mysql://user:password@host/asterisk",
    "results": "results/today", "metrics_file": "/var/lib/node_exporter/leadloader.prom",
    "compare": "results/yesterday/summary.json", "sample": 5000,
    "archive.held": "leave", "archive.max_load": {"Threads_running": 25}, "archive.max_lag": "10s",
    "archive.replicas": ["mysql://user:password@replica"],
    "archive.pause_file": "/run/leadloader.pause", "archive.run_time": "2h",
    "archive.limit": 100000,
    "archive.worked.statuses": ["NA", "B"], "archive.worked.campaigns": ["SALES"],
    "archive.worked.lists": [101, 102], "archive.worked.called_before": "90d",
    "archive.worked.loaded_before": "2026-01-31", "archive.worked.min_called_count": 5,
    "office_hours.time_zone": "America/New_York",
    **{
        f"office_hours.{day}": ["08:00-18:00"]
        for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
    },
    "office_hours.saturday": ["09:00-12:00", "13:00-17:00"], "office_hours.sunday": [],
    "office_hours.holidays": ["2026-12-25"],
    "nightly.archive": ["worked"], "source.name": "vendor",
    "source.folder": "/srv/leads/vendor", "source.storage": {"password": "$VENDOR_PASSWORD"},
    "source.file_name": r"leads_(?P<phone_code>\d+)_.*\.csv",
    "source.new_list.first_list_id": 90001, "source.new_list.last_list_id": 99999,
    "source.new_list.campaign_id": "SALES",
    "source.new_list.columns": {"local_call_time": "9am-9pm"},
    "notify.urls": ["mailto://user:password@example.com"],
    "lineage.file": "/var/log/leadloader/lineage.jsonl", "lineage.url": "http://marquez:5000",
    "lineage.api_key": "secret",
}  # fmt: skip
"""Where there is no default, or a better example."""

ONE_OF_TWO = {"lineage.url", "lineage.api_key"}
"""Cannot be given beside the one above."""


def settings_example() -> str:
    """Give the text of the file."""
    schema = settings_schema()
    names = {name for name, _ in TABLES} | {"sources", "source"}
    top = {name: it for name, it in schema["properties"].items() if name not in names}
    parts = [ABOUT, "\n".join(_settings("", top, documentation(Settings)))]
    for table, model in TABLES:
        properties = schema["$defs"][model.__name__]["properties"]
        if model is Source:
            properties = {
                n: it for n, it in properties.items() if n not in LoadOptions.model_fields
            }
        path = table.strip("[]")
        own = {name: it for name, it in properties.items() if f"{path}.{name}" not in names}
        lines = _settings(f"{path}.", own, documentation(model))
        about = " ".join((model.__doc__ or "").split("\n\n")[0].split())
        load = LOAD if model is Source else ""
        parts.append("\n".join([_comment(about), f"# [{table}]\n{load}", *lines]))
    return "\n".join(parts)


def _settings(
    path: str, properties: Mapping[str, Any], documented: Mapping[str, str]
) -> Iterator[str]:
    """Give each setting, below what it does."""
    for name, described in properties.items():
        value = EXAMPLES.get(f"{path}{name}", described.get("default", ""))
        mark = "# or: " if f"{path}{name}" in ONE_OF_TWO else "# "
        yield f"{_comment(documented[name])}\n{mark}{name} = {_toml(value)}\n"


def _comment(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="## ", subsequent_indent="## ")


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str) and "\\" in value:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False)
