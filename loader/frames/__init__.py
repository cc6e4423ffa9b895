"""Frames: Arrow and pandas, collation of texts, keys and frames kept on disk."""
