"""The summary as people see it on a terminal, and in a pipe."""

import io
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from jobs.cli.summary import closing, draws, show, tables
from loader.profile.records import OTHERS
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

BLOCKS = set("▏▎▍▌▋▊▉█▐▕▁▂▃▄▅▆▇")
ESC, OVERRIDE = "\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}"

FILLED = {
    "Phone": ("phone_number", 970), "First Name": ("first_name", 970), "Last": ("last_name", 969),
    "City": ("city", 880), "Email": ("email", 312), "Notes": ("", 10),
}  # fmt: skip
PARTS = [
    ("readable rows", 15, 0.97), ("numbers that may be called", 15, None), ("tidy", 5, 1.0),
]  # fmt: skip
PROFILE = Profile(
    rows=970,
    columns=[ColumnFill(column=it, field=f, filled=n) for it, (f, n) in FILLED.items()],
    repaired={"VALUE_CUT": {"address1": 3, "city": 2}},
    oddities={"CITY_IN_STATE": 3, "NAME_IN_CAPITALS": 120},
    odd_rows=121,
    repeated_numbers=12,
    states={"FL": 812},
    offsets={"-5.00": 812},
    duplicate_ages={"today": 5, "up to a month": 60, "older": 55},
    call_hours=CallHours(
        day=date(2026, 11, 22),
        rows=[0] * 9 + [400] + [812] * 11 + [0] * 3,
        zone="UTC-05:00",
        by="the call times of lists and states",
    ),
    estimate=Estimate(seconds=12.4, rows_a_second=12345.6, by="the last import"),
    score=Score(
        points=88.4,
        parts=[ScorePart(name=n, meaning="", weight=w, share=share) for n, w, share in PARTS],
    ),
)
COMPARISON = Comparison(
    file="acme_1.csv",
    began=datetime(2026, 11, 1, tzinfo=UTC),
    rows=Change(name="rows", before=900, now=1000),
    reject_rate=Change(name="reject rate", before=0.101, now=0.188),
    score=Change(name="score", before=None, now=88.4),
    reasons=[],
    fill_rates=[
        Change(name="city", before=0.9, now=0.907),
        Change(name="last_name", before=0.9, now=0.999),
        Change(name="email", before=0.8, now=0.322),
        Change(name="Notes", before=None, now=0.01),
    ],
    columns_came=["Notes"],
    columns_went=["Landline", "Fax"],
)


def summary(**other: Any) -> Summary:
    facts = {
        "run": "r1",
        "job": "validate",
        "source": "acme solar",
        "file": FileSummary(
            name="acme_2.csv", sha256="0" * 64, size=9, compression=None, encoding="utf-8",
            bom=False, delimiter=",", header=True, columns=list(FILLED),
        ),
        "mapping": MappingSummary(fields={}, unmapped=[], set_by_dialer=[]),
        "options": {},
        "database": "mysql://dialer/asterisk",
        "began": datetime(2026, 11, 22, tzinfo=UTC),
        "ended": datetime(2026, 11, 22, tzinfo=UTC),
        "rows_read": 1000,
        "loaded": 812,
        "rejected": 188,
        "reasons": {"TOO_FEW_FIELDS": 30, "DUPLICATE_PHONE_NUMBER_IN_LIST": 120,
                    "PHONE_NUMBER_IN_FEED:black": 38},
        "notices": {"VALUE_CUT": 5, "NO_TIME_ZONE": 2},
        "lead_ids": [],
        "number_types": {"TOLL_FREE": 12, "FIXED_LINE_OR_MOBILE": 800},
        "regions": {"US": 790, "CA": 20, "": 2},
        "remarks": ["a remark"],
        "profile": PROFILE,
        "seconds": {"check": 11.2, "insert": 1.2},
        "results": "results/acme_2.csv/r1",
    }  # fmt: skip
    return Summary.model_validate(facts | other)


