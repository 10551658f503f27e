"""What operations answer: the good outcome, or one of the refusals that a person can mend."""

from datetime import datetime
from typing import Annotated

import strawberry

from schema import errors
from schema.sessions import ApiToken
from schema.transactions import Transaction
from schema.viewers import Viewer


@strawberry.type(description="A mail with a link is on its way.")
class RegistrationReceived:
    email: str = strawberry.field(description="Where the verification mail went.")


RegisterResult = Annotated[
    RegistrationReceived | errors.InvalidInput | errors.WeakPassword,
    strawberry.union("RegisterResult", description="What `register` answers."),
]


@strawberry.type(description="The address is the viewer's: money may move.")
class EmailVerified:
    email: str = strawberry.field(description="The verified address.")


VerifyEmailResult = Annotated[
    EmailVerified | errors.InvalidToken | errors.InvalidCredentials,
    strawberry.union("VerifyEmailResult", description="What `verifyEmail` answers."),
]


@strawberry.type(description="A mail is on its way, if the address waits for one.")
class VerificationEmailRequested:
    email: str = strawberry.field(description="The address it was asked for.")


ResendVerificationEmailResult = Annotated[
    VerificationEmailRequested | errors.InvalidInput,
    strawberry.union(
        "ResendVerificationEmailResult",
        description="What `resendVerificationEmail` answers.",
    ),
]


@strawberry.type(description="What a program needs to call the API as a user.")
class Credentials:
    access_token: str = strawberry.field(
        description="A JWT for the header `Authorization: Bearer …`."
    )
    expires_at: datetime = strawberry.field(description="When the access token stops working.")
    refresh_token: str | None = strawberry.field(
        description="Replaced at each use: keep the newest. Null where it is in the cookie."
    )


@strawberry.type(description="A session has begun, or goes on.")
class SignedIn:
    credentials: Credentials = strawberry.field(description="What to sign requests with.")
    viewer: Viewer = strawberry.field(description="Who signed in.")


LoginResult = Annotated[
    SignedIn | errors.InvalidCredentials | errors.InvalidInput,
    strawberry.union("LoginResult", description="What `login` answers."),
]
RefreshSessionResult = Annotated[
    SignedIn | errors.InvalidToken,
    strawberry.union("RefreshSessionResult", description="What `refreshSession` answers."),
]


@strawberry.type(description="Sessions have ended.")
class SignedOut:
    sessions: int = strawberry.field(description="How many sessions ended.")


LogoutResult = Annotated[
    SignedOut, strawberry.union("LogoutResult", description="What `logout` answers.")
]
RevokeSessionResult = Annotated[
    SignedOut | errors.NotFound,
    strawberry.union("RevokeSessionResult", description="What `revokeSession` answers."),
]


@strawberry.type(description="A mail is on its way, if the address is known.")
class PasswordResetRequested:
    email: str = strawberry.field(description="The address it was asked for.")


RequestPasswordResetResult = Annotated[
    PasswordResetRequested | errors.InvalidInput,
    strawberry.union(
        "RequestPasswordResetResult", description="What `requestPasswordReset` answers."
    ),
]


@strawberry.type(description="The new password is in force.")
class PasswordChanged:
    sessions: int = strawberry.field(description="How many sessions that ended.")
    api_tokens: int = strawberry.field(description="How many API tokens that revoked.")


ResetPasswordResult = Annotated[
    PasswordChanged | errors.InvalidToken | errors.WeakPassword,
    strawberry.union("ResetPasswordResult", description="What `resetPassword` answers."),
]
ChangePasswordResult = Annotated[
    PasswordChanged | errors.InvalidCredentials | errors.WeakPassword,
    strawberry.union("ChangePasswordResult", description="What `changePassword` answers."),
]


@strawberry.type(description="The session counts as confirmed.")
class SessionConfirmed:
    until: datetime = strawberry.field(description="When it has to be confirmed again.")


ConfirmSessionResult = Annotated[
    SessionConfirmed | errors.InvalidCredentials,
    strawberry.union("ConfirmSessionResult", description="What `confirmSession` answers."),
]


@strawberry.type(description="The profile is as asked.")
class ProfileUpdated:
    viewer: Viewer = strawberry.field(description="The viewer as they are now.")


UpdateProfileResult = Annotated[
    ProfileUpdated | errors.InvalidInput,
    strawberry.union("UpdateProfileResult", description="What `updateProfile` answers."),
]


@strawberry.type(description="The money is in the balance.")
class BalanceAdded:
    transaction: Transaction = strawberry.field(description="The movement, as it was made.")
    viewer: Viewer = strawberry.field(description="The viewer as they are now.")
    replayed: bool = strawberry.field(
        description="True when this key had added already and nothing moved now."
    )


AddBalanceResult = Annotated[
    BalanceAdded
    | errors.EmailNotVerified
    | errors.InvalidAmount
    | errors.InvalidInput
    | errors.BalanceLimitExceeded
    | errors.IdempotencyKeyReused,
    strawberry.union("AddBalanceResult", description="What `addBalance` answers."),
]


@strawberry.type(description="The recipient has the money.")
class MoneySent:
    transaction: Transaction = strawberry.field(description="The movement, as it was made.")
    viewer: Viewer = strawberry.field(description="The viewer as they are now.")
    replayed: bool = strawberry.field(
        description="True when this key had sent already and nothing moved now."
    )


SendMoneyResult = Annotated[
    MoneySent
    | errors.EmailNotVerified
    | errors.InvalidAmount
    | errors.InvalidInput
    | errors.InsufficientFunds
    | errors.RecipientNotFound
    | errors.CannotPayYourself
    | errors.TokenLimitExceeded
    | errors.IdempotencyKeyReused,
    strawberry.union("SendMoneyResult", description="What `sendMoney` answers."),
]


@strawberry.type(description="The key is made.")
class ApiTokenCreated:
    api_token: ApiToken = strawberry.field(description="What is known of it from now on.")
    secret: str = strawberry.field(
        description=(
            "For the header `Authorization: Bearer …`. It is in this answer and nowhere else."
        )
    )


CreateApiTokenResult = Annotated[
    ApiTokenCreated | errors.InvalidInput | errors.InvalidAmount,
    strawberry.union("CreateApiTokenResult", description="What `createApiToken` answers."),
]


@strawberry.type(description="The key has ended.")
class ApiTokenRevoked:
    api_token: ApiToken = strawberry.field(description="The token that ended.")


RevokeApiTokenResult = Annotated[
    ApiTokenRevoked | errors.NotFound,
    strawberry.union("RevokeApiTokenResult", description="What `revokeApiToken` answers."),
]
