"""The compare job: the runs of several sources side by side, as a table and a page."""
