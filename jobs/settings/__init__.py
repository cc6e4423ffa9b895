"""Settings: flags, environment, settings files and defaults, put together and checked."""
