"""Operators: who they are, what they see, and the sealed log of what they did."""
