"""The page of a run: its texts, its layout in a browser, and that hostile values are harmless."""

import re
import unicodedata
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.fields.reject_file import UNREADABLE
from loader.notices import Notice
from loader.obstacles import Obstacle
from loader.profile.oddities import Oddity
from loader.profile.records import OddExample, RejectedExample, RepeatedValue
from loader.reasons import Reason
from loader.report.charts import MOST_BARS, MOST_LABEL, bars, funnel, hours, largest, lines, ticks
from loader.report.page import MOST_UNMAPPED, columns, file_facts, mask_numbers, render_page
from loader.report.pictures import reasons as reasons_chart
from loader.report.pictures import shorten, sorted_ages, zone
from loader.report.view import describe_example, headline, repeated_values, why, worst
from loader.report.wording import (
    MINUS,
    NOTHING,
    ago,
    as_html,
    duration,
    mask_list_id,
    mask_person,
    percent,
    points,
    size,
    unchecked_parts,
    visible,
    words,
)
from loader.results.summary import Change, ColumnFill, Dialable, MappingSummary, Summary
from tests.support import reports
from tests.support.browser import DESK, PHONE, SCREENSHOTS, TABLET, Browser

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "formula": '=HYPERLINK("http://example.com/x","click")',
    "image": '"><img src=x onerror=alert(1)>',
    "right to left": "abc\N{RIGHT-TO-LEFT OVERRIDE}def \N{ARABIC LETTER MEEM}\N{ARABIC LETTER YEH}",
    "emoji": "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER} \N{GRINNING FACE}",
    "long": "W" * 5000,
    "template": "{{ 7 * 7 }}{% raw %}",
    "comment": "--><style>*{display:none}</style><!--",
    "surrogate": "a\ud800\0\x1b[31mb",
}
PAGES = {
    "validate": (reports.summary(comparison=reports.compared()), reports.details()),
    "import": (reports.imported(), reports.details()),
    "sample": (reports.summary(sample_of=1_000_000, database=None), reports.details()),
    "perfect": (reports.summary(**reports.without_reasons(1)), reports.details(rejected={})),
    "empty": (
        reports.summary(**reports.without_reasons(0), profile=None, notices={}, number_types={},
                        regions={}, remarks=[], options={}),
        reports.details(rejected={}, odd={}, repeated={}),
    ),
    "older": (reports.summary(profile=None), reports.details(odd={}, repeated={})),
}  # fmt: skip


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def plain(html: str) -> str:
    """Give the text of a page as one line."""
    body = html.partition("<body>")[2]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body)))


# --- in a browser ---


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("validate", "light"), ("validate", "dark"), ("import", "light"), ("sample", "dark"),
    ],
)  # fmt: skip
def test_a_page_is_accessible_on_a_phone(
    browser: Browser, page: Path, name: str, scheme: str
) -> None:
    page.write_text(render_page(*PAGES[name]), "utf-8")
    with browser.opened(page, width=PHONE, scheme=scheme) as opened:
        opened.unfold()
        assert opened.overflow == 0
        assert opened.violations() == []
        assert (opened.messages, opened.requests) == ([], [])
        opened.keep(f"{name}-{PHONE}-{scheme}")


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("validate", TABLET, "light"), ("validate", DESK, "dark"), ("perfect", PHONE, "light"),
        ("empty", PHONE, "dark"), ("older", PHONE, "light"),
    ],
)  # fmt: skip
def test_a_page_fits_its_window(
    browser: Browser, page: Path, name: str, width: int, scheme: str
) -> None:
    page.write_text(render_page(*PAGES[name]), "utf-8")
    with browser.opened(page, width=width, scheme=scheme) as opened:
        assert opened.overflow == 0
        assert (opened.messages, opened.requests) == ([], [])
        opened.keep(f"{name}-{width}-{scheme}")


