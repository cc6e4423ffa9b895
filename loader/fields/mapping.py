"""Maps the columns of a source file to the fields of a lead."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from loader.errors import ConfigurationError, SourceFileError, UsageError
from loader.fields.lead import CUSTOM_PREFIX, NEVER_LOADED, normalize_name, usual_names
from loader.fields.reject_file import result_columns


@dataclass(frozen=True)
class ColumnMapping:
    """The column mapping of one file."""

    fields: Mapping[str, str]
    """Source column by field."""
    unmapped: tuple[str, ...]
    """Source columns that are mapped to no field."""
    set_by_dialer: tuple[str, ...] = ()
    """Source columns named like fields that only the dialer sets."""


@dataclass(frozen=True)
class VendorMapping:
    """The content of a mapping file: a vendor's column names."""

    fields: Mapping[str, str]
    """Its table [map]: source column by field."""
    names: Mapping[str, Sequence[str]]
    """Its table [names]: more usual names by field, as in names.toml."""


def read_mapping_file(path: Path, labels: Collection[str] = ()) -> VendorMapping:
    """Read a vendor's mapping file; its [map] may name the labels of custom fields as well.

    ConfigurationError: it cannot be read or is no TOML, has anything but the tables [map]
    (field = "column") and [names] (field = ["name", ...]), or names an unknown field.
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
    if not _has_only(fields, str):
        raise ConfigurationError(
            f'mapping file {path}: [map] has lines such as phone_number = "Tel"'
        )
    if not _has_only(names, list) or not all(isinstance(n, str) for n in chain(*names.values())):
        raise ConfigurationError(f'mapping file {path}: [names] has lines such as city = ["Ort"]')
    for field in (*fields, *names):
        if field not in usual_names() and (field in names or field not in labels):
            raise ConfigurationError(f"mapping file {path}: {_unknown_field(field, labels)}")
    return VendorMapping(fields, names)


def _has_only(table: object, kind: type) -> bool:
    return isinstance(table, dict) and all(isinstance(value, kind) for value in table.values())


def map_columns(
    file: str,
    columns: Sequence[str],
    explicit: Mapping[str, str],
    vendor: VendorMapping | None = None,
    labels: Collection[str] = (),
) -> ColumnMapping:
    """Find the column of each field.

    The option `map` (`explicit`) comes first, then the vendor's [map], then custom fields whose
    label is the exact name of a column, then the usual names. `file` is its name, for messages.

    Raises:
        UsageError: `explicit` or the vendor's [map] names an unknown field or column.
        SourceFileError: two columns match one field, or none matches phone_number.
    """
    fields: dict[str, str] = {}
    for source, columns_by_name in (
        ("--map", explicit),
        ("the mapping file", vendor and vendor.fields),
    ):
        for name, column in (columns_by_name or {}).items():
            field = resolve_field(source, name, labels)
            if field not in fields:
                fields[field] = _column(file, source, column, columns)
    for label in labels:
        if label in columns:
            fields.setdefault(CUSTOM_PREFIX + label, label)
    _map_by_usual_names(file, columns, fields, vendor)
    if not fields:
        # The first row may be no header but a person's data, so it is not shown.
        raise SourceFileError(
            f"{file}: none of its {len(columns)} columns has a known name; is the first row "
            'a header? Name columns by --map phone_number="...", or the file\'s --layout'
        )
    if "phone_number" not in fields:
        raise SourceFileError(
            f"{file}: no column is known as phone_number among {_quote_names(columns)}; name it by "
            '--map phone_number="..."'
        )
    return _column_mapping(fields, columns)


def resolve_field(source: str, name: str, labels: Collection[str] = ()) -> str:
    """Return the field of that name, or the custom field of that label, else raise UsageError.

    `source` is where the name was given, for the message.
    """
    if name in labels:
        return CUSTOM_PREFIX + name
    if name not in usual_names():
        raise UsageError(f"{source}: {_unknown_field(name, labels)}")
    return name


def _map_by_usual_names(
    file: str, columns: Sequence[str], fields: dict[str, str], vendor: VendorMapping | None
) -> None:
    """Map each field that has no column yet and one of whose usual names a column has."""
    more = vendor.names if vendor else {}
    for field, names in usual_names().items():
        if field not in fields:
            known = {normalize_name(name) for name in (field, *names, *more.get(field, ()))}
            free = [c for c in columns if c not in fields.values()]
            found = [c for c in free if normalize_name(_without_number(c, columns)) in known]
            if len(found) > 1:
                raise SourceFileError(
                    f"{file}: columns {_quote_names(found)} all stand for {field}; say which by "
                    f'--map {field}="{found[0]}"'
                )
            if found:
                fields[field] = found[0]


def _without_number(column: str, columns: Sequence[str]) -> str:
    """Return the name in the file of a column that was numbered because it repeats: `Phone (2)`."""
    name = re.sub(r" \(\d+\)$", "", column)
    return name if name in columns else column


def _column_mapping(fields: Mapping[str, str], columns: Sequence[str]) -> ColumnMapping:
    result_names = result_columns(columns)
    rest = [c for c in columns if c not in fields.values() and c not in result_names]
    dialer_names = {normalize_name(name) for name in NEVER_LOADED}
    return ColumnMapping(
        fields,
        tuple(c for c in rest if normalize_name(c) not in dialer_names),
        tuple(c for c in rest if normalize_name(c) in dialer_names),
    )


def _column(file: str, source: str, column: str, columns: Sequence[str]) -> str:
    if column in columns:
        return column
    by_name = {normalize_name(column): column for column in reversed(columns)}
    if normalize_name(column) and normalize_name(column) in by_name:
        return by_name[normalize_name(column)]
    raise UsageError(f"{source}: {file} has no column {column!r}; it has {_quote_names(columns)}")


def _unknown_field(field: str, labels: Collection[str] = ()) -> str:
    known = ", ".join([*usual_names(), *labels])
    custom = "" if labels else "; labels of custom fields count with custom_fields Y"
    return f"{field!r} is no field of a lead; the fields are {known}{custom}"


def _quote_names(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
