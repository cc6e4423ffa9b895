"""The pages of the documentation, as the tests see them: blocks, headings and links.

What the comments before a block mean is in CONTRIBUTING.md.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

AT_THE_ROOT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = sorted({*AT_THE_ROOT, *(ROOT / "docs").rglob("*.md")})
"""Pages whose commands are run."""

MARKDOWN = sorted({
    *PAGES, *ROOT.glob("*.md"),
    *(path for folder in ("sample_data", "tests") for path in (ROOT / folder).rglob("*.md")),
})  # fmt: skip
"""Pages whose links are followed."""

DIRECTIVES = {"not run", "exit", "output", "file", "not settings"}
LANGUAGES = {"sh", "text", "toml", "csv", "json", "sql", "python", "ini", "promql"}

FENCE = re.compile(r"^ *```(\w*)$")
COMMENT = re.compile(r"^ *<!-- ([a-z ]+?)(?:: (.*))? -->$")
SETUP = re.compile(r"^ *<!-- setup$")


@dataclass
class Block:
    """A fenced block, or a hidden `setup` comment."""

    page: Path
    line: int
    language: str
    text: str
    directives: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say where it is."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Read the blocks of a page in their order."""
    lines = enumerate(page.read_text("utf-8").splitlines(), 1)
    blocks, directives = [], dict[str, str]()
    for number, line in lines:
        if SETUP.match(line):
            blocks.append(Block(page, number, "sh", _until("-->", lines)))
        elif fence := FENCE.match(line):
            indent = " " * (len(line) - len(line.lstrip()))
            text = _until("```", lines, indent)
            blocks.append(Block(page, number, fence[1], text, directives))
        elif comment := COMMENT.match(line):
            if comment[1] in DIRECTIVES:
                directives[comment[1]] = comment[2] or ""
            continue
        elif not line.strip():
            continue
        directives = {}
    return blocks


def _until(end: str, lines: Iterator[tuple[int, str]], indent: str = "") -> str:
    """Read up to a line that is `end`."""
    found = []
    for _, line in lines:
        if line.strip() == end:
            break
        found.append(line.removeprefix(indent))
    return "".join(f"{line}\n" for line in found)


def prose_of(page: Path) -> str:
    """Give the text of a page without its blocks, comments and inline code."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def links_of(page: Path) -> list[str]:
    """Give the targets of the links and pictures of a page."""
    text = re.sub(r"`[^`\n]*`", "code", prose_of(page))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors_of(page: Path) -> set[str]:
    """Give the anchors that GitHub makes of the headings of a page."""
    counted = Counter[str]()
    anchors = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", prose_of(page), re.MULTILINE):
        title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        anchors.add(f"{slug}-{counted[slug]}" if counted[slug] else slug)
        counted[slug] += 1
    return anchors
