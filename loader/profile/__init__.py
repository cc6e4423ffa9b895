"""The profile of a run: statistics of its rows and their outcomes, and the quality score."""
