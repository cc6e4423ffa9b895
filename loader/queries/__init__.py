"""Queries: what is asked of the dialer's database, once a run or once a chunk."""
