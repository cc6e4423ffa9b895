"""The command line: one module for each command, named as the command. Nothing else prints."""
