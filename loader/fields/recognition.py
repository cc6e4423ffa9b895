"""Which field a column would fill by its name alone, before the columns of a file are mapped."""

import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from loader.fields.lead import normalize_name, usual_names
from loader.files import read_whole


def field_namer(
    explicit: Mapping[str, str] | None = None, mapping_file: Path | None = None
) -> Callable[[str], str]:
    """Return a function that gives the field of a column's name, "" if none is known.

    `explicit` is the option `map`. What is wrong with a mapping file is reported where columns are
    mapped, not here.
    """
    fields = {
        normalize_name(name): field
        for field, names in usual_names().items()
        for name in (field, *names)
    }
    with suppress(OSError, ValueError, RecursionError, AttributeError, TypeError):
        vendor = tomllib.loads(read_whole(mapping_file).decode()) if mapping_file else {}
        for field, names in vendor.get("names", {}).items():
            fields |= {normalize_name(name): field for name in names}
        fields |= {normalize_name(name): field for field, name in vendor.get("map", {}).items()}
    fields |= {normalize_name(name): field for field, name in (explicit or {}).items()}
    fields.pop("", None)
    return lambda column: fields.get(normalize_name(column), "")
