"""The odd values of a frame, in the order of its rows."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

from loader.frames.arrow import to_series
from loader.profile.odd_values import Chunk
from loader.profile.oddities import find_odd_positions
from loader.profile.texts import NO_POSITIONS, Texts


def find_oddities(
    fields: pd.DataFrame, today: date, *, date_format: str | None = None, region: str = "US"
) -> pd.DataFrame:
    """Find the values of a chunk that look wrong.

    Args:
        fields: index row_number; str columns named as lead fields, as the file has them.
        today: the date from which ages are counted.
        date_format: of date_of_birth; None: ISO.
        region: of rows that have neither a country_code nor a phone_code.

    Returns:
        A row for each such value, in the order of `fields`: index row_number, which may repeat;
        columns oddity, field and value, trimmed (all str).
    """
    texts = {str(name): Texts(fields[name]) for name in fields}
    found = [
        *find_odd_positions(Chunk(texts, today, (date_format,) if date_format else (), region))
    ]
    positions = np.concatenate([NO_POSITIONS, *(each.positions for each in found)])
    sizes = [len(each.positions) for each in found]
    values = pa.chunked_array(
        [texts[each.field].take(each.positions) for each in found], pa.large_string()
    )
    reported = {
        "oddity": np.repeat(np.array([each.oddity.value for each in found], dtype=object), sizes),
        "field": np.repeat(np.array([each.field for each in found], dtype=object), sizes),
        "value": to_series(values, pd.RangeIndex(len(positions))).to_numpy(),
    }
    frame = pd.DataFrame(reported, index=fields.index[positions], dtype="str")
    return frame.iloc[np.argsort(positions, kind="stable")]
