"""The service: the dialer's HTTP APIs, files, and a page in the browser."""
