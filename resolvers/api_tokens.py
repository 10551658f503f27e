"""API tokens, which only signed-in users can create and revoke."""

from __future__ import annotations

import application.create_api_token
import application.revoke_api_token
from domain import ids
from domain.people.sessions import Principal
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import inputs, results, sessions
from schema.arguments import given


async def create_api_token(
    info: Info,
    input: inputs.CreateApiTokenInput,  # noqa: A002
) -> results.CreateApiTokenResult:
    services = info.context.services
    token, secret = await application.create_api_token.execute(
        services,
        info.context.caller,
        name=input.name,
        scopes=input.scopes,
        daily_limit=given(input.daily_limit),
        expires_at=given(input.expires_at),
    )
    return results.ApiTokenCreated(
        api_token=sessions.shown_api_token(
            token, services.limits.currency, remaining_minor=token.daily_limit_minor
        ),
        secret=secret,
    )


async def revoke_api_token(
    info: Info,
    input: inputs.RevokeApiTokenInput,  # noqa: A002
) -> results.RevokeApiTokenResult:
    services = info.context.services
    token = await application.revoke_api_token.execute(
        services, info.context.caller, ids.read_row_id(input.api_token_id, "ApiToken")
    )
    return results.ApiTokenRevoked(
        # A token that has ended cannot send anything more.
        api_token=sessions.shown_api_token(
            token,
            services.limits.currency,
            remaining_minor=None if token.daily_limit_minor is None else 0,
        )
    )


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if caller.session_id is None:
        return {}
    return {
        token.id: token for token in await context.reads.api_tokens(caller) if token.id in asked
    }
