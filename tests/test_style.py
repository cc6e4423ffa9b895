"""How large modules and functions are: both fit into a head, and a function on a screen."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = sorted(path for top in ("jobs", "loader") for path in (ROOT / top).rglob("*.py"))

MOST_LINES_OF_MODULE, MOST_LINES_OF_FUNCTION = 399, 50

LARGER: dict[str, str] = {}
"""Modules (`loader/a.py`) and functions (`loader/a.py f`) that are larger, and why they have to."""


def larger(path: Path, source: str) -> Iterator[str]:
    """Name a module and its functions, wherever they stand, that are too large."""
    if source.count("\n") > MOST_LINES_OF_MODULE:
        yield str(path)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            if node.end_lineno - node.lineno >= MOST_LINES_OF_FUNCTION:
                yield f"{path} {node.name}"


def test_modules_and_functions_are_small() -> None:
    found = [
        name for path in MODULES for name in larger(path.relative_to(ROOT), path.read_text("utf-8"))
    ]
    assert found == sorted(LARGER), "split what has two subjects, or say why it has one"


def test_what_is_too_large_is_found_wherever_it_stands() -> None:
    path = Path("a.py")
    body = "        pass\n"
    inner = f"class A:\n    def f(self):\n{body * 49}"
    assert not list(larger(path, inner))
    assert list(larger(path, inner + body)) == ["a.py f"]
    assert not list(larger(path, "\n" * 399))
    assert list(larger(path, "\n" * 400)) == ["a.py"]
