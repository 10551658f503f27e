"""Scheduled transfers and their runs."""
