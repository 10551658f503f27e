"""Authentication of a request by its bearer token: an access JWT or an API token."""

from __future__ import annotations

from application.services import Services
from domain import errors
from domain.people import sessions
from persistence.people import api_tokens

_TOKEN_MAXIMUM_CHARACTERS = 2048


_USUAL_SCHEME = "Bearer "


def recognize(
    services: Services, authorization: str, *, ask_active: bool = True
) -> sessions.Principal | None:
    """The principal that `authenticate` would return, if it is known without waiting, as for nearly every request.

    None does not mean that the token is invalid: `authenticate` decides that.
    """
    if not authorization.startswith(_USUAL_SCHEME):
        return None
    principal = services.tokens.get(authorization.removeprefix(_USUAL_SCHEME))
    if principal is None or _is_expired(services, principal):
        return None
    return principal if services.live.knows_active(principal, ask=ask_active) else None


async def authenticate(
    services: Services,
    authorization: str | None,
    client: str | None = None,
    *,
    ask_active: bool = True,
) -> sessions.Principal | None:
    """The principal of the token; None without the header.

    `client` is the network of the client (`domain.networks`): forged and unknown tokens count as its refused
    requests, and after too many of these, API tokens that are not cached here are not looked up.

    Without `ask_active` the database is not asked whether the credential is active: for callers that check
    it in their own transaction.
    Raises sessions.NotABearer for a header without a token, sessions.TokenExpired for a genuine but expired
    one, Unauthenticated for one that is forged, unknown or has ended, or RateLimited.
    """
    if authorization is None:
        return None
    token = _bearer_token(authorization)
    principal = services.tokens.get(token)
    if principal is None:
        principal = await (
            _verify(services, token) if client is None else _verify_of(services, token, client)
        )
        services.tokens.put(token, principal)
    elif _is_expired(services, principal):
        services.tokens.drop(token)
        raise sessions.TokenExpired
    try:
        await services.live.ensure_active(principal, ask=ask_active)
    except errors.Unauthenticated:
        services.tokens.drop(token)
        raise
    return principal


def _is_expired(services: Services, principal: sessions.Principal) -> bool:
    return principal.expires_at is not None and principal.expires_at <= services.clock()


async def _verify_of(services: Services, token: str, client: str) -> sessions.Principal:
    refusals = services.refusal_allowance
    if token.startswith(sessions.API_TOKEN_PREFIX) and (limit := refusals.refusal(client)):
        raise errors.RateLimited(limit.wait_seconds, limit)
    try:
        return await _verify(services, token)
    except sessions.TokenExpired:
        raise
    except errors.Unauthenticated:
        await services.count_refusal(client)
        raise


async def _verify(services: Services, token: str) -> sessions.Principal:
    if not token.startswith(sessions.API_TOKEN_PREFIX):
        return sessions.verify_access_token(
            token,
            issuer=services.settings.app_url,
            jwt_secrets=services.settings.jwt_secrets,
            now=services.clock(),
        )
    secret = sessions.read_api_token(token)
    if secret is None:
        raise errors.Unauthenticated("The API token is not valid. Create another one.")
    return await api_tokens.authenticate(services.database, secret)


def _bearer_token(authorization: str) -> str:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or "," in token:
        raise sessions.NotABearer
    if len(token) > _TOKEN_MAXIMUM_CHARACTERS:
        raise errors.Unauthenticated("The access token is not valid. Sign in again.")
    return token
