"""Accounts: registering, verifying, passwords and profiles.

Whether or not an address is known, the answer is the same and the work is the same.
"""

from __future__ import annotations

from typing import Any

from domain import errors, sessions, text
from domain.accounts import MailPurpose, clean_email
from persistence import accounts
from resolvers.operations import Info
from schema import inputs, results, viewers


async def register(info: Info, input: inputs.RegisterInput) -> results.RegisterResult:  # noqa: A002
    services = info.context.services
    wrong: list[errors.FieldError] = []
    name = _cleaned(wrong, text.clean_name, input.name)
    email = _cleaned(wrong, clean_email, input.email)
    if wrong:
        raise errors.InvalidInput(wrong)
    await services.hashing.check(input.password)
    password_hash = await services.hashing.hash(input.password)
    await accounts.register(services.database, name=name, email=email, password_hash=password_hash)
    services.wake_relay()
    return results.RegistrationReceived(email=email)


async def verify_email(
    info: Info,
    input: inputs.VerifyEmailInput,  # noqa: A002
) -> results.VerifyEmailResult:
    context = info.context
    token = _link_token(input.token)
    keep = context.principal.session_id if context.principal else None
    email = await accounts.verify_email(context.services.database, token, keep_session_id=keep)
    context.services.wake_relay()
    return results.EmailVerified(email=email)


async def resend_verification_email(
    info: Info,
    input: inputs.ResendVerificationEmailInput,  # noqa: A002
) -> results.ResendVerificationEmailResult:
    email = clean_email(input.email)
    await accounts.resend_verification(info.context.services.database, email)
    info.context.services.wake_relay()
    return results.VerificationEmailRequested(email=email)


async def request_password_reset(
    info: Info,
    input: inputs.RequestPasswordResetInput,  # noqa: A002
) -> results.RequestPasswordResetResult:
    email = clean_email(input.email)
    await accounts.request_password_reset(info.context.services.database, email)
    info.context.services.wake_relay()
    return results.PasswordResetRequested(email=email)


async def reset_password(
    info: Info,
    input: inputs.ResetPasswordInput,  # noqa: A002
) -> results.ResetPasswordResult:
    services = info.context.services
    token = _link_token(input.token)
    # First the link: whoever has none learns nothing about passwords, and costs no hash.
    if not await accounts.is_link_good(services.database, token, MailPurpose.RESET_PASSWORD):
        raise errors.InvalidToken
    await services.hashing.check(input.password)
    password_hash = await services.hashing.hash(input.password)
    ended = await accounts.reset_password(services.database, token, password_hash=password_hash)
    services.wake_relay()
    return results.PasswordChanged(sessions=ended.sessions, api_tokens=ended.api_tokens)


async def change_password(
    info: Info,
    input: inputs.ChangePasswordInput,  # noqa: A002
) -> results.ChangePasswordResult:
    services, caller = info.context.services, info.context.caller
    old_hash = await accounts.password_hash(services.database, caller.user_id)
    if not await services.hashing.verify(input.current_password, old_hash):
        raise errors.InvalidCredentials("The current password is wrong.")
    await services.hashing.check(input.new_password)
    ended = await accounts.change_password(
        services.database,
        caller,
        old_hash=old_hash,
        password_hash=await services.hashing.hash(input.new_password),
        revoke_api_tokens=input.revoke_api_tokens,
    )
    services.wake_relay()
    return results.PasswordChanged(sessions=ended.sessions, api_tokens=ended.api_tokens)


async def update_profile(
    info: Info,
    input: inputs.UpdateProfileInput,  # noqa: A002
) -> results.UpdateProfileResult:
    services, caller = info.context.services, info.context.caller
    name = text.clean_name(input.name)
    person = await accounts.update_profile(services.database, caller, name=name)
    return results.ProfileUpdated(viewer=viewers.shown(person, caller, services.limits.currency))


def _link_token(token: str) -> sessions.NamedSecret:
    secret = sessions.read_link_token(token)
    if secret is None:
        raise errors.InvalidToken
    return secret


def _cleaned(wrong: list[errors.FieldError], clean: Any, raw: str) -> str:
    """The field as it is stored; what is wrong with it joins the others that are wrong."""
    try:
        return str(clean(raw))
    except errors.InvalidInput as refusal:
        wrong.extend(refusal.fields)
        return ""
