"""Cross-origin access: what pages of allowed origins may do, at every documented address of the API."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http import replies
from app.http.origins import Origins
from graphql_server.facts import Headers
from graphql_server.service import Header

_PREFLIGHT_SECONDS = 7200
#: Names of headers, separated by commas (RFC 9110, section 5.6.2).
_HEADER_NAMES = re.compile(
    r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*"
)
_EXPOSED = (
    b"x-request-id, retry-after, ratelimit-policy, ratelimit, www-authenticate, date, allow, "
    b"accept-post, accept-encoding"
)


class Cors:
    """Answers preflight requests, and sets the CORS headers on each response.

    `methods` are the paths that other origins may use, with their methods. Pages and their
    files are not among them.
    """

    def __init__(self, app: ASGIApp, origins: Origins, methods: dict[str, tuple[str, ...]]) -> None:
        self._app = app
        self._origins = origins
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        methods = self._methods.get(scope["path"])
        if methods is None:
            await self._app(scope, receive, send)
            return
        headers: Headers = scope["facts"].headers
        granted = self.headers_for(headers)
        if granted:
            send = _with_headers(send, granted)
        if scope["method"] != "OPTIONS":
            await self._app(scope, receive, send)
            return
        if headers.first(b"access-control-request-method") is None:
            answer = replies.empty(allow=", ".join((*methods, "OPTIONS")))
        elif not granted:
            text = "Pages of that origin may not use this service: see ALLOWED_ORIGINS."
            answer = replies.refusal(403, text, "FORBIDDEN")
        else:
            wanted = headers.first(b"access-control-request-headers")
            answer = replies.empty(**_grant(methods, wanted))
        await answer(scope, receive, send)

    def headers_for(self, headers: Headers) -> Sequence[Header]:
        """The CORS headers of the response to a request with those headers."""
        origin = headers.first(b"origin")
        if origin is None or not self._origins.allow(origin, headers.first(b"host")):
            return ()
        return (
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", _EXPOSED),
            # Such a page may read the response.
            (b"cross-origin-resource-policy", b"cross-origin"),
        )


def _grant(methods: tuple[str, ...], wanted: str | None) -> dict[str, str]:
    """The headers of the response to a preflight request. Any valid request header is allowed."""
    granted = {
        "access-control-allow-methods": ", ".join(methods),
        "access-control-max-age": str(_PREFLIGHT_SECONDS),
        "vary": "Origin, Access-Control-Request-Headers",
    }
    if wanted is not None and _HEADER_NAMES.fullmatch(wanted):
        granted["access-control-allow-headers"] = wanted
    return granted


def _with_headers(send: Send, headers: Sequence[Header]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return send_with_headers
