"""The nightly job: the files of drop folders, one load each, then archiving and a report."""