def plain(of: Summary) -> str:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    show(of, console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def on_terminal(of: Summary, width: int = 80, **how: Any) -> str:
    # A file of text has no encoding of its own; Rich then takes it for UTF-8.
    console = Console(
        file=io.StringIO(), width=width, force_terminal=True, highlight=False,
        **{"color_system": None, **how},
    )  # fmt: skip
    for part in tables(of, bars=True):
        console.print(part)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def stripped(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines())


# --- plain ---------------------------------------------------------------------------------------


def test_piped() -> None:
    assert (
        plain(summary(sample_of=250_000, comparison=COMPARISON))
        == """\
validation of acme_2.csv (source acme solar)
a sample: 1,000 of 250,000 rows, spread evenly over the file

                                  rows   left
rows read                               1,000
  TOO_FEW_FIELDS                   -30    970  the row has fewer fields than the header
  DUPLICATE_PHONE_NUMBER_IN_LIST  -120    850  a lead of the same list has this phone_number \
(DUPLIST)
  PHONE_NUMBER_IN_FEED:black       -38    812  the number is in the feed that is named behind the \
colon
would be loaded                           812

noticed         rows
  VALUE_CUT        5  a value was longer than its column and was cut (address1 3, city 2)
  NO_TIME_ZONE     2  no time zone was found; gmt_offset_now is 0.00

score: 88.4 of 100
  readable rows               97.0%
  numbers that may be called      -  not checked
  tidy                         100%

filled
  last_name  99.9%
  city       90.7%
  email      32.2%

compared with acme_1.csv, 2026-11-01  before    now
  rows                                   900  1,000
  rejected                             10.1%  18.8%
  score                                    ?   88.4
  email filled                         80.0%  32.2%
  last_name filled                     90.0%  99.9%
  columns that came                               1  Notes
  columns that went                               2  Landline, Fax

score: 1 of 3 parts was not checked; compare only lists with the same checks
filled in every row: phone_number, first_name
number types: FIXED_LINE_OR_MOBILE 800, TOLL_FREE 12
countries: US 790, CA 20, unknown 2
look wrong: 121 rows: NAME_IN_CAPITALS 120, CITY_IN_STATE 3
repeated numbers: 12 rows
duplicates are of leads: today 5, up to a month 60, older 55
callable on 2026-11-22: 00-09h 0, 09-10h 400, 10-21h 812, 21-24h 0; UTC-05:00, by the call times \
of lists and states
loading the whole file: 12 seconds (12,346 rows a second: the last import)

note: a remark
what to do about DUPLICATE_PHONE_NUMBER_IN_LIST, the most frequent: nothing to do: the lead is there
results: results/acme_2.csv/r1 (12.4 s)
"""
    )


def test_the_page_is_named_if_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path("results/acme_2.csv/r1/report.html")
    assert closing(summary())[-1] == "results: results/acme_2.csv/r1 (12.4 s)"
    page.parent.mkdir(parents=True)
    page.touch()
    assert closing(summary())[-1] == f"page: {page}"


def test_what_is_foreseen_has_no_results_yet() -> None:
    console = Console(file=io.StringIO(), width=200, highlight=False)
    show(summary(), console, foreseen=True)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "would be loaded" in said
    assert "note: a remark\nwhat to do about" in said
    assert "results" not in said


def test_an_import_without_more() -> None:
    lists = [
        Dialable(list_id=101, campaign_id="SOLAR", leads=974, dialable=612,
                 obstacles={"OUTSIDE_CALL_TIME": 362}),
        Dialable(list_id=1002, campaign_id="", leads=21, dialable=0,
                 obstacles={"LIST_UNKNOWN": 21}),
    ]  # fmt: skip
    of = summary(
        job="import", source="", profile=None, dialable=lists, reasons={}, rejected=0, loaded=1000,
        notices={}, number_types={}, regions={}, remarks=[], lead_ids=[(1, 1), (3, 1001)],
    )  # fmt: skip
    assert (
        plain(of)
        == """\
import of acme_2.csv

           rows   left
rows read        1,000
loaded           1,000

  list  campaign  new leads  dialable now
   101  SOLAR           974           612  362 OUTSIDE_CALL_TIME
  1002                   21             0  21 LIST_UNKNOWN

lead_ids: 1, 3 to 1001
results: results/acme_2.csv/r1 (12.4 s)
"""
    )


def test_ascii_in_a_pipe_and_nothing_is_cut() -> None:
    remark, folder = "word " * 100, f"{'x' * 200}/{'y' * 200}"
    said = plain(summary(comparison=COMPARISON, remarks=[remark], results=folder))
    assert said.isascii()
    assert f"note: {remark}\n" in said
    assert f"results: {folder} (12.4 s)\n" in said


def test_no_row_and_no_database() -> None:
    nothing = PROFILE.model_copy(
        update={
            "rows": 0, "repaired": {}, "oddities": {}, "odd_rows": 0, "repeated_numbers": 0,
            "duplicate_ages": {}, "call_hours": None, "estimate": None,
            "score": Score(points=None, parts=[]),
            "columns": [ColumnFill(column="Phone", field="phone_number", filled=0)],
        }
    )  # fmt: skip
    of = summary(
        rows_read=0, loaded=0, rejected=0, reasons={}, notices={}, profile=nothing, database=None,
        number_types={}, regions={},
    )  # fmt: skip
    for said in (plain(of), stripped(on_terminal(of))):
        assert "\nno database: the file alone was looked at\n" in said
        assert "\nwould be loaded           0\n" in said
        assert "filled" not in said


@pytest.mark.parametrize("count", [8, 9, 300])
def test_what_may_be_hundreds_is_told_in_short(count: int) -> None:
    names = [f"n{number}" for number in range(count)]
    regions = {name: 1000 - number for number, name in enumerate(names)}
    lists = [Dialable(list_id=n, campaign_id="C", leads=2, dialable=1, obstacles={})
             for n in range(100, 100 + count)]  # fmt: skip
    profile = PROFILE.model_copy(
        update={"columns": [ColumnFill(column=it, field=it, filled=970) for it in names]}
    )
    came = COMPARISON.model_copy(update={"columns_came": names})
    said = plain(
        summary(regions=regions, dialable=lists, profile=profile, comparison=came)
    ).splitlines()
    told = ", ".join(names[:8])
    more = {8: "", 9: ", and 1 other", 300: ", and 292 others"}[count]
    assert f"filled in every row: {told}{more}" in said
    assert any(line.endswith(f" {count}  {told}{more}") for line in said)
    others = sum(list(regions.values())[8:])
    assert any(
        line.startswith("countries: n0 1,000, ")
        and line.endswith(f", others {others:,}" if others else "n7 993")
        for line in said
    )
    rest = [line.split() for line in said if "other list" in line]
    lists_left = {8: [], 9: [["1", "other", "list", "2", "1"]],
                  300: [["292", "other", "lists", "584", "292"]]}  # fmt: skip
    assert rest == lists_left[count]


def test_others_are_last_and_counted_with_what_is_left_out() -> None:
    regions = {OTHERS: 700, **{f"n{number}": 10 for number in range(10)}}
    assert "n7 10, others 720\n" in plain(summary(regions=regions))


@pytest.mark.parametrize(
    ("points", "told"),
    [(99.0, "99.0 of 100"), (99.97, "99.9 of 100"), (100.0, "100.0 of 100"), (0.0, "0.0 of 100")],
)
def test_a_score_has_one_decimal_and_is_100_only_if_it_is(points: float, told: str) -> None:
    score = Score(points=points, parts=[ScorePart(name="n", meaning="", weight=1, share=0.9999)])
    said = plain(summary(profile=PROFILE.model_copy(update={"score": score})))
    assert f"\nscore: {told}\n" in said
    assert re.search(r"^  n +99\.9%$", said, re.MULTILINE)
    assert "not checked" not in said


# --- with bars -----------------------------------------------------------------------------------


def test_on_a_terminal() -> None:
    drawn = on_terminal(summary(sample_of=250_000, comparison=COMPARISON))
    assert (
        stripped(drawn)
        == """\
validation of acme_2.csv (source acme solar)
a sample: 1,000 of 250,000 rows, spread evenly over the file

                                                       rows   left
rows read                                                    1,000  ████████████
  TOO_FEW_FIELDS                                        -30    970             ▐
    the row has fewer fields than the header
  DUPLICATE_PHONE_NUMBER_IN_LIST                       -120    850            █▋
    a lead of the same list has this phone_number
    (DUPLIST)
  PHONE_NUMBER_IN_FEED:black                            -38    812           ▐▏
    the number is in the feed that is named behind
    the colon
would be loaded                                                812  █████████▋

noticed         rows
  VALUE_CUT        5  a value was longer than its column and was cut (address1
                      3, city 2)
  NO_TIME_ZONE     2  no time zone was found; gmt_offset_now is 0.00

score: 88.4 of 100                                filled
  readable rows               97.0%  ███████▊       last_name  99.9%  ███████▉
  numbers that may be called      -  not checked    city       90.7%  ███████▎
  tidy                         100%  ████████       email      32.2%  ██▌

compared with acme_1.csv, 2026-11-01  before    now
  rows                                   900  1,000
  rejected                             10.1%  18.8%
  score                                    ?   88.4
  email filled                         80.0%  32.2%
  last_name filled                     90.0%  99.9%
  columns that came                               1  Notes
  columns that went                               2  Landline, Fax

score                    1 of 3 parts was not checked; compare only lists with
                         the same checks
filled in every row      phone_number, first_name
number types             FIXED_LINE_OR_MOBILE 800, TOLL_FREE 12
countries                US 790, CA 20, unknown 2
look wrong               121 rows: NAME_IN_CAPITALS 120, CITY_IN_STATE 3
repeated numbers         12 rows
duplicates are of leads  today 5, up to a month 60, older 55
callable on 2026-11-22   0h ▁▁▁▁▁▁▁▁▁▄███████████▁▁▁ 24h, most at 10h: 812;
                         UTC-05:00, by the call times of lists and states
loading the whole file   12 seconds (12,346 rows a second: the last import)
"""
    )


def test_a_usual_file_needs_no_more_than_a_screen() -> None:
    of = summary()
    assert len(on_terminal(of).splitlines()) + len(closing(of)) <= 45


@pytest.mark.parametrize("width", [20, 44, 60, 80, 132, 300])
def test_no_line_is_wider_than_the_terminal_and_no_name_is_lost(width: int) -> None:
    said = on_terminal(summary(comparison=COMPARISON), width)
    assert max(map(len, said.splitlines())) <= width
    joined = "".join(said.split())
    if width >= 44:
        assert "PHONE_NUMBER_IN_FEED:black" in joined or width < 80
        assert "-120" in joined
        assert "97.0%" in joined


def test_the_funnel_is_drawn_as_one() -> None:
    of = summary(reasons={"TOO_FEW_FIELDS": 500}, rejected=500, loaded=500)
    bars = [line[-12:] for line in on_terminal(of).splitlines() if BLOCKS & set(line)]
    assert bars[:3] == ["█" * 12, " " * 6 + "█" * 6, "█" * 6 + " " * 6]


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        pytest.param([0] * 24, "0h ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁ 24h, none; UTC-05:00", id="never"),
        pytest.param([7] * 24, "0h ████████████████████████ 24h, most at 0h: 7;", id="always"),
        pytest.param([0] * 23 + [1], "0h ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 24h, most at 23h: 1;", id="late"),
    ],
)
def test_the_hours_are_drawn(hours: list[int], told: str) -> None:
    assert PROFILE.call_hours is not None
    day = PROFILE.call_hours.model_copy(update={"rows": hours})
    of = summary(profile=PROFILE.model_copy(update={"call_hours": day}))
    assert told in on_terminal(of, 100)


