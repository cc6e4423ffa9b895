"""Who comes in: log-in, sessions, and forms that are of no page of ours."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from jobs.serve.access.logins import Caller
from jobs.serve.pages import sessions
from jobs.serve.pages.sessions import IDLE, LONGEST, Sessions
from loader.database.connection import Database
from tests.support.file_service import PASSWORD, USER, Service, add_user, serving

pytestmark = pytest.mark.engines("sqlite")

ROWS = "phone_number\n7275551001\n"


@pytest.fixture
def service(database: Database, database_url: str, tmp_path: Path) -> Iterator[Service]:
    add_user(database)
    with serving(database_url, tmp_path) as service:
        yield service


class Visitor(requests.Session):
    """A browser without scripts."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.address, self.token = service.address, ""

    def see(self, path: str) -> requests.Response:
        page = self.get(self.address + path, timeout=30, allow_redirects=False)
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        self.token = found[1] if found else ""
        return page

    def post_form(self, path: str, **fields: str) -> requests.Response:
        data = {"csrf": self.token} | fields
        return self.post(self.address + path, data=data, timeout=30, allow_redirects=False)

    def log_in(self, user: str = USER, password: str = PASSWORD) -> requests.Response:
        self.see("/login")
        return self.post_form("/login", **{"user": user, "pass": password})

    def send_file(self, **fields: str) -> requests.Response:
        return self.post(
            self.address + "/files", files={"file": ("leads.csv", ROWS)},
            data={"csrf": self.token} | fields, timeout=30, allow_redirects=False,
        )  # fmt: skip


def test_a_log_in_gives_a_cookie_that_no_script_and_no_other_site_has(service: Service) -> None:
    visitor = Visitor(service)
    answer = visitor.log_in()
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert re.search(r"leadloader=[\w-]{43}; HttpOnly; Path=/; SameSite=strict", cookie)
    assert visitor.see("/").status_code == 200


def test_behind_tls_cookies_go_nowhere_else(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    add_user(database)
    with serving(database_url, tmp_path, serve={"behind_proxy": True}) as service:
        page = requests.get(service.address + "/login", timeout=30)
    assert page.headers["Set-Cookie"].startswith("__Host-leadloader-login=")
    assert "Secure" in page.headers["Set-Cookie"]


def test_pages_are_for_who_is_logged_in(service: Service) -> None:
    visitor = Visitor(service)
    for path in ("/", "/files/x", "/runs/x", "/runs/x/progress", "/runs/x/summary.json"):
        assert visitor.see(path).headers["Location"] == "/login"
    for path in ("/files", "/files/x", "/runs/x/load", "/logout"):
        assert visitor.post_form(path).headers["Location"] == "/login"
    visitor.headers["HX-Request"] = "true"
    part = visitor.see("/runs/x/progress")
    assert (part.status_code, part.headers["HX-Redirect"]) == (204, "/login")
    assert not service.folder.exists()


def test_wrong_passwords_are_told_and_slowed_down(service: Service) -> None:
    visitor = Visitor(service)
    statuses = [visitor.log_in(password="wrong").status_code for _ in range(6)]  # noqa: S106 - a wrong one
    assert statuses == [401] * 5 + [429]
    # The right one has to wait, too.
    refused = visitor.log_in()
    assert refused.status_code == 429
    assert re.search(r"Try again in \d+ seconds", refused.text)
    assert PASSWORD not in refused.text


@pytest.mark.parametrize("name", ["<b>", '"><script>', "\N{RIGHT-TO-LEFT OVERRIDE}x"])
def test_the_name_of_who_fails_to_log_in_is_text(service: Service, name: str) -> None:
    text = Visitor(service).log_in(user=name).text
    assert "<b>" not in text
    assert '"><script>' not in text


def test_a_log_in_without_its_form_is_refused(service: Service) -> None:
    for token in ("", "x" * 32):
        visitor = Visitor(service)
        visitor.see("/login")
        visitor.token = token
        answer = visitor.post_form("/login", **{"user": USER, "pass": PASSWORD})
        assert (answer.status_code, "leadloader=" in answer.headers["Set-Cookie"]) == (403, False)


def test_forms_of_other_sessions_and_sites_are_refused(service: Service) -> None:
    visitor, other = Visitor(service), Visitor(service)
    for each in (visitor, other):
        each.log_in()
        each.see("/")
    token = visitor.token
    assert token
    assert token != other.token
    for wrong in ("", other.token):
        visitor.token = wrong
        assert visitor.send_file().status_code == 403
        assert visitor.post_form("/logout").status_code == 403
    visitor.token = token
    for name, value in (("Origin", "https://example.com"), ("Sec-Fetch-Site", "same-site")):
        visitor.headers[name] = value
        assert visitor.send_file().status_code == 403
        assert visitor.log_in().status_code == 403
        del visitor.headers[name]
    assert not (service.folder / ".uploads").exists()
    visitor.token = token
    assert visitor.send_file().status_code == 303


def test_who_logs_out_is_out(service: Service) -> None:
    visitor = Visitor(service)
    visitor.log_in()
    cookies = visitor.cookies.copy()
    visitor.see("/")
    assert visitor.post_form("/logout").headers["Location"] == "/login"
    visitor.cookies = cookies
    assert visitor.see("/").headers["Location"] == "/login"


def test_who_loses_the_right_is_out(service: Service, database: Database) -> None:
    visitor = Visitor(service)
    visitor.log_in()
    assert visitor.see("/").status_code == 200
    statement = "UPDATE vicidial_users SET modify_leads = '0'"
    database.write(lambda it: it.exec_driver_sql(statement))
    assert visitor.see("/").headers["Location"] == "/login"


def test_files_and_runs_of_others_are_not_there(service: Service, database: Database) -> None:
    visitor = Visitor(service)
    visitor.log_in()
    visitor.see("/")
    address = visitor.send_file().headers["Location"]
    assert visitor.see(address).status_code == 200
    add_user(database, "7777")
    other = Visitor(service)
    other.log_in("7777")
    assert other.see(address).status_code == 404
    assert other.see("/files/../../etc").status_code == 404
    assert other.see("/runs/" + "0" * 28).status_code == 404


def test_no_page_may_run_what_is_in_it_or_of_others(service: Service) -> None:
    page = Visitor(service).see("/login")
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src=)", page.text)


def test_only_known_files_are_served(service: Service) -> None:
    visitor = Visitor(service)
    for name in ("htmx.min.js", "serve.js", "serve.css", "report.css", "icon.svg"):
        assert visitor.see(f"/static/{name}").status_code == 200
    for name in ("..%2fapp.py", "htmx.LICENSE.txt", "x"):
        assert visitor.see(f"/static/{name}").status_code == 404


def test_sessions_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(sessions, "monotonic", lambda: now[0])
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 3)
    kept = Sessions()
    idle = kept.begin(Caller("a", "a"))
    now[0] = IDLE + 1
    assert kept.find(idle) is None
    busy = kept.begin(Caller("b", "b"))
    while now[0] < LONGEST + IDLE:
        assert kept.find(busy)
        now[0] += IDLE
    now[0] += IDLE
    assert kept.find(busy) is None
    several = []
    for name in "cdef":
        several.append(kept.begin(Caller(name, name)))
        now[0] += 1
    assert [kept.find(each) is not None for each in several] == [False, True, True, True]
