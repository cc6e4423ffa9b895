"""What stands at the end of a command's help: two examples, and how it may end."""

from collections.abc import Mapping
from typing import NamedTuple


class Ending(NamedTuple):
    """The end of the help of a command."""

    examples: tuple[tuple[str, str], ...]
    """Commands, without the program, and what they are for."""
    codes: tuple[int, ...]
    """Exit codes that it may end with, besides those of every command."""


EVERY = (64, 74, 78)
"""Exit codes of every command."""

OF_DATABASES = (69, 77)
"""Those besides of every command that has a database."""

WITHOUT_DATABASE = frozenset(
    {"columns", "compare", "demo", "schedule", "config schema", "config example"}
)
"""Commands that open none, or one of their own."""

WORDS = {
    0: "done",
    1: "a question was answered with no",
    64: "an option is wrong",
    65: "a file or a lead_id cannot be used",
    66: "there is no such file or folder",
    69: "the database does not answer",
    74: "a file cannot be read or written",
    75: "busy, or office hours: try again later",
    77: "the account may not do this",
    78: "a setting or the database is wrong",
}
"""Exit codes in few words; docs/exit-codes.md has more of them, and more about them."""

ENDINGS: Mapping[str, Ending] = {
    "columns": Ending(
        (("columns leads.csv", "what fills which field"),
         ("columns leads.csv --write vendor.toml", "write that down")), (65, 66)),
    "validate": Ending(
        (("validate leads.csv", "no database is needed"),
         ("validate leads.csv --profile safe", "with the usual checks")), (65, 66)),
    "import": Ending(
        (("import leads.csv --list-id 101", "into one list"),
         ("import leads.parts/ --list-id 101", "a folder of parts, as one load")), (1, 65, 66, 75)),
    "nightly": Ending(
        (("nightly --config night.toml --dry-run", "look first"),
         ("nightly --only vendor", "one source alone")), (65, 66, 75)),
    "runs": Ending(
        (("runs", "the newest runs"), ("runs latest", "the last one in full")), (75,)),
    "serve": Ending(
        (("serve", "on this machine alone"),
         ("serve --host 0.0.0.0 --behind-proxy", "behind a proxy that does TLS")), ()),
    "keys make": Ending(
        (("keys make night --may archive", "good for a year"),
         ("keys make crm --may archive,dearchive --until 2027-12-31", "until a day")), ()),
    "keys list": Ending(
        (("keys list", "who may call"), ("keys list --json", "for programs")), ()),
    "keys revoke": Ending(
        (("keys revoke night", "from now on"),
         ("keys revoke crm --database sqlite:///leads.db", "in another database")), ()),
    "undo": Ending(
        (("undo latest --dry-run", "what would be taken back"),
         ("undo 20261122-031500-3f9a01bc", "take a run back")), (75,)),
    "compare": Ending(
        (("compare results", "which source is worth what"),
         ("compare results --output page.html", "as a page")), (66,)),
    "archive": Ending(
        (("archive --statuses NA,B --called-before 90d", "by conditions"),
         ("archive --rule worked --dry-run", "by a rule: how many")), (65, 75)),
    "dearchive": Ending(
        (("dearchive --lead-ids 1,2,3", "given leads"),
         ("dearchive --lead-ids-file results/r/moved.csv", "those of a run")), (65, 75)),
    "init": Ending(
        (("init --database sqlite:///leads.db", "to try things out"),
         ("init", "in the database of the settings")), ()),
    "demo": Ending((("demo", "in ./leadloader-demo"), ("demo try", "in ./try")), ()),
    "schedule": Ending(
        (("schedule cron", "print it"), ("schedule systemd --write units", "write it")), ()),
    "config check": Ending(
        (("config check", "settings, rights and tables"),
         ("config check --offline", "the settings alone")), ()),
    "config schema": Ending(
        (("config schema", "of settings files"),
         ("config schema --of summary", "of summary.json")), ()),
    "config example": Ending(
        (("config example", "all settings"),
         ("config example > leadloader.toml", "begin a file")), ()),
}  # fmt: skip
"""By command."""


def sections(command: str, program: str) -> dict[str, list[tuple[str, str]]]:
    """Give the headings and lines of a command's end; none, if it is not known."""
    if command not in ENDINGS:
        return {}
    examples, codes = ENDINGS[command]
    if command not in WITHOUT_DATABASE:
        codes = (*OF_DATABASES, *codes)
    return {
        "Examples": [(f"{program} {line}", what) for line, what in examples],
        "Exit codes": [(str(code), WORDS[code]) for code in sorted({0, *EVERY, *codes})],
    }
