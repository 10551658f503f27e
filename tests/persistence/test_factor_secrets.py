"""Secrets of authenticator apps outlive the replacement of JWT_SECRET, and doctor says where they do not."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from app.commands import stored_factors
from persistence.people import factor_secrets, second_factors
from settings import Settings
from tests.books import Books
from tests.persistence import secured

pytestmark = pytest.mark.anyio

FORMER, NEW = "a secret of tests", "another secret of the tests that is long enough"


async def test_jwt_secret_can_be_replaced_without_losing_authenticator_apps(
    books: Books, settings: Settings
) -> None:
    db, zoe = books.database, books.join()
    await secured.secure(books, zoe)
    both, alone = (factor_secrets.keyring(secrets) for secrets in ([NEW, FORMER], [NEW]))

    async def secret(keys: factor_secrets.Keyring) -> str | None:
        found = await db.read(lambda c: second_factors.within(c, zoe.user_id, keys))
        return found.totp_secret

    async def doctor_says(*secrets: str) -> list[str]:
        changed = {"jwt_secret": SecretStr(",".join(secrets))}
        found = await stored_factors.examine(db, settings.model_copy(update=changed))
        return [state for state, _ in found]

    assert [await secret(keys) for keys in (both, alone)] == ["SECRET", None]
    assert (await doctor_says(NEW), await doctor_says(NEW, FORMER)) == (["bad"], ["note"])
    assert await factor_secrets.encrypt_again(db, alone) == 0
    assert [await factor_secrets.encrypt_again(db, both) for _ in range(2)] == [1, 0]
    assert await secret(alone) == "SECRET"
    assert await doctor_says(NEW) == []
    # What belongs to another row is not read there.
    books.connection.execute("UPDATE totp_factors SET id = gen_random_uuid()")
    assert await secret(alone) is None
