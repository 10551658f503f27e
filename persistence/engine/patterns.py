"""LIKE patterns in which nothing that a person typed is a wildcard."""

from __future__ import annotations


def begins_with(part: str) -> str:
    """The pattern of what begins with that text."""
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"


def contains(part: str) -> str:
    """The pattern of what contains that text."""
    return f"%{begins_with(part)}"
