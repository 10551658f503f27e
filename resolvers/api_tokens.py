"""Keys for programs: made and revoked by people alone."""

from __future__ import annotations

from domain import errors, ids, text
from domain.ledger import money, transfers
from persistence.people import api_tokens
from resolvers.operations import Info
from schema import inputs, results, sessions
from schema.arguments import given


async def create_api_token(
    info: Info,
    input: inputs.CreateApiTokenInput,  # noqa: A002
) -> results.CreateApiTokenResult:
    services, caller = info.context.services, info.context.caller
    _check(info, input)
    limit = given(input.daily_limit)
    limit_minor = None
    if limit is not None:
        limit_minor = transfers.check_amount(
            limit,
            services.limits,
            maximum_minor=money.MAXIMUM_LIMIT_MINOR,
            what="The daily limit",
        )
    token, secret = await api_tokens.create(
        services.database,
        caller,
        name=text.clean_name(input.name),
        scopes=input.scopes,
        daily_limit_minor=limit_minor,
        expires_at=given(input.expires_at),
    )
    return results.ApiTokenCreated(
        api_token=sessions.shown_api_token(token, services.limits.currency), secret=secret
    )


async def revoke_api_token(
    info: Info,
    input: inputs.RevokeApiTokenInput,  # noqa: A002
) -> results.RevokeApiTokenResult:
    services, caller = info.context.services, info.context.caller
    api_token_id = ids.read_row_id(input.api_token_id, "ApiToken")
    if api_token_id is None:
        raise errors.NotFound
    token = await api_tokens.revoke(services.database, caller, api_token_id)
    await services.live.forget([api_token_id])
    services.wake_relay()
    return results.ApiTokenRevoked(
        api_token=sessions.shown_api_token(token, services.limits.currency)
    )


def _check(info: Info, asked: inputs.CreateApiTokenInput) -> None:
    """Raise InvalidInput that names every field at fault."""
    wrong: list[errors.FieldError] = []
    try:
        text.clean_name(asked.name)
    except errors.InvalidInput as refusal:
        wrong.extend(refusal.fields)
    if not asked.scopes:
        wrong.append(errors.FieldError(("scopes",), "Choose at least one scope."))
    elif len(set(asked.scopes)) < len(asked.scopes):
        wrong.append(errors.FieldError(("scopes",), "Name each scope once."))
    expires_at = given(asked.expires_at)
    if expires_at is not None and expires_at <= info.context.services.clock():
        wrong.append(errors.FieldError(("expiresAt",), "Choose a time in the future."))
    if wrong:
        raise errors.InvalidInput(wrong)
