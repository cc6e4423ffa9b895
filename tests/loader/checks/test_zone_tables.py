"""The index of texts by how they begin."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.checks.zone_tables import Beginnings
from loader.frames.arrow import to_arrow


@pytest.mark.property
@given(
    texts=st.lists(st.text("aé1. \U0001f600", max_size=4), max_size=8),
    beginnings=st.lists(st.text("aé1. \U0001f600", max_size=4), max_size=8),
)
def test_the_first_text_that_begins_so(texts: list[str], beginnings: list[str]) -> None:
    column, asked = (pd.Series(values, dtype="str") for values in (texts, beginnings))
    expected = [
        next((row for row, text in enumerate(texts) if text.startswith(begin)), -1)
        for begin in beginnings
    ]
    assert Beginnings(column).find(to_arrow(asked)).tolist() == expected
