"""Users for the tests of the clients."""

from __future__ import annotations

import asyncio

from domain.people import passwords
from persistence.engine.database import Database
from persistence.people import registrations
from settings import Settings
from tests.app.conftest import PASSWORD


def register(settings: Settings, names: list[str]) -> list[str]:
    """Verified users with these names; their addresses."""
    emails = [f"{name.lower().replace(' ', '.')}@example.com" for name in names]
    asyncio.run(_register(settings, dict(zip(names, emails, strict=True))))
    return emails


async def _register(settings: Settings, people: dict[str, str]) -> None:
    database = await Database.open(settings.database_url.get_secret_value())
    hashed = passwords.hash_password(PASSWORD, rounds=4)
    for name, email in people.items():
        await registrations.register_verified(
            database, name=name, email=email, password_hash=hashed
        )
    await database.close()
