"""Values of a column, for who decides which field it fills."""

from collections.abc import Iterable
from itertools import islice

from loader.reading.header import mask_values
from loader.report.wording import visible

SAMPLES = 3
"""Values shown of each column."""

LONGEST_SAMPLE = 30

FIRST_ROWS = 30
"""Filled values that are looked at for them."""


def sample_values(values: Iterable[str], *, is_masked: bool = False) -> list[str]:
    """Give the first values that differ, cut, and masked if they are to stay private."""
    filled = (value for value in values if value.strip())
    texts = [mask_values([value]) if is_masked else value for value in islice(filled, FIRST_ROWS)]
    return [visible(text, most=LONGEST_SAMPLE) for text in dict.fromkeys(texts)][:SAMPLES]
