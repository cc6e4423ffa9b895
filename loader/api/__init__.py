"""The dialer's HTTP APIs: formats of requests and texts of responses."""