@pytest.mark.sample(1)
@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_untrusted_values_are_text(browser: Browser, page: Path, value: str) -> None:
    mapping = MappingSummary(fields={f"custom:{value}": value}, unmapped=[value], set_by_dialer=[])
    summary = reports.summary(
        source=value, file=reports.file(name=f"/x/{value.replace('/', '')}", columns=[value] * 3),
        mapping=mapping, options={value: {value: [value]}}, remarks=[value], run=value,
        regions={value: 5}, comparison=reports.compared().model_copy(
            update={"file": value, "columns_came": [value], "columns_went": [value]}),
        profile=reports.profile(
            columns=[ColumnFill(column=value, field=value, filled=1)], states={value: 8}),
    )  # fmt: skip
    html = render_page(summary, reports.odd_everywhere(value))
    page.write_text(html, "utf-8")
    with browser.opened(page, width=PHONE) as opened:
        opened.unfold()
        assert (opened.messages, opened.requests) == ([], [])
        assert opened.overflow == 0
        assert opened.page.locator("img, script, iframe, a, style:not(head style)").count() == 0
        said = opened.page.locator("#repeated td bdi").first.inner_text()
        assert said.split() == visible(value).split()
        assert opened.page.locator("main").evaluate("e => getComputedStyle(e).display") == "block"


def test_folded_parts_are_printed(browser: Browser, page: Path) -> None:
    page.write_text(render_page(*PAGES["validate"]), "utf-8")
    with browser.opened(page, width=TABLET, scheme="dark") as opened:
        example = opened.page.get_by_text("a local number without area code")
        assert not example.is_visible()
        opened.page.emulate_media(media="print")
        assert example.is_visible()
        color = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert color == "rgb(255, 255, 255)"
        opened.keep("validate-print")
        margins = "[...document.styleSheets[0].cssRules].map(each => each.style?.margin)"
        assert "1.5cm" in opened.page.evaluate(margins)
        assert opened.page.pdf(format="A4").startswith(b"%PDF")


def test_pictures_are_kept_if_they_are_wanted(
    browser: Browser, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SCREENSHOTS, str(tmp_path / "pictures"))
    page.write_text(render_page(*PAGES["empty"]), "utf-8")
    with browser.opened(page, width=PHONE) as opened:
        opened.keep("empty")
    assert (tmp_path / "pictures" / "empty.png").stat().st_size


def test_names_of_fields_are_not_broken(browser: Browser, page: Path) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorff " * 4
    odd = {"NAME_IN_CAPITALS": [OddExample(row_number=8, field="first_name", value=long)]}
    page.write_text(render_page(reports.summary(), reports.details(odd=odd)), "utf-8")
    with browser.opened(page, width=PHONE) as opened:
        opened.unfold()
        broken = "all => all.filter(each => each.getClientRects().length > 1).length"
        assert opened.page.eval_on_selector_all("code", broken) == 0
        assert opened.overflow == 0


def test_the_page_may_load_and_run_nothing(browser: Browser, page: Path) -> None:
    evil = "<script>console.log('ran')</script><img src='http://127.0.0.1:9/x'>"
    html = render_page(*PAGES["empty"]).replace("<main>", f"<main>{evil}")
    page.write_text(html, "utf-8")
    with browser.opened(page) as opened:
        assert "ran" not in opened.messages
        assert all("Content Security Policy" in message for message in opened.messages)
        assert len(opened.messages) == 2


# --- what it says ---


