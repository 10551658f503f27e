"""Sessions: signing in, going on and signing out."""

from __future__ import annotations

from datetime import timedelta

from domain import errors, ids
from domain.people import sessions as rules
from domain.people.accounts import Person, clean_email
from persistence.people import accounts, sessions
from resolvers import devices
from resolvers.guards import address_key, network
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import inputs, results, viewers
from schema.arguments import given


async def login(info: Info, input: inputs.LoginInput) -> results.LoginResult:  # noqa: A002
    context, services = info.context, info.context.services
    _require_cookies(context, wanted=input.use_cookie)
    email = clean_email(input.email)
    known = await accounts.credentials(services.database, email)
    owner_id = known[0].user_id if known and known[0].is_verified else None
    if not await devices.is_known(context, owner_id):
        await services.guesses.wait_turn(address_key(email), network(context.client_ip))
    # As much work whether the address has an owner, several registrations or nobody.
    password_hash = await services.hashing.matching(
        input.password, [candidate.password_hash for candidate in known]
    )
    if password_hash is None:
        raise errors.InvalidCredentials
    chosen = next(candidate for candidate in known if candidate.password_hash == password_hash)
    token = rules.first_refresh_token(chosen.user_id, ids.new_id())
    token_text = token.render(services.settings.jwt_secrets[0])
    person = await sessions.begin(
        services.database,
        user_id=chosen.user_id,
        password_hash=chosen.password_hash,
        token=token,
        token_text=token_text,
        user_agent=context.device,
        ip_address=context.client_ip,
    )
    if input.use_cookie:
        devices.remember(context, chosen.user_id)
    return _signed_in(
        context,
        person,
        token,
        token_text,
        cookie_lifetime=rules.SESSION_IDLE_LIFETIME if input.use_cookie else None,
    )


async def refresh_session(
    info: Info,
    input: inputs.RefreshSessionInput,  # noqa: A002
) -> results.RefreshSessionResult:
    context, services = info.context, info.context.services
    token_text = given(input.refresh_token)
    use_cookie = token_text is None
    if token_text is None:
        _require_cookies(context, wanted=context.refresh_cookie is not None)
        token_text = context.refresh_cookie or ""
    secrets = services.settings.jwt_secrets
    try:
        token = rules.read_refresh_token(token_text, secrets)
        refreshed = await sessions.refresh(
            services.database, token, token_text, jwt_secrets=secrets
        )
    except errors.InvalidToken:
        if use_cookie:
            context.clear_refresh_cookie()
        services.wake_relay()
        raise
    return _signed_in(
        context,
        refreshed.person,
        refreshed.token,
        refreshed.token_text,
        cookie_lifetime=refreshed.lifetime_left if use_cookie else None,
    )


async def confirm_session(
    info: Info,
    input: inputs.ConfirmSessionInput,  # noqa: A002
) -> results.ConfirmSessionResult:
    services, caller = info.context.services, info.context.caller
    password_hash = await accounts.password_hash(services.database, caller.user_id)
    if not await services.hashing.verify(given(input.password) or "", password_hash):
        raise errors.InvalidCredentials("The password is wrong.")
    until = await sessions.confirm(services.database, caller, password_hash=password_hash)
    return results.SessionConfirmed(until=until)


async def logout(info: Info, input: inputs.LogoutInput) -> results.LogoutResult:  # noqa: A002
    context, services, caller = info.context, info.context.services, info.context.caller
    # Also where the session turns out to have ended already.
    context.clear_refresh_cookie()
    if input.everywhere:
        ended = await sessions.end_all(services.database, caller)
    else:
        ended = int(await sessions.end(services.database, caller, caller.credential_id))
    await services.live.forget([caller.credential_id])
    services.wake_relay()
    return results.SignedOut(sessions=ended)


async def revoke_session(
    info: Info,
    input: inputs.RevokeSessionInput,  # noqa: A002
) -> results.RevokeSessionResult:
    services, caller = info.context.services, info.context.caller
    session_id = ids.read_row_id(input.session_id, "Session")
    if session_id is None or not await sessions.end(services.database, caller, session_id):
        raise errors.NotFound
    await services.live.forget([session_id])
    services.wake_relay()
    return results.SignedOut(sessions=1)


def _signed_in(
    context: RequestContext,
    person: Person,
    token: rules.RefreshToken,
    token_text: str,
    *,
    cookie_lifetime: timedelta | None,
) -> results.SignedIn:
    """The credentials of the session; the refresh token in a cookie where that has a lifetime."""
    services = context.services
    principal = rules.Principal(user_id=person.user_id, session_id=token.session_id)
    access_token, expires_at = rules.issue_access_token(
        principal,
        issuer=services.settings.app_url,
        secret=services.settings.jwt_secrets[0],
        lifetime=timedelta(seconds=services.settings.access_token_seconds),
        now=services.clock(),
    )
    if cookie_lifetime is not None:
        context.set_refresh_cookie(token_text, cookie_lifetime)
    return results.SignedIn(
        credentials=results.Credentials(
            access_token=access_token,
            expires_at=expires_at,
            refresh_token=None if cookie_lifetime is not None else token_text,
        ),
        viewer=viewers.shown(person, principal, services.limits.currency),
    )


def _require_cookies(context: RequestContext, *, wanted: bool) -> None:
    if wanted and not context.can_set_cookies:
        raise errors.BadUserInput(
            "A WebSocket cannot carry a cookie back: send this over HTTP, or go without the cookie."
        )
