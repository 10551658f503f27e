"""A wallet service without a web server: users who call operations, and the results."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from graphql import GraphQLError
from strawberry.extensions import ParserCache, ValidationCache

import schema.errors
from application import authentication
from application.services import Services
from domain import errors, ids
from domain.people import accounts, sessions
from resolvers import root
from resolvers.request import RequestContext
from tests import row_changes

PASSWORD = "correct horse battery"
SCHEMA = root.strawberry_schema()
#: The same documents are executed thousands of times: parsing and validating each once halves what a test costs.
SCHEMA.extensions = [lambda: ParserCache(maxsize=None), lambda: ValidationCache(maxsize=None)]
#: The "code" of what coercion or validation refuses: which of the two is the web server's to say.
REFUSED_BY_SCHEMA = "REFUSED_BY_SCHEMA"

REGISTER = "mutation($input: RegisterInput!) { register(input: $input) { __typename } }"
LOGIN = """
mutation($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on SignedIn { credentials { accessToken expiresAt refreshToken } viewer { id email } }
    ... on UserError { message }
    ... on InvalidInput { fields { path message } }
  }
}
"""
ADD = """
mutation($input: AddBalanceInput!) {
  addBalance(input: $input) {
    __typename
    ... on BalanceAdded {
      replayed
      transaction { id sequence kind direction amount { amount currency } fee { amount } note
                    counterparty { id } balanceAfter { amount } createdAt reference }
      viewer { id balance { amount } sequence }
    }
    ... on UserError { message }
    ... on InvalidInput { fields { path message } }
    ... on InvalidAmount { minimum { amount currency } maximum { amount } }
    ... on BalanceLimitExceeded { maximumTopUp { amount } }
  }
}
"""
SEND = """
mutation($input: SendMoneyInput!) {
  sendMoney(input: $input) {
    __typename
    ... on MoneySent {
      replayed
      transaction { id sequence kind direction amount { amount currency } fee { amount } note
                    counterparty { id name emailHint } balanceAfter { amount } createdAt reference }
      viewer { id balance { amount } sequence }
    }
    ... on UserError { message }
    ... on InvalidInput { fields { path message } }
    ... on InvalidAmount { minimum { amount currency } maximum { amount } }
    ... on InsufficientFunds { balance { amount } shortfall { amount } }
    ... on TokenLimitExceeded { remaining { amount } }
  }
}
"""

_numbers = itertools.count(1)


def new_key() -> str:
    """An idempotency key that no other movement of this run has."""
    return f"key-{next(_numbers):08}"


@dataclass
class Answer:
    """A result, and the context of its request."""

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    context: RequestContext

    @property
    def one(self) -> Any:
        """The value of the only root field; there were no errors."""
        assert not self.errors, self.errors
        assert self.data is not None
        (value,) = self.data.values()
        return value

    @property
    def codes(self) -> list[str]:
        return [_code(error) for error in self.errors]

    @property
    def reason(self) -> object:
        """`extensions.reason` of the only error."""
        (error,) = self.errors
        assert isinstance(error.original_error, errors.DomainError)
        return schema.errors.code_of(error.original_error)[1].get("reason")

    @property
    def code(self) -> str:
        """The code of the only error."""
        (code,) = self.codes
        return code


def _code(error: GraphQLError) -> str:
    original = error.original_error
    if isinstance(original, errors.DomainError):
        return schema.errors.code_of(original)[0]
    if original is not None and not isinstance(original, GraphQLError):
        return "INTERNAL"
    return REFUSED_BY_SCHEMA


@dataclass
class CountedMetrics:
    """Metrics that record their calls."""

    operations: list[tuple[str, str]] = field(default_factory=list)
    transfers: list[str] = field(default_factory=list)

    def operation(self, name: str, outcome: str) -> None:
        self.operations.append((name, outcome))

    def transfer(self, outcome: str) -> None:
        self.transfers.append(outcome)


@dataclass
class World:
    """The service, with access to its database."""

    services: Services
    metrics: CountedMetrics
    connection: row_changes.Connection

    async def ask(
        self,
        query: str,
        bearer: str | None = None,
        /,
        *,
        cookie: str | None = None,
        device: str | None = None,
        client_ip: str = "192.0.2.1",
        **variables: Any,
    ) -> Answer:
        """Run an operation with that bearer token, or signed out."""
        return await self.ask_as(
            await self.principal(bearer),
            query,
            cookie=cookie,
            device=device,
            client_ip=client_ip,
            **variables,
        )

    async def principal(self, bearer: str | None) -> sessions.Principal | None:
        """The principal of the bearer token."""
        authorization = None if bearer is None else f"Bearer {bearer}"
        return await authentication.authenticate(self.services, authorization)

    async def ask_as(
        self,
        principal: sessions.Principal | None,
        query: str,
        /,
        *,
        cookie: str | None = None,
        device: str | None = None,
        client_ip: str = "192.0.2.1",
        **variables: Any,
    ) -> Answer:
        """Run an operation with a principal that was authenticated before."""
        context = RequestContext(
            services=self.services,
            principal=principal,
            client_ip=client_ip,
            user_agent="Tests/1.0",
            refresh_cookie=cookie,
            device_token=device,
        )
        result = await SCHEMA.execute(query, variable_values=variables, context_value=context)
        return Answer(result.data, list(result.errors or []), context)

    async def is_refused(self, bearer: str) -> bool:
        """Whether the service refuses the token as unauthenticated."""
        try:
            await authentication.authenticate(self.services, f"Bearer {bearer}")
        except errors.Unauthenticated:
            return True
        return False

    async def register(self, email: str, name: str, password: str = PASSWORD) -> Answer:
        return await self.ask(REGISTER, input={"name": name, "email": email, "password": password})

    async def login(self, email: str, password: str = PASSWORD, **asked: Any) -> Any:
        answer = await self.ask(LOGIN, **asked, input={"email": email, "password": password})
        return answer.one

    async def join(self, name: str, *, verified: bool = True, balance: str = "") -> Someone:
        """A new signed-in user with an address of their own."""
        letters = "".join(c for c in name.lower() if c.isascii() and c.isalpha())
        email = f"{letters}.{next(_numbers)}@example.com"
        assert (await self.register(email, name)).one["__typename"] == "RegistrationReceived"
        if verified:
            self.verify(email)
        signed_in = await self.login(email)
        someone = Someone(
            world=self,
            name=name,
            email=email,
            user_id=self.user_id(email),
            bearer=signed_in["credentials"]["accessToken"],
            refresh_token=signed_in["credentials"]["refreshToken"],
        )
        if balance:
            added = await someone.add(balance)
            assert added["__typename"] == "BalanceAdded", added
        return someone

    def verify(self, email: str) -> None:
        """Verify the address for its only registration."""
        self.sql(
            "WITH verified AS (UPDATE users SET email_verified_at = now(), "
            "registration_expires_at = NULL WHERE email = %s RETURNING email, id) "
            "INSERT INTO email_addresses (address, user_id) SELECT email, id FROM verified",
            email,
        )

    def user_id(self, email: str) -> UUID:
        """The owner of the address, or else its newest registration."""
        ((user_id,),) = self.sql(
            "SELECT id FROM users WHERE email = %s ORDER BY email_verified_at, id DESC LIMIT 1",
            email,
        )
        return UUID(str(user_id))

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Read or change the database directly."""
        cursor = self.connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def link(
        self,
        email: str,
        purpose: str,
        *,
        age: timedelta = timedelta(0),
        user_id: UUID | None = None,
        subject_id: str | None = None,
    ) -> str:
        """The token of a link, as the mail job would have created it that long ago."""
        user_id, link_id = user_id or self.user_id(email), ids.new_id()
        token = sessions.new_link_token(user_id, link_id)
        made_at = datetime.now(UTC) - age
        lifetime = accounts.LINK_LIFETIMES[accounts.MailPurpose(purpose)]
        self.sql(
            "INSERT INTO links (user_id, id, purpose, token_hash, created_at, expires_at, subject_id)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            user_id,
            link_id,
            purpose,
            sessions.hash_secret(token),
            made_at,
            made_at + lifetime,
            subject_id,
        )
        return token

    def mails(self, email: str) -> list[str]:
        """The purposes of a user's mails that were not withdrawn, oldest first."""
        rows = self.sql(
            "SELECT purpose FROM mails WHERE user_id = %s AND state <> 'withdrawn' ORDER BY id",
            self.user_id(email),
        )
        return [purpose for (purpose,) in rows]

    def books(self) -> list[tuple[Any, ...]]:
        """Everything that a transfer changes."""
        return self.sql("SELECT id, balance, sequence FROM users ORDER BY id") + self.sql(
            "SELECT user_id, sequence, balance_after FROM transactions ORDER BY 1, 2"
        )


