"""The two HTTP APIs of the dialer: the form of requests and the texts of answers."""
