"""Profiles: sets of options that have a name, of which one is chosen by --profile."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict

from jobs.settings.problems import ENVIRONMENT, Problem, Sources, merge
from loader.options.load import LoadOptions
from loader.options.suggestion import did_you_mean

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    "safe": {
        "duplicate_check": "DUPSYS",
        "dnc_check": "Y",
        "campaign_dnc_check": "Y",
        "list_exists_check": "Y",
    }
}
"""The profiles that there are without any settings; tables of their names add to them."""


class OptionSet(LoadOptions):
    """A set of options of a load, which `--profile NAME` chooses.

    It goes before the lines above the first table. Flags and the environment go before it, and in
    a night the lines of a [[source]]. The profile safe is always there: duplicate_check DUPSYS, and
    dnc_check, campaign_dnc_check and list_exists_check Y. Where the file has no table
    [profile.NAME], `profile = "safe"` chooses it for every command.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @property
    def has_custom_fields(self) -> bool:
        """They may be switched on elsewhere, which is known later."""
        return True


def with_profile(sources: Sources) -> tuple[Sources, list[Problem]]:
    """Put the profile that is named among the sources, behind what goes before it.

    One that a flag or the environment names goes before the settings file, and one that the file
    names behind it.

    Returns:
        The sources, and what is wrong with the name.
    """
    holder = next((it for it, values in sources.items() if values.get("profile")), None)
    if holder is None or not isinstance(sources[holder]["profile"], str):
        return sources, []
    name = sources[holder]["profile"]
    profiles = _profiles(sources)
    if name not in profiles:
        existing = ", ".join(profiles)
        message = f"there is no profile {name}; there is {existing}{did_you_mean(name, profiles)}"
        return sources, [Problem(holder, ("profile",), message)]
    behind = ENVIRONMENT if holder in {"", ENVIRONMENT} else holder
    placed: dict[str, Mapping[str, Any]] = {}
    for source, values in sources.items():
        placed[source] = values
        if source == behind:
            placed[f"profile {name}"] = profiles[name]
    return placed, []


def _profiles(sources: Sources) -> dict[str, Mapping[str, Any]]:
    own: Mapping[str, Any] = {}
    for values in sources.values():
        tables = values.get("profiles")
        if isinstance(tables, Mapping):
            own = merge(own, {n: it for n, it in tables.items() if isinstance(it, Mapping)})
    return merge(own, BUILT_IN)
