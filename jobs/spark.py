"""A row of numbers as a row of bars, for the terminal."""

import math
from collections.abc import Iterable

BARS = "▁▂▃▄▅▆▇█"


def spark(values: Iterable[float], highest: float | None = None) -> str:
    """Draw numbers from 0 on as bars, one character each; "" for no numbers.

    The highest bar stands for `highest`, by default for the largest number; what is beyond is
    drawn as high, and what is below 0, or is no number, as low as 0.
    """
    numbers = [0.0 if math.isnan(value) else max(0.0, value) for value in values]
    top = max(numbers, default=0.0) if highest is None else highest
    return "".join(_bar(number, top) for number in numbers)


def _bar(number: float, top: float) -> str:
    share = min(1.0, number / top) if number < top else float(number > 0)
    return BARS[round(share * (len(BARS) - 1))]
