"""Measurements. They print figures side by side and assert nothing: machines differ."""
