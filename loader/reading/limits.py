"""How large a file may be, as it is stored and unpacked: more is a mistake, or made to harm."""

from dataclasses import dataclass

from loader.errors import SourceFileError

MB = 1_000_000

SURELY_FINE = 16 * MB
"""Bytes that may be packed into however few."""

LONGEST_CELL = MB
"""Characters of a cell; a spreadsheet program takes 32,767."""

MOST_CELLS = 18_278
"""Columns of a sheet: those whose names have up to three letters."""

MOST_ROWS = 1_048_576
"""Rows of a sheet, likewise."""


@dataclass(frozen=True)
class Limits:
    """The limits of a file; each has the name of the option that sets it.

    `max_file_size`: MB as stored. `max_unpacked_size`: MB of what is packed in it.
    `max_unpacked_ratio`: how many times larger than stored that may be.
    """

    max_file_size: int = 4_096
    max_unpacked_size: int = 16_384
    max_unpacked_ratio: int = 100

    def check_stored(self, size: int, name: str) -> None:
        """Raise SourceFileError if so many bytes are too many to be stored."""
        if size > self.max_file_size * MB:
            raise SourceFileError(
                f"{name}: it is larger than the {self.max_file_size:,} MB that max_file_size"
                " allows; is it the right file? Then raise --max-file-size"
            )

    def check_unpacked(self, size: int, stored: int, name: str) -> None:
        """Raise SourceFileError if so many bytes are too many for a packed file of `stored`."""
        if size > self.max_unpacked_size * MB:
            raise SourceFileError(
                f"{name}: unpacked it is larger than the {self.max_unpacked_size:,} MB that"
                " max_unpacked_size allows; is it the right file? Then raise --max-unpacked-size"
            )
        if size > SURELY_FINE and size > self.max_unpacked_ratio * stored:
            raise SourceFileError(
                f"{name}: unpacked it is more than {self.max_unpacked_ratio:,} times as large,"
                " which max_unpacked_ratio does not allow; no usual file of leads is, see what is"
                " in it before you raise --max-unpacked-ratio"
            )


DEFAULT_LIMITS = Limits()


def refuse_row(number: int) -> None:
    """Raise ValueError if a sheet has no row of this number."""
    if number > MOST_ROWS:
        raise ValueError(f"it has a row {number:,}, and at most {MOST_ROWS:,} can be read")


def refuse_large_row(cells: int) -> None:
    """Raise ValueError if a row of a sheet has too many cells."""
    if cells > MOST_CELLS:
        raise ValueError(f"it has a row of {cells:,} cells, and at most {MOST_CELLS:,} can be read")


def refuse_large_cell(length: int) -> None:
    """Raise ValueError if a cell has too many characters."""
    if length > LONGEST_CELL:
        raise ValueError(f"it has a cell of more than the {LONGEST_CELL:,} characters it may have")
