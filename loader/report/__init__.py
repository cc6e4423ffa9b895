"""The page of a run: its values, words and charts, and the comparison of files."""
