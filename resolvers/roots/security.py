"""Mutations of second factors and confirmed sessions."""

import strawberry

from resolvers import security
from resolvers.guards import person, verified
from resolvers.limits import (
    FACTOR_CHANGES,
    PASSKEY_LOGINS,
    PASSWORDS,
    SECOND_FACTORS,
    SECRETS,
)
from resolvers.operations import operation

_CONFIRMED = (
    "Requires a session confirmed within the last hour; otherwise the error is `FORBIDDEN` with the `reason` "
    "`CONFIRM_SESSION`."
)


@strawberry.type
class SecurityMutations:
    complete_login = operation(
        security.complete_login, SECOND_FACTORS, works_signed_out=True,
        description="Completes a `login` that returned `SecondFactorRequired`.",
    )  # fmt: skip
    begin_passkey_login = operation(
        security.begin_passkey_login, PASSKEY_LOGINS, works_signed_out=True,
        description="Starts a sign-in with a passkey only.",
    )  # fmt: skip
    complete_passkey_login = operation(
        security.complete_passkey_login, SECOND_FACTORS, works_signed_out=True,
        description="Completes a sign-in with a passkey only.",
    )  # fmt: skip
    report_sign_in = operation(
        security.report_sign_in, SECRETS, works_signed_out=True,
        description=(
            "Reports a sign-in that was not the user's own, with the token from the mail about it: ends that "
            "session, and mails a link to choose a new password."
        ),
    )  # fmt: skip
    confirm_session = operation(
        security.confirm_session, person, PASSWORDS,
        description=(
            "Confirms the current session for one hour, as required by security-sensitive operations "
            "and the back office. Takes a second factor if one is enabled, otherwise the password."
        ),
    )  # fmt: skip
    begin_session_confirmation = operation(
        security.begin_session_confirmation, person, PASSWORDS,
        description="Starts a confirmation of the current session with a passkey.",
    )  # fmt: skip
    begin_totp = operation(
        security.begin_totp, person, verified, FACTOR_CHANGES,
        description=f"Creates the secret for an authenticator app. {_CONFIRMED}",
    )  # fmt: skip
    enable_totp = operation(
        security.enable_totp, person, verified, FACTOR_CHANGES,
        description=(
            "Enables an authenticator app, which replaces an earlier one. Returns recovery codes if this is "
            f"the account's first second factor. {_CONFIRMED}"
        ),
    )  # fmt: skip
    disable_totp = operation(
        security.disable_totp, person, FACTOR_CHANGES,
        description=(
            "Disables the authenticator app. Without any second factor left, the recovery codes and "
            f"`confirmAbove` are removed too. {_CONFIRMED}"
        ),
    )  # fmt: skip
    begin_passkey = operation(
        security.begin_passkey, person, verified, FACTOR_CHANGES,
        description=f"Starts adding a passkey. {_CONFIRMED}",
    )  # fmt: skip
    add_passkey = operation(
        security.add_passkey, person, verified, FACTOR_CHANGES,
        description=(
            "Adds a passkey; at most 20. Returns recovery codes if this is the account's first second "
            f"factor. {_CONFIRMED}"
        ),
    )  # fmt: skip
    remove_passkey = operation(
        security.remove_passkey, person, FACTOR_CHANGES,
        description=(
            "Removes a passkey. Without any second factor left, the recovery codes and `confirmAbove` are "
            f"removed too. {_CONFIRMED}"
        ),
    )  # fmt: skip
    renew_recovery_codes = operation(
        security.renew_recovery_codes, person, FACTOR_CHANGES,
        description=f"Replaces all recovery codes. {_CONFIRMED}",
    )  # fmt: skip
    set_confirm_above = operation(
        security.set_confirm_above, person, FACTOR_CHANGES,
        description=(
            "Sets the amount above which transfers require a second factor; one must be enabled. "
            f"{_CONFIRMED}"
        ),
    )  # fmt: skip
