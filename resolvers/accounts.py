"""Accounts: registering, verifying, passwords and profiles."""

from __future__ import annotations

import application.change_password
import application.register
import application.request_password_reset
import application.resend_verification_email
import application.reset_password
import application.update_profile
import application.verify_email
from application.second_factors import Question
from domain import errors
from resolvers import sessions
from resolvers.operations import Info
from schema import inputs, results, second_factors, security, viewers
from schema.arguments import given


async def register(info: Info, input: inputs.RegisterInput) -> results.RegisterResult:  # noqa: A002
    context = info.context
    email = await application.register.execute(
        context.services,
        context.origin,
        name=input.name,
        email=input.email,
        password=input.password,
        time_zone=given(input.time_zone),
    )
    return results.RegistrationReceived(email=email)


async def verify_email(
    info: Info,
    input: inputs.VerifyEmailInput,  # noqa: A002
) -> results.VerifyEmailResult:
    context = info.context
    email = await application.verify_email.execute(
        context.services,
        context.principal,
        context.origin,
        token=input.token,
        password=given(input.password),
    )
    return results.EmailVerified(email=email)


async def resend_verification_email(
    info: Info,
    input: inputs.ResendVerificationEmailInput,  # noqa: A002
) -> results.ResendVerificationEmailResult:
    context = info.context
    email = await application.resend_verification_email.execute(
        context.services, context.principal, context.origin, email=input.email
    )
    return results.VerificationEmailRequested(email=email)


async def request_password_reset(
    info: Info,
    input: inputs.RequestPasswordResetInput,  # noqa: A002
) -> results.RequestPasswordResetResult:
    context = info.context
    email = await application.request_password_reset.execute(
        context.services, context.origin, email=input.email
    )
    return results.PasswordResetRequested(email=email)


async def reset_password(
    info: Info,
    input: security.ResetPasswordInput,  # noqa: A002
) -> security.ResetPasswordResult:
    answer = given(input.second_factor)
    ended = await application.reset_password.execute(
        info.context.services,
        token=input.token,
        password=input.password,
        challenge=given(input.challenge),
        answer=None if answer is None else second_factors.answer(answer),
    )
    if isinstance(ended, Question):
        return sessions.required(ended)
    return results.PasswordChanged(sessions=ended.sessions, api_tokens=ended.api_tokens)


async def change_password(
    info: Info,
    input: inputs.ChangePasswordInput,  # noqa: A002
) -> results.ChangePasswordResult:
    ended = await application.change_password.execute(
        info.context.services,
        info.context.caller,
        current_password=input.current_password,
        new_password=input.new_password,
        revoke_api_tokens=input.revoke_api_tokens,
    )
    return results.PasswordChanged(sessions=ended.sessions, api_tokens=ended.api_tokens)


async def update_profile(
    info: Info,
    input: inputs.UpdateProfileInput,  # noqa: A002
) -> results.UpdateProfileResult:
    services, caller = info.context.services, info.context.caller
    if input.name is None:
        raise errors.invalid("name", "The name cannot be removed. Type at least one letter.")
    if input.time_zone is None:
        raise errors.invalid("timeZone", "The time zone cannot be removed. Choose another one.")
    person = await application.update_profile.execute(
        services,
        caller,
        name=given(input.name),
        time_zone=given(input.time_zone),
        handle=given(input.handle),
        release_handle=input.handle is None,
    )
    return results.ProfileUpdated(viewer=viewers.shown(person, caller, services.limits.currency))
