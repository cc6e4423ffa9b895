"""A digest says whether two values are the same, also to another process."""

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from loader.frames.digest import digest_of


@dataclass(frozen=True)
class Pair:
    one: Any
    other: Any = None
    made: Any = field(init=False, default=0)


VALUES: list[Any] = [
    None, 0, 1, 1.0, "1", b"1", True, date(2026, 1, 2), (), [], {}, set(), (1, 2), (2, 1), [1, 2],
    ((1,), 2), {"a": 1, "b": 2}, {"b": 2, "a": 1}, {1, 2}, frozenset({1, 2}), Pair(1), Pair(1, 2),
    np.array([1, 2]), np.array([[1, 2]]), np.array([1, 2], dtype=np.uint8),
    pd.Series([1, 2]), pd.Series([1, 2], index=[1, 2]), pd.Series(["a", None], dtype="str"),
    pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]}), pd.DataFrame({"a": [1]}, index=[1]),
]  # fmt: skip


def test_different_values_have_different_digests() -> None:
    assert len({digest_of(value) for value in VALUES}) == len(VALUES)


def test_equal_values_have_the_same_digest() -> None:
    assert digest_of({*"abcdef"}) == digest_of({*"fedcba"})
    one, other = (pd.DataFrame({"a": ["x", "y"]}, dtype="str") for _ in range(2))
    assert digest_of(Pair(one)) == digest_of(Pair(other))


def test_other_processes_agree() -> None:
    program = (
        "from loader.frames.digest import digest_of; import pandas as pd; "
        "print(digest_of((frozenset('abcdef'), pd.Series(['a'], dtype='str'))).hex())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout.strip()
        for seed in "12"
    }  # fmt: skip
    assert found == {digest_of((frozenset("abcdef"), pd.Series(["a"], dtype="str"))).hex()}


def test_what_says_nothing_has_no_digest() -> None:
    for value in (lambda: None, object(), [object()]):
        with pytest.raises(TypeError, match="has no digest"):
            digest_of(value)
