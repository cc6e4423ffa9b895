"""Writing: leads, their extras and changes of existing leads into the tables, each exactly once."""
