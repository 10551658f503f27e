"""A user with second factors, each of which was used, and a wrong answer."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from domain.notifications.notification_kinds import SecurityChange
from domain.people import second_factors as rules
from domain.people import sessions
from domain.people.second_factors import (
    InvalidSecondFactor,
    NewPasskey,
    Purpose,
    SecondFactor,
    VerifiedFactor,
)
from persistence.engine import unit_of_work
from persistence.engine.unit_of_work import Unit
from persistence.people import challenges, factor_secrets, persons, second_factors
from persistence.people.challenges import Asked
from persistence.people.second_factors import Enrolment, Stored
from tests.books import Books, Someone

KEYS = factor_secrets.keyring(["a secret of tests"])
BINDING = rules.binding("a transfer")


async def secure(books: Books, someone: Someone) -> None:
    """Enable an authenticator app and a passkey, and use them."""
    user_id = someone.user_id

    async def enable(unit: Unit) -> str:
        person = await persons.lock(unit, user_id)
        assert person is not None
        now = await unit.clock()
        await second_factors.enable_totp(unit, KEYS, user_id, "SECRET", step=1, now=now)
        passkey = NewPasskey(b"credential", b"public key", 1, ("internal",))
        await second_factors.add_passkey(unit, user_id, passkey, name="Laptop", now=now)
        enrolment = Enrolment(someone.principal, SecurityChange.TOTP_ENABLED, None, 100)
        await second_factors.enabled(unit, person, enrolment, now)
        return await challenges.add(unit, user_id, Purpose.TRANSFER, BINDING)

    text = await unit_of_work.run(books.database, enable)
    challenge = sessions.read_challenge(text)
    assert challenge is not None
    asked = Asked(user_id, Purpose.TRANSFER, BINDING, SecondFactor.TOTP, challenge)
    with suppress(InvalidSecondFactor):
        await challenges.verify(books.database, KEYS, asked, _wrong)

    async def use(unit: Unit) -> None:
        await persons.lock(unit, user_id)
        stored = await second_factors.within(unit.connection, user_id, KEYS)
        totp, [passkey] = stored.settings.totp, stored.settings.passkeys
        assert totp is not None
        for verified in (
            VerifiedFactor(user_id, SecondFactor.TOTP, challenge.row_id, totp.totp_id, 2),
            VerifiedFactor(
                user_id,
                SecondFactor.PASSKEY,
                passkey_id=passkey.passkey_id,
                passkey_counter=2,
            ),
            VerifiedFactor(
                user_id,
                SecondFactor.RECOVERY_CODE,
                recovery_code_id=stored.recovery_codes[0][0],
            ),
        ):
            await second_factors.consume(unit, verified, await unit.clock())

    await unit_of_work.run(books.database, use)


def _wrong(_stored: Stored, _now: datetime) -> VerifiedFactor:
    raise InvalidSecondFactor
