"""The page of a run, in a browser: what it says, and what it lets nobody do."""

import re
import unicodedata
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.dialable import Dialable, Obstacle
from loader.reasons import Notice, Reason
from loader.report.charts import MOST_BARS, bars, funnel, hours, largest, lines, ticks
from loader.report.oddities import Oddity
from loader.report.page import masked, render_page
from loader.report.pictures import in_years, zone
from loader.report.record import Change, ColumnFill, Repeated
from loader.report.shown import (
    MINUS,
    NOTHING,
    ago,
    duration,
    masked_details,
    percent,
    shown,
    size,
    visible,
    words,
)
from loader.summary import MappingSummary, Summary
from tests import reports
from tests.browser import DESK, PHONE, TABLET, Browser

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


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("validate", "light"), ("validate", "dark"), ("import", "light"), ("sample", "dark"),
    ],
)  # fmt: skip
def test_a_page_is_in_order_on_a_phone(
    browser: Browser, page: Path, tmp_path: Path, name: str, scheme: str
) -> None:
    page.write_text(render_page(*PAGES[name]), "utf-8")
    with browser.opened(page, width=PHONE, scheme=scheme) as opened:
        opened.unfold()
        assert opened.overflow == 0
        assert opened.violations() == []
        assert (opened.said, opened.asked) == ([], [])
        assert opened.keep(tmp_path, f"{name}-{PHONE}-{scheme}").stat().st_size


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("validate", TABLET, "light"), ("validate", DESK, "dark"), ("perfect", PHONE, "light"),
        ("empty", PHONE, "dark"), ("older", PHONE, "light"),
    ],
)  # fmt: skip
def test_a_page_fits_its_window(
    browser: Browser, page: Path, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    page.write_text(render_page(*PAGES[name]), "utf-8")
    with browser.opened(page, width=width, scheme=scheme) as opened:
        assert opened.overflow == 0
        assert (opened.said, opened.asked) == ([], [])
        opened.keep(tmp_path, f"{name}-{width}-{scheme}")


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_values_of_strangers_are_text(browser: Browser, page: Path, value: str) -> None:
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
        assert (opened.said, opened.asked) == ([], [])
        assert opened.overflow == 0
        assert opened.page.locator("img, script, iframe, a, style:not(head style)").count() == 0
        said = opened.page.locator("#repeated td bdi").first.inner_text()
        assert said.split() == visible(value).split()
        assert opened.page.locator("main").evaluate("e => getComputedStyle(e).display") == "block"


def test_the_page_prints_what_is_folded(browser: Browser, page: Path, tmp_path: Path) -> None:
    page.write_text(render_page(*PAGES["validate"]), "utf-8")
    with browser.opened(page, width=TABLET, scheme="dark") as opened:
        example = opened.page.get_by_text("phone_number=727555")
        assert not example.is_visible()
        opened.page.emulate_media(media="print")
        assert example.is_visible()
        color = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert color == "rgb(255, 255, 255)"
        opened.keep(tmp_path, "validate-print")
        assert opened.page.pdf(format="A4").startswith(b"%PDF")


def test_the_browser_lets_the_page_do_nothing(browser: Browser, page: Path) -> None:
    evil = "<script>console.log('ran')</script><img src='http://127.0.0.1:9/x'>"
    html = render_page(*PAGES["empty"]).replace("<main>", f"<main>{evil}")
    page.write_text(html, "utf-8")
    with browser.opened(page) as opened:
        assert "ran" not in opened.said
        assert all("Content Security Policy" in message for message in opened.said)
        assert len(opened.said) == 2


# --- what it says ---


SAYS = {
    "validate": [
        "8,220 of 10,412 rows can be loaded: 78.9%.",
        "2,192 rows would be rejected, most often (1,204)",
        "Quality score: 91 of 100", "not looked at",
        "From rows read to rows that would be loaded",
        "Why rows would be rejected", "Phone number in feed: litigators 31 rows · 0.3%",
        "It applies to 590 rows in all",
        "What to do: complete the number, or give its country by phone_code or default_region.",
        "123456789 101 2026-01-03, 10 months ago", "77 5000 2026-11-20, today",
        "acme_solar_2026-10-20.csv , looked at on 20 October 2026, 19:25 UTC",
        "Rejected share 15.1% 21.1% +5.9 points", "Rows 9,000 10,412 +15.7%",
        "Columns that came: Referrer .", "Columns that went: Middle name , <b>Fax</b> .",
        "Vendor ID vendor_lead_code 100%", "Notes comments <0.1%",
        "Referrer not loaded 0%", "status not loaded: the dialer sets it itself 48.1%",
        "1,921 rows, of those that could be read, have a value that looks wrong.",
        "Date in future 2 rows · <0.1%", "55 date_of_birth 2076-01-02",
        "88 address1 70, comments 18",
        "Loading these rows would take about 2 minutes 51 seconds, at 5,211 rows a second",
        "8,150 rows may be called at the current hour, 14:00;", "by the dialer's clock (UTC-05:00)",
        "77 rows have a phone number that an earlier row of the file has.",
        "feed litigators = /var/feeds/litigators.csv", "the feed litigators is 40 days old",
        "Run 20261120-192503-4e9c1a20-7d1f",
    ],
    "import": [
        "Import report", "8,220 of 10,412 rows were loaded: 78.9%.",
        "2,192 rows were rejected, most often", "From rows read to rows that were loaded",
        "Why rows were rejected", "lead_ids 48001 to 56000, 56010 to 56229",
        "101 SOLAR 8,220 6,100 2,100: its local time is outside of the call time",
    ],
    "sample": [
        "Of a sample of 10,412 rows, 8,220 can be loaded: 78.9%.",
        "All figures are of a sample of 10,412 of the 1,000,000 rows, spread over the file.",
        "The file alone was looked at: no do-not-call list of the dialer, no existing leads.",
        "1,000,000, 10,412 looked at",
    ],
    "perfect": ["1 of 1 row can be loaded: 100%."],
    "empty": ["The file has no rows."],
    "older": ["Phone phone_number", "status not loaded: the dialer sets it itself"],
}  # fmt: skip
SAYS_NOT = {
    "validate": ["were loaded", "sample"],
    "import": ["would be", "Loading these rows"],
    "sample": ["Beside the file before"],
    "perfect": ["Why rows"],
    "empty": ["Why rows", "Quality score", "looks wrong", "repeat", "Options"],
    "older": ["Quality score", "looks wrong", "repeat"],
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_says(name: str) -> None:
    said = plain(render_page(*PAGES[name]))
    assert [text for text in SAYS[name] if text not in said] == []
    assert [text for text in SAYS_NOT[name] if text in said] == []


def test_phones_are_masked_unless_they_are_asked_for() -> None:
    summary, details = PAGES["validate"]
    phones = ["7275551234", "813-555-0199", "+1 (727) 555-12345", "172755512345", "7275550100"]
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


def worst(character: str) -> Summary:
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


@pytest.mark.parametrize("character", ["\N{RIGHT-TO-LEFT OVERRIDE}", '"', "\N{GRINNING FACE}", "5"])
def test_the_page_has_less_than_two_megabytes(character: str) -> None:
    long = character * 66_000
    details = reports.odd_everywhere(long)
    details.rejected = dict.fromkeys(Reason, details.rejected["TOO_FEW_FIELDS"])
    html = render_page(worst(character), details, show_phones=True)
    assert len(html.encode("utf-8")) < 2_000_000


# --- its parts ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7275551234", "727•••••34"),
        ("+1 (727) 555-1234", "+1 (72•) •••-••34"),
        ("call 727.555.1234 or 5550100", "call 727.•••.••34 or 555••00"),
        ("٧٢٧٥٥٥١٢٣٤", "٧٢٧•••••٣٤"),
        ("555010", "555010"),
        ("12 Main Street 33701", "12 Main Street 33701"),
        ("", ""),
    ],
)
def test_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_details_keep_the_leads_that_they_name() -> None:
    said = "lead_id=123456789 list_id=10000001 phone_number=7275551234"
    assert masked_details(said) == "lead_id=123456789 list_id=10000001 phone_number=727•••••34"