# --- which of them -------------------------------------------------------------------------------


class Latin(io.StringIO):
    encoding = "latin-1"


@pytest.mark.parametrize(
    ("how", "there", "expected"),
    [
        pytest.param({"force_terminal": True}, {}, True, id="terminal"),
        pytest.param({"force_terminal": False}, {}, False, id="pipe"),
        pytest.param({"force_terminal": True}, {"TERM": "dumb"}, False, id="dumb"),
        pytest.param({"force_terminal": True, "file": Latin()}, {}, False, id="no-utf-8"),
        pytest.param({"force_terminal": True, "legacy_windows": True}, {}, False, id="old-windows"),
        pytest.param({"force_terminal": True}, {"NO_COLOR": "1"}, True, id="no-color"),
    ],
)
def test_bars_are_for_terminals_that_show_them(
    how: dict[str, Any], there: dict[str, str], expected: bool
) -> None:
    console = Console(**{"file": io.StringIO(), "_environ": {"TERM": "xterm", **there}, **how})
    assert draws(console) is expected
    show(summary(), console)
    file = console.file
    assert isinstance(file, io.StringIO)
    assert bool(BLOCKS & set(file.getvalue())) is expected


def test_no_color() -> None:
    colored = on_terminal(summary(), color_system="standard", _environ={"TERM": "xterm"})
    assert f"{ESC}[31" in colored
    there = {"TERM": "xterm", "NO_COLOR": "1"}
    plainer = on_terminal(summary(), color_system="standard", _environ=there)
    assert not re.search(rf"{ESC}\[[0-9;]*\b(3[0-7]|9[0-7]|38)\b", plainer)
    assert f"{ESC}[1m" in plainer


