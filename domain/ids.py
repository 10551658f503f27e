"""Identifiers: UUIDv7 (RFC 9562), made in Python, so that no row waits for the database to name it."""

from __future__ import annotations

from uuid import UUID

import uuid_utils


def new_id() -> UUID:
    """A UUIDv7: unique, and in rough order of creation, which keeps indexes compact."""
    return UUID(int=uuid_utils.uuid7().int)
