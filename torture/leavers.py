"""Users who close their accounts while money arrives, and open them again by signing in."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence

import psycopg

from domain.people import passwords
from torture import record_accounts
from torture.caller import Crowd
from torture.client import Client, Lost
from torture.movers import Mover
from torture.record import Command, Operation, Outcome
from torture.record_accounts import Bar, Barred
from torture.users import User

#: How many send money to the account as it is closed.
AT_ONCE = 3
CLOSED = "AccountClosed"
_PASSWORD = "four walls and no roof"  # noqa: S105
#: The fewest that bcrypt takes: the processor is needed for other things.
_ROUNDS = 4
#: Each sends mails, and for more the mail catcher has no room.
_MOST_TIMES = 10
_LEAST_TIMES = 3
_TRIES = 8
_PAUSES_SECONDS = (0.5, 3.0)
_LONGEST_HEAD_START_SECONDS = 0.1
_RICH_MINOR = 100

_SET_PASSWORD = "UPDATE users SET password_hash = %s WHERE id = ANY (%s)"  # noqa: S105
_CLOSE = """
mutation ($input: CloseAccountInput!) { result: closeAccount(input: $input) {
  __typename ... on UserError { message }
} }
"""
_LOGIN = """
mutation ($input: LoginInput!) { result: login(input: $input) {
  __typename
  ... on SignedIn { credentials { accessToken } viewer { balance { amount } } }
  ... on UserError { message }
} }
"""


def prepare(database_url: str, users: Sequence[User]) -> None:
    """Give the users a password. Raises psycopg.Error."""
    password_hash = passwords.hash_password(_PASSWORD, _ROUNDS)
    with psycopg.connect(database_url) as connection:
        connection.execute(_SET_PASSWORD, [password_hash, [user.user_id for user in users]])


class Leaver(Mover):
    """One user, who closes the account and opens it again."""

    def __init__(
        self,
        crowd: Crowd,
        devices: Sequence[Client],
        rng: random.Random,
        user: User,
        *,
        stays_closed: bool,
    ) -> None:
        """There is a device more than `AT_ONCE`; at the end, the account may stay closed."""
        super().__init__(crowd, devices[:1], rng)
        self._user = user
        self._senders = [Mover(crowd, [device], rng) for device in devices[1:]]
        self._times = 0
        self._stays_closed = stays_closed
        crowd.by_id[user.user_id] = user

    async def run(self) -> None:
        """Close and open until it is time to stop: once, however short the run."""
        while self._is_due() or not self._crowd.stopping.is_set():
            if self._times < _MOST_TIMES:
                await self._close_and_reopen()
            await asyncio.sleep(self._rng.uniform(*_PAUSES_SECONDS))
        if self._stays_closed and not self._is_in_doubt():
            await self._close_after_all()

    def _is_due(self) -> bool:
        """Whether it has not succeeded yet, which faults may prevent for a while."""
        has_closed = any(each.user_id == self._user.user_id for each in self._crowd.record.barred)
        return not has_closed and self._times < _LEAST_TIMES

    async def _close_and_reopen(self) -> None:
        self._times += 1
        await self._close_after_all()
        await self._sign_in()

    async def _close_after_all(self) -> None:
        """What arrives meanwhile is sent away, and the account is closed then."""
        for _ in range(_TRIES):
            if await self._spend() and await self._close_while_money_arrives():
                # Nothing arrives any more.
                await asyncio.gather(*map(self._send, self._senders))
                return

    def _is_in_doubt(self) -> bool:
        """Whether a key of the user's has to be looked up at the end, for which the account is open."""
        return any(
            each.user_id == self._user.user_id and each.outcome is Outcome.UNANSWERED
            for each in self._crowd.record.commands
        )

    async def _spend(self) -> bool:
        """Send away everything; whether the last answer says that nothing is left."""
        await self._make(Operation.ADD_BALANCE, self._rng.randint(50, 500))
        for _ in range(_TRIES):
            balance = self._crowd.balances.get(self._user.user_id, 0)
            if balance == 0:
                return True
            amount = self._all_of(balance)
            if amount is None:
                await self._make(Operation.ADD_BALANCE, 1)
            else:
                await self._make(Operation.SEND_MONEY, amount)
        return False

    def _all_of(self, balance: int) -> int | None:
        """The amount that, with its fee, is the whole balance; None if there is none."""
        points = self._crowd.record.fee_basis_points
        for amount in range(balance, 0, -1):
            total = amount + -(-amount * points // 10_000)
            if total <= balance:
                return amount if total == balance else None
        return None

    async def _make(self, operation: Operation, amount_minor: int) -> None:
        """A movement of the user's own; what is in doubt is settled by closing its key."""
        sends = operation is Operation.SEND_MONEY
        command = Command(
            user_id=self._user.user_id,
            operation=operation,
            key=self._crowd.new_key(),
            recipient_id=self._rng.choice(self._crowd.users).user_id if sends else None,
            amount_minor=amount_minor,
            note=None,
            began=time.monotonic(),
        )
        await self.ask(command)
        if command.outcome is Outcome.UNANSWERED:
            await self.close(command)
        if command.outcome is not Outcome.ACKNOWLEDGED:
            await self._sign_in()

    # ------------------------------------------------ closing

    async def _close_while_money_arrives(self) -> bool:
        arriving = [self._send(sender) for sender in self._senders]
        closing = asyncio.create_task(self._close_account())
        await asyncio.gather(closing, *arriving)
        return closing.result()

    async def _close_account(self) -> bool:
        """Whether the answer says so. After a try that was lost, the session may have ended."""
        barred = Barred(self._user.user_id, Bar.EVERYTHING, time.monotonic())
        with contextlib.suppress(Lost):
            given = {"password": _PASSWORD}
            answer = await self._devices[0].ask(_CLOSE, {"input": given}, self._user.token)
            if not answer.has_failed:
                is_closed = bool(answer.data["result"]["__typename"] == CLOSED)
                if is_closed:
                    barred.answered = time.monotonic()
                    self._crowd.record.barred.append(barred)
                return is_closed
        await self._sign_in()
        return False

    async def _send(self, sender: Mover) -> None:
        """A little money for the account, from someone who has some."""
        await asyncio.sleep(self._rng.uniform(0, _LONGEST_HEAD_START_SECONDS))
        balances = self._crowd.balances
        rich = [u for u in self._crowd.users if balances.get(u.user_id, 0) >= _RICH_MINOR]
        command = Command(
            user_id=self._rng.choice(rich or list(self._crowd.users)).user_id,
            operation=Operation.SEND_MONEY,
            key=self._crowd.new_key(),
            recipient_id=self._user.user_id,
            amount_minor=self._rng.randint(1, 20),
            note=None,
            began=time.monotonic(),
        )
        await sender.ask(command)

    async def _sign_in(self) -> None:
        """Until there is an answer, which opens the account again if it was closed."""
        given = {"email": self._user.email, "password": _PASSWORD}
        record = self._crowd.record
        is_closed = any(
            each.user_id == self._user.user_id and each.lifted is None
            for each in record.barred
            if each.what is Bar.EVERYTHING
        )
        record_accounts.end(record.barred, self._user.user_id, time.monotonic(), Bar.EVERYTHING)
        while True:
            with contextlib.suppress(Lost):
                answer = await self._devices[0].ask(_LOGIN, {"input": given}, None)
                result = answer.data.get("result") or {}
                if not answer.has_failed and result["__typename"] == "SignedIn":
                    self._take(result, is_closed=is_closed)
                    return
            await asyncio.sleep(0.3)

    def _take(self, result: dict[str, object], *, is_closed: bool) -> None:
        credentials, viewer = result["credentials"], result["viewer"]
        assert isinstance(credentials, dict)
        assert isinstance(viewer, dict)
        user = User(self._user.user_id, self._user.email, credentials["accessToken"])
        self._user = self._crowd.by_id[user.user_id] = user
        self._crowd.balances[user.user_id] = round(float(viewer["balance"]["amount"]) * 100)
        self._crowd.record.reopened += is_closed
