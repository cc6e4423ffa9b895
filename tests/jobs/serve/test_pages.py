"""The pages in a browser: log in, drop a file, map, check, load, and the rejected rows."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from jobs.serve.files.job import FileJob
from jobs.serve.files.work import Work
from jobs.watchers import Watchers
from loader.database.connection import Database
from loader.errors import DatabaseUnavailableError
from loader.results.summary import Summary
from loader.writing.leads import LeadInserter
from tests.support.browser import PHONE, Browser, Opened
from tests.support.file_service import (
    PASSWORD,
    USER,
    Service,
    add_list,
    add_user,
    insert_row,
    serving,
)
from tests.support.loads import leads

DESK = 1200

Looks = tuple[tuple[int, Literal["light", "dark"]], ...]

HEADER = "Phone,First Name,Lastname,Mail,Cell Number,ZIP,Remarks,status"
ROWS = f"""{HEADER}
7275551001,Ann,Lee,ann@example.com,7275552001,33701,called twice,NEW
7275551002,Bob,Ray,bob@example.com,,33702,,NEW
7275551002,Bob,Ray,bob@example.com,,33702,the same once more,NEW
12,Cat,Poe,,,,too short,NEW
7275551003,Dan,Fox,dan@example.com,,33703,,NEW
"""

DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, {type: 'text/csv'}));
  for (const kind of ['dragenter', 'dragover', 'drop'])
    document.getElementById('drop').dispatchEvent(
      new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


@pytest.fixture
def service(database: Database, database_url: str, tmp_path: Path) -> Iterator[Service]:
    add_user(database)
    add_list(database, 101, name="Spring leads")
    add_list(database, 102, name="Autumn")
    insert_row(database, "vicidial_campaigns",
               {"campaign_id": "SALES", "campaign_name": "Sales", "active": "Y"})  # fmt: skip
    with serving(database_url, tmp_path) as service:
        yield service


@contextmanager
def logged_in(browser: Browser, service: Service, **window: object) -> Iterator[Opened]:
    with browser.visiting(f"{service.address}/", **window) as opened:
        log_in(opened.page)
        expect(opened.page).to_have_url(f"{service.address}/")
        yield opened


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("User").fill(USER)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def drop(page: Page, name: str, text: str) -> None:
    with page.expect_navigation():
        page.evaluate(DROP, [name, text])


LOOKS: Looks = ((DESK, "light"), (PHONE, "dark"))
"""Windows and schemes in which each page is looked at; what follows is done in the last one."""
ON_A_PHONE: Looks = ((PHONE, "light"),)
"""Where those are looked at that differ little from them."""


def look(opened: Opened, name: str, looks: Looks = LOOKS) -> None:
    """Keep pictures of a page, which is as wide as its window and accessible."""
    opened.unfold()
    for width, scheme in looks:
        opened.page.set_viewport_size({"width": width, "height": 800})
        opened.page.emulate_media(color_scheme=scheme)
        opened.keep(f"serve-{width}-{scheme}-{name}")
        assert opened.overflow == 0
        assert opened.violations() == []


def end_of_run(page: Page) -> None:
    expect(page.locator(".state")).to_be_visible(timeout=60_000)


@pytest.mark.engines("sqlite")
def test_a_file_is_dropped_mapped_checked_and_loaded(
    browser: Browser, service: Service, database: Database
) -> None:
    with browser.visiting(f"{service.address}/") as opened:
        page = opened.page
        expect(page).to_have_url(f"{service.address}/login")
        look(opened, "login")
        log_in(page)
        expect(page.get_by_role("heading", level=1)).to_have_text("Load a file")
        look(opened, "start")
        drop(page, "spring.csv", ROWS)
        look(opened, "columns")
        assert page.get_by_label("Mail", exact=True).input_value() == "email"
        page.get_by_label("Phone", exact=True).select_option("Phone number")
        page.get_by_label("Remarks").select_option("not loaded")
        page.get_by_label("Cell Number").select_option("Alt phone")
        page.get_by_label("List", exact=True).fill("101")
        page.get_by_label("Duplicates are looked for").select_option("in all lists")
        page.get_by_label("Do-not-call list of the dialer").select_option("rejects numbers on it")
        page.get_by_role("button", name="Check the file").click()
        end_of_run(page)
        look(opened, "check")
        assert leads(database, "lead_id") == []
        page.get_by_role("button", name="Load 3 leads").click()
        end_of_run(page)
        expect(page.locator(".state")).to_have_text("done")
        look(opened, "load")
        with page.expect_download() as download:
            page.get_by_role("link", name="Rejected rows (CSV)").click()
        with Path(download.value.path()).open(encoding="utf-8", newline="") as file:
            rejected = list(csv.DictReader(file))
        assert download.value.suggested_filename == "spring-rejected.csv"
        assert [*rejected[0]][:8] == HEADER.split(",")
        assert [row["First Name"] for row in rejected] == ["Bob", "Cat"]
        page.get_by_role("link", name="leadloader").click()
        look(opened, "files")
        page.get_by_role("link", name="spring.csv").first.click()
        page.get_by_role("link", name="The whole report").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("spring.csv")
        # It can run no script, not even those of tests.
        opened.keep("serve-report")
        page.go_back()
        page.get_by_role("button", name="Log out").click()
        expect(page).to_have_url(f"{service.address}/login")
        page.goto(f"{service.address}/")
        expect(page).to_have_url(f"{service.address}/login")
        assert opened.messages == []
        assert all(each.startswith(service.address) for each in opened.requests)
    found = leads(database, "phone_number", "alt_phone", "comments", "list_id", "user")
    assert found == [
        ("7275551001", "7275552001", "", "101", USER),
        ("7275551002", "", "", "101", USER),
        ("7275551003", "", "", "101", USER),
    ]


@pytest.mark.engines("innodb")
def test_all_but_the_drop_works_without_scripts(
    browser: Browser, service: Service, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "autumn.csv"
    file.write_text("Phone,Name\n7275551001,Ann Lee\n", "utf-8")
    with logged_in(browser, service, scripts=False) as opened:
        page = opened.page
        page.get_by_label("File of leads").set_input_files(file)
        page.get_by_role("button", name="Look at the file").click()
        page.get_by_label("Name", exact=True).select_option("First name and last name")
        page.get_by_label("List", exact=True).fill("102")
        page.get_by_label("Rows of this list").select_option("all, whatever they name")
        page.get_by_role("button", name="Check the file").click()
        end_of_run(page)
        page.get_by_role("button", name="Load 1 lead").click()
        end_of_run(page)
        assert opened.messages == []
    assert leads(database, "first_name", "last_name", "list_id") == [("Ann", "Lee", "102")]


HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }}",
    "abc\N{RIGHT-TO-LEFT OVERRIDE}def", "W" * 500, "=HYPERLINK(1)",
]  # fmt: skip


@pytest.mark.engines("sqlite")
def test_hostile_names_and_values_are_text(browser: Browser, service: Service) -> None:
    columns = ",".join('"' + each.replace('"', '""') + '"' for each in HOSTILE)
    text = f"phone_number,comments,{columns}\n7275551001,{HOSTILE[0]},{columns}\n12,,{columns}\n"
    with logged_in(browser, service, width=PHONE) as opened:
        page = opened.page
        drop(page, f"{HOSTILE[0]}{HOSTILE[3]}.csv", text)
        look(opened, "hostile-columns", ON_A_PHONE)
        assert page.locator("main script, main img").count() == 0
        page.get_by_role("button", name="Check the file").click()
        end_of_run(page)
        look(opened, "hostile-check", ON_A_PHONE)
        page.get_by_role("link", name="Change columns or checks").click()
        page.locator("summary").click()
        page.get_by_label("Sheet of a spreadsheet").fill(HOSTILE[1])
        page.get_by_role("button", name="Read it again").click()
        expect(page.get_by_role("alert")).to_contain_text("spreadsheet")
        assert page.locator("main script, main img").count() == 0
        page.get_by_role("link", name="leadloader").click()
        look(opened, "hostile-files", ON_A_PHONE)
        # The form that was refused.
        assert len(opened.messages) == 1
        assert "400" in opened.messages[0]


@pytest.mark.engines("sqlite")
def test_what_is_wrong_with_the_form_is_said(browser: Browser, service: Service) -> None:
    rows = "a;b\n7275551001;Ann\n"
    with logged_in(browser, service, width=PHONE) as opened:
        page = opened.page
        alert = page.get_by_role("alert")
        drop(page, "odd.csv", rows)
        page.get_by_role("button", name="Check the file").click()
        expect(alert).to_have_text("Choose the column of the phone number.")
        for name in "ab":
            page.get_by_label(name, exact=True).select_option("Phone number")
        page.get_by_label("List", exact=True).fill("12")
        page.get_by_role("button", name="Check the file").click()
        expect(alert).to_contain_text("List_id: '12' is no list_id")
        look(opened, "problem", ON_A_PHONE)
        page.get_by_label("List", exact=True).fill("101")
        page.get_by_role("button", name="Check the file").click()
        expect(alert).to_have_text("Two columns are to fill Phone number; choose one.")
        assert page.get_by_label("b", exact=True).input_value() == "phone_number"
        page.locator("summary").click()
        page.get_by_label("Columns are parted by").select_option("comma")
        page.get_by_role("button", name="Check the file").click()
        expect(alert).to_contain_text("The file is read in another way now")
        expect(page.get_by_label("a;b")).to_be_visible()
        page.locator("summary").click()
        page.get_by_label("Columns are parted by").select_option("what is found")
        page.get_by_role("button", name="Read it again").click()
        page.get_by_label("a", exact=True).select_option("Phone number")
        page.get_by_role("button", name="Check the file").click()
        end_of_run(page)
        expect(page.get_by_text("The one row of the file can be loaded.")).to_be_visible()


@pytest.mark.engines("sqlite")
def test_a_file_that_was_loaded_before_is_loaded_again_if_that_is_wanted(
    browser: Browser, service: Service, database: Database
) -> None:
    with logged_in(browser, service, width=PHONE) as opened:
        page = opened.page
        for button in ("Load 1 lead", "Load 1 lead", "Load it once more"):
            if button == "Load 1 lead":
                page.goto(f"{service.address}/")
                drop(page, "twice.csv", "phone_number,list_id\n7275551001,101\n")
                page.get_by_role("button", name="Check the file").click()
                end_of_run(page)
            page.get_by_role("button", name=button).click()
            end_of_run(page)
            look(opened, button.replace(" ", "-"), ON_A_PHONE)
        expect(page.locator(".state")).to_have_text("done")
    assert len(leads(database, "lead_id")) == 2


@pytest.mark.engines("sqlite")
def test_a_file_that_cannot_be_read_is_read_in_another_way(
    browser: Browser, service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes("phone_number,city\n7275551001,K\u00f6ln\n".encode("cp1252"))
    with logged_in(browser, service) as opened:
        page = opened.page
        page.get_by_label("File of leads").set_input_files(file)
        page.get_by_role("button", name="Look at the file").click()
        expect(page.get_by_role("alert")).to_contain_text("Line 2: byte F6")
        assert str(service.folder) not in page.content()
        page.get_by_label("Encoding").select_option("cp1252")
        page.get_by_role("button", name="Read it again").click()
        expect(page.get_by_role("cell", name="Köln")).to_be_visible()


@pytest.mark.engines("sqlite")
def test_it_is_shown_how_far_a_job_is(
    browser: Browser, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, may_end = Work.do, Event()

    def do(self: Work, job: FileJob, content: Path, results: Path, watchers: Watchers) -> Summary:
        watchers.progress("check", 400, 0.4)
        assert may_end.wait(60)
        return real(self, job, content, results, watchers)

    monkeypatch.setattr(Work, "do", do)
    with logged_in(browser, service) as opened:
        page = opened.page
        for name in ("first.csv", "second.csv"):
            page.goto(f"{service.address}/")
            drop(page, name, "phone_number\n7275551001\n")
            page.get_by_role("button", name="Check the file").click()
            expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.get_by_text("Waiting for 1 other file")).to_be_visible()
        page.goto(f"{service.address}/")
        page.get_by_role("link", name="first.csv").click()
        expect(page.get_by_text("Checking the rows")).to_be_visible()
        assert page.get_by_role("progressbar").get_attribute("value") == "40"
        look(opened, "progress")
        may_end.set()
        # Without a click.
        end_of_run(page)
        expect(page.get_by_text("The one row of the file can be loaded.")).to_be_visible()
        assert opened.messages == []


@pytest.mark.engines("sqlite")
def test_an_import_that_is_not_complete_goes_on_by_a_button(
    browser: Browser, service: Service, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = LeadInserter.insert, []

    def insert(self: LeadInserter, *arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise DatabaseUnavailableError("the database does not answer")
        return real(self, *arguments)

    monkeypatch.setattr(LeadInserter, "insert", insert)
    with logged_in(browser, service) as opened:
        page = opened.page
        drop(page, "lost.csv", "phone_number,list_id\n7275551001,101\n")
        page.get_by_role("button", name="Check the file").click()
        end_of_run(page)
        page.get_by_role("button", name="Load 1 lead").click()
        end_of_run(page)
        expect(page.locator(".state")).to_have_text("not complete")
        look(opened, "unfinished")
        page.get_by_role("button", name="Go on with the load").click()
        end_of_run(page)
        expect(page.locator(".state")).to_have_text("done")
    assert leads(database, "phone_number") == [("7275551001",)]
