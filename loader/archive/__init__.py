"""The archive: select leads, move them to their archive tables and back, report what moved.

Nothing here knows the checks of new leads.
"""
