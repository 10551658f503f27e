"""The services of resolvers: created once per process by the wiring, passed to every request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from adapters.passkeys import RelyingParty
from adapters.places import Places
from adapters.rate_limiter import Limit, RateLimiter, Usage, Use
from adapters.webhook_endpoints import Endpoints
from application.allowances import Allowance, Block
from application.guesses import Guesses
from application.hashing import Hashing
from application.turns import Turns
from application.webhook_payloads import Documents
from domain.encryption import Keyring
from domain.ledger import money
from domain.ledger.decisions import Command
from domain.ledger.posting import PostingCommand
from domain.operators.views import DayTotals
from domain.people import passwords
from domain.people.accounts import Person
from domain.top_ups.provider import PaymentProvider
from persistence.engine.database import Database
from persistence.engine.pipeline import Rows
from persistence.engine.shared_calls import SharedCalls
from persistence.ledger import pages
from persistence.ledger.ledger import Movement
from persistence.notifications import preferences
from persistence.people import accounts, factor_secrets
from persistence.webhooks import secrets
from realtime.live import Live
from realtime.token_cache import TokenCache
from settings import Settings


class Metrics(Protocol):
    """Metrics. Names and outcomes are from small fixed sets, never from a request."""

    def operation(self, name: str, outcome: str) -> None:
        """A root field was answered: "ok", the name of a refusal's type, or an error's code."""

    def transfer(self, outcome: str) -> None:
        """A command to post was executed: "moved", "replayed" or the name of the refusal's type."""


class Ledger(Protocol):
    """Executes commands (persistence.ledger.shared_commits, persistence.ledger.ledger)."""

    async def move(self, command: PostingCommand) -> Movement:
        """Execute the command. Raises its refusal, or Unavailable."""

    async def run(self, command: Command) -> Movement | None:
        """Execute the command, as `move` does; None where it posted nothing."""


#: How many first pages are read in one call: few enough not to keep other requests waiting.
_PAGES_AT_ONCE = 16


def _now() -> datetime:
    return datetime.now(UTC)


def _do_nothing() -> None:
    """Wake no relay: it polls."""


@dataclass(frozen=True, slots=True)
class ReadServices:
    """What reading needs: in requests, and in payloads of webhooks."""

    settings: Settings
    limits: money.Limits
    database: Database
    clock: Callable[[], datetime] = field(default=_now, kw_only=True)
    #: Current users, loaded in batches for concurrent requests.
    people: SharedCalls[UUID, Person] = field(init=False)
    #: The first pages of ledgers, loaded in the same way.
    newest_entries: SharedCalls[pages.Newest, Rows] = field(init=False)

    def __post_init__(self) -> None:
        read = partial(accounts.people, self.database)
        object.__setattr__(self, "people", SharedCalls(read))
        newest = partial(pages.newest, self.database)
        object.__setattr__(self, "newest_entries", SharedCalls(newest, maximum_keys=_PAGES_AT_ONCE))


