"""Paths and characters as text that can be printed, stored and sent, whatever bytes they have."""

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that are invisible, or change the direction of text or lines."""
JOINERS = frozenset({"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"})
"""Needed to write emoji and some scripts."""


def is_utf8(text: str) -> bool:
    """Say whether a text can be encoded: it has no bytes of a name that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable_path(path: str | Path) -> str:
    r"""Write a path, or a text that holds one, with bytes that are not UTF-8 as `\xe9`."""
    text = str(path)
    if is_utf8(text):
        return text
    return "".join(map(_byte_shown, text)).encode("utf-8", "backslashreplace").decode()


PASSWORD_IN_ADDRESS = re.compile(
    # before the last @
    r"([A-Za-z][A-Za-z0-9+.-]{0,20}:/{1,3}[^\s:@]{0,200}):(?!password@)\S{1,500}@"
    # without any, what is behind a colon is no port
    r"|(:/{1,2}[^\s:@/\[]{0,200}):(?!password@|\d{1,5}(?:[/?\s,;.)'\"]|$))[^\s/?@]{1,500}"
)
PASSWORD_IN_QUERY = re.compile(
    r"([?&](?:[a-z_-]{0,20}(?:password|passwd|pwd|secret|token|key)|pass)=)[^&\s]{1,500}",
    re.IGNORECASE,
)


def without_passwords(text: str) -> str:
    """Hide in a text what looks like the passwords of addresses, wherever somebody wrote one."""
    if ":/" not in text:
        return text
    text = PASSWORD_IN_ADDRESS.sub(_password_hidden, text)
    return PASSWORD_IN_QUERY.sub(r"\1***", text)


def _password_hidden(found: re.Match[str]) -> str:
    return f"{found[1]}:***@" if found[1] else f"{found[2]}:***"


def visible_line(text: str) -> str:
    """Write a text as one line of visible characters, for people: it drives no terminal.

    Invisible characters, such as U+202E, and line breaks are written by their number.
    """
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return _byte_shown(character)
    if unicodedata.category(character) in INVISIBLE_CATEGORIES and character not in JOINERS:
        return f"⟨U+{ord(character):04X}⟩"
    return character


def printable_values(value: Any) -> Any:
    """Write all texts in tables and lists, such as those of options, as `printable_path` does.

    Passwords of addresses are hidden: somebody may have put one where a file belongs.
    """
    if isinstance(value, Mapping):
        return {printable_path(str(name)): printable_values(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [printable_values(each) for each in value]
    return without_passwords(printable_path(value)) if isinstance(value, str) else value


def _byte_shown(letter: str) -> str:
    # Python decodes a byte that is not UTF-8, such as E9, as the letter U+DCE9.
    return f"\\x{ord(letter) - 0xDC00:02x}" if "\udc80" <= letter <= "\udcff" else letter


def find_path(printed: str) -> Path:
    """Return the path that `printable_path` wrote as `printed`.

    A name is taken as it is if it is there, else the entry of its folder that is printed so; what
    is not there at all is returned as it is.
    """
    found = Path(Path(printed).anchor)
    for part in Path(printed).parts:
        found /= part if os.path.lexists(found / part) else _entry(found, part)
    return found


def _entry(folder: Path, printed: str) -> str:
    r"""Find the name in a folder that is printed so; names without `\x` are UTF-8."""
    if "\\x" not in printed or not folder.is_dir():
        return printed
    names = sorted(path.name for path in folder.iterdir())
    return next((name for name in names if printable_path(name) == printed), printed)


def shell_quoted(mark: str) -> str:
    r"""Write a character as a shell takes it: '^', or $'\x1f' for one that nobody sees."""
    return f"'{mark}'" if mark.isprintable() else f"$'\\x{ord(mark):02x}'"
