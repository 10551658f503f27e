"""Health, readiness and metrics of the process."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable
from ipaddress import ip_address
from urllib.parse import urlsplit

import redis
import structlog
from starlette.requests import Request
from starlette.responses import Response

from adapters import redis_connection
from app.http import hosts, replies
from app.telemetry import metrics
from app.wiring import Opened
from domain import errors
from graphql_server import facts
from persistence.engine import addresses, condition, survey
from persistence.engine.database import Database

log = structlog.get_logger(__name__)

_CHECK_SECONDS = 3.0
_FORWARDED = (b"x-forwarded-for", b"forwarded", b"x-real-ip")


class Health:
    """/healthz, /readyz and /metrics."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._settings = opened.services.settings

    async def alive(self, _request: Request) -> Response:
        """Whether the process responds at all."""
        return replies.json({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """The state of each service that requests need. Without Redis the API works, but slower.

        The database server is named only to who may read metrics: its address is not public.
        """
        found, server = await check(self._opened)
        is_ready = all(state == "ok" for state in found.values())
        answer = {"status": "ready" if is_ready else "not ready", **found}
        if server is not None and self._may_read(request):
            answer |= {"server": server.server, "role": server.server_role}
        return replies.json(answer, 200 if is_ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Metrics for Prometheus, for clients on this machine or with the token."""
        if not self._may_read(request):
            return replies.refusal(
                403,
                "Ask on this machine, or send `Authorization: Bearer` with METRICS_TOKEN.",
                "FORBIDDEN",
            )
        text = await self._opened.metrics.render(
            self._opened.services.database, self._settings.redis_url.get_secret_value()
        )
        return Response(
            text,
            headers={
                "content-type": metrics.CONTENT_TYPE,
                "cache-control": "no-store",
                "vary": "Origin",
            },
        )

    def _may_read(self, request: Request) -> bool:
        headers = request.scope["headers"]
        token = self._settings.metrics_token
        given = facts.header(headers, b"authorization")
        if token is not None and given is not None:
            expected = f"Bearer {token.get_secret_value()}"
            return hmac.compare_digest(given.encode(), expected.encode())
        # Do not trust the clients of a proxy on this machine.
        is_proxied = any(facts.header(headers, name) is not None for name in _FORWARDED)
        # Nor a browser on this machine that a page has directed here by DNS rebinding.
        host = facts.header(headers, b"host") or "localhost"
        own = urlsplit(self._settings.app_url).hostname or ""
        if is_proxied or not hosts.is_accepted(host, own):
            return False
        known: facts.RequestFacts = request.scope["facts"]
        return ip_address(known.client_ip).is_loopback


async def check(opened: Opened) -> tuple[dict[str, str], condition.Condition | None]:
    """For the database, Redis and the migrations: "ok", or what is wrong. Also the database, if reachable."""
    database = opened.services.database
    looked, migrations, redis_state = await asyncio.gather(
        _look(database),
        _found(condition.migration_trouble(database), otherwise="unknown"),
        _found(opened.hints.check()),
    )
    state = await _unreachable(opened) if looked is None else looked.trouble or "ok"
    return {"database": state, "migrations": migrations, "redis": redis_state}, looked


async def report(opened: Opened) -> None:
    """At startup, log what is not ready and which database settings are unsafe."""
    found, looked = await check(opened)
    wrong = {name: state for name, state in found.items() if state != "ok"}
    if wrong:
        log.warning("not ready", **wrong, advice="`./wallet doctor` says what to do")
    for risk in [] if looked is None else looked.risks:
        log.warning("a PostgreSQL setting is unsafe", advice=risk)


async def _look(database: Database) -> condition.Condition | None:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await condition.look(database)
    except (errors.Unavailable, TimeoutError):
        return None


async def _unreachable(opened: Opened) -> str:
    """Whether none of several servers can be reached, or only some that must not be written to."""
    url = opened.services.settings.database_url.get_secret_value()
    if addresses.parse(url).are_several:
        roles = {each.role for each in await survey.survey(url)}
        if "primary" in roles:
            return "the only server that takes writes was replaced"
        if roles != {None}:
            return "only servers that take no writes can be reached"
    return "unreachable"


async def _found(asking: Awaitable[str | None], otherwise: str = "unreachable") -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await asking or "ok"
    except redis.RedisError as error:
        return redis_connection.reason(error)
    except (errors.Unavailable, *redis_connection.AWAY):
        return otherwise
