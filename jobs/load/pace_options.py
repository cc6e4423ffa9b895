"""The options that do not change what becomes of a row."""

from loader.options.source_file import LIMITS

PACE_OPTIONS = {
    "batch_size", "chunk_size", "connections", "workers", "max_reject_rate", "max_duplicate_rate",
    "new_lead_url", "new_lead_url_rate", "engine", "scheduler", *LIMITS,
}  # fmt: skip
