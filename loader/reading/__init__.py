"""Source files: stored form, encoding, dialect and records, in this order."""
