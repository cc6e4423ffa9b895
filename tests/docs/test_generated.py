"""Nothing that is generated is stale."""

from pathlib import Path

import pytest

from tests.docs.generate import DOCS, ROOT, TABLES, fill_in, generated, table

PAGE = DOCS / "page.md"


def marked(*names: str) -> str:
    return "".join(f"<!-- generated: {name} -->\nold\n<!-- /generated -->\n" for name in names)


@pytest.mark.parametrize(
    ("path", "content"), generated().items(), ids=lambda it: it.name if isinstance(it, Path) else ""
)
def test_it_is_current(path: Path, content: str) -> None:
    assert path.read_text("utf-8") == content, "make generate writes it anew"


def test_all_kinds_are_generated() -> None:
    names = {str(path.relative_to(ROOT)) for path in generated()}
    assert names >= {
        "docs/options.md", "docs/reasons.md", "docs/exit-codes.md", "sample_data/leadloader.toml",
        "sample_data/leadloader.schema.json", "sample_data/summary.schema.json",
    }  # fmt: skip


def test_tables_take_the_place_of_what_was_there() -> None:
    text = fill_in({PAGE: "Before.\n" + marked(*TABLES) + "After.\n"})[PAGE]
    assert text.startswith("Before.\n<!-- generated: names -->\n\n| field | columns")
    assert text.endswith("|\n\n<!-- /generated -->\nAfter.\n")
    assert "old" not in text.splitlines()
    assert fill_in({PAGE: text})[PAGE] == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(marked(*TABLES, "colours"), "there is no table colours", id="unknown"),
        pytest.param(marked(*list(TABLES)[1:]), "names stands on 0 pages", id="nowhere"),
        pytest.param(marked(*TABLES, "stays"), "stays stands on 2 pages", id="twice"),
        pytest.param(
            marked(*TABLES) + "<!-- generated: stays -->\n", "has no <!-- /generated", id="no-end"
        ),
    ],
)
def test_marks_that_are_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fill_in({PAGE: text})


def test_cells_are_escaped_outside_of_code() -> None:
    assert table(["a"], [["<run> `<run>` Y|N"]]).splitlines()[2] == r"| \<run> `<run>` Y\|N |"
