"""Which column of a source file fills which field of a lead."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from loader.errors import ConfigurationError, SourceFileError, UsageError
from loader.fields.lead import CUSTOM_PREFIX, NEVER_LOADED, plain, usual_names
from loader.fields.reject_file import result_columns


@dataclass(frozen=True)
class ColumnMapping:
    """The columns of one file, by field."""

    fields: Mapping[str, str]
    """Source column by field."""
    unmapped: tuple[str, ...]
    """Source columns that fill no field."""
    set_by_dialer: tuple[str, ...] = ()
    """Source columns named like fields that the dialer fills by itself."""


@dataclass(frozen=True)
class VendorMapping:
    """A mapping file: what a vendor calls things."""

    fields: Mapping[str, str]
    """Its table [map]: source column by field."""
    names: Mapping[str, Sequence[str]]
    """Its table [names]: more names for fields, as in names.toml."""


def read_mapping_file(path: Path, labels: Collection[str] = ()) -> VendorMapping:
    """Read a vendor's mapping.

    Args:
        path: of the file.
        labels: of custom fields, which [map] may name too.

    Raises:
        ConfigurationError: the file cannot be read, or has something else than the tables [map]
            (field = "column") and [names] (field = ["name", ...]).
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"mapping file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"mapping file {path} is not valid TOML: {error}") from None
    fields, names = content.pop("map", {}), content.pop("names", {})
    if content:
        raise ConfigurationError(
            f"mapping file {path}: unknown {', '.join(content)}; its tables are [map], [names]"
        )
    if not _holds(fields, str):
        raise ConfigurationError(
            f'mapping file {path}: [map] has lines such as phone_number = "Tel"'
        )
    if not _holds(names, list) or not all(isinstance(n, str) for n in chain(*names.values())):
        raise ConfigurationError(f'mapping file {path}: [names] has lines such as city = ["Ort"]')
    for field in (*fields, *names):
        if field not in usual_names() and (field in names or field not in labels):
            raise ConfigurationError(f"mapping file {path}: {_no_field(field, labels)}")
    return VendorMapping(fields, names)


def _holds(table: object, kind: type) -> bool:
    return isinstance(table, dict) and all(isinstance(value, kind) for value in table.values())


def map_columns(
    file: str,
    columns: Sequence[str],
    explicit: Mapping[str, str],
    vendor: VendorMapping | None = None,
    labels: Collection[str] = (),
) -> ColumnMapping:
    """Find the column of each field.

    What is named explicitly wins over the vendor's file, then come custom fields, whose label is
    the column's very name, then the usual names.

    Args:
        file: its name, for messages.
        columns: of the source file.
        explicit: column by field (option `map`).
        vendor: a mapping file.
        labels: of custom fields; the field of each is `custom:` and its label.

    Raises:
        UsageError: `explicit` names no field, or a column that the file does not have.
        SourceFileError: two columns stand for one field, or none for phone_number.
    """
    fields: dict[str, str] = {}
    for source, wanted in (("--map", explicit), ("the mapping file", vendor and vendor.fields)):
        for name, column in (wanted or {}).items():
            field = field_named(source, name, labels)
            if field not in fields:
                fields[field] = _column(file, source, column, columns)
    for label in labels:
        if label in columns:
            fields.setdefault(CUSTOM_PREFIX + label, label)
    _by_usual_names(file, columns, fields, vendor)
    if not fields:
        # Then it may be no header, and what stands in it a person's.
        raise SourceFileError(
            f"{file}: none of its {len(columns)} columns has a name that is known; is the first "
            'row a header? Name columns by --map phone_number="...", or the file\'s --layout'
        )
    if "phone_number" not in fields:
        raise SourceFileError(
            f"{file}: no column is known as phone_number among {_quoted(columns)}; name it by "
            '--map phone_number="..."'
        )
    return _complete(fields, columns)


def field_named(source: str, name: str, labels: Collection[str] = ()) -> str:
    """Give the field of a name that a user gave: a lead's, or that of a custom field.

    Args:
        source: where the name stands, for messages.
        name: of a field, or the label of a custom one.
        labels: of custom fields.

    Raises:
        UsageError: there is no such field.
    """
    if name in labels:
        return CUSTOM_PREFIX + name
    if name not in usual_names():
        raise UsageError(f"{source}: {_no_field(name, labels)}")
    return name


def _by_usual_names(
    file: str, columns: Sequence[str], fields: dict[str, str], vendor: VendorMapping | None
) -> None:
    """Add the fields that have no column yet and whose names a column has."""
    more = vendor.names if vendor else {}
    for field, names in usual_names().items():
        if field not in fields:
            known = {plain(name) for name in (field, *names, *more.get(field, ()))}
            free = [c for c in columns if c not in fields.values()]
            found = [c for c in free if plain(_unnumbered(c, columns)) in known]
            if len(found) > 1:
                raise SourceFileError(
                    f"{file}: columns {_quoted(found)} all stand for {field}; say which by "
                    f'--map {field}="{found[0]}"'
                )
            if found:
                fields[field] = found[0]


def _unnumbered(column: str, columns: Sequence[str]) -> str:
    """Give the name that a column had before a second one of it was told apart: `Phone (2)`."""
    name = re.sub(r" \(\d+\)$", "", column)
    return name if name in columns else column


def _complete(fields: Mapping[str, str], columns: Sequence[str]) -> ColumnMapping:
    ours = result_columns(columns)
    rest = [c for c in columns if c not in fields.values() and c not in ours]
    dialers = {plain(name) for name in NEVER_LOADED}
    return ColumnMapping(
        fields,
        tuple(c for c in rest if plain(c) not in dialers),
        tuple(c for c in rest if plain(c) in dialers),
    )


def _column(file: str, source: str, column: str, columns: Sequence[str]) -> str:
    if column in columns:
        return column
    by_name = {plain(column): column for column in reversed(columns)}
    if plain(column) and plain(column) in by_name:
        return by_name[plain(column)]
    raise UsageError(f"{source}: {file} has no column {column!r}; it has {_quoted(columns)}")


def _no_field(field: str, labels: Collection[str] = ()) -> str:
    known = ", ".join([*usual_names(), *labels])
    custom = "" if labels else "; labels of custom fields count with custom_fields Y"
    return f"{field!r} is no field of a lead; the fields are {known}{custom}"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
