"""Mutations of accounts and sessions."""

import strawberry

from resolvers import accounts, sessions
from resolvers.guards import person
from resolvers.limits import (
    CHANGES,
    LOGINS,
    MAILS,
    PASSWORDS,
    REFRESHES,
    REGISTRATIONS,
    SECRETS,
    VERIFICATIONS,
)
from resolvers.operations import operation


@strawberry.type
class AccountMutations:
    register = operation(
        accounts.register, REGISTRATIONS, works_signed_out=True,
        description=(
                "Creates a registration and sends a verification mail. The response is the same "
                "whether or not the address has an account; if it has one, its owner is told by "
                "mail."
        ),
    )  # fmt: skip
    verify_email = operation(
        accounts.verify_email, VERIFICATIONS, works_signed_out=True,
        description=(
            "Verifies the address for the registration that the link belongs to, given a session of "
            "that registration or its password; the link remains valid otherwise. Deletes the other "
            "registrations of the address and ends all earlier sessions except the one that "
            "verifies."
        ),
    )  # fmt: skip
    resend_verification_email = operation(
        accounts.resend_verification_email, MAILS, works_signed_out=True,
        description=(
            "Sends another verification mail. The response is the same whether or not the address is"
            " waiting to be verified."
        ),
    )  # fmt: skip
    login = operation(
        sessions.login,
        LOGINS,
        works_signed_out=True,
        description=(
            "Starts a session. If a second factor is enabled, the correct password leads to "
            "`SecondFactorRequired`."
        ),
    )
    refresh_session = operation(
        sessions.refresh_session, REFRESHES, works_signed_out=True,
        description=(
            "Returns a new access token and a new refresh token. The previous refresh token remains "
            "valid for 30 seconds; any older one ends the session."
        ),
    )  # fmt: skip
    logout = operation(
        sessions.logout, person, CHANGES,
        description="Ends this session, or all sessions of the viewer.",
    )  # fmt: skip
    revoke_session = operation(
        sessions.revoke_session, person, CHANGES, description="Ends one session of the viewer."
    )
    request_password_reset = operation(
        accounts.request_password_reset, MAILS, works_signed_out=True,
        description=(
            "Sends a mail with a link to choose a new password. The response is the same whether or "
            "not the address has an account."
        ),
    )  # fmt: skip
    reset_password = operation(
        accounts.reset_password, SECRETS, works_signed_out=True,
        description=(
            "Sets a new password, ends all sessions and revokes all API tokens. Requires the second factor "
            "if one is enabled."
        ),
    )  # fmt: skip
    change_password = operation(
        accounts.change_password, person, PASSWORDS,
        description=(
            "Changes the password and ends all other sessions. Revokes all API tokens if requested. "
            "Requires a session confirmed within the last hour."
        ),
    )  # fmt: skip
    update_profile = operation(
        accounts.update_profile, person, CHANGES,
        description="Changes the viewer's profile, which other users can see.",
    )  # fmt: skip