SAYS = {
    "validate": [
        "8,220 of 10,412 rows can be loaded: 78.9%.",
        "2,192 rows would be rejected, most often (1,204) because the number is in its campaign's "
        "lists already.", "rows that look wrong 1,921",
        "Quality score: 80.5 of 100", "not checked 100",
        "1 of 7 parts was not checked; compare only lists with the same checks.",
        "share as a bar can cost", f"Quality score 95.0 80.5 {MINUS}14.5",
        "From rows read to rows that would be loaded",
        "Why rows would be rejected", "Phone number in feed: litigators 31 rows · 0.3%",
        "It applies to 590 rows in all",
        "What to do: complete the number, or give its country by phone_code or default_region.",
        "row phone details lead entered 4 727•••••34 lead 123456789 in list 101 2026-01-03, "
        "10 months ago", "lead 77 in list 5000 2026-11-20, today",
        "same number as row 5 of this file",
        "17 727555 a local number without area code", "90 no number", "ext too long",
        "row details 2 9 fields instead of 15",
        "The number is in the feed litigators. What to do: do not call. "
        "If you load the file: where the feed is wrong or old, load with a new one.",
        "Can be loaded 8,220",
        "acme_solar_2026-10-20.csv , checked on 20 October 2026, 19:25 UTC",
        "Rejected share 15.1% 21.1% +5.9 points", "Rows 9,000 10,412 +15.7%",
        "New columns: Referrer .", "Missing columns: Middle name , <b>Fax</b> .",
        "Vendor ID vendor_lead_code 100%", "Notes comments <0.1%",
        "Referrer not loaded 0%", "status not loaded: the dialer sets it itself 48.1%",
        "1,921 rows of those that could be read have a value that looks wrong.",
        "Date in future 2 rows · <0.1%", "55 date_of_birth 2076-01-02",
        "88 address1 70, comments 18",
        "To load, the whole file would take about 2 minutes 51 seconds, at 5,211 rows a second",
        "now, 14:00 to 15:00: 8,150 rows",
        "by the dialer's clock (UTC-05:00): 8,150 rows, the most, from 14:00 to 17:00.",
        "77 rows have a phone number that an earlier row of the file has.",
        "feed litigators = litigators.csv", "mapping_file acme.toml", "force title = Ms",
        "the feed litigators is 40 days old",
        "Run 20261120-192503-4e9c1a20-7d1f",
    ],
    "import": [
        "Import report", "Loaded 8,220", "8,220 of 10,412 rows were loaded: 78.9%.",
        "2,192 rows were rejected, most often", "From rows read to rows that were loaded",
        "Why rows were rejected", "New lead_ids 48001 to 56000, 56010 to 56229",
        "101 SOLAR 8,220 6,100 2,100: its local time is outside of the call time",
    ],
    "sample": [
        "Of a sample of 10,412 rows, 8,220 can be loaded: 78.9%.",
        "All figures are of a sample of 10,412 of the 1,000,000 rows, spread over the file.",
        "Only the file was checked: no do-not-call list of the dialer, no existing leads.",
        "1,000,000, 10,412 checked", "by this computer's clock (UTC-05:00)",
        "because the number is in the file already.",
    ],
    "perfect": ["The one row of the file can be loaded."],
    "empty": ["The file has no rows."],
    "older": ["Phone phone_number", "status not loaded: the dialer sets it itself"],
}  # fmt: skip
SAYS_NOT = {
    "validate": [
        "were loaded", "sample", "6666", "agent7", "agent8", "Bob", "/var", "vendors",
        "row_number=", "list_id=", "colon", "Tampa 9",
    ],
    "import": ["would be", "would take", "Were loaded"],
    "sample": ["Compared with the previous file", "the dialer's clock"],
    "perfect": ["Why rows"],
    "empty": ["Why rows", "Quality score", "looks wrong", "Repeated values", "Options"],
    "older": ["Quality score", "looks wrong", "Repeated values"],
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_the_page_says(name: str) -> None:
    said = plain(render_page(*PAGES[name]))
    assert [text for text in SAYS[name] if text not in said] == []
    assert [text for text in SAYS_NOT[name] if text in said] == []


def test_phones_are_masked_by_default() -> None:
    summary, details = PAGES["validate"]
    phones = ["7275551234", "813-555-0199", "+1 (727) 555-12345", "7275550100"]
    hidden, open_ = (plain(render_page(summary, details, show_phones=show)) for show in (0, 1))
    assert [phone for phone in phones if phone in hidden] == []
    assert [phone for phone in phones if phone not in open_] == []
    assert "727•••••34" in hidden
    assert "•" not in open_


FUNNEL = re.compile(r'<table class="funnel">.*?</table>', re.DOTALL)
LINE = re.compile(r'<tr[^>]*>.*?<td class="number">([^<]*)</td><td class="number">([^<]*)</td>')
COUNTS = st.dictionaries(
    st.sampled_from([*Reason, *(f"PHONE_NUMBER_IN_FEED:list {n}" for n in range(40))]),
    st.integers(1, 10**9),
)


@pytest.mark.property
@given(reasons=COUNTS, loaded=st.integers(0, 10**10))
def test_the_funnel_adds_up_on_the_page(reasons: dict[str, int], loaded: int) -> None:
    rejected = sum(reasons.values())
    summary = reports.summary(
        reasons=reasons, reasons_all={}, rows_read=loaded + rejected, loaded=loaded,
        rejected=rejected, profile=None,
    )  # fmt: skip
    table = FUNNEL.search(render_page(summary, reports.details(rejected={})))
    assert table
    shown_rows = LINE.findall(table[0])
    taken, left = zip(*([counted(text) for text in row] for row in shown_rows), strict=True)
    assert (left[0], left[-1]) == (loaded + rejected, loaded)
    assert -sum(taken) == rejected
    assert all(left[n] == left[n - 1] + taken[n] for n in range(1, len(left)))


def counted(text: str) -> int:
    return int(text.replace(",", "").replace(MINUS, "-") or 0)


# --- of any size ---


def too_much(character: str) -> Summary:
    """Give a summary that nobody should have to look at."""
    long = character * 66_000
    names = [f"{n} {long[:2000]}" for n in range(1000)]
    reasons = dict.fromkeys([*Reason, *(f"PHONE_NUMBER_IN_FEED:{n[:99]}" for n in names[:99])], 7)
    changes = [Change(name=name, before=n / 1000, now=0.0) for n, name in enumerate(names)]
    rows = 7 * len(reasons)
    return reports.summary(
        source=long, file=reports.file(name=long, columns=names, encoding=long, delimiter=long),
        mapping=MappingSummary(fields=dict(zip(names, names, strict=True)), unmapped=names,
                               set_by_dialer=names),
        options=dict.fromkeys(names, dict.fromkeys(names, names)), remarks=names,
        rows_read=rows, loaded=0, rejected=rows, reasons=reasons,
        reasons_all=dict.fromkeys(reasons, 9), notices=dict.fromkeys(Notice, 5),
        number_types=dict.fromkeys(names, 3), regions=dict.fromkeys(names, 3),
        lead_ids=[(n, n) for n in range(9999)],
        dialable=[
            Dialable(list_id=n, campaign_id=long, leads=9, dialable=0,
                     obstacles=dict.fromkeys(Obstacle, 1)) for n in range(1000)
        ],
        comparison=reports.compared().model_copy(
            update={"file": long, "columns_came": names, "columns_went": names,
                    "fill_rates": changes,
                    "reasons": [Change(name=r, before=0.1, now=None) for r in reasons]}),
        profile=reports.profile(
            columns=[ColumnFill(column=name, field=name, filled=7) for name in names],
            repaired={notice: dict.fromkeys(names, 5) for notice in Notice},
            oddities=dict.fromkeys(Oddity, 6), states=dict.fromkeys(names, 3),
            offsets={f"{n / 100:.2f}": 1 for n in range(-1200, 1400)}),
    )  # fmt: skip


@pytest.mark.sample(1)
@pytest.mark.parametrize("character", ["\N{RIGHT-TO-LEFT OVERRIDE}", '"', "\N{GRINNING FACE}", "5"])
def test_the_page_has_less_than_two_megabytes(character: str) -> None:
    long = character * 66_000
    details = reports.odd_everywhere(long)
    details.rejected = dict.fromkeys(Reason, details.rejected["TOO_FEW_FIELDS"])
    html = render_page(too_much(character), details, show_phones=True)
    assert len(html.encode("utf-8")) < 2_000_000


# --- its parts ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7275551234", "727•••••34"),
        ("+1 (727) 555-1234", "+1 (72•) •••-••34"),
        ("call 727.555.1234 or 5550100", "call 727.•••.••34 or 555••00"),
        ("٧٢٧٥٥٥١٢٣٤", "٧٢٧•••••٣٤"),
        ("813_555_0199", "813_•••_••99"),
        ("727x555x0142", "727x•••x••42"),
        ("727-555 ext 0142", "727-••• ext ••42"),
        ("727-555 Extension: 0142", "727-••• Extension: ••42"),
        ("(727) - 555 - 0142", "(727) - ••• - ••42"),
        ("727\n555\n0142", "727\n•••\n••42"),
        ("7.27556E+09", "7.27•••E+09"),
        ("7,2756e9", "7,27•6e9"),
        ("727555014E1", "727•••••4E1"),
        ("1e727 555 0142", "1e72• ••• ••42"),
        ("2026-11-21", "202•-••-21"),
        ("7.3E9", "7.3E9"),
        ("555010", "555010"),
        ("12 Main Street 33701", "12 Main Street 33701"),
        ("", ""),
    ],
)
def test_mask_numbers(text: str, expected: str) -> None:
    assert mask_numbers(text) == expected


