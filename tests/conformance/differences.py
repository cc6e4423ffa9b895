"""Which wanted differences a recorded case touches, decided by what the case contains.

The dialer's own ways are written down here just far enough to see where ours would part from them.
"""

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.conformance.corpus import (
    HERE,
    Case,
    Named,
    Tables,
    clock_of,
    fixtures,
    load_cases,
    options_of,
    read_answer,
    tables_of,
)
from tests.conformance.reference import BIGGEST_LIST_ID, Reference
from tests.conformance.reference_extras import callback_problem
from tests.conformance.reference_fields import (
    WIDTHS,
    damaged,
    digits,
    is_number,
    keep,
    phone_digits,
    stored_country,
    stored_date_of_birth,
    stored_gender,
    stored_list_id,
    stored_rank,
    stored_state,
)
from tests.conformance.reference_run import (
    DNC_SWITCHES,
    SWITCHES,
    ReferenceRefusal,
    is_tz_method,
    read_checks,
)
from tests.conformance.reference_zone import Zones, dialled, national
from tests.support.dialer import (
    CHECK_NAME,
    RAW,
    Dialer,
    DialersZones,
    dialers_birth,
    dialers_checks,
    dialers_gender,
    dialers_list_id,
    dialers_rank,
    dialers_text,
)

Request = dict[str, str]

#: These change what is printed beside an answer, not the answer: such cases follow the record.
FORM_ONLY = frozenset({15, 17})

#: What may be changed in values beside those of vicidial_list.
ODD = {
    "multi_alt_phones": r"[^0-9a-zA-Z_! :]",
    "callback_comments": r"[^0-9a-zA-Z_ .,:-]",
}
RAW_ODD = r'[;#"+\\\x00-\x1f\x7f-\x9f\U00010000-\U0010ffff]'
CUSTOM_ODD = r'[;"+\\\x00-\x1f\x7f-\x9f\U00010000-\U0010ffff]'
COMPARED = {"TITLEALTPHONE": ("title", "alt_phone"), "NAMEPHONE": ("first_name", "last_name")}


def differences() -> list[dict[str, Any]]:
    """Return the table of wanted differences."""
    path = Path(__file__).with_suffix(".toml")
    rows: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["difference"]
    return rows


def touched(case: Case, named: Named) -> set[int]:
    """Return the numbers of the differences that `case` touches.

    Where the dialer and our reference answer and store the same all through, none is touched but
    what changes the form alone.
    """
    tables = tables_of(case, named)
    numbers: set[int] = set()
    for lead in case["leads"]:
        sent = {**options_of(case), **lead}
        request = {name: value for name, value in sent.items() if value is not None}
        for number, touches in TOUCHES.items():
            if number not in numbers and touches(request, case, tables):
                numbers.add(number)
    ours, several = answers(Reference, case, named)
    if several:
        numbers.add(16)
    if ours == answers(Dialer, case, named)[0]:
        numbers &= FORM_ONLY
    if any(line.startswith("SUCCESS") for lines in case["responses"] for line in lines):
        numbers.add(15)
    return numbers


def answers(kind: type[Reference], case: Case, named: Named) -> tuple[list[Any], bool]:
    """Return what a run of `kind` answers to each lead, and the tables after it.

    And for 16, whether of several existing leads that match the lowest is not in the lowest list.
    """
    tables = tables_of(case, named)
    run = kind(tables, clock_of(case), case["tz"], options_of(case))
    said: list[Any] = []
    several = False
    for lead in case["leads"]:
        try:
            answer = run.add_lead(lead)
        except ReferenceRefusal as refused:
            said.append(refused.kind)
            continue
        said.append(read_answer(answer.lines, documented=True))
        lists = [row["list_id"] for row in answer.matching]
        several = several or lists[:1] != sorted(lists)[:1]
    return [*said, tables], several


def duplicate_check(request: Request, _case: Case, _tables: Tables) -> bool:
    """1: another set of checks, or another window for one of them."""
    option = request.get("duplicate_check", "")
    try:
        return read_checks(option) != dialers_checks(option)
    except ReferenceRefusal:
        return True


