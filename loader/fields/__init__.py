"""The fields of a lead, and the columns of a source file that are mapped to them."""
