"""Maps the columns of a source file to the fields of a lead."""

import difflib
import re
import shlex
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import ConfigurationError, SourceFileError, UsageError
from loader.fields.full_name import FIRST_LAST, FULL_NAMES, NAME_PAIRS, split_full_names
from loader.fields.lead import (
    CUSTOM_PREFIX,
    NEVER_LOADED,
    field_of_name,
    normalize_name,
    usual_names,
)
from loader.fields.proposals import nearest_field, unknown_field
from loader.fields.reject_file import result_columns
from loader.files import read_whole
from loader.paths import shell_quoted

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ColumnMapping:
    """The column mapping of one file."""

    fields: Mapping[str, str]
    """Source column by field."""
    unmapped: tuple[str, ...]
    """Source columns that are mapped to no field."""
    set_by_dialer: tuple[str, ...] = ()
    """Source columns named like fields that only the dialer sets."""
    proposals: Mapping[str, str] = dataclass_field(default_factory=dict)
    """Fields that have no column, by unmapped column whose name is almost theirs."""
    choices: Mapping[str, Sequence[str]] = dataclass_field(default_factory=dict)
    """Columns that all stand for a field, by the field; it has none of them until one is chosen."""
    name_order: str = ""
    """One of `NAME_PAIRS` if one column has first and last name; "" if none has."""
    missing: Mapping[str, str] = dataclass_field(default_factory=dict)
    """Columns that were named for optional fields and that the file does not have, by field."""

    def split_names(self, fields: "pd.DataFrame") -> "dict[str, pd.Series[str]]":
        """Give first_name and last_name (str) of rows where the first holds the whole name."""
        if not self.name_order:
            return {}
        names = split_full_names(fields["first_name"], self.name_order)
        return dict(zip(FIRST_LAST, names, strict=True))


@dataclass(frozen=True)
class VendorMapping:
    """The content of a mapping file: what is a vendor's."""

    fields: Mapping[str, str]
    """Its table [map]: source column by field."""
    names: Mapping[str, Sequence[str]]
    """Its table [names]: more usual names by field, as in names.toml."""
    options: Mapping[str, object] = dataclass_field(default_factory=dict)
    """All else: options of the load by name, not validated."""


