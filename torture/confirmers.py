"""Users with a second factor: they confirm transfers with codes, repeat them, and use codes and challenges twice."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import psycopg
import pyotp

from domain import ids
from domain.people import second_factors, totp
from persistence.people import factor_secrets
from settings import Settings
from torture.caller import Crowd
from torture.client import Client
from torture.movers import Mover
from torture.record import Command, Operation, Outcome
from torture.users import User

REQUIRED = "ConfirmationRequired"
#: What a code or a challenge is refused with that was used.
REFUSED = "InvalidSecondFactor"
#: An account accepts twenty wrong answers in an hour, and answers that were lost count.
_MOST_MISUSES = 7
_ENOUGH_MINOR = 1_000
#: How often each behaviour is tried while nothing is answered, however short the run.
_TRIES = 3
_LONGEST_PAUSE_SECONDS = 3.0

_TOTP = (
    "INSERT INTO totp_factors (user_id, id, key_id, encrypted, last_step, created_at) "
    "VALUES (%s, %s, %s, %s, 0, now())"
)
_CODES = (
    "INSERT INTO recovery_codes (user_id, id, code_hash, created_at) "
    "SELECT %s, id, code_hash, now() FROM unnest(%s::uuid[], %s::bytea[]) AS given (id, code_hash)"
)
_CONFIRM_ALL = (
    # Of every amount: the smallest transfer has two minor units.
    "UPDATE users SET confirm_above = 1 WHERE id = %s"
)


@dataclass
class Factors:
    """The authenticator app and the recovery codes of a user."""

    secret: str
    codes: list[str] = field(default_factory=list)
    last_step: int = 0


def enrol(database_url: str, settings: Settings, users: Sequence[User]) -> list[Factors]:
    """Give each user an authenticator app and recovery codes. Raises psycopg.Error."""
    keys = factor_secrets.keyring(settings.jwt_secrets)
    enrolled = []
    with psycopg.connect(database_url) as connection:
        for user in users:
            factors = Factors(totp.new_secret(), second_factors.new_recovery_codes())
            row_id = ids.new_id()
            kept = factor_secrets.encrypt(keys, user.user_id, row_id, factors.secret)
            connection.execute(_TOTP, [user.user_id, row_id, kept.key_id, kept.content])
            hashes = [second_factors.hash_recovery_code(user.user_id, c) for c in factors.codes]
            names = [ids.new_id() for _ in hashes]
            connection.execute(_CODES, [user.user_id, names, hashes])
            connection.execute(_CONFIRM_ALL, [user.user_id])
            enrolled.append(factors)
    return enrolled


class Confirmer(Mover):
    """One user with a second factor, who sends money from two devices."""

    def __init__(
        self,
        crowd: Crowd,
        devices: Sequence[Client],
        rng: random.Random,
        user: User,
        factors: Factors,
    ) -> None:
        super().__init__(crowd, devices, rng)
        self._user = user
        self._factors = factors
        self._misuses = 0
        crowd.by_id[user.user_id] = user
        crowd.record.careful.add(user.user_id)

    async def run(self) -> None:
        """Send until it is time to stop. Every behaviour occurs, however short the run."""
        misuses = [self._use_code_twice, self._use_challenge_of_another]
        for way in (self._confirm_and_repeat, *misuses, self._confirm_twice_at_once):
            for _ in range(_TRIES):
                if await way():
                    break
        while not self._crowd.stopping.is_set():
            await asyncio.sleep(self._rng.uniform(0, _LONGEST_PAUSE_SECONDS))
            if not self._has_code():
                continue
            if self._misuses < _MOST_MISUSES and self._rng.random() < 0.2:
                await self._rng.choice(misuses)()
            else:
                at_once = self._rng.random() < 0.2 and self._misuses < _MOST_MISUSES
                await (self._confirm_twice_at_once if at_once else self._confirm_and_repeat)()

    # ------------------------------------------------ behaviours

    async def _confirm_and_repeat(self) -> bool:
        """Confirm a transfer; at times, repeat the same request afterwards."""
        challenged, code = await self._challenged(), self._code()
        if challenged is None or code is None:
            return False
        confirmed = self._confirmed(challenged, code)
        await self.ask(confirmed)
        if self._misuses < _MOST_MISUSES and self._rng.random() < 0.4:
            # It counts as a wrong answer, and is answered all the same.
            self._misuses += 1
            await self.ask(self._confirmed(challenged, code))
        return confirmed.outcome is Outcome.ACKNOWLEDGED

    async def _confirm_twice_at_once(self) -> bool:
        """The same answer from two devices: one transfer."""
        challenged, code = await self._challenged(), self._code()
        if challenged is None or code is None:
            return False
        self._misuses += 1
        await asyncio.gather(
            self.ask(self._confirmed(challenged, code)),
            self.ask(self._confirmed(challenged, code), self._devices[-1]),
        )
        return True

    async def _use_code_twice(self) -> bool:
        """Two transfers, each with its own challenge, confirmed with one code at once."""
        first, second = await self._challenged(), await self._challenged()
        code = self._code()
        if first is None or second is None or code is None:
            return False
        self._misuses += 1
        await asyncio.gather(
            self.ask(self._confirmed(first, code)),
            self.ask(self._confirmed(second, code), self._devices[-1]),
        )
        return True

    async def _use_challenge_of_another(self) -> bool:
        """A challenge is bound to its transfer: with another one, a fresh code is worth nothing."""
        first, second = await self._challenged(), await self._challenged()
        if first is None or second is None:
            return False
        code = self._code()
        if code is None:
            return False
        self._misuses += 1
        second.challenge = first.challenge
        await asyncio.gather(
            self.ask(self._confirmed(second, code)),
            self.ask(self._confirmed(first, code), self._devices[-1]),
        )
        return True

    # ------------------------------------------------ requests

    async def _challenged(self) -> Command | None:
        """A transfer that has to be confirmed; None without an answer that says so."""
        await self._have_enough()
        recipient = self._rng.choice(self._crowd.users)
        command = Command(
            user_id=self._user.user_id,
            operation=Operation.SEND_MONEY,
            key=self._crowd.new_key(),
            recipient_id=recipient.user_id,
            amount_minor=self._rng.randint(2, 100),
            note=None,
            began=time.monotonic(),
        )
        await self.ask(command)
        return command if command.refusal == REQUIRED else None

    async def _have_enough(self) -> None:
        if self._crowd.balances.get(self._user.user_id, 0) >= _ENOUGH_MINOR:
            return
        added = Command(
            user_id=self._user.user_id,
            operation=Operation.ADD_BALANCE,
            key=self._crowd.new_key(),
            recipient_id=None,
            amount_minor=_ENOUGH_MINOR,
            note=None,
            began=time.monotonic(),
        )
        await self.ask(added)

    def _confirmed(self, challenged: Command, code: str) -> Command:
        """The same request, with the answer to its challenge."""
        assert challenged.challenge is not None
        fresh = self._again(challenged)
        return replace(fresh, outcome=Outcome.UNANSWERED, confirmation=(challenged.challenge, code))

    def _has_code(self) -> bool:
        """Whether there is a code that was not used."""
        return bool(self._factors.codes) or _step(datetime.now(UTC)) > self._factors.last_step

    def _code(self) -> str | None:
        """A code that was not used: of the app, if it has a new one; None if there is none."""
        now = datetime.now(UTC)
        step = _step(now)
        if step > self._factors.last_step:
            self._factors.last_step = step
            return pyotp.TOTP(self._factors.secret).at(now)
        return self._factors.codes.pop() if self._factors.codes else None


def _step(now: datetime) -> int:
    """The number of the 30 seconds that an authenticator app shows one code for."""
    return int(now.timestamp()) // totp.STEP_SECONDS
