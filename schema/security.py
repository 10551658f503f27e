"""Second factors and confirmed sessions: settings, inputs and results."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from domain import ids
from domain.ledger import money
from domain.people import second_factors
from schema import errors
from schema.money import Money, shown_minor
from schema.nodes import Node
from schema.results import PasswordChanged, SignedIn
from schema.scalars import JSON
from schema.second_factors import RESPONSE, InvalidSecondFactor, SecondFactorInput
from schema.viewers import Viewer

_REQUEST_OPTIONS = (
    "WebAuthn Level 3 PublicKeyCredentialRequestOptionsJSON; null if the account has no passkeys."
)
_COOKIE = "For browsers: returns the refresh token in an HttpOnly cookie only."


@strawberry.type(description="A passkey of the viewer.")
class Passkey(Node):
    name: str = strawberry.field(description="The name that the viewer gave it.")
    created_at: datetime = strawberry.field(description="When it was added.")
    last_used_at: datetime | None = strawberry.field(
        description="When it was last used; null if never."
    )


@strawberry.type(description="The viewer's second factors, and which transfers require one.")
class SecuritySettings:
    totp: bool = strawberry.field(description="Whether an authenticator app (TOTP) is enabled.")
    totp_enabled_at: datetime | None = strawberry.field(
        description="When the authenticator app was enabled; null if there is none."
    )
    totp_last_used_at: datetime | None = strawberry.field(
        description="When a code from the authenticator app was last used; null if never."
    )
    passkeys: list[Passkey] = strawberry.field(description="The passkeys, oldest first.")
    recovery_codes_left: int = strawberry.field(description="How many recovery codes are unused.")
    confirm_above: Money | None = strawberry.field(
        description=(
            "Transfers above this amount, and any first transfer to a recipient, require a second "
            "factor; null if no second factor is enabled."
        )
    )


# ================================================================ challenges


@strawberry.type(
    description=(
        "The password is correct and a second factor is required; continue with `completeLogin`. "
        "From `resetPassword`: the link is valid; repeat the request with `challenge` and "
        "`secondFactor`."
    )
)
class SecondFactorRequired:
    challenge: str = strawberry.field(description="Valid for five minutes and ten attempts.")
    methods: list[second_factors.SecondFactor] = strawberry.field(
        description="The kinds of second factor that the account can use."
    )
    passkey_options: JSON | None = strawberry.field(description=_REQUEST_OPTIONS)


@strawberry.type(description="A challenge for an authenticator.")
class PasskeyChallenge:
    challenge: str = strawberry.field(
        description="To be returned with the authenticator's response."
    )
    options: JSON = strawberry.field(
        description=(
            "WebAuthn Level 3 PublicKeyCredentialCreationOptionsJSON or "
            "PublicKeyCredentialRequestOptionsJSON."
        )
    )


# ================================================================ signing in


LoginResult = Annotated[
    SignedIn | SecondFactorRequired | errors.InvalidCredentials | errors.InvalidInput,
    strawberry.union("LoginResult", description="What `login` returns."),
]


@strawberry.input(description="The second factor after a correct password.")
class CompleteLoginInput:
    challenge: str = strawberry.field(description="From `SecondFactorRequired`.")
    second_factor: SecondFactorInput = strawberry.field(description="The second factor.")
    use_cookie: bool = strawberry.field(default=False, description=_COOKIE)


@strawberry.input(description="A passkey to sign in with, without a password.")
class CompletePasskeyLoginInput:
    challenge: str = strawberry.field(description="From `beginPasskeyLogin`.")
    passkey: JSON = strawberry.field(description=RESPONSE)
    use_cookie: bool = strawberry.field(default=False, description=_COOKIE)


CompleteLoginResult = Annotated[
    SignedIn | InvalidSecondFactor,
    strawberry.union(
        "CompleteLoginResult",
        description="What `completeLogin` and `completePasskeyLogin` return.",
    ),
]
ResetPasswordResult = Annotated[
    PasswordChanged
    | SecondFactorRequired
    | errors.InvalidToken
    | errors.WeakPassword
    | InvalidSecondFactor,
    strawberry.union("ResetPasswordResult", description="What `resetPassword` returns."),
]


# ================================================================ confirming a session


@strawberry.type(description="The session counts as confirmed.")
class SessionConfirmed:
    until: datetime = strawberry.field(description="When it has to be confirmed again.")


ConfirmSessionResult = Annotated[
    SessionConfirmed | InvalidSecondFactor | errors.InvalidCredentials,
    strawberry.union("ConfirmSessionResult", description="What `confirmSession` returns."),
]


@strawberry.input(description="The proof that the signed-in user is present.")
class ConfirmSessionInput:
    second_factor: SecondFactorInput | None = strawberry.field(
        default=strawberry.UNSET, description="Required if a second factor is enabled."
    )
    challenge: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="From `beginSessionConfirmation`; required for a passkey.",
    )
    password: str | None = strawberry.field(
        default=strawberry.UNSET, description="Required if no second factor is enabled."
    )


@strawberry.input(description="A new password in place of a forgotten one.")
class ResetPasswordInput:
    token: str = strawberry.field(description="From the link in the mail.")
    password: str = strawberry.field(
        description="8 to 128 characters, and none of the common ones."
    )
    challenge: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="From `SecondFactorRequired`, which the request returns without a second factor.",
    )
    second_factor: SecondFactorInput | None = strawberry.field(
        default=strawberry.UNSET, description="Required if a second factor is enabled."
    )


# ================================================================ enabling and changing


@strawberry.type(
    description="The secret for an authenticator app; `enableTotp` puts it into effect."
)
class TotpSecret:
    challenge: str = strawberry.field(description="Pass to `enableTotp` within ten minutes.")
    uri: str = strawberry.field(description="otpauth:// URI for the authenticator app.")
    secret: str = strawberry.field(description="Base32 secret for manual entry.")
    qr_code: str = strawberry.field(description="The URI as a QR code (SVG).")


@strawberry.input(description="The first code of an authenticator app.")
class EnableTotpInput:
    challenge: str = strawberry.field(description="From `beginTotp`.")
    code: str = strawberry.field(description="The code that the app shows.")


@strawberry.input(description="A passkey that an authenticator has created.")
class AddPasskeyInput:
    challenge: str = strawberry.field(description="From `beginPasskey`.")
    name: str = strawberry.field(
        description="A name to recognise the passkey by, 1 to 80 characters."
    )
    passkey: JSON = strawberry.field(description="WebAuthn Level 3 RegistrationResponseJSON.")


@strawberry.type(description="The second factor is enabled.")
class SecondFactorEnabled:
    viewer: Viewer = strawberry.field(description="The viewer as it is now.")
    recovery_codes: list[str] | None = strawberry.field(
        description="Ten codes, shown only once; null if the account already has some."
    )


EnableSecondFactorResult = Annotated[
    SecondFactorEnabled | InvalidSecondFactor | errors.InvalidInput,
    strawberry.union(
        "EnableSecondFactorResult", description="What `enableTotp` and `addPasskey` return."
    ),
]


@strawberry.type(description="The security settings were changed.")
class SecurityChanged:
    viewer: Viewer = strawberry.field(description="The viewer as it is now.")


@strawberry.input(description="The passkey to remove.")
class RemovePasskeyInput:
    passkey_id: strawberry.ID = strawberry.field(description="A `Passkey.id` of the viewer.")


RemovePasskeyResult = Annotated[
    SecurityChanged | errors.NotFound,
    strawberry.union("RemovePasskeyResult", description="What `removePasskey` returns."),
]


@strawberry.type(description="New recovery codes; earlier ones no longer work.")
class RecoveryCodes:
    codes: list[str] = strawberry.field(description="Ten codes, shown only once.")


@strawberry.input(description="The amount above which transfers require a second factor.")
class SetConfirmAboveInput:
    amount: Decimal = strawberry.field(
        description="In whole units of the currency; transfers above it require a second factor."
    )


SetConfirmAboveResult = Annotated[
    SecurityChanged | errors.InvalidAmount,
    strawberry.union("SetConfirmAboveResult", description="What `setConfirmAbove` returns."),
]


@strawberry.input(description="A sign-in that was not the user's own.")
class ReportSignInInput:
    token: str = strawberry.field(description="From the link in the mail.")


@strawberry.type(
    description="The session was ended, and a link to choose a new password is being mailed."
)
class SignInReported:
    email_hint: str = strawberry.field(
        description='Enough of the address to recognise it by, such as "u…a@demo.app".'
    )


ReportSignInResult = Annotated[
    SignInReported | errors.InvalidToken,
    strawberry.union("ReportSignInResult", description="What `reportSignIn` returns."),
]


# ================================================================ conversions


def shown_passkey(passkey: second_factors.Passkey) -> Passkey:
    """The passkey as its owner sees it."""
    return Passkey(
        id=strawberry.ID(ids.global_id("Passkey", passkey.passkey_id)),
        name=passkey.name,
        created_at=passkey.created_at,
        last_used_at=passkey.last_used_at,
    )


def shown(settings: second_factors.SecuritySettings, currency: money.Currency) -> SecuritySettings:
    """The settings as their owner sees them."""
    app, confirm_above_minor = settings.totp, settings.confirm_above_minor
    return SecuritySettings(
        totp=app is not None,
        totp_enabled_at=None if app is None else app.created_at,
        totp_last_used_at=None if app is None else app.last_used_at,
        passkeys=[shown_passkey(passkey) for passkey in settings.passkeys],
        recovery_codes_left=settings.recovery_codes_left,
        confirm_above=None
        if confirm_above_minor is None
        else shown_minor(confirm_above_minor, currency),
    )
