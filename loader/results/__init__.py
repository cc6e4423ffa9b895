"""Results: the files of a run, its summary, and the words for reasons and notices."""
