"""What is generated from the code: pages, tables in pages, schemas, and the settings example.

`make generate` writes it; `tests/docs/test_generated.py` says what is stale.
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.settings.example import settings_example
from jobs.settings.flags import FLAGS, MOVE_FLAGS, Flag
from jobs.settings.schema import settings_schema, summary_schema
from jobs.settings.tables import TABLES as SETTINGS_TABLES
from loader.archive.outcome import Stay
from loader.errors import LoaderError
from loader.fields.lead import usual_names
from loader.notices import Notice
from loader.options.load import LoadOptions
from loader.options.option import Option, describe_default, options_of
from loader.reasons import Reason
from loader.signals import CAUGHT
from loader.undo.outcome import Kept
from tests.docs.man import man_pages

ROOT = Path(__file__).parents[2]
DOCS, SAMPLES = ROOT / "docs", ROOT / "sample_data"
MAN = DOCS / "man"
DIFFERENCES = ROOT / "tests" / "conformance" / "differences.toml"

BY_HAND = "<!-- Written by `make generate`. Do not change it by hand. -->"
MARKED = re.compile(r"<!-- generated: (\S+) -->\n.*?<!-- /generated -->", re.DOTALL)

CODES = {
    0: "every row has its outcome, or the file was loaded before; every lead of an archive, or its "
    "limit or run_time ended it",
    1: "a question, such as that of `--ask`, was answered with no; nothing was inserted",
    64: "usage: an option is wrong or missing",
    65: "the file cannot be used, more rows are bad than `max_reject_rate` allows, or a lead_id "
    "is invalid",
    66: "there is no such file, or drop folder",
    69: "the database, the dialer whose API is called, or the Dask cluster does not answer, after "
    "all retries",
    70: "internal error: a bug in leadloader",
    71: "the system gives no more memory, open files or processes; what was done before is done",
    74: "a file cannot be written or read: the message says whether the disk is full, a right is "
    "missing, or what else; what was done before is done",
    75: "try again later: it is office hours, or another process is loading the file or running "
    "nightly in the same folder",
    77: "permission denied for the dialer user, the database account or the key of an API, or a "
    "drop folder is read-only",
    78: "bad configuration: a settings or mapping file, the environment, the database",
    129: "SIGHUP, the terminal was closed; an import ended after its batch, an archive after its "
    "chunk, and the same command goes on",
    130: "interrupted (SIGINT); likewise",
    143: "SIGTERM; likewise",
}


def generated() -> dict[Path, str]:
    """Give the content of every file that is generated, wholly or in part, by its path."""
    return {
        DOCS / "options.md": options_page(),
        DOCS / "reasons.md": reasons_page(),
        SAMPLES / "leadloader.toml": settings_example(),
        SAMPLES / "leadloader.schema.json": _json(settings_schema()),
        SAMPLES / "summary.schema.json": _json(summary_schema()),
        **man_pages(MAN),
        **fill_in({path: path.read_text("utf-8") for path in sorted(DOCS.rglob("*.md"))}),
    }


def fill_in(pages: Mapping[Path, str]) -> dict[Path, str]:
    """Put the tables into the pages that have marks for them.

    Raises:
        ValueError: a mark has no end or names no table, or a table is on no page or on two.
    """
    found = Counter(name for text in pages.values() for name in MARKED.findall(text))
    marks = sum(len(re.findall("<!-- /?generated", text)) for text in pages.values())
    if marks != 2 * found.total():
        raise ValueError("a mark <!-- generated: NAME --> has no <!-- /generated -->, or otherwise")
    for name in found.keys() - TABLES.keys():
        raise ValueError(f"there is no table {name} to generate; there is {', '.join(TABLES)}")
    for name in TABLES:
        if found[name] != 1:
            raise ValueError(f"the table {name} stands on {found[name]} pages; it has to be on one")
    return {path: MARKED.sub(_filled, text) for path, text in pages.items() if MARKED.search(text)}


def _filled(mark: "re.Match[str]") -> str:
    return f"<!-- generated: {mark[1]} -->\n\n{TABLES[mark[1]]()}\n\n<!-- /generated -->"


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


# Markdown.


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(map(_escaped, line)) + " |" for line in lines)


def _escaped(cell: str) -> str:
    """Write what a table takes for something else: |, and outside of code <, as of <run>."""
    parts = cell.replace("|", "\\|").split("`")
    return "`".join(
        part if number % 2 else part.replace("<", "\\<") for number, part in enumerate(parts)
    )


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


# The tables in pages.


def stays() -> str:
    return table(["why", "means"], [[code(stay), stay.meaning] for stay in Stay])


def undo_stays() -> str:
    return table(["why", "means"], [[code(kept), kept.meaning] for kept in Kept])


def exit_codes() -> str:
    known = {0, *(kind.exit_code for kind in [LoaderError, *LoaderError.__subclasses__()])}
    assert known | {128 + number for number in CAUGHT} == set(CODES)
    return table(["exit code", "means"], [[str(number), text] for number, text in CODES.items()])


def names() -> str:
    rows = [[code(field), ", ".join(names)] for field, names in usual_names().items()]
    return table(["field", "columns that are taken for it"], rows)


def differences() -> str:
    found = tomllib.loads(DIFFERENCES.read_text("utf-8"))["difference"]
    rows = [[str(it["number"]), it["recorded"], it["ours"], it["why"]] for it in found]
    return table(["#", "the dialer", "leadloader", "why"], rows)


TABLES: Mapping[str, Callable[[], str]] = {
    each.__name__: each for each in (names, exit_codes, differences, stays, undo_stays)
}


# Pages.

OPTIONS = """\
# Options

