"""One settings file for all commands, and what is said of what is wrong in it."""

from datetime import timedelta
from pathlib import Path

import pytest

from jobs.settings import settings as settings_module
from jobs.settings.flags import ARCHIVE_FLAGS, DEARCHIVE_FLAGS, MOVE_FLAGS, OF_ALL, flag_name
from jobs.settings.settings import read_settings
from jobs.settings.target import TargetFlags
from loader.errors import ConfigurationError, UsageError
from loader.options.archive import ArchiveOptions, ArchiveRule

SITE = """
database = "sqlite:///leads.db"
list_id = "101"
chunk_size = 10000
[feed]
litigators = "litigators.csv"
[archive]
chunk_size = 200
sleep = "2s"
max_load = {Threads_running = 25}
[archive.worked]
statuses = ["NA", "B"]
called_before = "90d"
[archive.old]
loaded_before = 2026-01-01
[office_hours]
monday = "08:00-18:00"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_module, "ASTGUICLIENT_CONF", tmp_path / "astguiclient.conf")


def written(text: str) -> Path:
    path = Path("site.toml")
    path.write_text(text, "utf-8")
    return path


def test_one_file_serves_a_load_and_an_archive() -> None:
    settings = read_settings({}, written(SITE))
    assert settings.options.chunk_size == 10_000
    assert settings.archive.options == ArchiveOptions.model_validate(
        {"chunk_size": 200, "sleep": 2, "max_load": {"Threads_running": 25}}
    )
    assert settings.archive.rule("worked", {}).conditions() == {
        "statuses": "NA,B",
        "called_before": "90d",
    }
    assert settings.archive.rule("old", {}).conditions() == {"loaded_before": "2026-01-01"}


def test_flags_win_option_by_option_and_part_by_part() -> None:
    flags = {"archive": {"chunk_size": 50, "max_load": {"Threads_connected": "100"}}}
    settings = read_settings(flags, written(SITE))
    assert settings.archive.options.chunk_size == 50
    assert settings.archive.options.sleep == timedelta(seconds=2)
    assert settings.archive.options.max_load == {"Threads_running": 25, "Threads_connected": 100}
    rule = settings.archive.rule("worked", {"called_before": "30d", "lists": "101,102"})
    assert rule == ArchiveRule.model_validate(
        {"statuses": "NA,B", "called_before": "30d", "lists": [101, 102]}
    )
    assert settings.archive.rule(None, {}).is_empty


def test_the_environment_has_tables_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADLOADER_ARCHIVE", '{"chunk_size": 100, "here": {"statuses": "DROP"}}')
    settings = read_settings({}, written(SITE))
    assert settings.archive.options.chunk_size == 100
    assert settings.archive.options.sleep == timedelta(seconds=2)
    assert settings.archive.rule("here", {}).statuses == ("DROP",)
    assert settings.archive.rule("worked", {}).statuses == ("NA", "B")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("lisst_id = 1", "lisst_id: there is no such setting", id="load"),
        pytest.param(
            "[archive]\nchunk_sise = 1",
            "archive.chunk_sise: there is no such setting",
            id="option",
        ),
        pytest.param(
            "[archive.worked]\nstatsues = []",
            "archive.worked.statsues: there is no such setting",
            id="part-of-rule",
        ),
        pytest.param(
            '[office_hours]\nmunday = "08:00-18:00"',
            "office_hours.munday: there is no such setting",
            id="office-hours",
        ),
        pytest.param("archive = 5", "archive: give a table", id="no-table"),
        pytest.param('[archive]\nsleep = "2x"', "archive.sleep: '2x'", id="value"),
        pytest.param(
            "[archive.max_load]\nThreads_running = 'many'",
            "archive.max_load.Threads_running: ",
            id="value-in-table",
        ),
        pytest.param('[archive]\nmax_lag = "2s"', "archive.max_lag: it needs", id="together"),
        pytest.param(
            '[archive.worked]\ncalled_before = "soon"',
            "archive.worked.called_before: 'soon'",
            id="value-of-rule",
        ),
        pytest.param("[archiv]", "archiv: there is no such", id="table"),
        pytest.param(
            "[archive]\nmax_load = 25",
            "archive.max_load: give a table such as {Threads_running = 25}, or",
            id="no-table-of-numbers",
        ),
        pytest.param(
            "[archive.worked]\nlists = 1.5",
            "archive.worked.lists: give a list, or text with commas",
            id="no-list",
        ),
        pytest.param(
            "[archive.worked]\nmin_called_count = 1.5",
            "archive.worked.min_called_count: give a whole number",
            id="no-whole-number",
        ),
        pytest.param("chunk_size = 1e7", "chunk_size: give at most 1,000,000", id="most"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_settings({}, written(text))
    # It is in the last line.
    assert str(raised.value).startswith(f"site.toml, line {text.count(chr(10)) + 1}: {said}")


ODD = ("", "x", -1, 1.5, float("nan"), 10**30, True, [], [[1]], {}, {"a": [1]})


@pytest.mark.parametrize("name", [*ArchiveOptions.model_fields, "worked"])
def test_it_is_said_in_our_words(name: str) -> None:
    parts = ArchiveRule.model_fields if name == "worked" else ()
    for odd in ODD:
        for given in [odd, *({part: odd} for part in parts)]:
            try:
                read_settings({"archive": {name: given}}, None)
            except (ConfigurationError, UsageError) as error:
                said = str(error)
                assert "Input should" not in said
                assert "valid" not in said


@pytest.mark.parametrize("flags", [{}, {"chunk_size": 5}])
def test_a_flag_hides_nothing_that_is_wrong_in_the_file(flags: dict[str, object]) -> None:
    for text, place in {
        "archive = 3": "archive",
        "[archive]\nmax_load = 3": "archive.max_load",
    }.items():
        said = rf"^site.toml, line \d: {place}: give a table such as"
        with pytest.raises(ConfigurationError, match=said):
            read_settings({"archive": {"max_load": {"Uptime": "1"}, **flags}}, written(text))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param({"chunk_size": 501}, "--chunk-size: give at most 500", id="number"),
        pytest.param({"limit": 0}, "--limit: give at least 1", id="least"),
        pytest.param({"sleep": "2x"}, "--sleep: '2x'", id="duration"),
        pytest.param({"max_load": {"Threads_running": "x"}}, "--max-load: give a whole", id="pair"),
        pytest.param({"replicas": ["mysql://a"]}, "--replica: give max_lag too", id="together"),
    ],
)
def test_what_is_wrong_with_a_flag_names_the_flag(flags: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_settings({"archive": flags}, None)
    assert str(raised.value).startswith(said)


def test_an_age_of_no_days_is_told_in_days() -> None:
    rule = ArchiveRule.model_validate({"loaded_before": "0d", "called_before": "12h"})
    assert rule.conditions() == {"loaded_before": "0d", "called_before": "12h"}


def test_a_flag_of_a_rule_is_named_too() -> None:
    settings = read_settings({}, written(SITE))
    with pytest.raises(UsageError, match=r"^--called-before: 'soon'"):
        settings.archive.rule("worked", {"called_before": "soon"})
    with pytest.raises(UsageError, match=r"^--rule: .* \[archive.wroked\]; there is worked"):
        settings.archive.rule("wroked", {})


def test_what_a_file_switches_on_a_flag_switches_off() -> None:
    switches = [
        flag
        for flag in MOVE_FLAGS
        if flag.kind is bool and flag.name in ArchiveOptions.model_fields
    ]
    assert {"dry_run", "ignore_office_hours", "insert"} <= {flag.name for flag in switches}
    assert [flag.name for flag in switches if "/--" not in "".join(flag.names)] == []


def test_every_option_has_a_flag() -> None:
    archive, dearchive = ({f.name for f in flags} for flags in (ARCHIVE_FLAGS, DEARCHIVE_FLAGS))
    asked = {"lead_ids", "lead_ids_file", "rule"}
    options = {*ArchiveOptions.model_fields, *ArchiveRule.model_fields}
    target = {*TargetFlags.model_fields}
    assert archive | dearchive == {*options, *asked, *target, *OF_ALL}
    assert dearchive - archive == {"loaded_anew"}
    assert archive - dearchive == {"held", "update", "ignore_office_hours", "leave_dearchived"}
    assert [flag_name(name) for name in ("replicas", "insert", "chunk_size")] == [
        "--replica",
        "--insert",
        "--chunk-size",
    ]
