"""Who may call: users of the dialer, and their passwords."""