@pytest.mark.property
@given(
    st.text("0123456789", min_size=7, max_size=15),
    st.lists(st.text(" ()-._/+#,:x\t\u00a0\u2011", max_size=6), min_size=14, max_size=14),
)
def test_of_a_number_no_more_than_five_digits_are_shown(digits: str, between: list[str]) -> None:
    text = "".join(sum(zip(digits, [*between, ""], strict=False), ()))
    assert sum(character.isdecimal() for character in mask_numbers(text)) == 5


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("email", "ann.lee+x@example.com", "a••.l••+x@example.com"),
        ("email", "ann lee", "a•• l••"),
        ("first_name", "Anne-Marie", "A•••-M••••"),
        ("last_name", "Łoś", "Ł••"),
        ("address1", "12 Main Street", "1• M••• S•••••"),
        ("comments", "call Bob, 555-010", "c••• B••, 5••-0••"),
        ("phone_number", "555-010", "5••-0••"),
        ("alt_phone", "8135550188", "813•••••88"),
        ("address3", "55501", "5••••"),
        ("vendor_lead_code", "A-12", "A-12"),
        ("vendor_lead_code", "8135550188", "813•••••88"),
        ("city", "Tampa", "Tampa"),
        ("first_name", "", ""),
    ],
)
def test_mask_person(field: str, value: str, expected: str) -> None:
    assert mask_person(value, field) == expected


