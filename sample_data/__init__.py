"""Lead files to try leadloader with, and what runs them."""
