"""A headless browser that opens pages and reports what is wrong with them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Page, Request, sync_playwright

from tests.support.install_programs import find_browser

PHONE, TABLET, DESK = 360, 900, 1280
"""Widths of windows, in CSS pixels."""
SCREENSHOTS = "LEADLOADER_SCREENSHOTS"
"""Environment variable that names a folder in which screenshots are kept."""

FLAGS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Opened:
    """A page in a window, with its messages and requests."""

    page: Page
    messages: list[str] = field(default_factory=list)
    """Messages on the console, dialogs and errors."""
    requests: list[str] = field(default_factory=list)
    """Addresses that the page requested, without its own."""

    @property
    def overflow(self) -> int:
        """The CSS pixels by which the page is wider than its window."""
        width: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width

    def violations(self) -> list[str]:
        """Return the rules of accessibility that the page violates according to axe."""
        found: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
            for each in found
            for node in each["nodes"]
        ]

    def unfold(self) -> None:
        """Open all that is folded."""
        self.page.eval_on_selector_all("details", "all => all.forEach(each => each.open = true)")

    def keep(self, name: str) -> None:
        """Take a picture of the whole page, if somebody wants it: into the folder `SCREENSHOTS`."""
        if folder := os.environ.get(SCREENSHOTS):
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


class Browser:
    """Chromium, started once for many pages."""

    def __enter__(self) -> Self:
        """Start it; the fixture has checked that Chromium is installed."""
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(
            executable_path=find_browser(), args=list(FLAGS)
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._chromium.close()
        self._playwright.stop()

    @contextmanager
    def opened(self, path: Path, *, width: int = DESK, scheme: str = "light") -> Iterator[Opened]:
        """Open a file in a window of its own."""
        with self.visiting(path.resolve().as_uri(), width=width, scheme=scheme) as opened:
            yield opened

    @contextmanager
    def visiting(
        self, address: str, *, width: int = DESK, scheme: str = "light", scripts: bool = True
    ) -> Iterator[Opened]:
        """Open an address in a window of its own, which knows no cookies yet."""
        colors: Any = scheme
        context = self._chromium.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=colors,
            java_script_enabled=scripts,
        )
        page = context.new_page()
        opened = Opened(page)

        def dismiss(dialog: Dialog) -> None:
            opened.messages.append(dialog.message)
            dialog.dismiss()

        def note_request(request: Request) -> None:
            if request.url != address:
                opened.requests.append(request.url)

        page.on("console", lambda message: opened.messages.append(message.text))
        page.on("pageerror", lambda error: opened.messages.append(str(error)))
        page.on("dialog", dismiss)
        page.on("request", note_request)
        try:
            page.goto(address)
            yield opened
        finally:
            context.close()
