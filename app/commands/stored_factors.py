"""Checks the stored secrets of authenticator apps: whether JWT_SECRET still decrypts them."""

from __future__ import annotations

from typing import Literal

from persistence.engine.database import Database
from persistence.people import factor_secrets
from settings import Settings


async def examine(
    database: Database, settings: Settings
) -> list[tuple[Literal["note", "bad"], str]]:
    """What is wrong with them, and what to do about it; nothing while all is well."""
    keys = factor_secrets.keyring(settings.jwt_secrets)
    by_key = await factor_secrets.count_by_key(database)
    unknown = sum(count for key_id, count in by_key.items() if key_id not in keys.key_ids)
    former = sum(by_key.values()) - unknown - by_key.get(keys.key_id, 0)
    findings: list[tuple[Literal["note", "bad"], str]] = []
    if unknown:
        says = (
            f"The secrets of {unknown} authenticator apps are encrypted with a former JWT_SECRET that is no longer "
            "set, so their codes are refused: add it after the current one, separated by a comma."
        )
        findings.append(("bad", says))
    if former:
        says = (
            f"The secrets of {former} authenticator apps are still encrypted with a former JWT_SECRET. Keep it: the "
            "relay encrypts them with the current one within minutes."
        )
        findings.append(("note", says))
    return findings
