"""The checks of rows: clean fields, normalize phones, apply the rules, find duplicates.

Every check is a function of frames and plain data; no module here reaches a database.
"""
