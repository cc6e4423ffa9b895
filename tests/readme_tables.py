"""The tables of the README, made from the code that they describe."""

import ast
import inspect
import tomllib
from collections.abc import Iterable
from pathlib import Path

from jobs.settings import Settings
from loader.errors import LoaderError
from loader.mapping import usual_names
from loader.options import LoadOptions
from loader.reasons import Notice, Reason

ADD_LEADS = frozenset({
    "list_id", "campaign_id", "phone_code", "duplicate_check", "dnc_check", "campaign_dnc_check",
    "usacan_prefix_check", "usacan_areacode_check", "nanpa_ac_prefix_check", "list_exists_check",
    "tz_method", "lookup_state", "custom_fields", "add_to_hopper", "hopper_priority",
    "hopper_local_call_time_check", "callback", "callback_status", "callback_datetime",
    "callback_type", "callback_user", "callback_comments", "source", "user",
})  # fmt: skip
"""The options that add_lead has under the same name."""

CODES = {
    0: "every row has its outcome",
    64: "usage: an option is wrong or missing",
    65: "the file cannot be used, or more rows are bad than `max_reject_rate` allows",
    66: "there is no such file",
    69: "the database does not answer, after all retries",
    70: "a bug of ours",
    77: "not allowed: the dialer's user, or the database account",
    78: "bad configuration: a settings or mapping file, the environment, the database",
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
        flag = {"json_summary": "--json"}.get(name, "--" + name.replace("_", "-"))
        default = "" if field.default in (None, "", (), {}) else f"`{field.default}`"
        theirs = f"`{name}`" if name in ADD_LEADS else ""
        rows.append([f"`{flag}`", theirs, default, documented[name]])
    return table(["option", "add_lead's", "default", "what it does"], rows)


def documentation() -> dict[str, str]:
    """Read the lines under the settings, which Python itself drops."""
    found: dict[str, str] = {}
    for model in (LoadOptions, Settings):
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


def notices() -> str:
    rows = [[f"`{n}`", n.answer and f"`{n.answer}`", n.meaning] for n in Notice]
    return table(["notice", "add_lead says", "means"], rows)


def exit_codes() -> str:
    known = {0, *(kind.exit_code for kind in [LoaderError, *LoaderError.__subclasses__()])}
    assert known == set(CODES)
    return table(["exit code", "means"], [[str(code), text] for code, text in CODES.items()])


def names() -> str:
    rows = [[f"`{field}`", ", ".join(names)] for field, names in usual_names().items()]
    return table(["field", "columns that are taken for it"], rows)


def differences() -> str:
    content = tomllib.loads((Path(__file__).parent / "differences.toml").read_text("utf-8"))
    rows = [[str(d["number"]), d["recorded"], d["ours"], d["why"]] for d in content["difference"]]
    return table(["#", "the dialer", "leadloader", "why"], rows)


TABLES = {
    "options": options, "reasons": reasons, "notices": notices, "exit codes": exit_codes,
    "names": names, "differences": differences,
}  # fmt: skip


def fill_in(readme: str) -> str:
    """Put each table between its two marks."""
    for name, make in TABLES.items():
        begin, end = f"<!-- table: {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = readme.partition(begin)
        _, found, after = rest.partition(end)
        assert found, name
        readme = f"{before}{begin}\n{make()}\n\n{end}{after}"
    return readme


if __name__ == "__main__":
    path = Path(__file__).parent.parent / "README.md"
    path.write_text(fill_in(path.read_text("utf-8")), "utf-8")
