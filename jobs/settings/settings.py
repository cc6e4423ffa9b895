"""The settings of a command: flags, environment, a TOML file, the dialer's own file, defaults."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from jobs.settings.archive import ArchiveSettings
from jobs.settings.command import CommandSettings, check_addresses
from jobs.settings.encoding import encoding_problems
from jobs.settings.environment import (
    WITHIN,
    Environment,
    environment_problems,
    only_in_files,
)
from jobs.settings.files import read_astguiclient, read_toml, with_lines
from jobs.settings.nightly import NightlySettings, NightlySources, Source
from jobs.settings.problems import ENVIRONMENT, PREFIX, Problem, Sources
from jobs.settings.profiles import OptionSet, with_profile
from jobs.settings.serve import ServeSettings
from jobs.settings.tables import TABLES
from jobs.settings.target import TargetSettings
from jobs.settings.telemetry import LineageSettings, NotifySettings
from jobs.settings.validation import all_merged, problems_of, validated
from loader.errors import ConfigurationError, UsageError
from loader.fields.mapping import read_mapping_file
from loader.files import exists
from loader.options.connection import ConnectionOptions
from loader.options.load import LoadOptions
from loader.options.office_hours import OfficeHours
from loader.options.option import Option
from loader.options.report import ReportOptions, ReportSettings
from loader.options.source_file import VENDOR_OPTIONS
from loader.options.suggestion import did_you_mean
from loader.options.throttle import PaceOptions

CONFIG = Path("leadloader.toml")
"""Read from the working folder if no other is named."""
ASTGUICLIENT_CONF = Path("/etc/astguiclient.conf")
"""The dialer's own settings, on every dialer machine."""


