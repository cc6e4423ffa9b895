"""In words: which checks of a run were off, and into which lists its leads went."""

from collections.abc import Collection

from loader.results.lines import count_of
from loader.results.summary import LoadedList, Summary

DEFAULT_LIST = "999"
SAFE = "--profile safe switches them on"


def checks_off(names: Collection[str], *, has_feeds: bool = False) -> str:
    """Say which checks are off: no duplicate check, no do-not-call check; "": none is.

    `names`: see `Summary.checks_off`. `has_feeds`: numbers are looked for in feeds.
    """
    off = ["no duplicate check"] if "duplicate_check" in names else []
    if {"dnc_check", "campaign_dnc_check"} <= {*names}:
        off.append("no do-not-call check" + (" but that of the feeds" if has_feeds else ""))
    elif "dnc_check" in names:
        off.append("no check of the system's do-not-call list")
    elif "campaign_dnc_check" in names:
        off.append("no check of the campaign's do-not-call list")
    return ", ".join(off)


def checks_off_of(summary: Summary) -> str:
    """Say it of a run."""
    return checks_off(summary.checks_off, has_feeds=has_feeds(summary))


def has_feeds(summary: Summary) -> bool:
    """Say whether a run looked for numbers in feeds."""
    return "feed" in summary.options


def default_list(count: int, *, done: bool) -> str:
    """Say how many rows that name no list go, or went, to list 999; "": none."""
    if not count:
        return ""
    verb = ("is" if count == 1 else "are") if done else ("goes" if count == 1 else "go")
    name = "names" if count == 1 else "name"
    return f"{count_of(count, 'row')} that {name} no list {verb} {'in' if done else 'to'} list 999"


def list_state(loaded: LoadedList) -> str:
    """Say what is known of a list: campaign SALES, active."""
    if loaded.is_defined is None:
        return ""
    if not loaded.is_defined:
        return "not defined in vicidial_lists"
    campaign = f"campaign {loaded.campaign_id}" if loaded.campaign_id else "no campaign"
    state = {"Y": "active", "N": "not active"}.get(loaded.active, "")
    return ", ".join(filter(None, (campaign, state)))
