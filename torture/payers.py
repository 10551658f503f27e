"""Users who pay for top-ups at the payment provider, whose banks take money back, while the provider misbehaves."""

from __future__ import annotations

import asyncio
import http.client
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import cycle

from dev.stripe.emulator import StripeEmulator
from torture import requests
from torture.caller import Crowd
from torture.client import Client
from torture.movers import Mover
from torture.record import Command, Operation
from torture.record_accounts import AskedTopUp
from torture.restrictors import Lifting
from torture.users import User

#: The ways in which the provider delivers its events.
MODES = ("immediately", "twice", "late", "held", "before_response", "never")
#: What happens to a call of the provider's API. An error to a refund would be its answer for a day.
FAULTS = ("error", "error_after", "rate_limit", "lost_answer")
_FAULTY_PATHS = ("/v1/checkout/sessions", "/v1/payment_intents")
#: Of the provider.
_LEAST_MINOR = 50
_TRIES = 5
_PAUSE_SECONDS = 0.3
_LONGEST_PAUSE_SECONDS = 4.0
#: How often a payer may owe something: operators are mailed each time, and the mail catcher has little room.
_MOST_DEBTS = 5
_START = """
mutation ($input: StartTopUpInput!) { startTopUp(input: $input) {
  __typename ... on TopUpStarted { topUp { checkoutUrl } replayed } ... on UserError { message }
} }
"""


@dataclass(frozen=True)
class Bank:
    """Where payers pay, and who lifts the restrictions that follow."""

    provider: StripeEmulator
    operator: Lifting