@pytest.mark.parametrize("show_phones", [True, False])
def test_persons_in_values_that_repeat_are_masked(show_phones: bool) -> None:
    details = reports.details(
        repeated={
            field: [RepeatedValue(value=value, rows=7)]
            for field, value in {"email": "ann@x.org", "last_name": "Lee", "city": "Tampa"}.items()
        }
    )
    found = dict(repeated_values(details, show_phones=show_phones))
    shown = {field: values[0][0] for field, values in found.items()}
    if show_phones:
        assert shown == {"email": "ann@x.org", "last_name": "Lee", "city": "Tampa"}
    else:
        assert shown == {"email": "a••@x.org", "last_name": "L••", "city": "Tampa"}


def test_a_list_id_that_may_be_a_phone_is_masked() -> None:
    assert mask_list_id("10000001") == "10000001"
    assert mask_list_id("2122000000") == "212•••••00"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("date_of_birth", "2076-01-02", "2076-01-02"),
        ("date_of_birth", "19800230", "19800230"),
        ("entry_date", "2026-11-20 14:25:00", "2026-11-20 14:25:00"),
        ("date_of_birth", "7275550142", "727•••••42"),
        ("date_of_birth", "727-555-0142", "727-•••-••42"),
        ("comments", "2026-11-20", "2•••-1•-2•"),
    ],
)
def test_a_date_is_shown_where_a_date_belongs(field: str, value: str, expected: str) -> None:
    details = reports.details(repeated={field: [RepeatedValue(value=value, rows=7)]})
    assert f"{field} {expected} (7)" in plain(render_page(reports.summary(), details))


NUMBER_IN_LIST = "DUPLICATE_PHONE_NUMBER_IN_LIST"


