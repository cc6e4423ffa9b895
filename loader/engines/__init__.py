"""Where the checks are computed, if not in processes of this machine."""
