"""Accounts: registering, verifying, passwords and profiles.

Whether or not an address is known, the answer is the same and the work is the same.
"""

from __future__ import annotations

import hmac
from typing import Any

from application.services import Services
from domain import errors, text
from domain.people import sessions
from domain.people.accounts import MailPurpose, clean_email
from persistence.delivery import mails
from persistence.people import accounts, registrations
from resolvers import devices
from resolvers.guards import network
from resolvers.operations import Info
from schema import inputs, results, viewers
from schema.arguments import given


async def register(info: Info, input: inputs.RegisterInput) -> results.RegisterResult:  # noqa: A002
    services = info.context.services
    wrong: list[errors.FieldError] = []
    name = _cleaned(wrong, text.clean_name, input.name)
    email = _cleaned(wrong, clean_email, input.email)
    if wrong:
        raise errors.InvalidInput(wrong)
    await services.hashing.check(input.password)
    password_hash = await services.hashing.hash(
        input.password, salt_seed=_salt_seed(services, email)
    )
    await registrations.register(
        services.database,
        name=name,
        email=email,
        password_hash=password_hash,
        requester=_requester(info),
    )
    services.wake_relay()
    return results.RegistrationReceived(email=email)


async def verify_email(
    info: Info,
    input: inputs.VerifyEmailInput,  # noqa: A002
) -> results.VerifyEmailResult:
    context, services = info.context, info.context.services
    token = _link_token(input.token)
    if not await accounts.is_link_good(services.database, token, MailPurpose.VERIFY_EMAIL):
        raise errors.InvalidToken
    caller = context.principal
    is_own = caller is not None and caller.user_id == token.user_id
    session_id = caller.session_id if caller is not None and is_own else None
    password_hash = None
    if session_id is None:
        password_hash = await _checked_password(info, token, given(input.password))
    email = await registrations.verify_email(
        services.database, token, session_id=session_id, password_hash=password_hash
    )
    services.wake_relay()
    return results.EmailVerified(email=email)


async def _checked_password(info: Info, token: sessions.NamedSecret, password: str | None) -> str:
    """The hash of the registration's password, which is the one given. Raises InvalidCredentials."""
    services = info.context.services
    if password is None:
        raise errors.InvalidCredentials(
            "Enter the password that was chosen with this registration."
        )
    await services.guesses.wait_turn(
        f"registration:{token.user_id}", network(info.context.client_ip)
    )
    try:
        known = await accounts.password_hash(services.database, token.user_id)
    except errors.Unauthenticated:
        # Discarded meanwhile.
        raise errors.InvalidToken from None
    if not await services.hashing.verify(password, known):
        raise errors.InvalidCredentials("That is not the password of this registration.")
    return known


async def resend_verification_email(
    info: Info,
    input: inputs.ResendVerificationEmailInput,  # noqa: A002
) -> results.ResendVerificationEmailResult:
    context, services = info.context, info.context.services
    email = clean_email(input.email)
    own_id = None
    if context.principal is not None and context.principal.session_id is not None:
        person = await services.person(context.principal.user_id)
        if person is not None and person.email_verified_at is None and person.email == email:
            own_id = person.user_id
    await registrations.resend_verification(
        services.database, email, user_id=own_id, requester=_requester(info)
    )
    services.wake_relay()
    return results.VerificationEmailRequested(email=email)


async def request_password_reset(
    info: Info,
    input: inputs.RequestPasswordResetInput,  # noqa: A002
) -> results.RequestPasswordResetResult:
    services = info.context.services
    email = clean_email(input.email)
    owner_id = await accounts.user_id_by_email(services.database, email)
    is_known = await devices.is_known(info.context, owner_id)
    await accounts.request_password_reset(
        services.database, email, requester=_requester(info, is_known=is_known)
    )
    services.wake_relay()
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
    person = await services.person(caller.user_id)
    if person is None:
        raise errors.Unauthenticated
    is_verified = person.email_verified_at is not None
    ended = await accounts.change_password(
        services.database,
        caller,
        old_hash=old_hash,
        password_hash=await services.hashing.hash(
            input.new_password,
            salt_seed=None if is_verified else _salt_seed(services, person.email),
        ),
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


def _requester(info: Info, *, is_known: bool = False) -> mails.Requester:
    return mails.Requester(network(info.context.client_ip), is_known=is_known)


def _salt_seed(services: Services, email: str) -> bytes:
    """Registrations of one address share a salt, so that signing in to any of them costs one hash.

    Derived instead of copied from one another: any number may register at once.
    """
    secret = services.settings.jwt_secrets[0]
    return hmac.digest(secret.encode(), b"registration salt\0" + email.encode(), "sha256")


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
