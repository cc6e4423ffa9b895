"""The form of a file: how it is read, which column fills which field, and what is checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, Self

from jobs.load.request import read_options, vendor_mapping
from loader.errors import SourceFileError, UsageError
from loader.fields.full_name import FIRST_LAST, NAME_PAIRS
from loader.fields.lead import CUSTOM_PREFIX, usual_names
from loader.fields.mapping import ColumnMapping, VendorMapping, find_columns
from loader.options.duplicate_check import WINDOWS, Kind
from loader.options.load import LoadOptions
from loader.options.types import USUAL_ENCODINGS
from loader.reading.source import open_source
from loader.report.source_file import describe_format, sample_values
from loader.report.wording import visible
from loader.results.lines import count_of

MOST_COLUMNS = 200
"""Columns that are shown; of a file that has more, the others are mapped by their names."""

COLUMN = "column-"
"""What the fields of the form begin with that say which field a column fills."""

ON = "Y"
ALL_ROWS = "all"


@dataclass(frozen=True)
class FileForm:
    """What somebody chose, as texts of a form."""

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    list_id: str = ""
    list_of: str = ""
    """`ALL_ROWS`: whatever list they name."""
    campaign_id: str = ""
    duplicates: str = "NONE"
    """A duplicate_check without its days; several checks with theirs."""
    days: str = ""
    dnc_check: str = "N"
    campaign_dnc_check: str = "N"
    list_exists_check: str = ""
    read_as: str = ""
    """How the file was read when the columns were shown."""

    @classmethod
    def of_options(cls, options: LoadOptions) -> Self:
        """Show options."""
        checks = options.duplicate_checks
        duplicates, days = options.duplicate_check or "NONE", ""
        if len(checks) == 1 and checks[0].kind is Kind.PHONE:
            duplicates, days = f"DUP{checks[0].scope}", str(checks[0].days or "")
        return cls(
            encoding=options.encoding or "",
            delimiter=options.delimiter or "",
            sheet=options.sheet or "",
            list_id=options.force_list_id or options.list_id,
            list_of=ALL_ROWS if options.force_list_id else "",
            campaign_id=options.campaign_id,
            duplicates=duplicates,
            days=days,
            dnc_check=options.dnc_check,
            campaign_dnc_check=options.campaign_dnc_check,
            list_exists_check=ON if options.list_exists_check == "Y" else "",
        )

    @classmethod
    def of_form(cls, form: Mapping[str, Any]) -> Self:
        """Read the form."""
        names = [field.name for field in fields_of(cls)]
        return cls(**{name: str(form.get(name, "")).strip() for name in names})

    @property
    def reading(self) -> str:
        """How the file is to be read."""
        return "|".join((self.encoding, self.delimiter, self.sheet))

    @property
    def given(self) -> dict[str, Any]:
        """The options that were chosen, by name; the mapping comes apart."""
        has_days = self.days and self.duplicates != "NONE" and "-" not in self.duplicates
        chosen = asdict(self) | {
            "duplicate_check": f"{self.duplicates}{self.days}DAY" if has_days else self.duplicates,
            "list_exists_check": "Y" if self.list_exists_check == ON else "N",
        }
        names = ("encoding", "delimiter", "sheet", "campaign_id", "duplicate_check", "dnc_check",
                 "campaign_dnc_check", "list_exists_check")  # fmt: skip
        given = {name: chosen[name] for name in names if chosen[name]}
        # The settings may have the one that was not chosen.
        lists = {"list_id": self.list_id, "force_list_id": ""}
        if self.list_of == ALL_ROWS:
            lists = {"list_id": "", "force_list_id": self.list_id}
        return given | lists


DELIMITERS = {
    "": "what is found", ",": "comma", ";": "semicolon", "tab": "tab", "|": "vertical bar",
}  # fmt: skip
DUPLICATES = {
    "NONE": "nowhere", "DUPLIST": "in the same list", "DUPCAMP": "in the lists of its campaign",
    "DUPSYS": "in all lists",
}  # fmt: skip
DNC = {
    "N": "is not asked", "Y": "rejects numbers on it", "AREACODE": "and rejects area codes on it",
}  # fmt: skip
ENCODINGS = {"": "UTF-8, or what is found", **{name: name for name in USUAL_ENCODINGS}}
DAYS = {
    "": "all of them",
    **{str(days): f"those entered in the last {count_of(days, 'day')}" for days in WINDOWS},
}


def option_choices(form: FileForm) -> dict[str, list[tuple[str, str]]]:
    """Give the values that options can have, with words for them; what was set is among them."""
    return {
        "delimiter": _choices(DELIMITERS, form.delimiter),
        "encoding": _choices(ENCODINGS, form.encoding),
        "duplicates": _choices(DUPLICATES, form.duplicates),
        "days": _choices(DAYS, form.days),
        "dnc": _choices(DNC, ""),
    }


def _choices(known: Mapping[str, str], chosen: str) -> list[tuple[str, str]]:
    more = {chosen: f"as set: {visible(chosen, 40)}"} if chosen and chosen not in known else {}
    return [*known.items(), *more.items()]


@dataclass(frozen=True)
class Column:
    """A column of the file, as the form shows it."""

    name: str
    chosen: str
    """The field that it fills; "": none."""
    maybe: str
    """The field that it may be meant for, if it fills none."""
    is_of_dialer: bool
    """Only the dialer sets a field of that name."""
    samples: Sequence[str]


@dataclass(frozen=True)
class FileColumns:
    """The columns of a file that was read."""

    columns: Sequence[Column]
    more: int
    """Columns that are not shown: they are mapped by their names."""
    looks: str
    """How it was read."""
    remarks: Sequence[str]
    known: frozenset[str]
    """Fields that would have a column if nothing were chosen: by names, or by the settings."""


def read_columns(
    content: Path, file: str, options: LoadOptions, labels: Sequence[str]
) -> FileColumns:
    """Read a file, and map its columns as far as their names and the options tell it.

    Args:
        content: where it is.
        file: its name, for messages.
        options: of the load.
        labels: of custom fields.

    Raises:
        LoaderError: it cannot be read, see `open_source`.
    """
    with open_source(str(content), read_options(options, str(content))) as source:
        vendor = vendor_mapping(options, labels)
        mapping = _mapping(file, source.columns, options, vendor, labels)
        names = source.columns[:MOST_COLUMNS]
        shown = [_column(name, mapping, sample_values(source.sample[name])) for name in names]
        by_name = (field for field, column in mapping.fields.items() if column in names)
        by_site = [*options.map, *(vendor.fields if vendor else ())]
        known = {*by_name, *mapping.choices, *_plain_fields(by_site)}
        more = len(source.columns) - len(names)
        return FileColumns(shown, more, describe_format(source), source.remarks, frozenset(known))


def _mapping(
    file: str,
    columns: Sequence[str],
    options: LoadOptions,
    vendor: VendorMapping | None,
    labels: Sequence[str],
) -> ColumnMapping:
    try:
        return find_columns(file, columns, options.map, vendor, labels, options.map_optional)
    except SourceFileError:
        # What the site has for its vendors is not right for this file.
        return find_columns(file, columns, {}, None, labels)


def _column(name: str, mapping: ColumnMapping, samples: Sequence[str]) -> Column:
    filled = [field for field, column in mapping.fields.items() if column == name]
    if mapping.name_order and {*filled} == {*FIRST_LAST}:
        filled = [mapping.name_order]
    several = (field for field, columns in mapping.choices.items() if name in columns)
    maybe = next(several, mapping.proposals.get(name, ""))
    is_of_dialer = name in mapping.set_by_dialer
    return Column(name, filled[0] if filled else "", maybe, is_of_dialer, samples)


def field_choices(labels: Sequence[str]) -> dict[str, str]:
    """Give the fields that a column can fill, with what they are called."""
    plain = {name: name.replace("_", " ").capitalize() for name in usual_names()}
    first = {"phone_number": plain["phone_number"]}
    pairs = {
        pair: " and ".join(it.replace("_", " ") for it in pair.split("+")).capitalize()
        for pair in NAME_PAIRS
    }
    custom = {CUSTOM_PREFIX + label: f"Custom field {label}" for label in labels}
    return first | plain | pairs | custom


def chosen_map(
    form: Mapping[str, Any], found: FileColumns, labels: Sequence[str]
) -> dict[str, str]:
    """Read which column fills which field: the option map.

    Fields that would have a column by its name, and were given none, are mapped to nothing.

    Raises:
        UsageError: two columns are to fill one field, or none is the phone number.
    """
    choices, chosen = field_choices(labels), {}
    for number, column in enumerate(found.columns):
        name = str(form.get(f"{COLUMN}{number}", column.chosen))
        if not name or name not in choices:
            continue
        if name in chosen:
            raise UsageError(f"two columns are to fill {choices[name]}; choose one")
        chosen[name] = column.name
    fields = _plain_fields(chosen)
    if len({*fields}) < len(fields):
        raise UsageError("a name is to come from two columns; choose one")
    if "phone_number" not in chosen:
        raise UsageError("choose the column of the phone number")
    nothing = dict.fromkeys(sorted(found.known - {*fields}), "")
    return {name.removeprefix(CUSTOM_PREFIX): column for name, column in (chosen | nothing).items()}


def _plain_fields(names: Iterable[str]) -> list[str]:
    """Give the fields that names of `map` stand for."""
    return [each for name in names for each in (FIRST_LAST if name in NAME_PAIRS else (name,))]