def compared(request: Request) -> Iterator[tuple[str, str]]:
    """Give the fields that the duplicate checks compare, with their values."""
    option = re.sub(r"[^A-Z0-9_-]", "", request.get("duplicate_check", "").upper())
    for key, _ in CHECK_NAME.findall(option):
        for name in COMPARED.get(key, ()):
            yield name, request.get(name, "")


def quote(request: Request, _case: Case, _tables: Tables) -> bool:
    """2: a quote in a compared value."""
    return any("'" in value for _, value in compared(request))


def long_value(request: Request, _case: Case, _tables: Tables) -> bool:
    """3: a compared value that is longer than its column."""
    return any(len(keep(value)[0]) > WIDTHS[name] for name, value in compared(request))


def text(request: Request, case: Case, tables: Tables) -> bool:
    """4: a text that the dialer would change otherwise than we do."""
    settings = case["fixture"].get("system_settings") or [{}]
    non_latin = str(settings[0].get("use_non_latin", "0")) == "1"
    texts = [name for name in WIDTHS if name in request]
    if any(
        dialers_text(name, request[name], non_latin) != keep(request[name])[0] for name in texts
    ):
        return True
    odd = {
        **ODD,
        **dict.fromkeys(RAW, RAW_ODD),
        **dict.fromkeys(custom_labels(request, tables), CUSTOM_ODD),
    }
    return any(re.search(pattern, request.get(name, "")) for name, pattern in odd.items())


def custom_labels(request: Request, tables: Tables) -> list[str]:
    """Return the names of the custom fields that a request may fill."""
    fields = tables.get("vicidial_lists_fields", [])
    return [row["field_label"] for row in fields if request.get("custom_fields") == "Y"]


def phone(request: Request, _case: Case, _tables: Tables) -> bool:
    """5: a phone number with commas or foreign digits, or a damaged one."""
    sent = request.get("phone_number", "")
    return damaged(sent) or re.sub(r"[^0-9,]", "", sent) != phone_digits(sent)


def area_code(request: Request, case: Case, tables: Tables) -> bool:
    """6: a known area code in a number that has not ten digits or is not of country 1."""
    if request.get("usacan_areacode_check") != "Y":
        return False
    number, code = phone_digits(request.get("phone_number", "")), phone_code(request)
    known = Reference(tables, clock_of(case), case["tz"], {}).known_area(number[:3])
    return known and 6 <= len(number) <= 16 and (len(number) != 10 or int(code) != 1)


def phone_code(request: Request) -> str:
    """Return the phone code that a request ends up with."""
    return digits(request.get("phone_code", "")) or "1"


def prefix(request: Request, _case: Case, _tables: Tables) -> bool:
    """7: the 4th digit and that of the national number are judged differently."""
    if request.get("usacan_prefix_check") != "Y":
        return False
    number = phone_digits(request.get("phone_number", ""))
    found = national(dialled(request.get("phone_number", "")), phone_code(request))
    return (number[3:4] in ("", "0", "1")) != (found[3:4] in ("", "0", "1"))


def zones(request: Request, case: Case, tables: Tables) -> tuple[str, bool, str]:
    """Return our offset, whether it came from the number, and the dialer's."""
    lead = {
        **{name: request.get(name, "") for name in ("state", "postal_code", "owner")},
        "phone_number": phone_digits(request.get("phone_number", "")),
        "dialled": dialled(request.get("phone_number", "")),
        "phone_code": phone_code(request),
    }
    method = request.get("tz_method", "")
    ours, unknown = Zones(tables, clock_of(case), case["tz"]).offset(lead, method)
    dialers = DialersZones(tables, clock_of(case), case["tz"])
    if request.get("usacan_prefix_check") == "Y":
        dialers.nanpa = []
    theirs, _ = dialers.offset(lead, method)
    return ours, unknown, theirs


def zone(request: Request, case: Case, tables: Tables) -> bool:
    """9: a number whose area code is not in the tables, and another offset for it."""
    ours, unknown, theirs = zones(request, case, tables)
    return unknown and float(ours or 0) != float(theirs or 0)


def zone_method(request: Request, case: Case, tables: Tables) -> bool:
    """10: another offset by NANPA beside the prefix check, or by a postal code with a hyphen."""
    ours, unknown, theirs = zones(request, case, tables)
    return not unknown and ours != theirs


