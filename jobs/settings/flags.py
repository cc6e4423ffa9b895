"""The flags of the commands, as tables.

What they mean in full is in `loader.options.load` and `loader.options.archive`.

They stand here once more because `leadloader --help` is to answer before the heavy modules are
imported. A test holds them to the settings.
"""

from pathlib import Path
from typing import Any, NamedTuple

ADD_LEAD, EXTRAS, DUPLICATES = "add_lead's checks", "What comes with a lead", "Duplicates"
FILE, PHONES, REPORT, RUN = "Reading", "Phones", "The report", "Running"
WHICH, STEPS, PACE = "Which leads", "What is done", "Kindness to the dialer"
YN, DNC = "Y|N", "Y|N|AREACODE"


class Flag(NamedTuple):
    """One flag. Its parameter is the setting's name; `kind` is how Typer reads it."""

    name: str
    help: str
    panel: str
    metavar: str | None = None
    kind: Any = str
    names: tuple[str, ...] = ()


OF_ALL = (
    "database", "config", "results", "json_summary", "quiet", "log_format", "metrics_file"
)  # fmt: skip
"""Flags of every command."""

FLAGS = (
    Flag("list_id", "List of rows that name none (999)", ADD_LEAD, "ID"),
    Flag("force_list_id", "List of all rows, whatever they say", ADD_LEAD, "ID"),
    Flag("campaign_id", "Campaign of campaign-dnc-check and callbacks", ADD_LEAD, "ID"),
    Flag("phone_code", "Country code of rows that name none (1)", ADD_LEAD, "CODE"),
    Flag("force_phone_code", "Country code of all rows", ADD_LEAD, "CODE"),
    Flag("dnc_check", "Reject numbers on the do-not-call list", ADD_LEAD, DNC),
    Flag("campaign_dnc_check", "Reject numbers on the campaign's list", ADD_LEAD, DNC),
    Flag("usacan_prefix_check", "Reject a fourth digit of 0 or 1", ADD_LEAD, YN),
    Flag("usacan_areacode_check", "Reject unknown area codes", ADD_LEAD, YN),
    Flag("nanpa_ac_prefix_check", "Reject what NANPA does not know", ADD_LEAD, YN),
    Flag("list_exists_check", "Reject lists that are not defined", ADD_LEAD, YN),
    Flag("tz_method", "Time zones by (area code)", ADD_LEAD, "POSTAL|TZCODE|NANPA"),
    Flag("ambiguous_tz", "Of several time zones", ADD_LEAD, "earliest|latest|reject"),
    Flag("lookup_state", "Fill an empty state by area code", ADD_LEAD, YN),
    Flag("source", "What originates the load", ADD_LEAD, "TEXT"),
    Flag("user", "Dialer user to load as", ADD_LEAD, "USER"),
    Flag("feed", "Numbers not to load; may be repeated", ADD_LEAD, "NAME=FILE", list[str]),
    Flag("feed_max_age", "Refuse feeds older than so many days", ADD_LEAD, "DAYS", int),
    Flag("duplicate_check", "DUPLIST, DUPSYS90DAY ..., joined by -", DUPLICATES, "CHECKS"),
    Flag("duplicate_statuses", "Only leads of these count", DUPLICATES, "NEW,NA,..."),
    Flag("duplicate_scope_archive", "Archived leads count too", DUPLICATES, YN),
    Flag("on_duplicate", "What to do (reject)", DUPLICATES, "reject|update|move"),
    Flag("update_fields", "Of the existing lead (empty)", DUPLICATES, "empty|all"),
    Flag("keep", "Of duplicates inside the file (first)", DUPLICATES, "first|last|best"),
    Flag("check_dialable", "Say how much of it the dialer could call", EXTRAS, None, bool),
    Flag("custom_fields", "Store columns named as custom fields", EXTRAS, YN),
    Flag("add_to_hopper", "Put new leads into the hopper", EXTRAS, YN),
    Flag("hopper_priority", "-99 to 99 (0)", EXTRAS, "N"),
    Flag("hopper_local_call_time_check", "Only within call times", EXTRAS, YN),
    Flag("callback", "Schedule a callback for each lead", EXTRAS, YN),
    Flag("callback_datetime", "YYYY-MM-DD HH:MM:SS, NOW, 3DAYS", EXTRAS, "WHEN"),
    Flag("callback_status", "Status of callbacks (CALLBK)", EXTRAS, "STATUS"),
    Flag("callback_type", "For whom (ANYONE)", EXTRAS, "USERONLY|ANYONE"),
    Flag("callback_user", "User of USERONLY callbacks", EXTRAS, "USER"),
    Flag("callback_comments", "Shown with the callback", EXTRAS, "TEXT"),
    Flag("map", "Column of a field; may be repeated", FILE, "FIELD=COLUMN", list[str]),
    Flag("mapping_file", "A vendor's mapping (TOML)", FILE, "FILE", Path),
    Flag("default", "Value of blank fields; may be repeated", FILE, "FIELD=VALUE", list[str]),
    Flag("force", "Value for all rows; may be repeated", FILE, "FIELD=VALUE", list[str]),
    Flag("delimiter", "Between fields; found by itself", FILE, "CHARACTER"),
    Flag("encoding", "Of the file (UTF-8, UTF-16 with BOM)", FILE, "NAME"),
    Flag("layout", "Files without header: vicidial-standard", FILE, "NAME"),
    Flag("date_format", "Of date_of_birth, such as %d.%m.%Y (ISO)", FILE, "FORMAT"),
    Flag("unstorable", "Characters the column cannot hold", FILE, "notice|reject"),
    Flag("default_region", "Region of numbers that nothing else places", PHONES, "US|GB|..."),
    Flag("phone_validation", "How strict (possible)", PHONES, "length|possible|valid"),
    Flag("phone_format", "What is stored (national)", PHONES, "national|as-given"),
    Flag("invalid_phone_fallback", "Fields to take a number from", PHONES, "alt_phone,..."),
    Flag("page", "Write report.html", REPORT, None, bool, ("--page/--no-page",)),
    Flag("show_phones", "Show whole phone numbers on the page", REPORT, None, bool),
    Flag("compare", "Summary of the file before, to compare with", REPORT, "FILE", Path),
    Flag("sample", "Of validate: only so many rows, spread over the file", REPORT, "N", int),
    Flag("ask", "Of import: show what would be done, and ask", REPORT, None, bool),
    Flag("spreadsheet_safe", "No formulas among the source's values", REPORT, None, bool),
    Flag("database", "mysql://..., sqlite:///leads.db, none", RUN, "URL"),
    Flag("config", "Settings file (TOML)", RUN, "FILE", Path),
    Flag("results", "Folder of the result files (results/<run>)", RUN, "DIR", Path),
    Flag("again", "Import a file that was imported before, too", RUN, None, bool),
    Flag("max_reject_rate", "Insert nothing if more are rejected", RUN, "0...1", float),
    Flag("chunk_size", "Rows in memory at a time (20000)", RUN, "N", int),
    Flag("batch_size", "Rows of one insert (1000)", RUN, "N", int),
    Flag("json_summary", "Print the summary as JSON", RUN, None, bool, ("--json",)),
    Flag("quiet", "Say nothing but errors", RUN, None, bool, ("--quiet", "-q")),
    Flag("log_format", "Of messages on standard error (human)", RUN, "human|json"),
    Flag("metrics_file", "Prometheus metrics of the runs, a .prom file", RUN, "FILE", Path),
)

