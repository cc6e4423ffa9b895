"""The ledger: the runs and their batches, in tables of our own beside the dialer's."""
