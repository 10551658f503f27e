"""LIKE patterns in which user input contains no wildcards."""

from __future__ import annotations


def begins_with(part: str) -> str:
    """The pattern of values that begin with that text."""
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"


def contains(part: str) -> str:
    """The pattern of values that contain that text."""
    return f"%{begins_with(part)}"