# --- names of strangers --------------------------------------------------------------------------

HOSTILE = f"{ESC}]0;owned\a{ESC}[2J\r\n[bold red]:warning:{OVERRIDE}\x9b\u2028\udcff"
HARMLESS = (
    "<U+001B>]0;owned<U+0007><U+001B>[2J<U+000D><U+000A>[bold red]:warning:<U+202E><U+009B>"
    "<U+2028>\\xff"
)


def hostile() -> Summary:
    profile = PROFILE.model_copy(
        update={
            "columns": [
                ColumnFill(column=HOSTILE, field=HOSTILE, filled=9),
                ColumnFill(column=HOSTILE, field=HOSTILE, filled=970),
            ]
        }
    )
    compared = COMPARISON.model_copy(
        update={
            "file": HOSTILE,
            "columns_came": [HOSTILE],
            "fill_rates": [Change(name=HOSTILE, before=0, now=1)],
        }
    )
    of = summary(
        source=HOSTILE, profile=profile, comparison=compared, remarks=[HOSTILE], results=HOSTILE,
        dialable=[Dialable(list_id=1, campaign_id=HOSTILE, leads=0, dialable=0, obstacles={})],
    )  # fmt: skip
    file = of.file.model_copy(update={"name": HOSTILE})
    reasons = {f"PHONE_NUMBER_IN_FEED:{HOSTILE}": 188}
    return of.model_copy(update={"file": file, "reasons": reasons})


def test_names_of_strangers_drive_no_terminal() -> None:
    said = plain(hostile())
    assert said.count(HARMLESS) == 12
    assert not [it for it in said if not (it == "\n" or it.isprintable())]
    drawn = on_terminal(hostile(), 400)
    assert drawn.count(HARMLESS) == 9
    assert not [it for it in drawn if not (it == "\n" or it.isprintable())]


@pytest.mark.parametrize(
    "name", ["Пётр", "שלום", "李雷", "👩‍👩‍👧 emoji", "<script>", "=HYPERLINK(1)"]
)
def test_names_in_any_script_are_shown_as_they_are(name: str) -> None:
    of = summary(source=name, comparison=COMPARISON.model_copy(update={"columns_came": [name]}))
    for said in (plain(of), on_terminal(of)):
        assert f"(source {name})" in said
        assert f"1  {name}" in said


def test_a_column_of_any_length_is_told_in_short() -> None:
    came = COMPARISON.model_copy(update={"columns_came": ["x" * 100_000, "y" * 120]})
    assert f" 2  {'x' * 117}..., {'y' * 120}\n" in plain(summary(comparison=came))
