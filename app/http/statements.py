"""/statements/…: files of statements, for clients with a link that was made minutes ago."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Send

from adapters.rate_limiter import Limit
from app.http import rate_limits
from application import read_statements
from application.services import Services
from application.turns import Turns
from domain import errors
from domain.statements import links
from domain.statements.statements import Render
from graphql_server import facts
from resolvers import guards
from schema import errors as schema_errors

ROUTE = f"{links.PATH}{{token}}"
_NAME = "statements"
_PER_CLIENT = "120/minute"
_PER_ACCOUNT = "30/minute"
_STATUSES = {"UNAUTHENTICATED": 403, "RATE_LIMITED": 429, "UNAVAILABLE": 503}
_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
}


class Statements:
    """Responds with files, which are read and rendered as they are sent."""

    def __init__(self, services: Services, typeset: Render) -> None:
        """`typeset` makes PDFs."""
        self._services = services
        self._typeset = typeset
        self._turns = Turns(at_once=2, waiting=4, name="statements")

    async def answer(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except errors.DomainError as error:
            return _refusal(error)

    async def _answer(self, request: Request) -> Response:
        known: facts.RequestFacts = request.scope["facts"]
        await self._count(_PER_CLIENT, f"client:{guards.network(known.client_ip)}", "client")
        link = await read_statements.opened(self._services, request.path_params["token"])
        user_id = link.principal.user_id
        await self._count(_PER_ACCOUNT, f"account:{user_id}", "account")
        file = await read_statements.file(self._services, link, self._typeset)
        headers = {**_HEADERS, "content-disposition": f'attachment; filename="{file.name}"'}
        if request.method == "HEAD":
            answer = Response(headers=headers, media_type=file.media_type)
            # The length is known only once the file has been made.
            del answer.headers["content-length"]
            return answer
        content = self._in_turn(link, file.content)
        # What fails before the first byte is answered with a status.
        first = await anext(content)
        return _Download(_joined(first, content), headers=headers, media_type=file.media_type)

    async def _in_turn(
        self, link: links.Link, content: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        async with self._turns.turn(link.principal.user_id):
            async for part in content:
                yield part

    async def _count(self, rate: str, key: str, per: str) -> None:
        """Raises RateLimited."""
        if not self._services.rate_limiter.is_off:
            name = f"{_NAME}.{per}"
            usage = await self._services.count_use([Limit(rate, f"{name}:{key}", name)])
            if usage is not None and usage.wait_seconds:
                raise errors.RateLimited(usage.wait_seconds, usage)


class _Download(StreamingResponse):
    """A file that is no longer made once its client has gone."""

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self.body_iterator):  # type: ignore[type-var]
            await super().stream_response(send)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part


def _refusal(error: errors.DomainError) -> Response:
    """A sentence: who follows a link is a person."""
    headers = dict(_HEADERS)
    if isinstance(error, errors.RateLimited):
        headers["retry-after"] = str(error.retry_after_seconds)
        if error.limit is not None:
            headers |= rate_limits.fields(error.limit)
    if isinstance(error, errors.NotFound):
        status = 410 if isinstance(error, links.LinkExpired) else 404
    else:
        status = _STATUSES[schema_errors.code_of(error)[0]]
    return PlainTextResponse(f"{error.message}\n", status, headers)
