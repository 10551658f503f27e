"""Periods, links and files of statements."""
