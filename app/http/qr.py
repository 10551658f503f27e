"""/qr.svg?path=…: the QR code of an address of this wallet, as an image for pages and paper."""

from __future__ import annotations

import re
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from adapters.rate_limiter import Limit
from app.http import rate_limits
from application.services import Services
from domain import errors
from graphql_server import facts
from resolvers import guards, qr_codes

ROUTE = "/qr.svg"
_NAME = "qr"
_PER_CLIENT = "120/minute"
#: A path and query of our own, of the length of the longest links; never another host, as "//host" would be.
_PATH = re.compile(r"/(?!/)[A-Za-z0-9@._~%/-]{0,120}(?:\?[A-Za-z0-9@._~%/=&+-]{0,400})?")
_HEADERS = {
    # The same for everyone, but the path may be the secret link of a request.
    "cache-control": "private, max-age=86400",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "x-robots-tag": "noindex",
}


class QrCodes:
    """Responds with QR codes of addresses under APP_URL."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, request: Request) -> Response:
        path = request.query_params.get("path", "")
        if not _PATH.fullmatch(path):
            return PlainTextResponse("path is not a path of this wallet.\n", 400)
        try:
            await self._count(request.scope["facts"])
        except errors.RateLimited as error:
            return _too_many(error)
        image = svg(f"{self._services.settings.app_url}{path}")
        return Response(image, headers=_HEADERS, media_type="image/svg+xml")

    async def _count(self, known: facts.RequestFacts) -> None:
        """Raises RateLimited."""
        if self._services.rate_limiter.is_off:
            return
        key = f"{_NAME}:client:{guards.network(known.client_ip)}"
        usage = await self._services.count_use([Limit(_PER_CLIENT, key, _NAME)])
        if usage is not None and usage.wait_seconds:
            raise errors.RateLimited(usage.wait_seconds, usage)


@lru_cache(maxsize=256)
def svg(text: str) -> bytes:
    """As `qr_codes.svg`, remembered: links are shown more than once."""
    return qr_codes.svg(text).encode()


def _too_many(error: errors.RateLimited) -> Response:
    headers = {"retry-after": str(error.retry_after_seconds)}
    if error.limit is not None:
        headers |= rate_limits.fields(error.limit)
    return PlainTextResponse(f"{error.message}\n", 429, headers)