class Payer(Mover):
    """One user of the wallet, and the user's bank."""

    def __init__(
        self,
        crowd: Crowd,
        devices: Sequence[Client],
        rng: random.Random,
        user: User,
        bank: Bank,
    ) -> None:
        """The devices reach API processes with a payment provider."""
        super().__init__(crowd, devices, rng)
        self._user = user
        self._provider = bank.provider
        self._operator = bank.operator
        self._debts = 0
        crowd.by_id[user.user_id] = user

    async def run(self) -> None:
        """Pay until it is time to stop. Every way occurs once, however short the run."""
        ways: list[Callable[[], Awaitable[None]]] = [
            self._pay_and_refund,
            self._spend_and_dispute,
            self._pay_while_it_is_created,
            self._win_or_lose_a_dispute,
            self._pay_later_or_not,
            self._close_the_key,
            self._have_a_refund_fail,
            self._ask_first,
        ]
        self._rng.shuffle(ways)
        for mode, way in zip(cycle(MODES), ways, strict=False):
            await self._have_a_bad_day(mode)
            await way()
        while not self._crowd.stopping.is_set():
            await self._have_a_bad_day()
            await self._rng.choice(ways)()
            await asyncio.sleep(self._rng.uniform(0, _LONGEST_PAUSE_SECONDS))

    # ------------------------------------------------ behaviours

    async def _pay_and_refund(self) -> None:
        """Pay, and get a part back, at times the rest too."""
        asked = await self._pay()
        if asked is None:
            return
        part = self._rng.randint(1, asked.amount_minor - 1)
        await self._act("refund", session=asked.session, amount=part)
        if self._rng.random() < 0.5:
            await self._act("refund", session=asked.session, amount=asked.amount_minor - part)

    async def _spend_and_dispute(self) -> None:
        """The bank takes back what was sent on: it is owed until others send it, if they do."""
        asked = await self._pay()
        if asked is None or self._debts >= _MOST_DEBTS:
            return
        self._debts += 1
        await asyncio.sleep(self._rng.uniform(0, _PAUSE_SECONDS))
        spent = await self._send(self._user, self._rng.choice(self._crowd.users), asked)
        await self._act("dispute", session=asked.session)
        if self._rng.random() < 0.7:
            rich = max(self._crowd.users, key=lambda u: self._crowd.balances.get(u.user_id, 0))
            await self._send(rich, self._user, asked)
        if spent and self._rng.random() < 0.8:
            await self._operator.lift(self._user.user_id)

    async def _pay_while_it_is_created(self) -> None:
        """The payment may be known before the answer to the call that creates the session."""
        await self._act("next_session", method="card")
        asked = await self._start()
        if asked.session is not None and self._rng.random() < 0.5:
            await self._act("refund", session=asked.session)

    async def _win_or_lose_a_dispute(self) -> None:
        asked = await self._pay()
        if asked is None:
            return
        part = self._rng.randint(1, asked.amount_minor)
        await self._act("dispute", session=asked.session, amount=part)
        outcome = self._rng.choice(("won", "lost", None))
        if outcome is not None:
            await asyncio.sleep(self._rng.uniform(0, _PAUSE_SECONDS))
            await self._act("close_dispute", session=asked.session, outcome=outcome)

    async def _pay_later_or_not(self) -> None:
        """The payment is under way for a while, fails, or is never made."""
        asked = await self._start()
        if asked.session is None:
            return
        method = self._rng.choice(("delayed", "declined", None))
        if method is not None:
            await self._act("pay", session=asked.session, method=method)
        if method == "delayed":
            await asyncio.sleep(self._rng.uniform(0, _PAUSE_SECONDS))
            outcome = self._rng.choice(("succeeded", "failed"))
            await self._act("finish", session=asked.session, outcome=outcome)
        else:
            await self._act("expire", session=asked.session)

    async def _close_the_key(self) -> None:
        """Close the key while the payment is made: it is credited, or refunded."""
        asked = await self._start()
        if asked.session is None:
            return
        command = Command(
            self._user.user_id, Operation.ADD_BALANCE, asked.key, None, asked.amount_minor, None,
            began=time.monotonic(),
        )  # fmt: skip
        await asyncio.gather(self._act("pay", session=asked.session), self.close(command))

    async def _have_a_refund_fail(self) -> None:
        asked = await self._pay()
        if asked is not None:
            await self._act("refund", session=asked.session)
            await asyncio.sleep(self._rng.uniform(0, _PAUSE_SECONDS))
            await self._act("fail_refund", session=asked.session)

    async def _ask_first(self) -> None:
        """The bank asks before it takes anything, which may become a dispute."""
        asked = await self._pay()
        if asked is not None:
            await self._act("dispute", session=asked.session, kind="inquiry")
            if self._rng.random() < 0.5:
                await self._act("escalate", session=asked.session)

    # ------------------------------------------------ the provider

    async def _have_a_bad_day(self, mode: str | None = None) -> None:
        """Another way of delivering events, and now and then what is held, in either order, or an error."""
        mode = mode or self._rng.choice(MODES)
        seconds = {"seconds": 1} if mode == "late" else {}
        await self._act("mode", name=mode, **seconds)
        if self._rng.random() < 0.4:
            await self._act("release", order=self._rng.choice(("oldest", "newest")))
        if self._rng.random() < 0.3:
            kind, path = self._rng.choice(FAULTS), self._rng.choice(_FAULTY_PATHS)
            await self._act("fault", kind=kind, path=path)

    async def _pay(self) -> AskedTopUp | None:
        """A top-up that was paid; None without a payment page."""
        asked = await self._start()
        if asked.session is None:
            return None
        await self._act("pay", session=asked.session)
        return asked

    async def _act(self, action: str, **values: object) -> None:
        """Try until the provider, which may be down, has done or refused it."""
        for _ in range(_TRIES):
            try:
                await asyncio.to_thread(self._provider.act, action, **values)
            except (OSError, http.client.HTTPException):
                await asyncio.sleep(_PAUSE_SECONDS)
            except ValueError:
                # A try whose answer was lost has done it, or what came before was never done.
                return
            else:
                return

    # ------------------------------------------------ the wallet

    async def _start(self) -> AskedTopUp:
        """Start a top-up, and repeat the request while it has no page, as clients do."""
        asked = AskedTopUp(
            self._user.user_id,
            self._rng.randint(_LEAST_MINOR, 5_000),
            self._crowd.new_key(),
            time.monotonic(),
        )
        self._crowd.record.top_ups.append(asked)
        given = {"amount": requests.decimal(asked.amount_minor), "idempotencyKey": asked.key}
        for _ in range(_TRIES):
            tried = await self.until_answered(_START, {"input": given}, self._user.user_id)
            asked.lost += tried.lost
            if not tried.is_answered or tried.answer is None:
                break
            result = tried.answer.data["startTopUp"]
            asked.answer = result["__typename"]
            if asked.answer == "AccountRestricted":
                await self._operator.lift(self._user.user_id)
            if address := (result.get("topUp") or {}).get("checkoutUrl"):
                asked.session = address.rpartition("/")[2]
            if asked.session is not None or asked.answer not in (
                "TopUpStarted",
                "AccountRestricted",
            ):
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        asked.ended = time.monotonic()
        return asked

    async def _send(self, sender: User, recipient: User, asked: AskedTopUp) -> bool:
        """Send what was paid, or about that."""
        command = Command(
            user_id=sender.user_id,
            operation=Operation.SEND_MONEY,
            key=self._crowd.new_key(),
            recipient_id=recipient.user_id,
            amount_minor=max(1, int(asked.amount_minor * self._rng.uniform(0.8, 1.0))),
            note=None,
            began=time.monotonic(),
        )
        await self.ask(command)
        return command.reference is not None