@dataclass(frozen=True, slots=True)
class Services(ReadServices):
    """The services that outlive a request."""

    ledger: Ledger
    rate_limiter: RateLimiter
    live: Live
    metrics: Metrics
    #: Where webhooks deliver to.
    endpoints: Endpoints
    #: What webhooks deliver.
    webhook_documents: Documents
    #: Tells a relay that there is something to publish; never waits and never raises.
    wake_relay: Callable[[], None] = _do_nothing
    password_rounds: int = passwords.DEFAULT_ROUNDS
    #: Where the addresses of clients are.
    places: Places = field(default_factory=Places)
    #: Where money of top-ups comes from; None where none is configured.
    top_up_provider: PaymentProvider | None = None
    #: Waits on behalf of a delayed attempt.
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    #: Made of `password_rounds`: bcrypt in threads.
    hashing: Hashing = field(init=False)
    #: What users have read and want mailed, loaded in batches for concurrent requests.
    notification_states: SharedCalls[UUID, preferences.State] = field(init=False)
    #: Counts uses against rate limits in batches.
    uses: SharedCalls[Use, Usage] = field(init=False)
    #: Reads, by account, or by client when signed out: 3,000 a minute.
    read_allowance: Allowance = field(init=False)
    #: Requests that are refused before they are executed, by client: 300 a minute.
    refusal_allowance: Allowance = field(init=False)
    #: Searches, which take the database longest, by account.
    searches: Turns = field(
        init=False, default_factory=lambda: Turns(at_once=2, waiting=20, name="searches")
    )
    #: Totals over all accounts for operators, which take the database longest.
    operator_totals: Turns = field(
        init=False, default_factory=lambda: Turns(at_once=1, waiting=4, name="operator-totals")
    )
    #: Totals of days that are over, for operators.
    day_totals: dict[date, DayTotals] = field(init=False, default_factory=dict)
    #: Test deliveries to webhooks, which take up to 15 seconds, by account.
    webhook_tests: Turns = field(
        init=False, default_factory=lambda: Turns(at_once=2, waiting=8, name="webhook-tests")
    )
    #: Encrypts the signing secrets of webhooks.
    webhook_keys: Keyring = field(init=False)
    #: Encrypts the secrets of authenticator apps.
    factor_keys: Keyring = field(init=False)
    #: Verifies passkeys.
    relying_party: RelyingParty = field(init=False)
    #: Delays guesses of passwords.
    guesses: Guesses = field(init=False)
    #: Bearer tokens that were verified.
    tokens: TokenCache = field(init=False, default_factory=TokenCache)

    def __post_init__(self) -> None:
        ReadServices.__post_init__(self)
        object.__setattr__(self, "hashing", Hashing(self.password_rounds))
        states = partial(preferences.states, self.database)
        object.__setattr__(self, "notification_states", SharedCalls(states))
        object.__setattr__(self, "uses", SharedCalls(self.rate_limiter.count))
        reads = Allowance("reads", self._count, blocks_per_minute=60, uses_per_block=50)
        object.__setattr__(self, "read_allowance", reads)
        refusals = Allowance("refusals", self._count, blocks_per_minute=60, uses_per_block=5)
        object.__setattr__(self, "refusal_allowance", refusals)
        keys = secrets.keyring(self.settings.jwt_secrets)
        object.__setattr__(self, "webhook_keys", keys)
        factor_keys = factor_secrets.keyring(self.settings.jwt_secrets)
        object.__setattr__(self, "factor_keys", factor_keys)
        object.__setattr__(self, "relying_party", RelyingParty(self.settings.app_url))
        object.__setattr__(self, "guesses", Guesses(self.uses.get, self.pause))

    def person(self, user_id: UUID) -> Awaitable[Person | None]:
        """The user in the current state. Raises Unavailable."""
        return self.people.one(user_id)

    async def is_verified(self, user_id: UUID) -> bool:
        """Whether that user's address is verified. Raises Unavailable."""
        person = await self.person(user_id)
        return person is not None and person.email_verified_at is not None

    async def count_use(self, limits: Iterable[Limit]) -> Usage | None:
        """Count one use against those limits, in order: the first that is reached refuses it.

        None without limits.
        """
        use = Use(tuple(limits))
        return await self.uses.one(use) if use.limits else None

    async def count_read(self, caller: str) -> Block | None:
        """Count one read by that account or client (`guards.caller`). None while limits are disabled."""
        return None if self.rate_limiter.is_off else await self.read_allowance.take(caller)

    async def count_refusal(self, client: str) -> None:
        """A request of that client (`domain.networks`) was refused before it was executed."""
        if not self.rate_limiter.is_off:
            await self.refusal_allowance.take(client)

    async def _count(self, use: Use) -> Usage:
        usage = await self.uses.one(use)
        assert usage is not None
        return usage