def callback(request: Request, case: Case, tables: Tables) -> bool:
    """11: a callback that cannot be made."""
    if request.get("callback") != "Y":
        return False
    return callback_problem(request, tables, clock_of(case), ZoneInfo(case["tz"])) is not None


def list_id(request: Request, _case: Case, _tables: Tables) -> bool:
    """12: a list_id that is no number of three digits or more, or too big."""
    sent, entry = request.get("list_id", "").strip(), request.get("entry_list_id", "")
    is_list = is_number(sent) and len(sent) >= 3 and int(sent) <= BIGGEST_LIST_ID
    return (bool(sent) and not is_list) or stored_list_id(entry) != dialers_list_id(entry)


def gender_or_rank(request: Request, _case: Case, _tables: Tables) -> bool:
    """13: a gender or rank that is stored otherwise."""
    gender, rank = request.get("gender", ""), request.get("rank", "")
    return (
        dialers_gender(gender)[0] != stored_gender(gender)[0]
        or dialers_rank(rank)[0] != stored_rank(rank)[0]
    )


def birth(request: Request, _case: Case, _tables: Tables) -> bool:
    """21: a date of birth that is stored otherwise."""
    sent = request.get("date_of_birth", "")
    return dialers_birth(sent)[0] != stored_date_of_birth(sent)[0]


def place(request: Request, _case: Case, _tables: Tables) -> bool:
    """23: a state or country that is longer than its column, and no abbreviation."""
    state, country = request.get("state", ""), request.get("country_code", "")
    return stored_state(state) != state or stored_country(country) != country


def switch(request: Request, _case: Case, _tables: Tables) -> bool:
    """14: a switch that is neither Y nor N, or another method than those documented."""
    if not is_tz_method(request.get("tz_method", "")):
        return True
    return any(request.get(name, "") not in ("", "Y", "N") for name in SWITCHES) or any(
        request.get(name, "") not in ("", "Y", "N", "AREACODE") for name in DNC_SWITCHES
    )


def cut(request: Request, _case: Case, _tables: Tables) -> bool:
    """17: a value longer than its column."""
    return any(len(keep(request.get(name, ""))[0]) > width for name, width in WIDTHS.items())


def without_column(request: Request, _case: Case, tables: Tables) -> bool:
    """28: a custom field that a table of custom fields has no column for."""
    columns = [each["columns"] for each in tables.get("custom_tables", [])]
    labels = custom_labels(request, tables)
    return any(label not in names for label in labels for names in columns)


def no_campaign(request: Request, _case: Case, tables: Tables) -> bool:
    """30: a restricted user, and a list whose campaign is empty."""
    users = [row for row in tables["vicidial_users"] if row["user"] == request.get("user")]
    lists = tables.get("vicidial_lists", [])
    is_restricted = any(str(row.get("api_list_restrict")) == "1" for row in users)
    return is_restricted and any(row["campaign_id"] == "" for row in lists)


def phone_or_alt(request: Request, _case: Case, _tables: Tables) -> bool:
    """31: a number with zeros before it, and a check that tells PHONE from ALT."""
    leads_zeros = phone_digits(request.get("phone_number", "")).startswith("0")
    return leads_zeros and "PHONEALT" in request.get("duplicate_check", "").upper()


TOUCHES: dict[int, Callable[[Request, Case, Tables], bool]] = {
    1: duplicate_check,
    2: quote,
    3: long_value,
    4: text,
    5: phone,
    6: area_code,
    7: prefix,
    9: zone,
    10: zone_method,
    11: callback,
    12: list_id,
    13: gender_or_rank,
    14: switch,
    17: cut,
    21: birth,
    23: place,
    28: without_column,
    30: no_campaign,
    31: phone_or_alt,
}


def main(folder: Path = HERE) -> None:
    """Print how many cases of a folder touch each difference."""
    named = fixtures(folder)
    counts = Counter(number for case in load_cases(folder) for number in touched(case, named))
    for row in differences():
        print(f"{row['number']:3} {counts[row['number']]:5}  {row['ours']}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
