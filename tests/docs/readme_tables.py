"""The tables of the documentation, made from the code that they describe."""

import ast
import inspect
import re
import tomllib
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from jobs.settings.flags import MOVE_FLAGS, flag_name
from jobs.settings.settings import Settings
from loader.archive.outcome import Stay
from loader.errors import LoaderError
from loader.fields.lead import usual_names
from loader.options.archive import ArchiveOptions, ArchiveRule
from loader.options.durations import format_duration
from loader.options.load import LoadOptions
from loader.reasons import Notice, Reason
from loader.signals import CAUGHT
from loader.undo.outcome import Kept

ADD_LEADS = frozenset({
    "list_id", "campaign_id", "phone_code", "duplicate_check", "dnc_check", "campaign_dnc_check",
    "usacan_prefix_check", "usacan_areacode_check", "nanpa_ac_prefix_check", "list_exists_check",
    "tz_method", "lookup_state", "custom_fields", "add_to_hopper", "hopper_priority",
    "hopper_local_call_time_check", "callback", "callback_status", "callback_datetime",
    "callback_type", "callback_user", "callback_comments", "source", "user",
})  # fmt: skip
"""The options that add_lead has under the same name."""

CODES = {
    0: "every row has its outcome, or the file was loaded before; every lead of an archive, or its "
    "limit or run_time ended it",
    1: "whoever was asked by `--ask` said no; nothing was inserted",
    64: "usage: an option is wrong or missing",
    65: "the file cannot be used, more rows are bad than `max_reject_rate` allows, or a lead_id is",
    66: "there is no such file, or drop folder",
    69: "the database does not answer, after all retries",
    70: "a bug in leadloader",
    74: "the results cannot be written, such as to a full disk; what was done before is done",
    75: "try again later: it is office hours, or another process is at the file or the night",
    77: "not allowed: the dialer's user, the database account, or a drop folder is read-only",
    78: "bad configuration: a settings or mapping file, the environment, the database",
    129: "SIGHUP, the terminal was closed; an import ended after its batch, an archive after its "
    "chunk, and the same command goes on",
    130: "interrupted (SIGINT); likewise",
    143: "SIGTERM; likewise",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    # Markdown would take <run> for a tag.
    cells = ([cell.replace("|", "\\|").replace("<", "\\<") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def options() -> str:
    documented = documentation()
    rows = []
    for name, field in Settings.model_fields.items():
        if name in {"archive", "lineage", "nightly", "notify", "office_hours", "sources"}:
            continue
        theirs = f"`{name}`" if name in ADD_LEADS else ""
        rows.append([f"`{flag_name(name)}`", theirs, default(field), documented[name]])
    return table(["option", "add_lead's", "default", "what it does"], rows)


def archive_options() -> str:
    documented = documentation(ArchiveRule, ArchiveOptions)
    fields = ArchiveRule.model_fields | ArchiveOptions.model_fields
    rows = []
    for flag in MOVE_FLAGS:
        if flag.name in fields:
            names = flag.names[0].split("/") if flag.names else [flag_name(flag.name)]
            flags = ", ".join(f"`{name}`" for name in names)
            rows.append([flags, default(fields[flag.name]), documented[flag.name]])
    return table(["option", "default", "what it does"], rows)


def default(field: FieldInfo) -> str:
    if field.default in (None, "", (), {}, timedelta()):
        return ""
    value = field.default
    return f"`{format_duration(value) if isinstance(value, timedelta) else value}`"


def documentation(*models: type[BaseModel]) -> dict[str, str]:
    """Read the lines under settings, those of a load by default, which Python itself drops."""
    found: dict[str, str] = {}
    for model in models or (LoadOptions, Settings):
        (body,) = ast.parse(inspect.getsource(model)).body
        assert isinstance(body, ast.ClassDef)
        for statement, after in zip(body.body, body.body[1:], strict=False):
            if isinstance(statement, ast.AnnAssign) and isinstance(after, ast.Expr):
                assert isinstance(statement.target, ast.Name)
                assert isinstance(after.value, ast.Constant)
                found[statement.target.id] = " ".join(str(after.value.value).split())
    return found


def reasons() -> str:
    rows = [[f"`{r}`", r.answer and f"`{r.answer}`", r.meaning, r.advice] for r in Reason]
    return table(["reason", "add_lead says", "because", "what to do"], rows)


def stays() -> str:
    return table(["why", "means"], [[f"`{stay}`", stay.meaning] for stay in Stay])


def notices() -> str:
    rows = [[f"`{n}`", n.answer and f"`{n.answer}`", n.meaning] for n in Notice]
    return table(["notice", "add_lead says", "means"], rows)


def exit_codes() -> str:
    known = {0, *(kind.exit_code for kind in [LoaderError, *LoaderError.__subclasses__()])}
    assert known | {128 + number for number in CAUGHT} == set(CODES)
    return table(["exit code", "means"], [[str(code), text] for code, text in CODES.items()])


def undo_stays() -> str:
    return table(["why", "means"], [[f"`{kept}`", kept.meaning] for kept in Kept])


def names() -> str:
    rows = [[f"`{field}`", ", ".join(names)] for field, names in usual_names().items()]
    return table(["field", "columns that are taken for it"], rows)


def differences() -> str:
    content = tomllib.loads(
        (Path(__file__).parents[1] / "conformance" / "differences.toml").read_text("utf-8")
    )
    rows = [[str(d["number"]), d["recorded"], d["ours"], d["why"]] for d in content["difference"]]
    return table(["#", "the dialer", "leadloader", "why"], rows)


TABLES = {
    "options": options, "archive_options": archive_options, "reasons": reasons, "stays": stays,
    "undo_stays": undo_stays, "notices": notices, "exit_codes": exit_codes, "names": names,
    "differences": differences,
}  # fmt: skip

PAGES = sorted((Path(__file__).parents[2] / "docs").rglob("*.md"))
MARKED = re.compile(r"<!-- generated: (\w+) -->\n.*?<!-- /generated -->", re.DOTALL)


def fill_in(page: str) -> str:
    """Put each table between its two marks."""

    def filled(marked: "re.Match[str]") -> str:
        name = marked[1]
        return f"<!-- generated: {name} -->\n\n{TABLES[name]()}\n\n<!-- /generated -->"

    return MARKED.sub(filled, page)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(fill_in(path.read_text("utf-8")), "utf-8")
