"""The report of a run: what is looked at, what is made of it, and the page that shows it."""
