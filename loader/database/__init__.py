"""The database: connections, errors, locks, catalogue, throttle, and what each server needs."""
