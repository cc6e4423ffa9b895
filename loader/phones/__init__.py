"""Phone numbers: parsing, numbering plans, regions and time zones of numbers."""
