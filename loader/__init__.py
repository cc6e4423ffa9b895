"""The core of leadloader: reading, cleaning, checking and inserting leads, chunk by chunk."""

__version__ = "0.1.0"
