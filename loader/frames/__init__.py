"""Frames: pandas and Arrow columns, collation keys, and keys, numbers and frames on disk."""
