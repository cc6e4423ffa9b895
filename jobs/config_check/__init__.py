"""The check of a settings file and of the database that it names."""
