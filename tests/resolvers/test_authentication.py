"""Authentication: forged, foreign, ended and expired bearer tokens are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from application import authentication
from domain import errors, ids
from domain.people import sessions
from realtime.token_cache import TokenCache
from tests.resolvers.endings import wait_until_ended
from tests.resolvers.world import Someone, World

pytestmark = pytest.mark.anyio

SECRET = "a secret of the tests that is long enough to sign with"


def _claims(someone: Someone, **changed: object) -> dict[str, object]:
    own = jwt.decode(someone.bearer, options={"verify_signature": False})
    return {**own, **changed}


def _signed(claims: dict[str, object], secret: str = SECRET, **header: Any) -> str:
    usual = {"typ": "at+jwt"}
    return jwt.encode(claims, secret, algorithm="HS256", headers={**usual, **header})


async def test_a_request_without_the_header_is_anonymous(world: World) -> None:
    assert await authentication.authenticate(world.services, None) is None


async def test_the_tests_sign_as_the_service_does(world: World, alpha: Someone) -> None:
    answer = await world.ask("{ viewer { email } }", _signed(_claims(alpha)))
    assert answer.one == {"email": alpha.email}


async def test_the_scheme_is_bearer_in_any_case(world: World, alpha: Someone) -> None:
    for header in (f"Bearer {alpha.bearer}", f"bearer  {alpha.bearer} "):
        principal = await authentication.authenticate(world.services, header)
        assert principal is not None
        assert principal.user_id == alpha.user_id
    for header in ("", "Bearer", "Bearer ", f"Basic {alpha.bearer}", alpha.bearer, "\x00", "é é"):
        with pytest.raises(errors.Unauthenticated):
            await authentication.authenticate(world.services, header)


async def test_forged_and_foreign_access_tokens_are_refused(world: World, alpha: Someone) -> None:
    secret = world.services.settings.jwt_secrets[0]
    assert secret == SECRET
    head, body, signature = alpha.bearer.split(".")
    unsigned = jwt.encode(_claims(alpha), "", algorithm="none", headers={"typ": "at+jwt"})
    forged = [
        _signed(_claims(alpha), "x" * 40),
        _signed(_claims(alpha, iss="https://elsewhere.example")),
        _signed(_claims(alpha, aud="another")),
        _signed(_claims(alpha, typ="refresh")),
        _signed(_claims(alpha), typ="JWT"),
        _signed(_claims(alpha, sub="nobody")),
        _signed(_claims(alpha, sub=None)),
        _signed(_claims(alpha, sid=str(ids.new_id()))),
        _signed(_claims(alpha, exp="never")),
        _signed({name: value for name, value in _claims(alpha).items() if name != "exp"}),
        jwt.encode(_claims(alpha), "x" * 64, algorithm="HS512", headers={"typ": "at+jwt"}),
        jwt.encode(_claims(alpha), SECRET + "y" * 20, algorithm="HS512"),
        unsigned,
        f"{head}.{body}.{signature[:-2]}AA",
        f"{head}.{body}.",
        alpha.refresh_token,
        "mw_" + "A" * 86,
        "mw_",
        "x",
        "é",
        "x" * 5000,
    ]
    for token in forged:
        assert await world.is_refused(token), token


async def test_an_expired_token_is_merely_out_of_date(world: World, alpha: Someone) -> None:
    past = int((datetime.now(UTC) - timedelta(seconds=1)).timestamp())
    with pytest.raises(sessions.TokenExpired):
        await authentication.authenticate(
            world.services, f"Bearer {_signed(_claims(alpha, exp=past))}"
        )


async def test_a_remembered_token_expires_too(world: World, alpha: Someone) -> None:
    assert await alpha.balance() == "1000.00"
    later = replace(world.services, clock=lambda: datetime.now(UTC) + timedelta(minutes=16))
    object.__setattr__(later, "tokens", world.services.tokens)
    with pytest.raises(sessions.TokenExpired):
        await authentication.authenticate(later, f"Bearer {alpha.bearer}")


async def test_a_verified_token_is_recognized_without_waiting_while_its_session_is_active(
    world: World, alpha: Someone
) -> None:
    services = replace(world.services)
    header = f"Bearer {alpha.bearer}"
    assert authentication.recognize(services, header) is None
    principal = await authentication.authenticate(services, header)
    assert principal is not None
    assert authentication.recognize(services, header) is principal
    for other in (f"Basic {alpha.bearer}", f"{header}x", "Bearer", ""):
        assert authentication.recognize(services, other) is None
    later = replace(services, clock=lambda: datetime.now(UTC) + timedelta(minutes=16))
    object.__setattr__(later, "tokens", services.tokens)
    assert authentication.recognize(later, header) is None
    await services.live.forget([principal.credential_id])
    assert authentication.recognize(services, header) is None
    assert await world.is_refused(alpha.bearer)


async def test_a_token_signed_with_an_older_secret_is_still_good(
    world: World, alpha: Someone
) -> None:
    settings = world.services.settings
    rotated = settings.model_copy(
        update={"jwt_secret": type(settings.jwt_secret)("n" * 40 + "," + SECRET)}
    )
    services = replace(world.services, settings=rotated)
    principal = await authentication.authenticate(services, f"Bearer {alpha.bearer}")
    assert principal is not None


async def test_an_expired_api_token_is_refused(world: World, alpha: Someone) -> None:
    token = await alpha.token("READ_PROFILE")
    world.sql("UPDATE api_tokens SET expires_at = now() WHERE user_id = %s", alpha.user_id)
    assert await world.is_refused(token)


async def test_an_ended_session_is_refused_once_the_poll_has_seen_it(
    world: World, alpha: Someone
) -> None:
    assert await alpha.balance() == "1000.00"
    world.sql("UPDATE sessions SET ended_at = now() WHERE user_id = %s", alpha.user_id)
    principal = await authentication.authenticate(world.services, f"Bearer {alpha.bearer}")
    assert principal is not None
    await wait_until_ended(world.services.live, principal)
    assert await world.is_refused(alpha.bearer)


def test_the_cache_keeps_the_tokens_that_were_used_last() -> None:
    cache = TokenCache(maximum=2)
    principal = sessions.Principal(user_id=ids.new_id(), session_id=ids.new_id())
    cache.put("a", principal)
    cache.put("b", principal)
    assert cache.get("a") is principal
    cache.put("c", principal)
    assert (cache.get("a"), cache.get("b"), len(cache)) == (principal, None, 2)
    cache.drop("a")
    assert cache.get("a") is None