class Settings(CommandSettings, ReportSettings, PaceOptions, LoadOptions, BaseSettings):
    """All settings of all commands, wherever they come from.

    Each command reads them all: one file serves all commands, and none accepts a misspelt name.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    _addresses = field_validator("replicas")(check_addresses)

    # fmt: off
    archive: Annotated[ArchiveSettings, Option(
        "Options and rules of archive and dearchive",
    )] = ArchiveSettings()
    office_hours: Annotated[OfficeHours | None, Option("When nothing is archived")] = None
    nightly: Annotated[NightlySettings, Option("Settings of nightly")] = NightlySettings()
    sources: Annotated[NightlySources, Option(
        "Where nightly finds files",
        details="In a settings file each is a table [[source]].",
    )] = ()
    serve: Annotated[ServeSettings, Option("Settings of serve")] = ServeSettings()
    target: Annotated[TargetSettings, Option(
        "Another dialer that is reached by its APIs",
    )] = TargetSettings()
    profiles: Annotated[dict[str, OptionSet], Option(
        "Sets of options for --profile",
        details="In a settings file each is a table [profile.NAME].",
    )] = {}
    notify: Annotated[NotifySettings | None, Option(
        "Who gets a message after a command, and when",
    )] = None
    lineage: Annotated[LineageSettings | None, Option("Where OpenLineage events go")] = None
    # fmt: on

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `read_settings` has put together, nothing behind its back."""
        return (init_settings,)

    @property
    def options(self) -> LoadOptions:
        """Those of the load."""
        return self.options_with("settings", {})

    def options_with(self, source: str, given: Mapping[str, Any]) -> LoadOptions:
        """Give those of a load of which some are given otherwise.

        Args:
            source: who gives them, for messages.
            given: these options, by name.

        Raises:
            ConfigurationError: they do not go together, or one has a value that it cannot have.
        """
        options = self.model_dump(include=set(LoadOptions.model_fields))
        return validated(LoadOptions, {source: given, "settings": options})

    @property
    def connection(self) -> ConnectionOptions:
        """How servers are connected to."""
        return ConnectionOptions(**self.model_dump(include=set(ConnectionOptions.model_fields)))

    @property
    def has_custom_fields(self) -> bool:
        """Whether the options of some load may name them."""
        return super().has_custom_fields or any(it.custom_fields == "Y" for it in self.sources)

    @property
    def reporting(self) -> ReportOptions:
        """How runs are to be reported."""
        return ReportOptions(**self.model_dump(include=set(ReportSettings.model_fields)))

    @property
    def pacing(self) -> PaceOptions:
        """How gently imports insert."""
        return PaceOptions(**self.model_dump(include=set(PaceOptions.model_fields)))

    @property
    def ledger_folder(self) -> Path:
        """Where the ledger is, if it has to be a file."""
        return (self.results or Path("results") / "any").parent

    def with_sources(self, names: Sequence[str]) -> "Settings":
        """Give the settings with some of the sources, and nothing that a night archives; (): all.

        Raises:
            UsageError: there is no such source.
        """
        if not names:
            return self
        existing = {source.name: source for source in self.sources}
        for name in names:
            if name not in existing:
                there = ", ".join(existing) or "none"
                raise UsageError(
                    f"--only: there is no [[source]] {name}; there is {there}"
                    f"{did_you_mean(name, existing)}"
                )
        sources = tuple(source for source in self.sources if source.name in names)
        night = self.nightly.model_copy(update={"archive": ()})
        return self.model_copy(update={"sources": sources, "nightly": night})

    def source_named(self, name: object) -> Source | None:
        """Give the [[source]] of a name; None: there is none, nor one that may be meant.

        Raises:
            UsageError: there is one whose name is nearly the same.
        """
        names = [source.name for source in self.sources]
        if name in names:
            return self.sources[names.index(str(name))]
        if meant := did_you_mean(name, names):
            raise UsageError(f"--source: there is no [[source]] {name}{meant}")
        return None

    def options_of_file(
        self, source: Source, path: str, flags: Mapping[str, Any], *, is_trial: bool
    ) -> LoadOptions:
        """Give the options with which nightly would load a file of a source, but for some flags.

        Args:
            source: whose settings count.
            path: of the file.
            flags: those that were given, by name; `source` is not among them.
            is_trial: nothing is loaded, so that a list of its own need not exist.

        Raises:
            UsageError: nightly would not take the file, or would make a list for it.
            ConfigurationError: see `options_of`.
        """
        groups = source.groups(Path(path).name)
        if groups is None:
            raise UsageError(
                f"{path}: its name does not match file_name of [[source]] {source.name}, "
                f"{source.file_name}"
            )
        given = {name: flags[name] for name in flags.keys() & set(LoadOptions.model_fields)}
        if source.new_list and not given.keys() & {"list_id", "force_list_id"}:
            if not is_trial:
                raise UsageError(
                    f"[[source]] {source.name} makes a list for each file, which nightly alone "
                    "does; name one by --force-list-id"
                )
            first = str(source.new_list.first_list_id)
            given |= {"force_list_id": first, "list_exists_check": "N"}
        return self.options_of(source, groups, given)

    def options_of(
        self, source: Source, by_name: Mapping[str, str], flags: Mapping[str, Any] | None = None
    ) -> LoadOptions:
        """Give the options of a file of nightly: by its name, of its source, and of all.

        Flags, if there are any, go before all of them.

        Raises:
            ConfigurationError: they do not go together, or one has a value that it cannot have.
        """
        names = set(LoadOptions.model_fields)
        own = source.model_dump(include=names, exclude_unset=True)
        sources: Sources = {
            "": flags or {},
            "by the file's name": {name: by_name[name] for name in by_name.keys() & names},
            f"[[source]] {source.name}": own,
            "for all sources": self.model_dump(include=names),
        }
        return validated(
            LoadOptions, _with_mapping_file(sources, before=f"[[source]] {source.name}")
        )

    @model_validator(mode="after")
    def _rules_of_nightly(self) -> "Settings":
        rules = self.archive.__pydantic_extra__
        for name in self.nightly.archive:
            if name not in rules:
                existing = f"there is {', '.join(rules)}" if rules else "there is none"
                raise ValueError(
                    f"nightly: archive: there is no rule [archive.{name}]; {existing}"
                    f"{did_you_mean(name, rules)}"
                )
        return self


