"""Sessions: signing in, refreshing, confirming and signing out."""

from __future__ import annotations

import application.end_sessions
import application.refresh_session
import application.sign_in
from application import devices
from application.second_factors import Question
from application.signed_in import SignedIn
from domain import errors, ids
from domain.people.sessions import Principal, Scope
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import inputs, results, security, sessions, viewers
from schema.arguments import given
from schema.scalars import JSON


async def login(info: Info, input: inputs.LoginInput) -> security.LoginResult:  # noqa: A002
    context = info.context
    require_cookies(context, wanted=input.use_cookie)
    signed_in = await application.sign_in.execute(
        context.services, context.origin, email=input.email, password=input.password
    )
    if isinstance(signed_in, Question):
        return required(signed_in)
    return begun(context, signed_in, use_cookie=input.use_cookie)


async def refresh_session(
    info: Info,
    input: inputs.RefreshSessionInput,  # noqa: A002
) -> results.RefreshSessionResult:
    context = info.context
    refresh_token = given(input.refresh_token)
    use_cookie = refresh_token is None
    if refresh_token is None:
        require_cookies(context, wanted=context.refresh_cookie is not None)
        refresh_token = context.refresh_cookie or ""
    try:
        signed_in = await application.refresh_session.execute(
            context.services, refresh_token=refresh_token
        )
    except errors.InvalidToken:
        if use_cookie:
            context.clear_refresh_cookie()
        raise
    return _shown(context, signed_in, use_cookie=use_cookie)


async def logout(info: Info, input: inputs.LogoutInput) -> results.LogoutResult:  # noqa: A002
    context = info.context
    caller = context.caller
    # Also if the session turns out to have ended already.
    context.clear_refresh_cookie()
    ended = await application.end_sessions.sign_out(
        context.services, caller, everywhere=input.everywhere
    )
    return results.SignedOut(sessions=ended)


async def revoke_session(
    info: Info,
    input: inputs.RevokeSessionInput,  # noqa: A002
) -> results.RevokeSessionResult:
    await application.end_sessions.revoke(
        info.context.services, info.context.caller, ids.read_row_id(input.session_id, "Session")
    )
    return results.SignedOut(sessions=1)


async def credential(info: Info) -> sessions.Credential | None:
    context, principal = info.context, info.context.principal
    if principal is None:
        return None
    # A session that has just ended is in neither list.
    if principal.api_token_id is None:
        for session in await context.reads.sessions(principal):
            if session.is_current:
                return sessions.Credential(session=session, api_token=None, scopes=list(Scope))
        return None
    own_id = sessions.api_token_id(principal.api_token_id)
    for token in await context.reads.api_tokens(principal):
        if token.id == own_id:
            return sessions.Credential(session=None, api_token=token, scopes=token.scopes)
    return None


def required(question: Question) -> security.SecondFactorRequired:
    """The challenge as a result."""
    return security.SecondFactorRequired(
        challenge=question.challenge,
        methods=list(question.methods),
        passkey_options=None
        if question.passkey_options is None
        else JSON(question.passkey_options),
    )


def begun(context: RequestContext, signed_in: SignedIn, *, use_cookie: bool) -> results.SignedIn:
    """The credentials of a new session; a browser is remembered as a device of its user."""
    if use_cookie:
        context.device_token_to_set = devices.remember(
            context.services, context.device_token, signed_in.person.user_id
        )
    return _shown(context, signed_in, use_cookie=use_cookie)


def _shown(context: RequestContext, signed_in: SignedIn, *, use_cookie: bool) -> results.SignedIn:
    """The credentials of the session, with the refresh token in a cookie if `use_cookie`."""
    if use_cookie:
        context.set_refresh_cookie(signed_in.refresh_token, signed_in.refresh_lifetime)
    return results.SignedIn(
        credentials=results.Credentials(
            access_token=signed_in.access_token,
            expires_at=signed_in.expires_at,
            refresh_token=None if use_cookie else signed_in.refresh_token,
        ),
        viewer=viewers.shown(
            signed_in.person, signed_in.principal, context.services.limits.currency
        ),
    )


def require_cookies(context: RequestContext, *, wanted: bool) -> None:
    """Raise BadUserInput where a cookie is wanted that the response cannot set."""
    if wanted and not context.can_set_cookies:
        raise errors.BadUserInput(
            "A cookie cannot be set over WebSocket: send this over HTTP, or do not use the cookie."
        )


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if caller.session_id is None:
        return {}
    return {
        session.id: session
        for session in await context.reads.sessions(caller)
        if session.id in asked
    }
