"""What operations take."""

from datetime import datetime
from decimal import Decimal

import strawberry

from domain.people.sessions import Scope

_KEY = "Chosen by the caller, 8 to 64 printable ASCII characters: one key never {} twice."
_PASSWORD = "8 to 128 characters, and none of the common ones."  # noqa: S105


@strawberry.input(description="A new account.")
class RegisterInput:
    name: str = strawberry.field(description="What other people will see, 1 to 80 characters.")
    email: str = strawberry.field(description="The address to sign in with.")
    password: str = strawberry.field(description=_PASSWORD)


@strawberry.input(description="The proof that an address is the viewer's.")
class VerifyEmailInput:
    token: str = strawberry.field(description="From the link in the mail.")
    password: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Password of the registration the link belongs to; required unless the request carries a "
            "session of that registration."
        ),
    )


@strawberry.input(description="Where to send another verification mail.")
class ResendVerificationEmailInput:
    email: str = strawberry.field(description="The address that was registered.")


@strawberry.input(description="Who signs in.")
class LoginInput:
    email: str = strawberry.field(description="The address that was registered.")
    password: str = strawberry.field(description="Its password.")
    use_cookie: bool = strawberry.field(
        default=False,
        description=(
            "For browsers: keeps the refresh token in an HttpOnly cookie, out of the answer."
        ),
    )


@strawberry.input(description="The session to go on with.")
class RefreshSessionInput:
    refresh_token: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Left out by browsers, which have it in the cookie.",
    )


@strawberry.input(description="What to sign out of.")
class LogoutInput:
    everywhere: bool = strawberry.field(
        default=False, description="Every session of the viewer's, not this one alone."
    )


@strawberry.input(description="The session to end.")
class RevokeSessionInput:
    session_id: strawberry.ID = strawberry.field(description="A `Session.id` of the viewer's.")


@strawberry.input(description="Whose password was forgotten.")
class RequestPasswordResetInput:
    email: str = strawberry.field(description="The address that was registered.")


@strawberry.input(description="A new password in place of a forgotten one.")
class ResetPasswordInput:
    token: str = strawberry.field(description="From the link in the mail.")
    password: str = strawberry.field(description=_PASSWORD)


@strawberry.input(description="A new password in place of a known one.")
class ChangePasswordInput:
    current_password: str = strawberry.field(description="The one until now.")
    new_password: str = strawberry.field(description=_PASSWORD)
    revoke_api_tokens: bool = strawberry.field(
        default=False, description="Also revokes every API token of the viewer's."
    )


@strawberry.input(description="The proof that the signed-in user is present.")
class ConfirmSessionInput:
    password: str | None = strawberry.field(
        default=strawberry.UNSET, description="Required if no second factor is enabled."
    )


@strawberry.input(description="What the viewer's profile becomes.")
class UpdateProfileInput:
    name: str = strawberry.field(description="What other people will see, 1 to 80 characters.")


@strawberry.input(description="Money to add to the viewer's own balance.")
class AddBalanceInput:
    amount: Decimal = strawberry.field(description="In whole units of the currency.")
    idempotency_key: str = strawberry.field(description=_KEY.format("adds"))


@strawberry.input(description="Exactly one of the two.", one_of=True)
class RecipientInput:
    user_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A `User.id`."
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET, description="A whole email address."
    )


@strawberry.input(description="Money to send, and to whom.")
class SendMoneyInput:
    recipient: RecipientInput = strawberry.field(description="Who gets it.")
    amount: Decimal = strawberry.field(
        description="In whole units of the currency; the fee comes on top."
    )
    note: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Up to 140 characters, for both sides to see.",
    )
    idempotency_key: str = strawberry.field(description=_KEY.format("sends"))


@strawberry.input(description="A new key for a program.")
class CreateApiTokenInput:
    name: str = strawberry.field(description="To know it by, 1 to 80 characters.")
    scopes: list[Scope] = strawberry.field(description="What it may do: at least one thing.")
    daily_limit: Decimal | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "The most that it may send in any 24 hours, amounts and fees together; none if left out."
        ),
    )
    expires_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When it stops working by itself; never if left out.",
    )


@strawberry.input(description="The API token to end.")
class RevokeApiTokenInput:
    api_token_id: strawberry.ID = strawberry.field(description="An `ApiToken.id` of the viewer's.")