@pytest.mark.parametrize(
    ("name", "example", "expected"),
    [
        (
            "INVALID_PHONE_NUMBER_LENGTH",
            {
                "details": {"phone_number": "5550142", "problem": "is_possible_local_only"},
                "phone": "555-0142",
            },
            "a local number without area code",
        ),
        (
            "INVALID_PHONE_NUMBER_LENGTH",
            {"details": {"phone_number": " 813 555", "problem": "too_short"}, "phone": "813 555"},
            "too short",
        ),
        (
            "INVALID_PHONE_NUMBER",
            {"details": {"phone_number": "7275550142"}, "phone": "+17275550142"},
            "",
        ),
        (
            "INVALID_PHONE_NUMBER",
            {"details": {"phone_number": "8135550199"}, "phone": "7275550142"},
            "the number 813•••••99",
        ),
        (
            "PHONE_NUMBER_IN_FEED:old",
            {"details": {"phone_number": "7275550142", "feed": "old"}, "phone": "7275550142"},
            "",
        ),
        (
            NUMBER_IN_LIST,
            {"duplicate_row": 801, "details": {"list_id": "101"}},
            "same number as row 801 of this file",
        ),
        (
            "DUPLICATE_TITLE_ALT_PHONE_IN_SYSTEM",
            {"duplicate_row": 8012345, "details": {"list_id": "101"}},
            "same title and alternate number as row 8012345 of this file",
        ),
        (
            NUMBER_IN_LIST,
            {"details": {"list_id": "201", "archived": "Y"}, "lead_id": 1003},
            "lead 1003 in list 201, archived",
        ),
        (
            NUMBER_IN_LIST,
            {"details": {"list_id": "2122000000"}, "lead_id": 123456789},
            "lead 123456789 in list 212•••••00",
        ),
        ("NOT_A_DEFINED_LIST_ID", {"details": {"list_id": "2122000000"}}, "list 212•••••00"),
        ("INVALID_LIST_ID", {"details": {"list_id": "12"}}, "list 12"),
        ("REFUSED_BY_SERVER", {"details": {"error": "19"}}, "database error 19"),
        ("PHONE_NUMBER_IN_CAMPAIGN_DNC", {"details": {"campaign_id": "SOLAR"}}, "campaign SOLAR"),
        ("UNSTORABLE_CHARACTERS", {"details": {"field": "city"}}, "in the field city"),
        (
            "AMBIGUOUS_TIME_ZONE",
            {"details": {"zones": "America/Denver,America/Phoenix"}},
            "America/Denver,America/Phoenix",
        ),
        (
            "TOO_FEW_FIELDS",
            {"details": {"text": "2 fields instead of 3: Ann,7275550142"}},
            "2 fields instead of 3: Ann,727•••••42",
        ),
    ],
)
def test_details_are_in_words(name: str, example: dict[str, Any], expected: str) -> None:
    known = RejectedExample.model_validate({"row_number": 1, "phone": ""} | example)
    assert describe_example(name, known, show_phones=False) == expected


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_row_that_cannot_be_read_has_no_phone(name: Reason) -> None:
    shifted = RejectedExample(
        row_number=7, phone="Elm Street", details={"text": "4 fields instead of 3"}
    )
    summary = reports.summary(reasons={name: 2}, rows_read=3, loaded=1, rejected=2)
    said = plain(render_page(summary, reports.details(rejected={name: [shifted]})))
    assert "row details 7 4 fields instead of 3" in said
    assert "Elm Street" not in said


@pytest.mark.property
@given(st.text(max_size=300), st.integers(2, 150))
def test_visible_text_is_bounded_and_harmless(text: str, most: int) -> None:
    seen = visible(text, most)
    assert len(seen) <= most
    assert not {unicodedata.category(character) for character in seen} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set("\u200e\u200f\u061c\u202a\u202b\u202d\u202e\u2066\u2067\u2068") & set(seen)
    html = str(as_html(text, most))
    assert html.startswith("<bdi>")
    assert not set('<>"') & set(html[5:-6])
    html.encode("utf-8")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (percent(None), NOTHING), (percent(0), "0%"), (percent(0.00001), "<0.1%"),
        (percent(0.99996), "99.9%"), (percent(0.99949), "99.9%"),
        (percent(0.9989), "99.9%"), (percent(1), "100%"), (percent(0.1234), "12.3%"),
        (points(99.0), "99.0"), (points(99.96), "99.9"), (points(100), "100.0"),
        (points(0.02), "0.1"), (points(0.0), "0.0"),
        (unchecked_parts(0, 7), ""),
        (unchecked_parts(2, 7),
         "2 of 7 parts were not checked; compare only lists with the same checks"),
        (size(999), "999 bytes"), (size(1_843_022), "1.8 MB"), (size(10**16), "10,000.0 TB"),
        (duration(0.2), "less than a second"), (duration(61), "1 minute 1 second"),
        (duration(86_400 * 2 + 5), "2 days"), (duration(3600), "1 hour"),
        (words("PHONE_NUMBER_IN_CAMPAIGN_DNC"), "Phone number in campaign DNC"),
        (words("PHONE_NUMBER_IN_FEED:my DNC"), "Phone number in feed: my DNC"),
        (ago(reports.NOW, reports.NOW), "today"),
        (zone("-5.00"), f"UTC{MINUS}5"), (zone("5.50"), "UTC+5:30"), (zone("0.00"), "UTC+0"),
    ],
)  # fmt: skip
def test_words(said: str, expected: str) -> None:
    assert said == expected


