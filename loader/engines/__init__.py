"""What computes beside the main thread: processes of this machine, one thread ahead, a cluster."""