def read_settings(flags: Mapping[str, Any], config: Path | None) -> Settings:
    """Put the settings together: flags, environment, profile, TOML file, dialer's file, defaults.

    The first that has a value wins. The TOML file is `CONFIG` if there is one and none is named.

    Raises:
        UsageError: a flag has a value that it cannot have.
        ConfigurationError: the environment or a file has, or cannot be read.
    """
    settings, problems, _ = check_settings(flags, config)
    if settings is None:
        # Flags and the environment first, for they win.
        raise min(problems, key=lambda it: (it.is_missing, it.line or 0)).error from None
    return settings


def check_settings(
    flags: Mapping[str, Any], config: Path | None
) -> tuple[Settings | None, list[Problem], Sources]:
    """Put the settings together as `read_settings`, and find all that is wrong with them.

    Returns:
        The settings, unless there are problems; and what they are put together from.
        Problems of the settings file have their lines.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    if config is None and exists(CONFIG):
        config = CONFIG
    sources, problems = _sources(flags, config)
    merged, settings = all_merged(sources), None
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        problems += problems_of(error, merged, sources, _place_of)
    if problems:
        return None, with_lines(problems, config), sources
    return settings, problems, sources


def _sources(flags: Mapping[str, Any], config: Path | None) -> tuple[Sources, list[Problem]]:
    """Read all sources, the strongest first, and what is wrong with their names and encoding."""
    sources, problems = with_profile(
        {
            "": flags,
            ENVIRONMENT: Environment(Settings, env_prefix=PREFIX, env_nested_delimiter=WITHIN)(),
            str(config): read_toml(config) if config else {},
            str(ASTGUICLIENT_CONF): read_astguiclient(ASTGUICLIENT_CONF),
        }
    )
    sources = _with_mapping_file(sources, before=str(config))
    of_environment = [
        *environment_problems(os.environ, Settings.model_fields),
        *only_in_files(sources[ENVIRONMENT]),
        *encoding_problems(ENVIRONMENT, sources[ENVIRONMENT]),
        *encoding_problems(str(config), sources[str(config)]),
    ]
    return sources, [*of_environment, *problems]


def _with_mapping_file(sources: Sources, before: str) -> Sources:
    """Put what the mapping file says before the settings, of which one source is named.

    A mapping file that cannot be read says nothing here: the load that needs it refuses to begin,
    and other commands do not need it.
    """
    path = next((it["mapping_file"] for it in sources.values() if it.get("mapping_file")), None)
    if not isinstance(path, str | Path):
        return sources
    try:
        vendor = read_mapping_file(Path(path), None, VENDOR_OPTIONS)
    except ConfigurationError:
        return sources
    found: dict[str, Mapping[str, Any]] = {}
    for name, given in sources.items():
        values = given
        if name == before:
            found[str(path)] = vendor.options
        is_weaker = str(path) in found
        columns = values.get("map")
        if is_weaker and isinstance(columns, Mapping):
            kept = {
                field: column for field, column in columns.items() if field not in vendor.fields
            }
            values = {**values, "map": kept}
        found[name] = values
    return found


def _place_of(name: str) -> str:
    """Say where a setting belongs, or which one may be meant."""
    if name in Settings.model_fields:
        return "; it belongs before the first [table]"
    tables = {f"[{table}]": set(model.model_fields) for table, model in TABLES}
    own = next((table for table in tables if name in tables[table]), None)
    if own:
        return f"; it belongs into {own}"
    return did_you_mean(name, sorted({*Settings.model_fields}.union(*tables.values())))
