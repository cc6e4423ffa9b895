"""The digest of a value by what it says: the same in every process and on every machine."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd


def digest_of(value: Any) -> bytes:
    """Give the SHA-256 of plain values, containers, dataclasses of them, arrays and frames.

    Of mappings the order counts; of sets it does not. Of a dataclass the fields count that it is
    made with.

    Raises:
        TypeError: there is a value of another type, such as a function, that says nothing.
    """
    if isinstance(value, Set):
        parts = sorted(map(digest_of, value))
    else:
        items = _items_of(value)
        parts = [_bytes_of(value)] if items is None else [*map(digest_of, items)]
    digest = hashlib.sha256(type(value).__qualname__.encode())
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.digest()


def _items_of(value: Any) -> Iterable[Any] | None:
    """Give what a value is made of; None: it is one thing."""
    match value:
        case pd.DataFrame() | pd.Series() | pd.Index():
            hashes = pd.util.hash_pandas_object(value).to_numpy()
            return [*getattr(value, "columns", ())], hashes.tobytes()
        case np.ndarray():
            return str(value.dtype), value.shape, value.tobytes()
        case Mapping():
            return value.items()
        case _ if is_dataclass(value):
            return [getattr(value, field.name) for field in fields(value) if field.init]
        case Sequence() if not isinstance(value, str | bytes):
            return value
    return None


def _bytes_of(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    text = repr(value)
    if not isinstance(value, str) and " at 0x" in text:
        raise TypeError(f"{type(value).__qualname__} has no digest")
    return text.encode()
