"""Which options decide about rows: those that tell two loads of one file apart."""

import hashlib
from typing import Any

from loader.options.load import LoadOptions
from loader.options.source_file import LIMITS

PACE_OPTIONS = {
    "batch_size", "chunk_size", "connections", "workers", "max_reject_rate", "max_duplicate_rate",
    "new_lead_url", "new_lead_url_rate", "engine", "scheduler", "read_connections",
    "shared_folder", *LIMITS,
}  # fmt: skip
"""Options that do not change what becomes of a row."""


def decisive_options(options: LoadOptions) -> dict[str, Any]:
    """Give the options that tell two loads of one file apart.

    Defaults are left out: otherwise a newer version with an additional option would load every file
    again. A mapping file counts by its content, a feed, which changes every day, by its name.
    """
    decisive = options.model_dump(mode="json", exclude=PACE_OPTIONS, exclude_defaults=True)
    if options.mapping_file is not None and options.mapping_file.is_file():
        content = options.mapping_file.read_bytes()
        decisive["mapping_file"] = hashlib.sha256(content).hexdigest()
    if options.feed:
        decisive["feed"] = sorted(options.feed)
    return decisive
