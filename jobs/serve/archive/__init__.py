"""The Lead Archive API."""
