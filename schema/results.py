"""The results of operations: success, or one of the refusals that the user can act on."""

from datetime import datetime
from typing import Annotated

import strawberry

from schema import errors
from schema.people import HandleTaken
from schema.restrictions import AccountRestricted
from schema.scalars import JSON
from schema.second_factors import InvalidSecondFactor
from schema.sessions import ApiToken
from schema.step_up import ConfirmationRequired
from schema.top_ups import NotAvailable
from schema.transactions import Transaction
from schema.viewers import Viewer
from schema.webhook_attempts import WebhookAttempt
from schema.webhooks import InvalidWebhook, Webhook


@strawberry.type(description="A mail with a link is being sent.")
class RegistrationReceived:
    email: str = strawberry.field(description="Where the verification mail went.")


RegisterResult = Annotated[
    RegistrationReceived | errors.InvalidInput | errors.WeakPassword,
    strawberry.union("RegisterResult", description="What `register` returns."),
]


@strawberry.type(description="The address is verified.")
class EmailVerified:
    email: str = strawberry.field(description="The verified address.")


VerifyEmailResult = Annotated[
    EmailVerified | errors.InvalidToken | errors.InvalidCredentials,
    strawberry.union("VerifyEmailResult", description="What `verifyEmail` returns."),
]


@strawberry.type(description="A mail is being sent if the address is waiting to be verified.")
class VerificationEmailRequested:
    email: str = strawberry.field(description="The requested address.")


ResendVerificationEmailResult = Annotated[
    VerificationEmailRequested | errors.InvalidInput,
    strawberry.union(
        "ResendVerificationEmailResult",
        description="What `resendVerificationEmail` returns.",
    ),
]


@strawberry.type(description="What a program needs to call the API as a user.")
class Credentials:
    access_token: str = strawberry.field(
        description="A JWT for the header `Authorization: Bearer …`."
    )
    expires_at: datetime = strawberry.field(description="When the access token expires.")
    refresh_token: str | None = strawberry.field(
        description="Replaced at each use: keep the newest. Null if it is in the cookie."
    )


@strawberry.type(description="A session was started or continued.")
class SignedIn:
    credentials: Credentials = strawberry.field(description="The tokens for further requests.")
    viewer: Viewer = strawberry.field(description="Who signed in.")


RefreshSessionResult = Annotated[
    SignedIn | errors.InvalidToken,
    strawberry.union("RefreshSessionResult", description="What `refreshSession` returns."),
]


@strawberry.type(description="Sessions have ended.")
class SignedOut:
    sessions: int = strawberry.field(description="How many sessions ended.")


LogoutResult = Annotated[
    SignedOut | errors.InvalidInput,
    strawberry.union("LogoutResult", description="What `logout` returns."),
]
RevokeSessionResult = Annotated[
    SignedOut | errors.NotFound,
    strawberry.union("RevokeSessionResult", description="What `revokeSession` returns."),
]


@strawberry.type(description="A mail is being sent if the address has an account.")
class PasswordResetRequested:
    email: str = strawberry.field(description="The requested address.")


RequestPasswordResetResult = Annotated[
    PasswordResetRequested | errors.InvalidInput,
    strawberry.union(
        "RequestPasswordResetResult", description="What `requestPasswordReset` returns."
    ),
]


@strawberry.type(description="The password was changed.")
class PasswordChanged:
    sessions: int = strawberry.field(description="How many sessions were ended.")
    api_tokens: int = strawberry.field(description="How many API tokens were revoked.")


ChangePasswordResult = Annotated[
    PasswordChanged | errors.InvalidCredentials | errors.WeakPassword,
    strawberry.union("ChangePasswordResult", description="What `changePassword` returns."),
]


@strawberry.type(description="The profile was changed.")
class ProfileUpdated:
    viewer: Viewer = strawberry.field(description="The viewer as it is now.")


UpdateProfileResult = Annotated[
    ProfileUpdated | errors.InvalidInput | HandleTaken,
    strawberry.union("UpdateProfileResult", description="What `updateProfile` returns."),
]


@strawberry.type(description="The amount was added to the balance.")
class BalanceAdded:
    transaction: Transaction = strawberry.field(description="The transaction as it was posted.")
    viewer: Viewer = strawberry.field(description="The viewer as it is now.")
    replayed: bool = strawberry.field(
        description=(
            "True if this key had already been used for this top-up and nothing was posted now."
        )
    )


AddBalanceResult = Annotated[
    BalanceAdded
    | errors.EmailNotVerified
    | errors.InvalidAmount
    | errors.InvalidInput
    | errors.BalanceLimitExceeded
    | errors.IdempotencyKeyReused
    | errors.IdempotencyKeyClosed
    | errors.TooLate
    | AccountRestricted
    | NotAvailable,
    strawberry.union("AddBalanceResult", description="What `addBalance` returns."),
]


