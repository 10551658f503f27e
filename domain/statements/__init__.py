"""Statements of an account for calendar dates, and the files that show them."""
