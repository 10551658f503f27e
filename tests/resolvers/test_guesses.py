"""Password guesses: increasingly delayed, and never locking out the owner of the account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from adapters.rate_limiter import Usage
from application import guesses
from domain import errors
from tests.resolvers.world import LOGIN, PASSWORD, Answer, World

pytestmark = pytest.mark.anyio

NewWorld = Callable[..., Awaitable[World]]


class Pauses(list[float]):
    """How long each attempt was asked to wait; nobody does."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


async def guessed(new_world: NewWorld, factor: float = 0.2) -> tuple[World, Pauses]:
    """A world, by default with a fifth of the usual allowances: delays begin at the second attempt."""
    world = await new_world(rate_limit_factor=factor)
    pauses = Pauses()
    world.services = replace(world.services, pause=pauses)
    return world, pauses


async def attempt(
    world: World, email: str, password: str, client_ip: str, *, device: str | None = None
) -> Answer:
    return await world.ask(
        LOGIN,
        client_ip=client_ip,
        device=device,
        input={"email": email, "password": password, "useCookie": True},
    )


async def attack(world: World, email: str, *, attempts: int = 20) -> list[str]:
    """Guess from many addresses; what each was answered."""
    answers = [
        await attempt(world, email, "wrong", f"198.51.100.{number % 200}")
        for number in range(attempts)
    ]
    return [answer.code if answer.errors else answer.one["__typename"] for answer in answers]


async def test_guesses_from_many_addresses_are_delayed_more_and_more_but_not_refused(
    new_world: NewWorld,
) -> None:
    world, pauses = await guessed(new_world)
    alpha = await world.join("Alpha")
    assert set(await attack(world, alpha.email)) == {"InvalidCredentials"}
    # The first attempt was Alpha's own, at signing in.
    assert pauses == [0.5] + [1.0] * 2 + [2.0] * 4 + [4.0] * 8 + [8.0] * 5


async def test_the_owner_signs_in_from_a_new_place_during_an_attack(new_world: NewWorld) -> None:
    world, pauses = await guessed(new_world)
    alpha = await world.join("Alpha")
    await attack(world, alpha.email)
    signed_in = await attempt(world, alpha.email, PASSWORD, "203.0.113.7")
    assert signed_in.one["__typename"] == "SignedIn"
    assert pauses[-1] == guesses.delay_seconds(5) == 8.0


async def test_a_device_that_signed_in_before_is_not_delayed(new_world: NewWorld) -> None:
    world, pauses = await guessed(new_world)
    alpha, beta = await world.join("Alpha"), await world.join("Beta")
    first = await attempt(world, alpha.email, PASSWORD, "203.0.113.7")
    device = first.context.device_token_to_set
    await attack(world, alpha.email)
    await attack(world, beta.email, attempts=6)
    pauses.clear()
    # By its cookie from anywhere, and without one from where it signed in.
    for client_ip, token in (("203.0.113.99", device), ("203.0.113.7", None)):
        known = await attempt(world, alpha.email, PASSWORD, client_ip, device=token)
        assert known.one["__typename"] == "SignedIn"
        assert pauses == []
    # Known to one account, and to no other.
    await attempt(world, beta.email, PASSWORD, "203.0.113.99", device=device)
    assert pauses == [2.0]


async def test_an_unknown_address_is_delayed_like_any_other(new_world: NewWorld) -> None:
    world, pauses = await guessed(new_world)
    await attack(world, "nobody@example.com", attempts=8)
    assert pauses == [0.5] + [1.0] * 2 + [2.0] * 4


async def test_guesses_of_a_registrations_password_by_its_link_are_delayed(
    new_world: NewWorld,
) -> None:
    world, pauses = await guessed(new_world, factor=1)
    carol = await world.join("Carol", verified=False)
    token = world.link(carol.email, "verify_email")
    pauses.clear()
    verify = "mutation($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename } }"
    for number in range(7):
        wrong = {"token": token, "password": "wrong"}
        answer = await world.ask(verify, client_ip=f"198.51.100.{number}", input=wrong)
        assert answer.one["__typename"] == "InvalidCredentials"
    assert pauses == [0.5] * 2
    right = await world.ask(verify, input={"token": token, "password": PASSWORD})
    assert right.one["__typename"] == "EmailVerified"


async def test_one_client_has_as_few_guesses_by_a_link_as_at_sign_in(new_world: NewWorld) -> None:
    world, _ = await guessed(new_world, factor=1)
    carol = await world.join("Carol", verified=False)
    wrong = {"token": world.link(carol.email, "verify_email"), "password": "wrong"}
    verify = "mutation($input: VerifyEmailInput!) { verifyEmail(input: $input) { __typename } }"
    answers = [await world.ask(verify, input=wrong) for _ in range(21)]
    assert [answer.codes for answer in answers] == [[]] * 20 + [["RATE_LIMITED"]]
    right = {**wrong, "password": PASSWORD}
    elsewhere = await world.ask(verify, client_ip="203.0.113.7", input=right)
    assert elsewhere.one["__typename"] == "EmailVerified"


async def test_few_attempts_of_one_client_wait_at_once_and_other_clients_are_not_kept_out() -> None:
    release = asyncio.Event()

    async def pause(_seconds: float) -> None:
        await release.wait()

    async def all_exhausted(uses: object) -> object:
        return dict.fromkeys(uses, Usage("a", 1, 60, 0, 60, wait_seconds=60))  # type: ignore[call-overload]

    waiting = guesses.Guesses(all_exhausted, pause)  # type: ignore[arg-type]
    tasks = [asyncio.create_task(waiting.wait_turn("alpha", "stranger")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(errors.RateLimited):
        await waiting.wait_turn("alpha", "stranger")
    tasks.append(asyncio.create_task(waiting.wait_turn("alpha", "owner")))
    tasks.append(asyncio.create_task(waiting.wait_turn("beta", "stranger")))
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*tasks)
    await waiting.wait_turn("alpha", "stranger")
