"""What is said of an error that is nobody's but ours."""

import traceback
from pathlib import Path


def bug_of_ours(error: Exception) -> str:
    """Say where it happened, not what: the text of an error may hold a person's data."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
    return f"a bug of ours: {where}; please report it"
