"""Second factors: signing in with them, confirming the session, enabling and removing them."""

from __future__ import annotations

import application.change_second_factors
import application.complete_sign_in
import application.confirm_session
import application.enrol_second_factor
import application.report_sign_in
from domain import errors, ids
from domain.people import accounts
from domain.people.second_factors import Answer
from domain.people.sessions import Principal
from resolvers import qr_codes, sessions
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from resolvers.viewer_fields import OfViewer
from schema import second_factors, security, viewers
from schema.arguments import given
from schema.scalars import JSON

# ================================================================ signing in


async def complete_login(
    info: Info,
    input: security.CompleteLoginInput,  # noqa: A002
) -> security.CompleteLoginResult:
    context = info.context
    sessions.require_cookies(context, wanted=input.use_cookie)
    signed_in = await application.complete_sign_in.execute(
        context.services,
        context.origin,
        challenge=input.challenge,
        answer=second_factors.answer(input.second_factor),
    )
    return sessions.begun(context, signed_in, use_cookie=input.use_cookie)


async def begin_passkey_login(info: Info) -> security.PasskeyChallenge:
    challenge, options = application.complete_sign_in.begin_with_passkey(info.context.services)
    return security.PasskeyChallenge(challenge=challenge, options=JSON(options))


async def complete_passkey_login(
    info: Info,
    input: security.CompletePasskeyLoginInput,  # noqa: A002
) -> security.CompleteLoginResult:
    context = info.context
    sessions.require_cookies(context, wanted=input.use_cookie)
    signed_in = await application.complete_sign_in.execute_with_passkey(
        context.services,
        context.origin,
        challenge=input.challenge,
        answer=Answer(passkey=input.passkey),
    )
    return sessions.begun(context, signed_in, use_cookie=input.use_cookie)


async def report_sign_in(
    info: Info,
    input: security.ReportSignInInput,  # noqa: A002
) -> security.ReportSignInResult:
    email = await application.report_sign_in.execute(info.context.services, token=input.token)
    return security.SignInReported(email_hint=accounts.email_hint(email))


# ================================================================ confirming the session


async def confirm_session(
    info: Info,
    input: security.ConfirmSessionInput,  # noqa: A002
) -> security.ConfirmSessionResult:
    answer = given(input.second_factor)
    until = await application.confirm_session.execute(
        info.context.services,
        info.context.caller,
        password=given(input.password),
        challenge=given(input.challenge),
        answer=None if answer is None else second_factors.answer(answer),
    )
    return security.SessionConfirmed(until=until)


async def begin_session_confirmation(info: Info) -> security.PasskeyChallenge:
    context = info.context
    question = await application.confirm_session.begin(context.services, context.caller)
    options = JSON(question.passkey_options or {})
    return security.PasskeyChallenge(challenge=question.challenge, options=options)


# ================================================================ enabling


async def begin_totp(info: Info) -> security.TotpSecret:
    context = info.context
    new = await application.enrol_second_factor.begin_totp(context.services, context.caller)
    return security.TotpSecret(
        challenge=new.challenge, uri=new.uri, secret=new.secret, qr_code=qr_codes.svg(new.uri)
    )


async def enable_totp(
    info: Info,
    input: security.EnableTotpInput,  # noqa: A002
) -> security.EnableSecondFactorResult:
    context = info.context
    codes = await application.enrol_second_factor.enable_totp(
        context.services, context.caller, challenge=input.challenge, code=input.code
    )
    return security.SecondFactorEnabled(viewer=await _viewer(context), recovery_codes=codes)


async def begin_passkey(info: Info) -> security.PasskeyChallenge:
    context = info.context
    challenge, options = await application.enrol_second_factor.begin_passkey(
        context.services, context.caller
    )
    return security.PasskeyChallenge(challenge=challenge, options=JSON(options))


async def add_passkey(
    info: Info,
    input: security.AddPasskeyInput,  # noqa: A002
) -> security.EnableSecondFactorResult:
    context = info.context
    codes = await application.enrol_second_factor.add_passkey(
        context.services,
        context.caller,
        challenge=input.challenge,
        name=input.name,
        response=input.passkey,
    )
    return security.SecondFactorEnabled(viewer=await _viewer(context), recovery_codes=codes)


# ================================================================ changing


async def disable_totp(info: Info) -> security.SecurityChanged:
    context = info.context
    await application.change_second_factors.disable_totp(context.services, context.caller)
    return security.SecurityChanged(viewer=await _viewer(context))


async def remove_passkey(
    info: Info,
    input: security.RemovePasskeyInput,  # noqa: A002
) -> security.RemovePasskeyResult:
    context = info.context
    await application.change_second_factors.remove_passkey(
        context.services, context.caller, ids.read_row_id(input.passkey_id, "Passkey")
    )
    return security.SecurityChanged(viewer=await _viewer(context))


async def renew_recovery_codes(info: Info) -> security.RecoveryCodes:
    context = info.context
    codes = await application.change_second_factors.renew_recovery_codes(
        context.services, context.caller
    )
    return security.RecoveryCodes(codes=codes)


async def set_confirm_above(
    info: Info,
    input: security.SetConfirmAboveInput,  # noqa: A002
) -> security.SetConfirmAboveResult:
    context = info.context
    await application.change_second_factors.set_confirm_above(
        context.services, context.caller, input.amount
    )
    return security.SecurityChanged(viewer=await _viewer(context))


# ================================================================ reading


async def settings(viewer: OfViewer, info: Info) -> security.SecuritySettings:
    services = info.context.services
    found = await application.change_second_factors.settings(services, viewer.person.user_id)
    return security.shown(found, services.limits.currency)


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if caller.session_id is None:
        return {}
    found = await application.change_second_factors.settings(context.services, caller.user_id)
    shown = [security.shown_passkey(passkey) for passkey in found.passkeys]
    return {passkey.id: passkey for passkey in shown if passkey.id in asked}


async def _viewer(context: RequestContext) -> viewers.Viewer:
    """The caller's account as it is now."""
    services, caller = context.services, context.caller
    person = await services.person(caller.user_id)
    if person is None:
        raise errors.Unauthenticated
    return viewers.shown(person, caller, services.limits.currency)
