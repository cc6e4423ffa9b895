"""Options: what a user can ask of a load, an archive run or a report, with types and defaults."""
