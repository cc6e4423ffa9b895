"""What is shown of a source file before it is loaded."""

from collections.abc import Iterable
from itertools import islice

from loader.reading.header import mask_values
from loader.reading.source import SourceFile
from loader.report.wording import visible
from loader.results.lines import count_of

DELIMITERS = {",": "comma", "\t": "tab", "|": "pipe", ";": "semicolon"}

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


def describe_format(source: SourceFile) -> str:
    """Say of what format a file is: xlsx, sheet January; or 3 files, utf-8, comma separated."""
    header = "with a header" if source.header else "without a header"
    if (source.header_row or 1) > 1:
        header += f" in row {source.header_row}"
    if source.sheet is not None:
        return f"{source.format}, sheet {source.sheet}, {header}"
    delimiter = DELIMITERS.get(source.delimiter, repr(source.delimiter))
    bom = " with byte order mark" if source.bom else ""
    packed = f", {source.compression}" if source.compression else ""
    several = f"{count_of(len(source.parts), 'file')} as one, " if source.parts else ""
    return f"{several}{source.encoding}{bom}, {delimiter} separated, {header}{packed}"
