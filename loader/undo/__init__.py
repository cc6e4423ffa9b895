"""Undo: loaded leads to the archive, changed leads back to their old values."""
