"""Rate limits per address and account; each alias counts as an operation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import graphql
import pytest
from graphql.execution import create_source_event_stream

from application import authentication
from resolvers import guards
from resolvers.request import RequestContext
from tests.resolvers.world import SCHEMA, Answer, Someone, World, new_key

pytestmark = pytest.mark.anyio

NewWorld = Callable[..., Awaitable[World]]


def _aliased(count: int, operation: str) -> str:
    return " ".join(f"a{number}: {operation}" for number in range(count))


def _login(email: str) -> str:
    return f'login(input: {{email: "{email}", password: "wrong"}}) {{ __typename }}'


def _refused(answer: Answer) -> int:
    """How many aliases met the limit; every error is of that kind and says when to come back."""
    assert set(answer.codes) <= {"RATE_LIMITED"}
    for error in answer.errors:
        assert error.original_error is not None
        assert 1 <= error.original_error.retry_after_seconds <= 3600  # type: ignore[attr-defined]
    return len(answer.errors)


async def _no_pause(_seconds: float) -> None:
    """Guesses are delayed, which is not what is tested here."""


async def _aliases(world: World, operations: list[str], client_ip: str) -> int:
    """Each one as a request of its own: the first error of a non-null field ends the others."""
    refused = 0
    for operation in operations:
        answer = await world.ask(f"mutation {{ {operation} }}", client_ip=client_ip)
        refused += _refused(answer)
    return refused


async def test_every_alias_counts(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=1)
    world.services = replace(world.services, pause=_no_pause)
    query = f"mutation {{ {_aliased(25, _login('nobody@example.com'))} }}"
    assert _refused(await world.ask(query)) >= 1
    assert _refused(await world.ask(f"mutation {{ {_login('nobody@example.com')} }}")) == 1


async def test_an_account_is_guarded_from_one_client_and_its_owner_not_locked_out(
    new_world: NewWorld,
) -> None:
    world = await new_world(rate_limit_factor=1)
    world.services = replace(world.services, pause=_no_pause)
    attempts = [_login("Victim@Example.com"), _login("victim@example.com ")] * 11
    assert await _aliases(world, attempts, "198.51.100.1") == 2
    assert await _aliases(world, [_login("victim@example.com")], "203.0.113.5") == 0


async def test_a_client_is_limited_over_all_accounts(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=1)
    attempts = [_login(f"nobody{number}@example.com") for number in range(61)]
    assert await _aliases(world, attempts, "198.51.100.1") == 1
    assert await _aliases(world, attempts[:1], "198.51.100.2") == 0


async def test_one_client_has_few_mails_sent_to_an_address_and_refuses_them_to_no_other(
    new_world: NewWorld,
) -> None:
    world = await new_world(rate_limit_factor=1)
    for field in ("requestPasswordReset", "resendVerificationEmail"):
        mails = [f'{field}(input: {{email: "a@example.com"}}) {{ __typename }}'] * 11
        assert await _aliases(world, mails, "198.51.100.1") == 1
        assert await _aliases(world, mails[:1], "198.51.100.2") == 0


async def test_a_strangers_reset_requests_do_not_keep_the_owner_from_a_link(
    new_world: NewWorld,
) -> None:
    world = await new_world(rate_limit_factor=1)
    alpha = await world.join("Alpha")
    ask = [f'requestPasswordReset(input: {{email: "{alpha.email}"}}) {{ __typename }}']
    due = (
        "SELECT count(*) FROM mails WHERE purpose = 'reset_password' AND state = 'pending' "
        "AND next_try_at <= now()"
    )
    for number in range(20):
        assert await _aliases(world, ask, f"198.51.100.{number % 4}") == 0
        waiting = world.sql(due)
        world.sql(
            "UPDATE mails SET state = 'sent', sent_at = now() "
            "WHERE state = 'pending' AND next_try_at <= now()"
        )
    assert waiting == [(0,)]
    # From where the owner signed in, whatever strangers have asked for.
    assert await _aliases(world, ask, "192.0.2.1") == 0
    assert world.sql(due) == [(1,)]


async def test_one_client_registers_an_address_a_few_times_and_does_not_block_others(
    new_world: NewWorld,
) -> None:
    world = await new_world(rate_limit_factor=1)
    register = [
        'register(input: {name: "A", email: "a@example.com", password: "a long password"})'
        " { __typename }"
    ] * 6
    assert await _aliases(world, register, "198.51.100.1") == 1
    assert await _aliases(world, register[:1], "198.51.100.2") == 0


async def test_money_and_search_are_limited_by_account(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=0.05)
    alpha, beta = await world.join("Alpha"), await world.join("Beta")
    sent = [(await _send(alpha, {"userId": beta.id})).codes for _ in range(31)]
    assert sent == [[]] * 30 + [["RATE_LIMITED"]]
    assert (await _send(beta, {"userId": alpha.id})).codes == []
    searched = [
        (await alpha.ask('{ searchUsers(query: "x") { nodes { id } } }')).codes for _ in range(7)
    ]
    assert searched == [[]] * 6 + [["RATE_LIMITED"]]


async def test_reads_share_a_generous_limit_by_account(new_world: NewWorld) -> None:
    # One block of fifty reads.
    world = await new_world(rate_limit_factor=0.02)
    alpha = await world.join("Alpha")
    reads = [
        "{ viewer { id } }",
        "{ wallet { currency } }",
        '{ node(id: "a") { id } }',
        "{ nodes(ids: []) { id } }",
        '{ transferPreview(amount: "1") { __typename } }',
    ]
    answers = [(await alpha.ask(reads[number % 5])).codes for number in range(55)]
    assert answers == [[]] * 50 + [["RATE_LIMITED"]] * 5
    assert (await world.ask(reads[0])).codes == []


async def test_anonymous_reads_are_limited_by_client(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=0.01)
    answers = [(await world.ask("{ viewer { id } }")).codes for _ in range(55)]
    assert answers == [[]] * 50 + [["RATE_LIMITED"]] * 5
    assert (await world.ask("{ viewer { id } }", client_ip="203.0.113.7")).codes == []


async def test_an_alias_of_a_read_counts_as_a_read(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=0.01)
    answer = await world.ask(f"{{ {_aliased(60, 'viewer { id }')} }}")
    assert _refused(answer) == 10


async def test_streams_are_limited_by_account(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=0.01)
    alpha = await world.join("Alpha")
    opened = [await _is_streamed(alpha) for _ in range(5)]
    assert opened == [True] * 3 + [False] * 2


async def _context(someone: Someone) -> RequestContext:
    services = someone.world.services
    return RequestContext(
        services=services,
        principal=await authentication.authenticate(services, f"Bearer {someone.bearer}"),
        client_ip="192.0.2.1",
    )


async def _is_streamed(someone: Someone) -> bool:
    executor = SCHEMA.execution_context_class.build(
        SCHEMA._schema,
        graphql.parse("subscription { walletEvents { sequence } }"),
        None,
        await _context(someone),
        None,
        None,
    )
    stream = await create_source_event_stream(executor)  # type: ignore[arg-type, misc]
    if isinstance(stream, graphql.ExecutionResult):
        return False
    await stream.aclose()  # type: ignore[attr-defined]
    return True


async def test_sending_by_address_is_limited_more_than_by_id(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=0.05)
    alpha = await world.join("Alpha")
    by_address = [(await _send(alpha, {"email": "nobody@example.com"})).codes for _ in range(4)]
    assert by_address == [[]] * 3 + [["RATE_LIMITED"]]
    assert (await _send(alpha, {"userId": "nobody"})).codes == []


async def test_guesses_of_who_has_an_account_are_limited_by_client_over_all_accounts(
    new_world: NewWorld,
) -> None:
    world = await new_world(rate_limit_factor=0.05)
    codes = []
    for number in range(3):
        guesser = await world.join(f"Guesser {number}")
        codes += [(await _send(guesser, {"email": "nobody@example.com"})).codes for _ in range(3)]
    assert codes == [[]] * 6 + [["RATE_LIMITED"]] * 3


async def test_limits_come_after_who_one_is(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=0.001)
    alpha = await world.join("Alpha")
    token = await alpha.token("READ_PROFILE")
    for _ in range(3):
        answer = await world.ask('{ searchUsers(query: "x") { nodes { id } } }')
        assert answer.code == "UNAUTHENTICATED"
        answer = await world.ask('{ searchUsers(query: "x") { nodes { id } } }', token)
        assert answer.code == "FORBIDDEN"


async def _send(someone: Someone, recipient: dict[str, str]) -> Answer:
    return await someone.ask(
        "mutation($input: SendMoneyInput!) { sendMoney(input: $input) { __typename } }",
        input={"recipient": recipient, "amount": "1", "idempotencyKey": new_key()},
    )


async def test_every_spelling_of_an_address_is_the_same_account(new_world: NewWorld) -> None:
    world = await new_world(rate_limit_factor=1)
    spellings = ["a@bücher.example", "A@BÜCHER.example", "a@xn--bcher-kva.example"] * 4
    mails = [
        f'requestPasswordReset(input: {{email: "{email}"}}) {{ __typename }}' for email in spellings
    ]
    assert await _aliases(world, mails, "198.51.100.1") == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("a name", "another", False),
    ],
)
def test_a_client_is_an_address_and_of_ipv6_a_network(one: str, other: str, same: bool) -> None:
    assert (guards.network(one) == guards.network(other)) is same
