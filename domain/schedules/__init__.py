"""Scheduled transfers: when they are due, what they are, and how a run is posted."""
