"""Take the picture of the report page that the README shows: `python -m tests.docs.picture`."""

import contextlib
import shlex
import tempfile
from pathlib import Path

from jobs.cli.main import run
from sample_data import demo
from tests.support.browser import Browser

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 960, 1230
"""Down to the end of the score."""


def main() -> None:
    command = shlex.split(demo.COMMANDS["leads"].replace("leadloader import", "validate"))
    samples = demo.HERE
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("sample_data").symlink_to(samples)
        demo.make_database()
        run(command)
        with Browser() as browser:
            path = Path("demo/results/leads/report.html")
            with browser.opened(path, width=WIDTH) as opened:
                opened.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
                opened.page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
