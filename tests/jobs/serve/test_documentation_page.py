"""The page of the JSON addresses in a browser."""

from pathlib import Path

import pytest

from jobs.serve.documentation import page
from tests.support.browser import Browser


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_is_accessible(browser: Browser, tmp_path: Path, width: int) -> None:
    path = tmp_path / "docs.html"
    path.write_text(page(), "utf-8")
    with browser.opened(path, width=width) as opened:
        opened.keep(f"docs-{width}")
        assert opened.overflow == 0
        assert opened.violations() == []
        assert (opened.messages, opened.requests) == ([], [])