Every option has one name. In a [settings file](settings.md) it stands under that name
(`list_id = "101"`), on the command line it is a flag (`--list-id 101`), and in the environment a
variable (`LEADLOADER_LIST_ID=101`). `leadloader import --help` shows the flags in the same groups.

"API" is the name of an option in the dialer's own API: add_lead, and for archiving the Lead Archive
API. Options without such a name are leadloader's own."""

ARCHIVE = """\
In a settings file these stand in the table `[archive]`. Conditions, such as statuses and lists,
stand in a table `[archive.NAME]`. In the environment they are JSON:
`LEADLOADER_ARCHIVE='{"sleep": "2s"}'`. `leadloader undo` takes those about throttling,
`create_tables`, `dry_run` and `loaded_anew`. The flags about results and the run are those of
import."""

SETTINGS = """\
These stand in tables of a settings file. Only the first ones of `[serve]` have flags, of
`leadloader serve`.
[sample_data/leadloader.toml](../sample_data/leadloader.toml) has an example of each."""


def options_page() -> str:
    """Give the page of all options, by group."""
    of_archive = [flag for flag in MOVE_FLAGS if flag not in FLAGS]
    parts = [OPTIONS, BY_HAND, "## Import and validate", *_groups(FLAGS)]
    parts += ["## Archive and dearchive", ARCHIVE, *_groups(of_archive)]
    parts += ["## Settings without a flag", SETTINGS]
    for name, model in SETTINGS_TABLES:
        if name.partition(".")[0] != "archive":
            about = " ".join((model.__doc__ or "").split())
            parts += [f"### `[{name}]`", about, _settings(model)]
    return "\n\n".join(parts) + "\n"


def _groups(flags: Iterable[Flag]) -> Iterator[str]:
    by_group: dict[str, list[list[str]]] = {}
    for flag in flags:
        assert flag.option.group
        by_group.setdefault(flag.option.group, []).append(_row(flag))
    for group, rows in by_group.items():
        yield f"### {group}"
        yield table(["option", "flag", "values", "default", "what it does", "API"], rows)


def _row(flag: Flag) -> list[str]:
    names = ", ".join(code(name) for names in flag.names for name in names.split("/"))
    name = "" if flag.name in {"config", "lead_ids", "lead_ids_file", "rule"} else flag.name
    values = code(flag.values or "")
    return [code(name), names, values, _default(flag.option, flag.default),
            flag.option.description, code(flag.option.api)]  # fmt: skip


def _default(option: Option, default: str) -> str:
    return default if option.empty and " " in default else code(default)


def _settings(model: type[BaseModel]) -> str:
    """Give the table of a table, but for the options of a load that it may have, too."""
    of_load = LoadOptions.model_fields if issubclass(model, LoadOptions) else {}
    rows = []
    for name, option in options_of(model).items():
        if name not in of_load:
            default = _default(option, describe_default(model.model_fields[name]))
            rows.append([code(name), default, option.description])
    return table(["setting", "default", "what it does"], rows)


REASONS = """\
# Reasons and notices

A rejected row has one reason: the first that applies, in the order of the checks. It stands in the
column `reason` of `rejected.csv`, with details in `details`; `reasons_all` has all reasons that
apply. A loaded row may have notices, in the column `notices` of `loaded.csv`. See
[results](results.md)."""

NOTICES = "A notice says what was noticed about a row or done to it. It rejects nothing."


def reasons_page() -> str:
    """Give the page of all reasons and notices."""
    rows = [[code(it), sentence(it.meaning), code(it.answer)] for it in Notice]
    parts = [REASONS, BY_HAND, "## Reasons", *map(_reason, Reason)]
    parts += ["## Notices", NOTICES, table(["notice", "means", "add_lead answers"], rows)]
    return "\n\n".join(parts) + "\n"


def _reason(reason: Reason) -> str:
    answer = (
        code(f"ERROR: add_lead {reason.answer}")
        if reason.answer
        else "nothing; the check is leadloader's own"
    )
    advice = sentence(reason.advice)
    lines = [f"**Means:** {sentence(reason.meaning)}", f"**Cause:** {reason.cause}",
             f"**What to do:** {advice}", f"**add_lead answers:** {answer}"]  # fmt: skip
    return "\n".join([f"### {reason}", "", *(f"- {line}" for line in lines)])


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, "utf-8")