def test_ages_are_in_order_without_gaps() -> None:
    ages = {"unknown": 1, "older": 4, "up to a year": 2}
    assert list(sorted_ages(ages).items()) == [
        ("up to a year", 2), ("up to 2 years", 0), ("older", 4), ("not known", 1)
    ]  # fmt: skip


# --- which reason ---


def rejecting(reasons: dict[str, int], **changes: Any) -> Summary:
    rows = sum(reasons.values())
    counts = {"rows_read": rows + 1, "loaded": 1, "rejected": rows}
    return reports.summary(**(counts | {"reasons": reasons, "reasons_all": {}} | changes))


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (rejecting({"PHONE_NUMBER_IN_DNC": 1}),
         "1 row would be rejected because the number is on the do-not-call list."),
        (rejecting({"PHONE_NUMBER_IN_FEED:old": 300}),
         "300 rows would be rejected, all because the number is in the feed old."),
        (rejecting({"PHONE_NUMBER_IN_FEED:old": 30, "TOO_FEW_FIELDS": 2}, job="import"),
         "32 rows were rejected, most often (30) because the number is in the feed old."),
        (rejecting({"PHONE_NUMBER_IN_DNC": 2, "TOO_FEW_FIELDS": 2}),
         "4 rows would be rejected."),
        (rejecting({"DUPLICATE_NAME_PHONE_IN_LIST": 2}, database=None),
         "2 rows would be rejected, all because a lead with the same name and number is in the "
         "file already."),
        (rejecting({"NOT_INSERTED": 1}, job="import"),
         "1 row was rejected because the run ended before."),
    ],
)  # fmt: skip
def test_the_headline_tells_why(summary: Summary, expected: str) -> None:
    assert worst(summary) == expected


@pytest.mark.parametrize(
    ("rows", "loaded", "job", "expected"),
    [
        (1, 0, "validate", "The one row of the file cannot be loaded."),
        (1, 1, "import", "The one row of the file was loaded."),
        (2, 0, "import", "None of the 2 rows were loaded."),
        (2, 2, "validate", "All 2 rows can be loaded."),
        (10_000, 9_999, "validate", "9,999 of 10,000 rows can be loaded: 99.9%."),
    ],
)
def test_the_headline(rows: int, loaded: int, job: str, expected: str) -> None:
    reasons = {"PHONE_NUMBER_IN_DNC": rows - loaded} if loaded < rows else {}
    counts = {"rows_read": rows, "loaded": loaded, "rejected": rows - loaded}
    assert headline(rejecting(reasons, job=job, **counts)) == expected


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_clause_and_advice_of_its_own(reason: Reason) -> None:
    said = [why(reason, file_alone=alone) for alone in (False, True)]
    assert all(text and "colon" not in text and not text.endswith(".") for text in said)
    assert reason.correction or reason.operation
    wrong = r"--|reject file|\bload with\b|usacan|same command"
    assert not re.search(wrong, reason.correction)


def test_every_reason_has_a_label_of_its_own_in_charts() -> None:
    labels = [shorten(words(reason)) for reason in Reason]
    assert len(set(labels)) == len(Reason)
    assert [label for label in labels if visible(label, MOST_LABEL) != label] == []


def test_feeds_whose_names_begin_alike_lose_no_row() -> None:
    feeds = {f"PHONE_NUMBER_IN_FEED:{'long ' * 20}{n}": 100 for n in range(3)}
    assert "… 300" in str(reasons_chart(rejecting(feeds)))


# --- of the file and the run ---


@pytest.mark.parametrize("kind", ["xlsx", "xls", "ods", "xlsm"])
def test_a_spreadsheet_has_a_sheet_and_no_delimiter(kind: str) -> None:
    file = reports.file(format=kind, sheet="January")
    facts = dict(file_facts(reports.summary(file=file)))
    assert (facts["Format"], facts["Sheet"]) == (kind, "January")
    assert not {"Encoding", "Delimiter"} & set(facts)
    assert "Format" not in dict(file_facts(reports.summary()))


def test_a_size_in_bytes_is_written_once() -> None:
    assert ("Size", "137 bytes") in file_facts(reports.summary(file=reports.file(size=137)))
    compression = reports.file(size=1500, compression="gzip")
    assert ("Size", "1.5 KB (1,500 bytes), gzip") in file_facts(reports.summary(file=compression))


