"""Lines of plain-text reports."""

from collections.abc import Iterable, Sequence


def count_of(count: int, what: str) -> str:
    """Say how many: 1 lead, 1,000 leads."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def align(rows: Iterable[Sequence[str]], sides: str) -> list[str]:
    """Put cells under one another; `sides` has < or > for each column."""
    lines = [[*row, *[""] * (len(sides) - len(row))] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