MOVE_FLAGS = (
    Flag("lead_ids", "Leads by lead_id", WHICH, "1,2,3"),
    Flag("lead_ids_file", "Likewise from a file, - is standard input", WHICH, "FILE"),
    Flag("rule", "Leads by a rule of the settings file, [archive.NAME]", WHICH, "NAME"),
    Flag("statuses", "Of these statuses", WHICH, "NA,B,..."),
    Flag("campaigns", "In lists of these campaigns", WHICH, "ID,..."),
    Flag("lists", "In these lists", WHICH, "ID,..."),
    Flag("called_before", "Last called before a date, or so long ago", WHICH, "DATE|90d"),
    Flag("loaded_before", "Likewise loaded", WHICH, "DATE|90d"),
    Flag("min_called_count", "Called at least so often", WHICH, "N", int),
    Flag("held", "Leads that the dialer holds", WHICH, "leave|take"),
    Flag("loaded_anew", "Archived leads that were loaded again since (leave)", WHICH, "leave|take"),
    Flag("limit", "End after so many leads", WHICH, "N", int),
    Flag("insert", "Copy what has no copy yet", STEPS, None, bool, ("--insert/--no-insert",)),
    Flag("update", "Bring copies up to date", STEPS, None, bool, ("--update/--no-update",)),
    Flag("delete", "Delete what equals its copy", STEPS, None, bool, ("--delete/--no-delete",)),
    Flag("with_children", "Take custom fields, alternate numbers and callbacks along", STEPS, None,
         bool, ("--with-children/--without-children",)),
    Flag("create_tables", "Make archive tables where missing", STEPS, None, bool,
         ("--create-tables/--no-create-tables",)),
    Flag("dry_run", "Say what would be done; write nothing but the report", STEPS, None, bool,
         ("--dry-run/--no-dry-run",)),
    Flag("chunk_size", "Most leads of a chunk (500)", PACE, "1...500", int),
    Flag("chunk_time", "Longest time of a chunk (0.25s)", PACE, "TIME"),
    Flag("sleep", "Between chunks, such as 0.5 or 2s", PACE, "TIME"),
    Flag("sleep_ratio", "Likewise, by the time of the chunk", PACE, "N", float),
    Flag("max_load", "Wait while more; may be repeated", PACE, "Threads_running=N", list[str]),
    Flag("max_lag", "Wait while a replica lags by more", PACE, "TIME"),
    Flag("replicas", "Address of a replica; may be repeated", PACE, "URL", list[str],
         ("--replica",)),
    Flag("pause_file", "Wait while there is this file", PACE, "FILE", Path),
    Flag("run_time", "End after so long, such as 30m or 2h", PACE, "TIME"),
    Flag("ignore_office_hours", "Archive in office hours too", PACE, None, bool,
         ("--ignore-office-hours/--no-ignore-office-hours",)),
    *(flag for flag in FLAGS if flag.name in OF_ALL),
)  # fmt: skip

ARCHIVE_FLAGS = tuple(flag for flag in MOVE_FLAGS if flag.name != "loaded_anew")
DEARCHIVE_FLAGS = tuple(
    flag for flag in MOVE_FLAGS if flag.name not in {"held", "update", "ignore_office_hours"}
)

PAIRS = {
    "map": 'phone_number="Home Tel"',
    "default": "title=Mr",
    "force": "source_id=spring",
    "feed": "litigators=litigators.csv",
    "max_load": "Threads_running=25",
}
"""Flags that are given as NAME=VALUE, with an example."""


def flag_name(name: str) -> str:
    """Give the flag of a setting as it is written: the positive one, where there are two."""
    flags = (flag for flag in (*FLAGS, *MOVE_FLAGS) if flag.name == name and flag.names)
    return next((flag.names[0].partition("/")[0] for flag in flags), f"--{name.replace('_', '-')}")