def read_mapping_file(
    path: Path, labels: Collection[str] | None = (), options: Collection[str] = ()
) -> VendorMapping:
    """Read a vendor's mapping file.

    Args:
        path: a TOML file.
        labels: of custom fields, which [map] may name as well; None: it may name any.
        options: names of options of the load that it may hold beside its tables.

    Raises:
        ConfigurationError: it cannot be read or is no TOML, has anything but `options` and the
            tables [map] (field = "column") and [names] (field = ["name", ...]), or names an unknown
            field.
    """
    try:
        content = tomllib.loads(read_whole(path).decode())
    except OSError as error:
        raise ConfigurationError(f"mapping file {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"mapping file {path} is not valid TOML: {error}") from None
    fields, names = content.pop("map", {}), content.pop("names", {})
    _refuse_unknown(path, content, options)
    if not _has_only(fields, str):
        raise ConfigurationError(
            f'mapping file {path}: [map] has lines such as phone_number = "Tel"'
        )
    if not _has_only(names, list) or not all(isinstance(n, str) for n in chain(*names.values())):
        raise ConfigurationError(f'mapping file {path}: [names] has lines such as city = ["Ort"]')
    for name in fields:
        if labels is not None and name not in labels and not _is_field(name):
            raise ConfigurationError(f"mapping file {path}: {unknown_field(name, labels)}")
    for name in names:
        if name not in usual_names():
            raise ConfigurationError(f"mapping file {path}: {unknown_field(name, labels or ())}")
    return VendorMapping(fields, names, content)


def _refuse_unknown(path: Path, content: Mapping[str, object], options: Collection[str]) -> None:
    for name in content:
        if name not in options:
            close = difflib.get_close_matches(name, [*options, "map", "names"], 1)
            hint = f"; is {close[0]} meant?" if close else ";"
            known = ", ".join(["[map]", "[names]", *options])
            raise ConfigurationError(
                f"mapping file {path}: unknown {name}{hint} it can hold {known}"
            )


def _has_only(table: object, kind: type) -> bool:
    return isinstance(table, dict) and all(isinstance(value, kind) for value in table.values())


def _is_field(name: str) -> bool:
    return name in usual_names() or name in NAME_PAIRS


def map_columns(
    file: str,
    columns: Sequence[str],
    explicit: Mapping[str, str],
    vendor: VendorMapping | None = None,
    labels: Collection[str] = (),
    optional: Collection[str] = (),
) -> ColumnMapping:
    """Find the column of each field as `find_columns` does, of a file that is to be loaded.

    Raises:
        UsageError: as there.
        SourceFileError: as there; or two columns match one field, or none matches phone_number.
    """
    mapping = find_columns(file, columns, explicit, vendor, labels, optional)
    for field, found in mapping.choices.items():
        raise SourceFileError(
            f"{file}: columns {_quote_names(found)} all stand for {field}; say which by "
            f'--map {field}="{found[0]}"'
        )
    if not mapping.fields:
        # The first row may be no header but a person's data, so it is not shown.
        if delimiter := _odd_delimiter(columns):
            raise SourceFileError(
                f"{file}: there is one column in every row; its names are parted by {delimiter!r}: "
                f"add --delimiter {shell_quoted(delimiter)}"
            )
        of_delimiter = "; if a row has several, name what parts them by --delimiter"
        raise SourceFileError(
            f"{file}: none of its columns ({len(columns)}) has a known name; is the first row a "
            'header? Name columns by --map phone_number="...", by --columns, or the '
            f"file's --layout{of_delimiter if len(columns) == 1 else ''}; leadloader columns "
            f"{shlex.quote(file)} shows them"
        )
    if "phone_number" not in mapping.fields:
        meant = next((c for c, name in mapping.proposals.items() if name == "phone_number"), None)
        hint = f"did you mean '{meant}'? Name it" if meant else "name it"
        raise SourceFileError(
            f"{file}: no column is known as phone_number among {_quote_names(columns)}; {hint} by "
            f'--map phone_number="{meant or "..."}"'
        )
    return mapping


def find_columns(
    file: str,
    columns: Sequence[str],
    explicit: Mapping[str, str],
    vendor: VendorMapping | None = None,
    labels: Collection[str] = (),
    optional: Collection[str] = (),
) -> ColumnMapping:
    """Find the column of each field, as far as the names of the columns tell it.

    The option `map` (`explicit`) comes first, then the vendor's [map], then custom fields whose
    label is the exact name of a column, then the usual names. A field that is mapped to "" has no
    column, whatever their names are. `file` is its name, for messages. `optional` is the option
    `map_optional`.

    Raises:
        UsageError: `explicit` or the vendor's [map] names an unknown field, or a field twice;
            `optional` names an unknown one.
        SourceFileError: they name a column that the file does not have, and the field is not
            optional.
    """
    fields: dict[str, str] = {}
    missing: dict[str, str] = {}
    name_order = ""
    may_lack = {each for name in optional for each in _resolve_fields("map_optional", name, labels)}
    for source, named in (("--map", explicit), ("the mapping file", vendor and vendor.fields)):
        for name, (resolved, column) in _named_columns(source, named or {}, labels).items():
            if fields.keys() & set(resolved):
                continue
            if (found := _column(column, columns)) or not column:
                fields |= dict.fromkeys(resolved, found)
                name_order = name if name in NAME_PAIRS and found else name_order
            elif may_lack.issuperset(resolved):
                missing = dict.fromkeys(resolved, column) | missing
            else:
                raise SourceFileError(_no_column(file, source, name, column, columns))
    for label in labels:
        if label in columns:
            fields.setdefault(CUSTOM_PREFIX + label, label)
    for pair in NAME_PAIRS:
        # As --columns names it.
        if pair in columns and not fields.keys() & {*FIRST_LAST}:
            fields |= dict.fromkeys(FIRST_LAST, pair)
            name_order = pair
    choices = _map_by_usual_names(columns, fields, vendor)
    mapping = _column_mapping(fields, columns, choices, name_order)
    lacking = {name: column for name, column in missing.items() if name not in mapping.fields}
    return replace(mapping, missing=lacking)


def _named_columns(
    source: str, named: Mapping[str, str], labels: Collection[str]
) -> dict[str, tuple[tuple[str, ...], str]]:
    """Give the fields and the column of each name of `map`."""
    resolved = {name: _resolve_fields(source, name, labels) for name in named}
    given: set[str] = set()
    for name, fields in resolved.items():
        for each in given.intersection(fields):
            raise UsageError(f"{source}: {each} is given twice, by {name} too")
        given.update(fields)
    return {name: (fields, named[name]) for name, fields in resolved.items()}


def _resolve_fields(source: str, name: str, labels: Collection[str]) -> tuple[str, ...]:
    """Return the fields that a name of `map` stands for: one, or the two of `NAME_PAIRS`."""
    if name in NAME_PAIRS:
        return FIRST_LAST
    if "+" in name and name not in labels:
        raise UsageError(
            f"{source}: {name!r}: only first and last name can be in one column; write "
            f"{' or '.join(NAME_PAIRS)}"
        )
    return (resolve_field(source, name, labels),)


def _proposals(columns: Sequence[str], free: Sequence[str]) -> dict[str, str]:
    """Find the free field that an unmapped column is probably meant for; each field once."""
    free = list(free)
    found: dict[str, str] = {}
    for column in columns:
        if {*FIRST_LAST} <= {*free} and normalize_name(column) in FULL_NAMES:
            found[column] = NAME_PAIRS[0]
            free = [name for name in free if name not in FIRST_LAST]
            continue
        name = nearest_field(column, free)
        if name is None and nearest_field(column) == "phone_number" and "alt_phone" in free:
            name = "alt_phone"
        if name:
            found[column] = name
            free.remove(name)
    return found


def resolve_field(source: str, name: str, labels: Collection[str] = ()) -> str:
    """Return the field of that name, or the custom field of that label, else raise UsageError.

    `source` is where the name was given, for the message.
    """
    if name in labels:
        return CUSTOM_PREFIX + name
    if name not in usual_names():
        raise UsageError(f"{source}: {unknown_field(name, labels)}")
    return name


def _map_by_usual_names(
    columns: Sequence[str], fields: dict[str, str], vendor: VendorMapping | None
) -> dict[str, list[str]]:
    """Map each field that has no column yet and one of whose usual names a column has.

    Returns:
        The columns of fields for which there are several.
    """
    more = vendor.names if vendor else {}
    choices: dict[str, list[str]] = {}
    for field, names in usual_names().items():
        if field not in fields:
            known = {normalize_name(name) for name in (field, *names, *more.get(field, ()))}
            used = {*fields.values(), *chain(*choices.values())}
            free = [column for column in columns if column not in used]
            found = [c for c in free if normalize_name(_without_number(c, columns)) in known]
            if len(found) > 1:
                choices[field] = found
            elif found:
                fields[field] = found[0]
    return choices


def _without_number(column: str, columns: Sequence[str]) -> str:
    """Return the name in the file of a column that was numbered because it repeats: `Phone (2)`."""
    name = re.sub(r" \(\d+\)$", "", column)
    return name if name in columns else column


def _unused_columns(fields: Mapping[str, str], columns: Sequence[str]) -> list[str]:
    """Give the columns that are of no field, and are not set by the dialer or by us."""
    result_names, dialer_names = result_columns(columns), set(map(normalize_name, NEVER_LOADED))
    return [
        column
        for column in columns
        if column not in fields.values()
        and column not in result_names
        and normalize_name(column) not in dialer_names
    ]


def _column_mapping(
    fields: Mapping[str, str],
    columns: Sequence[str],
    choices: Mapping[str, Sequence[str]],
    name_order: str,
) -> ColumnMapping:
    unmapped = _unused_columns(fields, columns)
    used = {*fields.values(), *result_columns(columns), *unmapped}
    by_dialer = tuple(column for column in columns if column not in used)
    undecided = {*chain(*choices.values())}
    free = [name for name in usual_names() if name not in fields and name not in choices]
    proposals = _proposals([column for column in unmapped if column not in undecided], free)
    filled = {name: column for name, column in fields.items() if column}
    return ColumnMapping(filled, tuple(unmapped), by_dialer, proposals, choices, name_order)


def _column(column: str, columns: Sequence[str]) -> str:
    """Find the column that was named; "": there is none."""
    if column in columns:
        return column
    by_name = {normalize_name(column): column for column in reversed(columns)}
    by_name.pop("", None)
    return by_name.get(normalize_name(column), "")


def _no_column(file: str, source: str, name: str, column: str, columns: Sequence[str]) -> str:
    close = difflib.get_close_matches(column, columns, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    is_sure = bool(close) or name == "phone_number"
    optional = "" if is_sure else f"; --map-optional {name} loads it without"
    return (
        f"{source}: {file} has no column {column!r}; {hint}it has {_quote_names(columns)}{optional}"
    )


def _quote_names(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _odd_delimiter(columns: Sequence[str]) -> str:
    """Find what parts the names in a single one into known ones; empty: nothing does."""
    if len(columns) != 1:
        return ""
    marks = dict.fromkeys(re.findall(r"[\x01-\x1f!#$%&*+./:<=>?@^`~|\\-]", columns[0]))
    known = {mark: sum(map(bool, map(field_of_name, columns[0].split(mark)))) for mark in marks}
    best = max(known, key=lambda mark: known[mark], default="")
    # These stand in no name of a column, so that one that is known is enough.
    enough = 1 if best < " " or best in "^~|" else 2
    return best if best and known[best] >= enough else ""
