"""The archive job: move leads to the archive and back, chunk by chunk, around the dialer's load."""
