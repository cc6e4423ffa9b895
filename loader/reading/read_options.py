"""How a source file is read, as far as the user says."""

from dataclasses import dataclass
from typing import Literal

from loader.reading.header import FieldOf
from loader.reading.limits import DEFAULT_LIMITS, Limits
from loader.reading.spreadsheet import SheetOptions


def _no_field(_column: str) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    r"""How a source file is read.

    `delimiter`: one character, `tab` or `\t`; None: found among , tab | and ;
    `encoding`: None: UTF-8, or the one of the byte order mark; `mixed`: UTF-8, and cp1252 where it
    is not UTF-8.
    `layout`: the columns of a file without a header; its rows may have fewer fields.
    `columns`: likewise, as given by `--columns`: the first row must have as many fields.
    `sheet`: of a spreadsheet, see `SheetOptions`.
    `short_rows`: fill: so may those of a file with a header.
    `skip_rows`: so many rows are above the header; None: the header is found by `field_of`.
    `field_of`: gives the field that a column of some name fills, "" if none is known.
    `header`: False: there is none, and the columns are called `column 1` and so on; True: the first
    row is one, whatever it looks like; None: it has to look like one, unless columns are named.
    `limits`: how large the file may be. `follow_links`: the file may be a link to another one.
    `chunk_size`: records in a chunk. `block_size`: bytes read at once.
    """

    delimiter: str | None = None
    encoding: str | None = None
    layout: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    sheet: str | None = None
    short_rows: Literal["reject", "fill"] = "reject"
    skip_rows: int | None = None
    field_of: FieldOf = _no_field
    header: bool | None = None
    follow_links: bool = True
    limits: Limits = DEFAULT_LIMITS
    chunk_size: int = 20_000
    block_size: int = 1 << 20

    @property
    def has_header(self) -> bool:
        """Whether the first row names the columns."""
        return self.layout is None and self.columns is None and self.header is not False

    @property
    def of_sheet(self) -> SheetOptions:
        """Those of a spreadsheet."""
        return SheetOptions(
            sheet=self.sheet,
            skip_rows=self.skip_rows,
            has_header=self.has_header,
            field_of=self.field_of,
        )
