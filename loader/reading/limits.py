"""How much of anything a file may have: more is a mistake, or made to harm."""

from dataclasses import dataclass

from loader.errors import SourceFileError
from loader.reading.row_places import ONE_FILE, RowPlaces

MB = 1_000_000

SURELY_FINE = 4 * MB
"""Bytes that may be packed into however few."""

MOST_AT_ONCE = 100 * MB
"""Characters in the rows of a few pages of a sheet's XML, which are in memory together."""

MOST_ROWS = 1_048_576
"""Rows of a sheet, in the programs that make them."""

MOST_SHEETS = 1000
"""Sheets of a workbook, each of which is looked into."""

MOST_COLUMNS = 1000
"""RE2 repeats a pattern no more often; a table of leads has a tenth of it."""

EMPTY_FIELD = 4
"""Bytes that a field takes at least, be it only in memory: a row may lack its last ones."""


class ExceededError(ValueError):
    """A limit is exceeded; the message says which, and not of which file."""


def check_sheets(sheets: int) -> None:
    """Raise ExceededError if a workbook has too many sheets."""
    if sheets > MOST_SHEETS:
        raise ExceededError(
            f"it has more than {MOST_SHEETS:,} sheets; save the one with the leads in a file of "
            "its own"
        )


@dataclass(frozen=True)
class Limits:
    """The limits of a file; each has the name of the option that sets it.

    `max_file_size`: MB as stored. `max_unpacked_size`: MB of what is packed in it.
    `max_unpacked_ratio`: how many times larger than stored that may be. `max_line_size`: MB of a
    line of text, or a row of a sheet. `max_field_length`: characters of a value. `max_columns`: of
    a table.
    `max_blank_rows`: rows without a value, of the whole file. `max_workbook_memory`: MB that it
    takes to read a workbook of an old format.
    """

    max_file_size: int = 4_096
    max_unpacked_size: int = 16_384
    max_unpacked_ratio: int = 100
    max_line_size: int = 16
    max_field_length: int = 1_000_000
    max_columns: int = MOST_COLUMNS
    max_blank_rows: int = MOST_ROWS
    max_workbook_memory: int = 800

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

    @staticmethod
    def check_at_once(size: int, where: str) -> None:
        """Raise SourceFileError if so many characters are too many for rows read together."""
        if size > MOST_AT_ONCE:
            raise SourceFileError(
                f"{where} and a few before it have more than {MOST_AT_ONCE // MB} million "
                "characters, mostly the same long texts; no lead file has that, whatever "
                "max_unpacked_size allows"
            )

    def check_line(self, size: int, where: str) -> None:
        """Raise SourceFileError if so many bytes are too many for a line."""
        if size > self.max_line_size * MB:
            raise SourceFileError(
                f"{where} is longer than the {self.max_line_size:,} MB that max_line_size allows;"
                " this is no lead file, or its line ends are missing; see what is in it before you"
                " raise --max-line-size"
            )

    def check_columns(self, columns: int, where: str = "it") -> None:
        """Raise ExceededError if there are too many columns."""
        if columns > self.max_columns:
            more = (
                "raise --max-columns"
                if columns <= MOST_COLUMNS
                else f"leave out those that are not used: at most {MOST_COLUMNS:,} can be read"
            )
            raise ExceededError(
                f"{where} has {columns:,} columns, and max_columns allows {self.max_columns:,}; is"
                f" it the right file, without a stray value far to the right? Then {more}"
            )

    def check_field(self, length: int, where: str = "a cell") -> None:
        """Raise ExceededError if so many characters are too many for one value."""
        if length > self.max_field_length:
            raise ExceededError(
                f"{where} has more than the {self.max_field_length:,} characters that"
                " max_field_length allows; is a delimiter or a line end missing? Correct it, or"
                " raise --max-field-length"
            )

    def check_row(self, size: int, where: str) -> None:
        """Raise ExceededError if so many characters are too many for a row of a sheet."""
        if size > self.max_line_size * MB:
            raise ExceededError(
                f"{where} is longer than the {self.max_line_size:,} MB that max_line_size allows;"
                " see what is in it before you raise --max-line-size"
            )

    def check_blank_rows(self, rows: int) -> None:
        """Raise ExceededError if so many rows without a value are too many."""
        if rows > self.max_blank_rows:
            raise ExceededError(
                f"it has more than the {self.max_blank_rows:,} blank rows that max_blank_rows"
                " allows; delete them, or raise --max-blank-rows"
            )

    def check_memory(self, size: int) -> None:
        """Raise `memory_error` if so many bytes are too many for a workbook of an old format."""
        if size > self.max_workbook_memory * MB:
            raise self.memory_error()

    def memory_error(self) -> ExceededError:
        """Give the error of a workbook that cannot be read in the memory that it may take."""
        return ExceededError(
            f"it cannot be read in the {self.max_workbook_memory:,} MB of memory that"
            " max_workbook_memory allows; has it a stray value far below or to the right of the"
            " others? Delete it, or save it as .xlsx or CSV (UTF-8), or raise --max-workbook-memory"
        )


DEFAULT_LIMITS = Limits()


RowCounts = tuple[tuple[int, int, int], ...]
"""Fields, blank rows and bytes of consecutive rows, see `RowMeter.add`."""


class RowMeter:
    """Counts what the rows of a file are, which may be more than its bytes."""

    def __init__(self, limits: Limits, name: str, places: RowPlaces = ONE_FILE) -> None:
        """Begin to count; the name of the file and the places of its rows are for messages."""
        self.limits, self._name, self.places = limits, name, places
        self._blank = self._fields = self._size = 0

    def add(self, fields: int, *, blank: int, size: int) -> None:
        """Count the fields of rows once they are filled up, blank rows, and the bytes of both.

        SourceFileError: a limit is exceeded.
        """
        self._blank += blank
        self._fields += fields
        self._size += size
        try:
            self.limits.check_blank_rows(self._blank)
        except ExceededError as error:
            raise self.error(error) from None
        filled, ratio = self._fields * EMPTY_FIELD, self.limits.max_unpacked_ratio
        if filled > SURELY_FINE and filled > ratio * self._size:
            raise SourceFileError(
                f"{self._name}: with the empty fields that its rows lack it is more than {ratio:,}"
                " times as large, which max_unpacked_ratio does not allow; is its header that of"
                " another file? See what is in it before you raise --max-unpacked-ratio"
            )

    def add_all(self, counts: RowCounts) -> None:
        """Count what a `RowRecorder` has noted; SourceFileError: a limit is exceeded."""
        for fields, blank, size in counts:
            self.add(fields, blank=blank, size=size)

    def error(self, error: ExceededError) -> SourceFileError:
        """Name the file."""
        return SourceFileError(f"{self._name}: {error}")


class RowRecorder(RowMeter):
    """Notes what a meter elsewhere is to count; what is too much in all is not known here.

    Attributes:
        counts: what was counted, in its order.
    """

    def __init__(self, limits: Limits, name: str, places: RowPlaces = ONE_FILE) -> None:
        super().__init__(limits, name, places)
        self.counts: RowCounts = ()

    def add(self, fields: int, *, blank: int, size: int) -> None:
        """Note what is to be counted."""
        self.counts += ((fields, blank, size),)


def refuse_row(number: int) -> None:
    """Raise ValueError if a sheet has no row of this number."""
    if number > MOST_ROWS:
        raise ValueError(f"it has a row {number:,}, and at most {MOST_ROWS:,} can be read")
