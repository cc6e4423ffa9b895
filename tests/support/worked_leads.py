"""Many leads as a dialer has them after some weeks of calls, always the same ones."""

from tests.support.server import numbers, run

PROCESSED = ("DEC", "DNC", "NI", "SALE", "XFER")
"""Statuses of leads that are not called any more."""

AT_WORK = ("A", "AA", "AB", "B", "CALLBK", "DROP", "N", "NA", "NEW", "PDROP", "PU")


def _one_of(*values: str) -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"ELT(seq DIV 3 % {len(values)} + 1, {quoted})"


def _now_and_then(often: int, rare: str, usual: str) -> str:
    return f"IF(seq % {often} = 0, {rare}, {usual})"


# By the number of the lead, `seq`. Trailing spaces, accents, NULL beside '', dates that are none
# and decimals are what a copy of a row may not lose.
VALUES = {
    "entry_date": "'2026-03-01' + INTERVAL seq * 37 SECOND",
    "modify_date": "'2026-06-01 12:00:00' + INTERVAL seq SECOND",
    "user": "CONCAT('agent', seq % 60)",
    "vendor_lead_code": "CONCAT('V', seq)",
    "source_id": _now_and_then(5, "NULL", "CONCAT('feed-', seq % 9)"),
    "list_id": "101 + seq % 4",
    "gmt_offset_now": _now_and_then(11, "5.75", "-5.00 - seq % 4"),
    "called_since_last_reset": _one_of("Y", "N", "Y1", "Y2"),
    "phone_code": "'1'",
    "phone_number": "2012000000 + seq * 79 % 900000000",
    "title": _one_of("MR", "MRS", ""),
    "first_name": _one_of("Ann", "Bob", "Carla", "Eve ", "José", "Zoë"),
    "middle_initial": _now_and_then(3, "NULL", "''"),
    "last_name": _one_of("Lee", "O''Neil", "Müller", "Smith", "van Dyk", "Young"),
    "address1": "CONCAT(seq % 9999, ' West Main Street')",
    "address2": _now_and_then(4, "CONCAT('Apt ', seq % 300)", "''"),
    "address3": _now_and_then(6, "NULL", "''"),
    "city": _one_of("Clearwater", "Boston", "St. Louis", "El Paso", "Denver"),
    "state": _one_of("FL", "MA", "MO", "TX", "CO"),
    "province": "''",
    "postal_code": "LPAD(seq % 99999, 5, '0')",
    "country_code": "'USA'",
    "gender": _one_of("M", "F", "U"),
    "date_of_birth": _now_and_then(3, "'0000-00-00'", "'1950-01-01' + INTERVAL seq % 18000 DAY"),
    "alt_phone": _now_and_then(3, "3052000000 + seq", "''"),
    "email": "CONCAT('lead', seq, '@example.com')",
    "security_phrase": _now_and_then(13, "'blue '", "''"),
    "comments": _now_and_then(2, "CONCAT('asked to be called again after ', seq % 12)", "''"),
    "called_count": "seq % 15",
    "last_local_call_time": _now_and_then(17, "NULL", "'2026-05-01' + INTERVAL seq * 23 SECOND"),
    "rank": "seq % 7 - 3",
    "owner": _now_and_then(9, "NULL", "CONCAT('team', seq % 5)"),
    "entry_list_id": "0",
}


def insert_leads(url: str, count: int, processed: int) -> None:
    """Insert leads 1 to `count` into an empty vicidial_list.

    As many as are `processed` lie scattered among them. The greatest lead_id, which some archivers
    leave where it is, is none of them while others are at work.
    """
    is_processed = f"seq * 48271 % {count} >= {count - processed}"
    columns = VALUES | {
        "lead_id": "seq",
        "status": f"IF({is_processed}, {_one_of(*PROCESSED)}, {_one_of(*AT_WORK)})",
    }
    names = ", ".join(f"`{name}`" for name in columns)
    run(
        url,
        "SET SESSION sql_mode = 'NO_UNSIGNED_SUBTRACTION'",
        f"INSERT INTO vicidial_list ({names})"
        f" SELECT {', '.join(columns.values())} FROM {numbers(count)}",
    )
