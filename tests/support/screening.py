"""Odd rows, options and results: for whom the same has to come of them in another way."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

PHONES = (
    "7275551212", "+1 (727) 555-1213", "020 7946 0958", "+442079460958", "7.27555E+09", "555",
    "1-800-FLOWERS", "7275551214 ext 5", "030 1234567/68", "", "00492011234567", "9995551212",
)  # fmt: skip
VALUES = {
    "list_id": ("101", "102", "", "abc"),
    "phone_code": ("", "1", "44", "999", "n/a"),
    "phone_number": PHONES,
    "alt_phone": PHONES,
    "first_name": ("Ann", "test", "J\x01oe", "<b>x</b>", "é" * 40),
    "state": ("FL", "Florida", "Mexico City", "", "NSW"),
    "postal_code": ("33765", "2139", ""),
    "country_code": ("", "USA", "Germany", "Narnia"),
    "date_of_birth": ("1970-01-02", "2/2/1970", ""),
    "gender": ("M", "weiblich", "?", ""),
    "comments": ("", "two\nlines", "x" * 300),
}
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"duplicate_check": "DUPSYS-DUPPHONEALTLIST"},
    {"duplicate_check": "DUPLIST", "keep": "best"},
    {"duplicate_check": "DUPSYS", "keep": "last", "invalid_phone_fallback": ("alt_phone",)},
    {"phone_validation": "valid", "phone_format": "as-given", "ambiguous_tz": "reject"},
    {"phone_validation": "length", "trim": "N", "unstorable": "reject"},
)
ROW = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})


def results_of(folder: Path) -> dict[str, Any]:
    """Read what does not depend on the time or the place: whole files, and the summary."""
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    for name in ("run", "began", "ended", "seconds", "results", "options"):
        del summary[name]
    files = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    # As text: the order counts, too.
    return {**files, "summary": json.dumps(summary, indent=1)}
