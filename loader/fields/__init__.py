"""The fields of a lead, and the columns of a file that fill them."""
