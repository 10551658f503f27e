"""Locks and pauses, for event loops and for threads."""
