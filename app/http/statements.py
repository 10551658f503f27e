"""/statements/…: files of statements, for clients with a link that was made minutes ago."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Send

from adapters.rate_limiter import Limit
from app.http import rate_limits
from application import read_statements
from application.services import Services
from application.turns import Turns
from domain import errors
from domain.exports import data_exports
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
HEADERS = {
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
            return refusal(error)

    async def _answer(self, request: Request) -> Response:
        known: facts.RequestFacts = request.scope["facts"]
        client, services = f"client:{guards.network(known.client_ip)}", self._services
        await count(services, _PER_CLIENT, f"{_NAME}.client", client)
        link = await read_statements.opened(self._services, request.path_params["token"])
        user_id = link.principal.user_id
        await count(services, _PER_ACCOUNT, f"{_NAME}.account", f"account:{user_id}")
        file = await read_statements.file(self._services, link, self._typeset)
        headers = {**HEADERS, "content-disposition": f'attachment; filename="{file.name}"'}
        if request.method == "HEAD":
            answer = Response(headers=headers, media_type=file.media_type)
            # The length is known only once the file has been made.
            del answer.headers["content-length"]
            return answer
        content = in_turn(self._turns, user_id, file.content)
        return await download(content, headers, file.media_type)


# ================================================================ of any download


async def count(services: Services, rate: str, name: str, key: str) -> None:
    """Count a download against the limit of that name. Raises RateLimited."""
    if not services.rate_limiter.is_off:
        usage = await services.count_use([Limit(rate, f"{name}:{key}", name)])
        if usage is not None and usage.wait_seconds:
            raise errors.RateLimited(usage.wait_seconds, usage)


async def in_turn(
    turns: Turns, user_id: UUID, content: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """The content, read while it is the user's turn."""
    async with turns.turn(user_id):
        async for part in content:
            yield part


async def download(
    content: AsyncIterator[bytes], headers: Mapping[str, str], media_type: str
) -> Response:
    """The response; what fails before the first byte is raised, and answered with a status."""
    first = await anext(content)
    return _Download(_joined(first, content), headers=headers, media_type=media_type)


class _Download(StreamingResponse):
    """A file that is no longer made once its client has gone."""

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self.body_iterator):  # type: ignore[type-var]
            await super().stream_response(send)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part


def refusal(error: errors.DomainError) -> Response:
    """A sentence: who follows a link is a person."""
    headers = dict(HEADERS)
    if isinstance(error, errors.RateLimited):
        headers["retry-after"] = str(error.retry_after_seconds)
        if error.limit is not None:
            headers |= rate_limits.fields(error.limit)
    if isinstance(error, errors.NotFound):
        is_gone = isinstance(error, links.LinkExpired | data_exports.ExportExpired)
        status = 410 if is_gone else 404
    else:
        status = _STATUSES[schema_errors.code_of(error)[0]]
    return PlainTextResponse(f"{error.message}\n", status, headers)