def test_a_remark_names_no_folder() -> None:
    said = "the ledger is the file /var/lib/loads/ledger.db: USA/Canada, Y/N; and/or 1/2"
    html = plain(render_page(reports.summary(remarks=[said]), reports.details()))
    assert "the ledger is the file ledger.db: USA/Canada, Y/N; and/or 1/2" in html


def test_columns_that_are_not_loaded_are_folded_if_they_are_many() -> None:
    idle = [ColumnFill(column=f"c{n}", filled=n) for n in range(60)]
    summary = reports.summary(profile=reports.profile(columns=[*reports.profile().columns, *idle]))
    shown_columns, folded = columns(summary)
    assert [each.field for each in shown_columns if each.field] == list(reports.FIELDS)
    assert (len(shown_columns), len(folded)) == (12 + MOST_UNMAPPED, 63 - MOST_UNMAPPED)
    html = render_page(summary, reports.details())
    assert "<summary>43 more columns that are not loaded</summary>" in html
    assert "more column" not in render_page(*PAGES["validate"])


@pytest.mark.parametrize(
    ("rows", "hour", "expected"),
    [
        ([957] * 24, 14, ["now, 14:00 to 15:00: 957 rows", "957 rows at any hour"]),
        ([0] * 9 + [5] * 12 + [0] * 3, 3,
         ["now, 3:00 to 4:00: no row", "5 rows, the most, from 9:00 to 21:00"]),
        ([0] * 23 + [1], 23,
         ["now, 23:00 to 24:00: 1 row", "1 row, the most, from 23:00 to 24:00"]),
    ],
)  # fmt: skip
def test_call_hours(rows: list[int], hour: int, expected: list[str]) -> None:
    known = reports.profile().call_hours
    assert known
    profile = reports.profile(call_hours=known.model_copy(update={"rows": rows}))
    details = reports.details(now=reports.NOW.replace(hour=hour))
    said = plain(render_page(reports.summary(profile=profile), details))
    assert [text for text in expected if text not in said] == []
    tomorrow = reports.details(now=reports.NOW + timedelta(days=1))
    assert "now, " not in plain(render_page(reports.summary(profile=profile), tomorrow))


# --- charts ---


@pytest.mark.property
@given(st.dictionaries(st.text(max_size=5), st.integers(0, 10**9), max_size=40), st.booleans())
def test_bars_lose_nothing(counts: dict[str, int], in_order: bool) -> None:
    few = largest(counts, in_order=in_order)
    assert sum(few.values()) == sum(counts.values())
    assert len(few) <= MOST_BARS
    assert "<svg" in bars("x", counts, in_order=in_order)


def test_a_chart_has_no_styles_and_scripts() -> None:
    day = reports.NOW.date()
    drawn = [
        bars("<b>", {"<script>": 3, "a\N{RIGHT-TO-LEFT OVERRIDE}": 2}),
        funnel("x", [("Rows read", 0, 5), *((f"n{n}", 0, 5) for n in range(30)), ("Left", 0, 5)]),
        hours("x", [0] * 24),
        lines("x", {f"{n}<i>": [(day, 0.1)] for n in range(20)}),
    ]
    assert not lines("x", {"a": []})
    for svg in drawn:
        assert not re.search(
            r"<(script|style|a|image|use|b|i)\b|http(?!://www.w3.org/2000/svg)", svg
        )
        assert 'role="img"' in svg
    assert 'aria-label="&lt;b&gt;: &lt;script&gt; 3; a⟨U+202E⟩ 2"' in drawn[0]
    assert "others" in drawn[1]
    assert drawn[3].count("&lt;i&gt;</text>") == 8


def test_repeated_values_are_listed_by_field() -> None:
    details = reports.details(
        repeated={"alt_phone": [RepeatedValue(value="8135550188", rows=1200)]}
    )
    assert "alt_phone 813•••••88 (1,200)" in plain(render_page(reports.summary(), details))


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (4, [0, 1, 2, 3, 4]),
        (9, [0, 2, 4, 6, 8, 10]),
        (11, [0, 5, 10, 15]),
        (1_234_567, [0, 500_000, 1_000_000, 1_500_000]),
        (0.573, [0, 0.2, 0.4, 0.6]),
        (1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    ],
)
def test_axes_have_round_numbers(highest: float, expected: list[float]) -> None:
    assert ticks(highest) == expected
