"""Operators: what they may do, and the sealed log of what they did."""
