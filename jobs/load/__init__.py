"""The load jobs, import and validate: one source file through checks, insert and results.

Start reading at `load` in `job`.
"""
