"""The names of columns."""

import pytest

from loader.reading.columns import unique_names


@pytest.mark.parametrize(
    ("names", "unique"),
    [
        pytest.param(["a", "b"], ("a", "b"), id="as-they-are"),
        pytest.param(["a", "", " "], ("a", "column 2", "column 3"), id="empty"),
        pytest.param(["Notes", "Notes", "Notes"], ("Notes", "Notes (2)", "Notes (3)"), id="again"),
        pytest.param(["a", "a", "a (2)"], ("a", "a (2)", "a (2) (2)"), id="taken"),
        pytest.param(["", "column 1"], ("column 1", "column 1 (2)"), id="taken-by-an-empty-one"),
        pytest.param(["a", "A", " a"], ("a", "A", " a"), id="untouched"),
    ],
)
def test_names_are_made_unique(names: list[str], unique: tuple[str, ...]) -> None:
    assert unique_names(names) == unique
