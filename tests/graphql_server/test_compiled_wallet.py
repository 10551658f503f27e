"""Compiled operations return what graphql-core returns, on the wallet's own schema and ledgers."""

from __future__ import annotations

import enum
import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import graphql
import pytest
from graphql import ExecutionResult

import schema.events
from application import authentication
from domain import errors
from domain.ledger.transfers import Entry
from graphql_server.compiled import Compiler
from graphql_server.compiled.plan import Plan
from persistence.people import accounts
from resolvers.reads import Reads
from resolvers.request import RequestContext
from tests.books import lines_of
from tests.graphql_server.generated import Document
from tests.graphql_server.plans import plan, shown
from tests.resolvers import conftest
from tests.resolvers.world import SCHEMA, Someone, World

pytestmark = pytest.mark.anyio

shared_settings = conftest.shared_settings
world = conftest.world

CORE = SCHEMA._schema
#: Those whose answers are the same a second time; a movement of money is then a replay.
MUTATIONS = frozenset(
    {
        "addBalance",
        "cancelRequest",
        "closeIdempotencyKey",
        "declineRequest",
        "payRequest",
        "requestMoney",
        "sendMoney",
        "updateProfile",
        "revokeSession",
        "verifyEmail",
    }
)
#: When something was last used may be written down between one asking and the next.
CHANGING = frozenset({"lastUsedAt"})
#: How often a document is executed both ways until the answers are alike.
ATTEMPTS = 10


class Values:
    """Scalars for arguments that lead somewhere: of people, lines and keys that there are."""

    def __init__(
        self,
        someone: Someone,
        other: Someone,
        ids: list[str],
        cursors: list[str],
        references: list[str],
        requests: list[Any],
    ) -> None:
        self.found: dict[str, list[Any]] = {
            "ids": [*ids, "VXNlcjox", "nonsense"],
            "id": [*ids, ""],
            "userId": [other.id, someone.id, "nonsense"],
            "counterpartyId": [other.id, someone.id, "nonsense"],
            "sessionId": ["nonsense"],
            "token": ["nonsense", *(request["link"] for request in requests)],
            "paymentRequestId": ["nonsense", *(request["id"] for request in requests)],
            "email": [other.email, "nobody@example.com", "nonsense"],
            "name": ["Someone"],
            "first": [0, 1, 2, 50, 101, -1],
            "last": [0, 1, 2, 101],
            "after": [*cursors, "nonsense"],
            "before": [*cursors, "nonsense"],
            "amount": ["1.00", "0.10", 2, "0", "-1", "1000000", "0.001"],
            "idempotencyKey": ["key-of-test-1", "key-of-test-2", "short"],
            "reference": [*references, references[0].upper(), "nonsense"],
            "key": ["order", ""],
            "value": ["7", "8"],
            "query": ["so", other.email, "zzz", ""],
            "text": ["lunch", "other", ""],
            "note": ["lunch", "", "x" * 141],
        }

    def __call__(self, chance: random.Random, name: str, kind: str) -> Any:
        if kind == "DateTime":
            return chance.choice(
                ["2026-01-01T00:00:00Z", "2020-01-01T00:00:00.5+02:00", "2999-01-01T00:00:00Z"]
            )
        if name in self.found:
            return chance.choice(self.found[name])
        return {"Int": 1, "Boolean": True, "Decimal": "1.00"}.get(kind, "text")


class Sabotage:
    """Reads that have gone wrong here and there, in the same places for the same seed."""

    def __init__(self, reads: Reads, seed: str, share: float) -> None:
        self._reads, self._seed, self._share = reads, seed, share

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._reads, name)

        async def read(*arguments: Any) -> Any:
            chance = random.Random(f"{self._seed} {name} {arguments[1:]}")
            found = await asked(*arguments)
            if chance.random() < self._share:
                raise chance.choice(
                    [RuntimeError("lost"), errors.Unavailable(), errors.BadUserInput("no")]
                )
            return self._spoil(found, chance)

        return read

    def _spoil(self, found: Any, chance: random.Random) -> Any:
        if isinstance(found, list):
            return [self._spoil(item, chance) for item in found]
        if isinstance(found, enum.Enum) or not hasattr(found, "__strawberry_definition__"):
            if chance.random() >= self._share:
                return found
            return chance.choice([None, 2**40, "text", RuntimeError("spoilt"), [None], "EUR"])
        for name, value in vars(found).items():
            setattr(found, name, self._spoil(value, chance))
        return found


async def interpreted(document: Document, context: RequestContext) -> bytes:
    result: Any = graphql.execute(
        CORE,
        graphql.parse(document.text),
        context_value=context,
        variable_values=dict(document.variables),
        executor_class=SCHEMA.execution_context_class,
    )
    return shown(result if isinstance(result, ExecutionResult) else await result)


async def answered_alike(
    document: Document, planned: Plan, context: Callable[[], Awaitable[RequestContext]]
) -> bytes:
    """What both executors answer.

    Where several siblings fail, the database decides which is first, and thereby which errors are found
    before their parent is null: only a difference that is there each time is one of the executors.
    """
    for _ in range(ATTEMPTS):
        expected = await interpreted(document, await context())
        result = await planned.execute(await context(), document.variables)
        if shown(result) == expected:
            return expected
    raise AssertionError(f"{document.text}\n{document.variables}\n{shown(result)!r}\n{expected!r}")


