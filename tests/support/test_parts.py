import itertools
from collections import Counter

import pytest

from tests.support.parts import Part, Points, sample_of

NAMES = [f"tests/test_a.py::test_b[{n}]" for n in range(200)]


@pytest.mark.parametrize("count", [1, 2, 7])
def test_each_test_is_in_one_part(count: int) -> None:
    parts = [Part(number, count) for number in range(1, count + 1)]
    assert [sum(part.has(name) for part in parts) for name in NAMES] == [1] * len(NAMES)
    assert all(any(part.has(name) for name in NAMES) for part in parts)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_each_point_of_a_test_is_in_one_part(count: int) -> None:
    for name in NAMES[:20]:
        found = Counter[int]()
        for number in range(1, count + 1):
            points = Part(number, count).points(name)
            found.update(itertools.takewhile(lambda point: point <= 50, points))
        assert found == dict.fromkeys(range(1, 51), 1)


def test_points_are_counted() -> None:
    points = Points(itertools.count(3, 10))
    assert [next(points), next(points)] == [3, 13]
    assert points.begun == 2


@pytest.mark.parametrize("text", ["", "3", "0/10", "11/10", "1/0", "-1/3", "a/b", "1/2/3"])
def test_what_is_no_part(text: str) -> None:
    with pytest.raises(ValueError, match="is no part: give the third of ten as 3/10"):
        Part.of(text)


def test_a_part_in_words() -> None:
    assert Part.of("3/10") == (3, 10)


def test_a_sample() -> None:
    chosen = sample_of(NAMES, 20, 0)
    assert len(chosen) == 20
    assert chosen < {*NAMES}
    assert sample_of(reversed(NAMES), 20, 0) == chosen
    assert sample_of(NAMES, 20, 1) != chosen
    assert sample_of(NAMES[:5], 20, 0) == {*NAMES[:5]}
