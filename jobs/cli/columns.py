"""The command columns: what a file's columns are, and a mapping file to edit."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.cli.parameters import given_settings

if TYPE_CHECKING:
    from jobs.settings.settings import Settings
    from loader.fields.mapping import ColumnMapping
    from loader.reading.source import SourceFile


def show_columns(
    file: Annotated[str, typer.Argument(help="Path, folder; - standard input", metavar="FILE")],
    write: Annotated[
        Path | None, typer.Option(help="Write a mapping file to edit", metavar="FILE")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there")] = False,
    mask: Annotated[
        bool, typer.Option("--mask", help="Show the form of values only: 999-9999")
    ] = False,
    **given: Any,
) -> None:
    """Show the columns of a file, the field of each, and some of its values."""
    from jobs.load.request import open_files, vendor_mapping
    from loader.errors import UsageError
    from loader.fields.mapping import find_columns
    from loader.paths import visible_line
    from loader.reading.part_files import PartFiles

    settings = given_settings(given)
    if write is not None and write.exists() and not force:
        raise UsageError(f"--write: {write} is there already; name another file, or add --force")
    with open_files(PartFiles.find([file]), settings.options) as source:
        # The labels of custom fields are not known without a database: they stay unmapped.
        vendor = vendor_mapping(settings.options, None)
        optional = settings.map_optional
        mapping = find_columns(source.name, source.columns, settings.map, vendor, optional=optional)
        for line in _lines(source, mapping, is_masked=mask):
            print(visible_line(line))
        if write is not None:
            try:
                write.write_text(mapping_file_text(source, mapping, settings), "utf-8")
            except OSError as error:
                raise UsageError(f"--write: {write}: {error.strerror}") from None
            choose = f", and choose the column of {', '.join(mapping.choices)} in it"
            edit = f"edit it{choose if mapping.choices else ''}"
            print(f"written: {write}; {edit}, then load with --mapping-file {write}")


def _lines(source: "SourceFile", mapping: "ColumnMapping", *, is_masked: bool) -> list[str]:
    """Give a line for each column, those of the file's order, and what to do."""
    from loader.report.source_file import describe_format
    from loader.report.wording import visible

    fields: dict[str, list[str]] = {}
    for field, column in mapping.fields.items():
        fields.setdefault(column, []).append(field)
    candidates = {column: name for name, them in mapping.choices.items() for column in them}
    rows = []
    for column in source.columns:
        name = ", ".join(fields.get(column, ()))
        if not name and column in mapping.set_by_dialer:
            name = "(set by the dialer)"
        elif not name:
            meant = candidates.get(column) or mapping.proposals.get(column)
            name = f"? {meant}" if meant else "-"
        rows.append((visible(column), name, samples(source.sample[column], is_masked=is_masked)))
    widths = [max(len(row[place]) for row in rows) for place in (0, 1)]
    lines = [f"{source.name}: {describe_format(source)}"]
    lines += [f"note: {remark}" for remark in source.remarks]
    lines += [
        f"  {column:<{widths[0]}}  {name:<{widths[1]}}  {values}".rstrip()
        for column, name, values in rows
    ]
    lines += [
        f'did you mean {field}? --map {field}="{column}"'
        for column, field in mapping.proposals.items()
    ]
    for field, columns in mapping.choices.items():
        ways = " or ".join(f'--map {field}="{column}"' for column in columns)
        lines.append(f"{len(columns)} columns could be {field}; choose one by {ways}")
    if "phone_number" not in {*mapping.fields, *mapping.choices, *mapping.proposals.values()}:
        lines.append('no column is known as phone_number; name it by --map phone_number="..."')
    return lines


def samples(values: Iterable[str], *, is_masked: bool) -> str:
    """Give the first values of a column that differ, masked if they are to stay private."""
    from loader.report.source_file import sample_values

    return " | ".join(sample_values(values, is_masked=is_masked))


def mapping_file_text(source: "SourceFile", mapping: "ColumnMapping", settings: "Settings") -> str:
    """Write what is known of a vendor's file as a mapping file; values are masked in it."""
    from loader.options.source_file import VENDOR_OPTIONS

    given = settings.options.model_dump(
        mode="json", include={*VENDOR_OPTIONS}, exclude_defaults=True
    )
    if source.sheet is None:
        given = {"delimiter": source.delimiter} | given
        if source.encoding != "utf-8" and not source.bom:
            given = {"encoding": source.encoding} | given
    lines = ["# Written by leadloader columns. Behind each column: the form of its values."]
    tables = {name: value for name, value in given.items() if isinstance(value, dict)}
    lines += [f"{name} = {_toml(value)}" for name, value in given.items() if name not in tables]
    lines += ["", "[map]  # field = column", *_map_lines(source, mapping)]
    for name, table in tables.items():
        lines += ["", f"[{name}]"]
        lines += [f"{_key(key)} = {_toml(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _map_lines(source: "SourceFile", mapping: "ColumnMapping") -> Iterator[str]:
    """Give the lines of [map]; what is to be decided about is commented out."""

    def line(field: str, column: str) -> str:
        seen = f"  # {samples(source.sample[column], is_masked=True)}".rstrip(" #")
        return f"{_key(field)} = {_toml(column)}{seen}"

    for field, columns in mapping.choices.items():
        yield f"# Choose the column of {field}: take the # off one of these lines."
        yield from (f"# {line(field, column)}" for column in columns)
    undecided = {*chain(*mapping.choices.values())}
    by_column: dict[str, list[str]] = {}
    for field, column in mapping.fields.items():
        by_column.setdefault(column, []).append(field)
    for column in source.columns:
        names = by_column.get(column, [])
        if len(names) == 2 and mapping.name_order:
            names = [mapping.name_order]
        yield from (line(name, column) for name in names)
        if not names and column not in {*mapping.set_by_dialer, *undecided}:
            yield f"# {line(mapping.proposals.get(column, 'field'), column)}"


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else _toml(name)


def _toml(value: object) -> str:
    # What JSON writes of texts, numbers and lists is TOML, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
