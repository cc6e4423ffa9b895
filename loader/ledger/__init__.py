"""The ledger: the runs and their batches, in our own tables next to the dialer's."""