@pytest.mark.property
@given(st.text(max_size=300), st.integers(2, 150))
def test_shown_text_is_bounded_and_holds_nothing_that_acts(text: str, most: int) -> None:
    seen = visible(text, most)
    assert len(seen) <= most
    assert not {unicodedata.category(character) for character in seen} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set("\u200e\u200f\u061c\u202a\u202b\u202d\u202e\u2066\u2067\u2068") & set(seen)
    html = str(shown(text, most))
    assert html.startswith("<bdi>")
    assert not set('<>"') & set(html[5:-6])
    html.encode("utf-8")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (percent(None), NOTHING), (percent(0), "0%"), (percent(0.00001), "<0.1%"),
        (percent(0.9999), ">99.9%"), (percent(1), "100%"), (percent(0.1234), "12.3%"),
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
    assert list(in_years(ages).items()) == [
        ("up to a year", 2), ("up to 2 years", 0), ("older", 4), ("not known", 1)
    ]  # fmt: skip


# --- charts ---


@pytest.mark.property
@given(st.dictionaries(st.text(max_size=5), st.integers(0, 10**9), max_size=40), st.booleans())
def test_bars_lose_nothing(counts: dict[str, int], in_order: bool) -> None:
    few = largest(counts, in_order=in_order)
    assert sum(few.values()) == sum(counts.values())
    assert len(few) <= MOST_BARS
    assert "<svg" in bars("x", counts, in_order=in_order)


def test_a_chart_is_a_drawing_and_no_more() -> None:
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


def test_a_value_that_repeats_is_told_with_its_field() -> None:
    details = reports.details(repeated={"alt_phone": [Repeated(value="8135550188", rows=1200)]})
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
