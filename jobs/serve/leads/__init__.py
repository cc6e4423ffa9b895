"""Calls of add_lead: gathered, checked and inserted together."""