@dataclass
class Someone:
    """A signed-in user."""

    world: World
    name: str
    email: str
    user_id: UUID
    bearer: str
    refresh_token: str

    @property
    def id(self) -> str:
        """Their `User.id`."""
        return ids.global_id("User", self.user_id)

    async def ask(self, query: str, /, **variables: Any) -> Answer:
        return await self.world.ask(query, self.bearer, **variables)

    async def add(self, amount: object, key: str | None = None) -> Any:
        answer = await self.ask(ADD, input={"amount": amount, "idempotencyKey": key or new_key()})
        return answer.one

    async def send(
        self, to: Someone | str, amount: object, key: str | None = None, note: str | None = None
    ) -> Any:
        """Send to a user by id, or to an address given as text."""
        recipient = {"email": to} if isinstance(to, str) else {"userId": to.id}
        given: dict[str, Any] = {
            "recipient": recipient,
            "amount": amount,
            "idempotencyKey": key or new_key(),
        }
        if note is not None:
            given["note"] = note
        return (await self.ask(SEND, input=given)).one

    async def balance(self) -> str:
        viewer = (await self.ask("{ viewer { balance { amount } } }")).one
        return str(viewer["balance"]["amount"])

    async def token(self, *scopes: str, **more: Any) -> str:
        """An API token of the user."""
        answer = await self.ask(
            "mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) {"
            " ... on ApiTokenCreated { secret } ... on UserError { message } } }",
            input={"name": "a program", "scopes": list(scopes), **more},
        )
        return str(answer.one["secret"])
