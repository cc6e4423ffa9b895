"""Summaries and details with everything that a page can show."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from loader.profile.oddities import Oddity
from loader.profile.outcomes import DETAILS
from loader.profile.records import Details, OddExample, RejectedExample, RepeatedValue
from loader.results.summary import (
    CallHours,
    Change,
    ColumnFill,
    Comparison,
    Dialable,
    Estimate,
    FileSummary,
    MappingSummary,
    Profile,
    Score,
    ScorePart,
    Summary,
)

NOW = datetime(2026, 11, 20, 14, 25)
BEGAN = datetime(2026, 11, 20, 19, 25, 3, tzinfo=UTC)

FIELDS = {
    "vendor_lead_code": "Vendor ID", "first_name": "First Name", "last_name": "Surname",
    "address1": "Street", "city": "Town", "state": "State", "postal_code": "Zip",
    "phone_number": "Phone", "alt_phone": "Other Phone", "email": "E-mail",
    "date_of_birth": "DOB", "comments": "Notes",
}  # fmt: skip
FILLED = dict(zip(FIELDS, (10400, 10380, 10362, 9877, 10011, 9540, 9120, 10398, 2210, 6120, 812, 4),
                  strict=True))  # fmt: skip

REASONS = {
    "TOO_FEW_FIELDS": 12,
    "INVALID_PHONE_NUMBER_LENGTH": 388,
    "INVALID_PHONE_NUMBER_PREFIX": 45,
    "PHONE_NUMBER_IN_DNC": 512,
    "PHONE_NUMBER_IN_FEED:litigators": 31,
    "DUPLICATE_PHONE_NUMBER_IN_CAMPAIGN_LISTS": 1204,
}


def summary(**changes: Any) -> Summary:
    """Return the summary of a validation that found something of all kinds."""
    rejected = sum(REASONS.values())
    known: dict[str, Any] = {
        "run": "20261120-192503-4e9c1a20-7d1f",
        "job": "validate",
        "source": "acme solar",
        "file": file(),
        "mapping": MappingSummary(
            fields=FIELDS, unmapped=["Campaign code", "Referrer"], set_by_dialer=["status"]
        ),
        "options": {
            "list_id": "101", "campaign_id": "SOLAR", "duplicate_check": "DUPCAMP",
            "dnc_check": "Y", "feed": {"litigators": "/var/feeds/litigators.csv"}, "user": "6666",
            "mapping_file": "vendors/acme.toml", "callback_user": "agent7",
            "callback_comments": "ask for Bob", "force": {"user": "agent8", "title": "Ms"},
        },
        "database": "mysql+pymysql://loader:***@db/asterisk",
        "began": BEGAN,
        "ended": BEGAN + timedelta(seconds=7),
        "rows_read": 10412,
        "loaded": 10412 - rejected,
        "rejected": rejected,
        "reasons": REASONS,
        "reasons_all": REASONS | {"PHONE_NUMBER_IN_DNC": 590, "AMBIGUOUS_TIME_ZONE": 3},
        "notices": {"VALUE_CUT": 88, "UNKNOWN_GENDER": 14, "TIME_ZONE_OF_NUMBER": 7},
        "lead_ids": [],
        "number_types": {"FIXED_LINE_OR_MOBILE": 8100, "TOLL_FREE": 90, "VOIP": 30},
        "regions": {"US": 7900, "CA": 290, "": 20, "BS": 10},
        "remarks": [
            "vicidial_users has no column user_level: it is not checked",
            "the feed litigators is 40 days old",
        ],
        "profile": profile(),
        "seconds": {"read": 1.2, "phones": 2.5},
        "results": "/srv/results/20261120",
    }  # fmt: skip
    return Summary(**(known | changes))


def imported(**changes: Any) -> Summary:
    """Return the summary of an import."""
    known: dict[str, Any] = {
        "job": "import",
        "lead_ids": [(48001, 56000), (56010, 56229)],
        "dialable": [
            Dialable(list_id=101, campaign_id="SOLAR", leads=8220, dialable=6100,
                     obstacles={"OUTSIDE_CALL_TIME": 2100, "NO_GMT_OFFSET": 20}),
        ],
        "profile": profile(estimate=None),
    }  # fmt: skip
    return summary(**(known | changes))


def without_reasons(rows: int) -> dict[str, Any]:
    """Return the counts of a run that rejected nothing."""
    return {
        "rows_read": rows, "loaded": rows, "rejected": 0, "reasons": {}, "reasons_all": {},
    }  # fmt: skip


def file(**changes: Any) -> FileSummary:
    """Return the file."""
    known: dict[str, Any] = {
        "name": "/srv/drop/acme_solar_2026-11-20.csv",
        "sha256": "4e9c1a20b7d0f2c1a8e35d6b90c4f1e27a5b8c3d6e9f0a1b2c3d4e5f60718293",
        "size": 1843022,
        "compression": None,
        "encoding": "utf-8",
        "bom": True,
        "delimiter": ",",
        "header": True,
        "columns": [*FIELDS.values(), "Campaign code", "Referrer", "status"],
    }
    return FileSummary(**(known | changes))


def profile(**changes: Any) -> Profile:
    """Return the numbers of the file."""
    filled = [
        ColumnFill(column=column, field=field, filled=FILLED[field])
        for field, column in FIELDS.items()
    ]
    others = [ColumnFill(column=name, filled=rows) for name, rows in
              (("Campaign code", 10400), ("Referrer", 0), ("status", 5000))]  # fmt: skip
    hours = [0, 0, 0, 0, 0, 0, 0, 0, 120, 3900, 5600, 7100, 8000, 8100, 8150, 8150, 8150, 8100,
             7900, 7800, 7700, 4200, 2500, 900]  # fmt: skip
    known: dict[str, Any] = {
        "rows": 10400,
        "columns": filled + others,
        "repaired": {"VALUE_CUT": {"address1": 70, "comments": 18},
                     "UNKNOWN_GENDER": {"gender": 14}},
        "oddities": {"CITY_IN_STATE": 23, "NAME_IN_CAPITALS": 1900, "DATE_IN_FUTURE": 2},
        "odd_rows": 1921,
        "repeated_numbers": 77,
        "states": {"FL": 2900, "TX": 1100, "CA": 900, "NY": 640, "GA": 500, "OH": 400, "ON": 290,
                   "WA": 210, "AZ": 180, "NV": 150, "OR": 120, "ME": 80, "VT": 40, "": 120,
                   "others": 590},
        "offsets": {"-8.00": 1380, "-7.00": 330, "-6.00": 1900, "-5.00": 4500, "-3.50": 100,
                    "0.00": 20},
        "duplicate_ages": {"today": 4, "up to a month": 240, "up to a year": 610, "older": 300,
                           "unknown": 50},
        "call_hours": CallHours(day=date(2026, 11, 20), rows=hours, zone="UTC-05:00",
                                by="those of the lists, else 9:00 to 21:00"),
        "estimate": Estimate(seconds=171, rows_a_second=5210.7, by="as this machine loaded last"),
        "score": score(),
    }  # fmt: skip
    return Profile(**(known | changes))


def score() -> Score:
    """Return a score, a part of which is not known."""
    parts = [
        ("readable rows", "rows that could be split into fields", 100, 0.9988),
        ("numbers that can be called", "rows with a number that can exist", 100, 0.958),
        ("numbers that may be called", "rows on no do-not-call list", 100, None),
        ("new to the dialer", "rows that are no duplicates", 100, 0.871),
        ("no number twice", "rows whose number no earlier row has", 100, 0.9926),
        ("complete", "how full names, address and mail address are", 10, 0.82),
        ("tidy", "rows without a value that looks wrong", 5, 0.815),
    ]
    made = [ScorePart(name=n, meaning=m, weight=w, share=s) for n, m, w, s in parts]
    return Score(points=80.5, parts=made)


def compared() -> Comparison:
    """Return a comparison with a better file."""
    return Comparison(
        file="/srv/drop/acme_solar_2026-10-20.csv",
        began=BEGAN - timedelta(days=31),
        rows=Change(name="rows", before=9000, now=10412),
        reject_rate=Change(name="reject_rate", before=0.151, now=0.2105),
        score=Change(name="score", before=95.0, now=80.5),
        reasons=[
            Change(name="PHONE_NUMBER_IN_DNC", before=0.02, now=0.049),
            Change(name="INVALID_PHONE_NUMBER", before=0.01, now=None),
        ],
        fill_rates=[
            Change(name="email", before=0.8, now=0.588),
            Change(name="state", before=0.9, now=0.917),
            Change(name="city", before=0.9, now=0.9),
        ],
        columns_came=["Referrer"],
        columns_went=["Middle name", "<b>Fax</b>"],
    )


def details(**changes: Any) -> Details:
    """Return values of rows."""
    known: dict[str, Any] = {
        "now": NOW,
        "rejected": {
            "INVALID_PHONE_NUMBER_LENGTH": [
                RejectedExample(row_number=17, phone="727555",
                                details={"phone_number": "727555",
                                         "problem": "is_possible_local_only"}),
                RejectedExample(row_number=90, phone="",
                                details={"phone_number": "", "problem": "not_a_number"}),
                RejectedExample(row_number=1044, phone="+1 (727) 555-12345 ext",
                                details={"phone_number": "172755512345", "problem": "too_long"}),
            ],
            "TOO_FEW_FIELDS": [
                RejectedExample(row_number=2, phone="Tampa", details={
                                "text": "9 fields instead of 15: "
                                "ACME-7,Ann,Fox,9 Elm St,Tampa,FL,33601,7275550188"}),
            ],
            "DUPLICATE_PHONE_NUMBER_IN_CAMPAIGN_LISTS": [
                RejectedExample(row_number=4, phone="7275551234", lead_id=123456789,
                                details={"list_id": "101"},
                                entry_date=datetime(2026, 1, 3, 9, 12)),
                RejectedExample(row_number=5, phone="813-555-0199", lead_id=77,
                                details={"list_id": "5000"}, entry_date=NOW),
                RejectedExample(row_number=6, phone="8135550199",
                                duplicate_row=5, details={"list_id": "101"}),
            ],
        },
        "odd": {
            "CITY_IN_STATE": [OddExample(row_number=3, field="state", value="Saint Petersburg")],
            "NAME_IN_CAPITALS": [OddExample(row_number=8, field="last_name", value="O'BRIEN")],
            "DATE_IN_FUTURE": [
                OddExample(row_number=55, field="date_of_birth", value="2076-01-02")
            ],
        },
        "repeated": {
            "phone_number": [RepeatedValue(value="7275550100", rows=31)],
            "email": [RepeatedValue(value="info@example.com", rows=412)],
            "last_name": [
                RepeatedValue(value="Smith", rows=120), RepeatedValue(value="Jones", rows=98)
            ],
        },
    }  # fmt: skip
    return Details(**(known | changes))


def odd_everywhere(value: str) -> Details:
    """Return details whose every value is one of a stranger."""
    every = dict.fromkeys(DETAILS, value)
    return details(
        rejected={
            name: [RejectedExample(row_number=1, phone=value, details=every)] * 5
            for name in REASONS
        },
        odd={
            each.value: [OddExample(row_number=2, field=value, value=value)] * 5 for each in Oddity
        },
        repeated={f"{n}{value}": [RepeatedValue(value=value, rows=9)] * 5 for n in range(60)},
    )
