"""/pusher/auth: signs the private channel of the bearer's credential for pusher-js, and no other."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from adapters.pusher import PusherGateway
from app.http import rate_limits, replies
from app.wiring import Opened
from application import authentication
from domain import errors, events
from domain.people.sessions import Scope
from graphql_server import bodies, facts
from resolvers import guards
from schema import errors as schema_errors

_BODY_MAXIMUM_BYTES = 4096


class PusherAuth:
    """Responds as pusher-js's channel authorization expects."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    async def answer(self, request: Request) -> Response:
        gateway = self._opened.pusher
        if gateway is None:
            return replies.refusal(404, "No Pusher Channels server is configured.", "NOT_FOUND")
        try:
            body = await bodies.read(request.scope, request.receive, _BODY_MAXIMUM_BYTES)
        except bodies.TooLarge:
            return replies.refusal(
                413, "The body is too large.", "BAD_USER_INPUT", connection="close"
            )
        except bodies.TooSlow:
            return replies.refusal(
                408, "The body took too long to arrive.", "BAD_USER_INPUT", connection="close"
            )
        except bodies.Encoded as error:
            return replies.refusal(
                415,
                bodies.ENCODED.format(coding=error.coding),
                "BAD_USER_INPUT",
                connection="close",
                **{"accept-encoding": "identity"},
            )
        except bodies.Disconnected:
            return Response(status_code=499)
        return await self._authorize(gateway, request, body)

    async def _authorize(self, gateway: PusherGateway, request: Request, body: bytes) -> Response:
        fields = _fields(facts.header(request.scope["headers"], b"content-type"), body)
        socket_id, channel = fields.get("socket_id"), fields.get("channel_name")
        if not isinstance(socket_id, str) or not isinstance(channel, str):
            return replies.refusal(
                400,
                "Send `socket_id` and `channel_name`, form-encoded or as JSON.",
                "BAD_USER_INPUT",
            )
        authorization = facts.joined(request.scope["headers"], b"authorization")
        try:
            known: facts.RequestFacts = request.scope["facts"]
            principal = await authentication.authenticate(
                self._opened.services, authorization, guards.network(known.client_ip)
            )
            if principal is None:
                raise errors.Unauthenticated
            counted = await self._opened.services.count_read(f"account:{principal.user_id}")
            if counted is not None and counted.wait_seconds:
                raise errors.RateLimited(counted.wait_seconds, counted)
        except errors.RateLimited as error:
            headers = {"retry-after": str(error.retry_after_seconds)}
            if error.limit is not None:
                headers |= rate_limits.fields(error.limit)
            return replies.refusal(429, error.message, "RATE_LIMITED", **headers)
        except errors.DomainError as error:
            code, _ = schema_errors.code_of(error)
            return replies.refusal(503 if code == "UNAVAILABLE" else 403, error.message, code)
        is_own = channel == events.pusher_channel(principal.credential_id)
        if not is_own or not principal.may(Scope.READ_TRANSACTIONS):
            return replies.refusal(
                403,
                "Only the channel of `wallet.pusher.channel` for this same credential, with a token that "
                "may read transactions.",
                "FORBIDDEN",
            )
        try:
            left = {} if counted is None else rate_limits.fields(counted)
            return replies.json(gateway.authenticate(socket_id, channel), 200, **left)
        except ValueError:
            return replies.refusal(400, "`socket_id` is malformed.", "BAD_USER_INPUT")


def _fields(content_type: str | None, body: bytes) -> dict[str, object]:
    media_type = (content_type or "").partition(";")[0].strip().lower()
    try:
        if media_type == "application/json":
            parsed = bodies.parse_json(body)
            return parsed if isinstance(parsed, dict) else {}
        return dict(parse_qsl(body.decode(), errors="strict", max_num_fields=10))
    except ValueError:
        return {}
