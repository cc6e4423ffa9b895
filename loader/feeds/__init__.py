"""Feeds: files of numbers that must not be loaded."""
