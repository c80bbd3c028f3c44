"""Importing CSV files: upload, what the columns mean, progress."""
