"""Files that are sent to the service."""
