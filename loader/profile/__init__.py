"""The profile of a run: counts of what the rows and their outcomes look like, without any page."""