class Asking:
    """Somebody who asks, in one of several ways."""

    def __init__(self, world: World, bearer: str | None) -> None:
        self.world, self.bearer = world, bearer

    async def context(self, seed: str, share: float) -> RequestContext:
        services = self.world.services
        header = f"Bearer {self.bearer}" if self.bearer else None
        principal = await authentication.authenticate(services, header)
        context = RequestContext(services=services, principal=principal, client_ip="192.0.2.1")
        if share:
            context.reads = Sabotage(context.reads, seed, share)  # type: ignore[assignment]
        return context


async def requested(requester: Someone, payer: Someone) -> Any:
    """A new payment request."""
    given = {"payer": {"userId": payer.id}, "amount": "2", "idempotencyKey": "key-of-a-request"}
    answer = await requester.ask(
        """mutation($input: RequestMoneyInput!) { requestMoney(input: $input) {
          ... on MoneyRequested { paymentRequest { id link } } } }""",
        input=given,
    )
    return answer.one["paymentRequest"]


@pytest.fixture(scope="module")
async def asking(world: World) -> tuple[Mapping[str, Asking], Values]:
    """A person with a history, a program of theirs, and nobody; and values to ask with."""
    someone, other = await world.join("Someone", balance="1000"), await world.join("Other")
    for amount in ("12.34", "0.01", "5"):
        await someone.send(other, amount, note="lunch")
    await other.send(someone, "3")
    requests = [await requested(other, someone), await requested(someone, other)]
    await someone.ask(
        "mutation($input: PayRequestInput!) { payRequest(input: $input) { __typename } }",
        input={"paymentRequestId": requests[0]["id"], "idempotencyKey": "key-of-a-payment"},
    )
    made = await someone.ask(
        """mutation { createApiToken(input: {name: "t", scopes: [READ_PROFILE, SEND_MONEY]}) {
          ... on ApiTokenCreated { secret apiToken { id } } } }"""
    )
    found = await someone.ask(
        """{ viewer { id user { id } sessions { id } apiTokens { id }
          transactions { edges { cursor node { id reference } } } } }"""
    )
    viewer = found.one
    edges = viewer["transactions"]["edges"]
    ids = [viewer["id"], viewer["user"]["id"], other.id, edges[0]["node"]["id"]]
    ids += [one["id"] for one in viewer["sessions"] + viewer["apiTokens"] + requests]
    bearers = {"person": someone.bearer, "program": made.one["secret"], "nobody": None}
    values = Values(
        someone,
        other,
        ids,
        [edge["cursor"] for edge in edges],
        [edge["node"]["reference"] for edge in edges],
        requests,
    )
    return {name: Asking(world, bearer) for name, bearer in bearers.items()}, values


# Where an error ends its siblings, graphql-core leaves what had not begun unawaited.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("operation", ["query", "mutation"])
async def test_generated_documents_are_answered_alike(
    operation: str, asking: tuple[Mapping[str, Asking], Values]
) -> None:
    people, values = asking
    compiler = Compiler(CORE, SCHEMA.execution_context_class, hide_suggestions=False)
    roots = MUTATIONS if operation == "mutation" else None
    clean = failed = 0
    for seed in range(48):
        document = Document(
            CORE, (operation, seed), values, operation=operation, roots=roots, omitted=CHANGING
        )  # fmt: skip
        if graphql.validate(CORE, graphql.parse(document.text)):
            continue
        who = people[("person", "person", "program", "nobody")[seed % 4]]
        share = (0.0, 0.02, 0.1)[seed % 3]
        if operation == "mutation":
            # What it does it has done now: from here on it replays.
            await interpreted(document, await who.context(str(seed), 0))
        planned = plan(compiler, document.text)
        for _ in range(2):
            expected = await answered_alike(
                document, planned, partial(who.context, str(seed), share)
            )
        clean += b'"errors":[]' in expected
        failed += b'"errors":[]' not in expected
    assert clean >= 3
    assert failed >= 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_generated_subscriptions_answer_each_entry_of_a_ledger_alike(
    asking: tuple[Mapping[str, Asking], Values],
) -> None:
    people, values = asking
    compiler = Compiler(CORE, SCHEMA.execution_context_class, hide_suggestions=False)
    context = await people["person"].context("", 0)
    database, currency = context.services.database, context.services.limits.currency
    lines = await lines_of(database, context.caller.user_id)
    known = await accounts.people(
        database, {line.counterparty_id for line in lines if line.counterparty_id}
    )

    def event(line: Entry, share: float) -> Any:
        """What the stream passes on, and now and then something else."""
        counterparty = known.get(line.counterparty_id) if line.counterparty_id else None
        posted = schema.events.transaction_posted(line, counterparty, currency)
        chance = random.Random(f"{line.sequence} {share}")
        return Sabotage(context.reads, "", share)._spoil(posted, chance)

    clean = failed = 0
    for seed in range(32):
        document = Document(CORE, seed, values, operation="subscription")
        parsed = graphql.parse(document.text)
        executor: Any = SCHEMA.execution_context_class.build(
            CORE, parsed, None, context, dict(document.variables)
        )
        if graphql.validate(CORE, parsed) or isinstance(executor, list):
            continue
        planned = plan(compiler, document.text)
        for line in lines:
            for share in (0.0, 0.1):
                running = executor.build_per_event_executor(event(line, share))
                answered: Any = graphql.execution.execute_subscription_event(running)
                if not isinstance(answered, ExecutionResult):
                    answered = await answered
                expected = shown(answered)
                result = await planned.respond(
                    context, executor.variable_values, event(line, share)
                )
                assert shown(result) == expected, f"{document.text}\n{document.variables}"
                clean += b'"errors":[]' in expected
                failed += b'"errors":[]' not in expected
    assert clean >= 50
    assert failed >= 20
