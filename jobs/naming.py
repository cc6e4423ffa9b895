"""The names of runs, and so of their result folders."""

import secrets
from datetime import datetime


def run_name(began: datetime, what: str) -> str:
    """Name a run; no two have the same name.

    Args:
        began: when, in any zone.
        what: what it is about, such as the begin of the file's SHA-256.
    """
    return f"{began:%Y%m%d-%H%M%S}-{what}-{secrets.token_hex(2)}"