@strawberry.type(description="The transfer was posted.")
class MoneySent:
    transaction: Transaction = strawberry.field(description="The transaction as it was posted.")
    viewer: Viewer = strawberry.field(description="The viewer as it is now.")
    replayed: bool = strawberry.field(
        description=(
            "True if this key had already been used for this transfer and nothing was posted now."
        )
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
    | errors.IdempotencyKeyReused
    | errors.IdempotencyKeyClosed
    | errors.TooLate
    | AccountRestricted
    | ConfirmationRequired
    | InvalidSecondFactor,
    strawberry.union("SendMoneyResult", description="What `sendMoney` returns."),
]


@strawberry.type(description="The outcome of the key is final.")
class IdempotencyKeySettled:
    transaction: Transaction | None = strawberry.field(
        description="The transaction produced by the key; null if it produced none and never will."
    )


CloseIdempotencyKeyResult = Annotated[
    IdempotencyKeySettled | errors.InvalidInput,
    strawberry.union(
        "CloseIdempotencyKeyResult", description="What `closeIdempotencyKey` returns."
    ),
]


@strawberry.type(description="The key is made.")
class ApiTokenCreated:
    api_token: ApiToken = strawberry.field(description="The new token, without its secret.")
    secret: str = strawberry.field(
        description=("For the header `Authorization: Bearer …`. Only returned here.")
    )


CreateApiTokenResult = Annotated[
    ApiTokenCreated | errors.InvalidInput | errors.InvalidAmount,
    strawberry.union("CreateApiTokenResult", description="What `createApiToken` returns."),
]


@strawberry.type(description="The API token was revoked.")
class ApiTokenRevoked:
    api_token: ApiToken = strawberry.field(description="The revoked token.")


RevokeApiTokenResult = Annotated[
    ApiTokenRevoked | errors.NotFound,
    strawberry.union("RevokeApiTokenResult", description="What `revokeApiToken` returns."),
]


@strawberry.type(description="The webhook was created.")
class WebhookCreated:
    webhook: Webhook = strawberry.field(description="The new webhook.")
    secret: str = strawberry.field(
        description="Standard Webhooks signing secret (whsec_…). Shown only once."
    )


CreateWebhookResult = Annotated[
    WebhookCreated | InvalidWebhook,
    strawberry.union("CreateWebhookResult", description="What `createWebhook` returns."),
]


@strawberry.type(description="The webhook was changed.")
class WebhookUpdated:
    webhook: Webhook = strawberry.field(description="The webhook as it is now.")


UpdateWebhookResult = Annotated[
    WebhookUpdated | InvalidWebhook | errors.NotFound,
    strawberry.union(
        "UpdateWebhookResult", description="What `updateWebhook` and `replayWebhook` return."
    ),
]


@strawberry.type(description="The notifications are read.")
class NotificationsRead:
    viewer: Viewer = strawberry.field(description="The account, with what is still unread.")


MarkNotificationsReadResult = Annotated[
    NotificationsRead | errors.InvalidInput,
    strawberry.union(
        "MarkNotificationsReadResult", description="What `markNotificationsRead` returns."
    ),
]


@strawberry.type(description="The webhook was deleted.")
class WebhookDeleted:
    viewer: Viewer = strawberry.field(description="The viewer as it is now.")


DeleteWebhookResult = Annotated[
    WebhookDeleted | errors.NotFound,
    strawberry.union("DeleteWebhookResult", description="What `deleteWebhook` returns."),
]


@strawberry.type(description="The webhook has another signing secret.")
class WebhookSecretRotated:
    webhook: Webhook = strawberry.field(description="The webhook as it is now.")
    secret: str = strawberry.field(
        description="Standard Webhooks signing secret (whsec_…). Shown only once."
    )


RotateWebhookSecretResult = Annotated[
    WebhookSecretRotated | errors.InvalidInput | errors.NotFound,
    strawberry.union(
        "RotateWebhookSecretResult", description="What `rotateWebhookSecret` returns."
    ),
]


@strawberry.type(description="The delivery of an event.")
class WebhookTested:
    headers: JSON = strawberry.field(
        description="The request headers (Standard Webhooks), by name."
    )
    body: str = strawberry.field(description="The request body.")
    attempt: WebhookAttempt | None = strawberry.field(description="Null if nothing was sent.")


TestWebhookResult = Annotated[
    WebhookTested | InvalidWebhook | errors.NotFound,
    strawberry.union("TestWebhookResult", description="What `testWebhook` returns."),
]


@strawberry.type(description="These kinds of notification are sent by mail from now on.")
class MailedNotificationsSet:
    viewer: Viewer = strawberry.field(description="The account, with its choice.")


SetMailedNotificationsResult = Annotated[
    MailedNotificationsSet | errors.InvalidInput,
    strawberry.union(
        "SetMailedNotificationsResult", description="What `setMailedNotifications` returns."
    ),
]
