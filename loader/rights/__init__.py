"""Rights of a database account: what it has, and what a job needs."""
