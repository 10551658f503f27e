"""The inputs of operations."""

from datetime import datetime
from decimal import Decimal

import strawberry

from domain.ledger import kinds
from domain.people.sessions import Scope
from schema.notifications import NotificationKind
from schema.step_up import CONFIRMATION, ConfirmationInput
from schema.transactions import MetadataEntryInput
from schema.webhooks import WebhookStatus, WebhookStream

_KEY = "Chosen by the caller, 8 to 64 printable ASCII characters. A key never {} twice."
_METADATA = (
    "Key-value pairs to attach, which only the caller sees: part of the input, as the amount is."
)
_NOT_AFTER = (
    "The request is refused (TooLate) if processed after this instant, by the database clock."
)
_PASSWORD = "8 to 128 characters, and none of the common ones."  # noqa: S105


@strawberry.input(description="A new account.")
class RegisterInput:
    name: str = strawberry.field(description="The name that other users see, 1 to 80 characters.")
    email: str = strawberry.field(description="The address to sign in with.")
    password: str = strawberry.field(description=_PASSWORD)
    time_zone: str | None = strawberry.field(
        default=strawberry.UNSET,
        description='IANA time zone of the user, such as "Europe/Berlin". Defaults to "UTC".',
    )


@strawberry.input(description="The token from the verification link, and the password if required.")
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


@strawberry.input(description="Email address and password of a user.")
class LoginInput:
    email: str = strawberry.field(description="The address that was registered.")
    password: str = strawberry.field(description="Its password.")
    use_cookie: bool = strawberry.field(
        default=False,
        description=("For browsers: returns the refresh token in an HttpOnly cookie only."),
    )


@strawberry.input(description="The session to continue.")
class RefreshSessionInput:
    refresh_token: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Omitted by browsers, which send it in the cookie.",
    )


@strawberry.input(description="The sessions to end.")
class LogoutInput:
    everywhere: bool = strawberry.field(
        default=False, description="Ends all sessions of the viewer instead of only this one."
    )


@strawberry.input(description="The session to end.")
class RevokeSessionInput:
    session_id: strawberry.ID = strawberry.field(description="A `Session.id` of the viewer.")


@strawberry.input(description="The account whose password was forgotten.")
class RequestPasswordResetInput:
    email: str = strawberry.field(description="The address that was registered.")


@strawberry.input(description="A new password in place of a known one.")
class ChangePasswordInput:
    current_password: str = strawberry.field(description="The current password.")
    new_password: str = strawberry.field(description=_PASSWORD)
    revoke_api_tokens: bool = strawberry.field(
        default=False, description="Also revokes every API token of the viewer's."
    )


@strawberry.input(description="The viewer's new profile. Omitted fields remain unchanged.")
class UpdateProfileInput:
    name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The name that other users see, 1 to 80 characters.",
    )
    time_zone: str | None = strawberry.field(
        default=strawberry.UNSET,
        description='IANA time zone used for statements and schedules, such as "Europe/Berlin".',
    )
    handle: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "3 to 20 characters of a-z, 0-9, dot and underscore, starting with a letter; case does not "
            "matter. Null releases the handle. A handle that was released or changed stays reserved for "
            "90 days for its former owner, who can take it again."
        ),
    )


@strawberry.input(description="Money to add to the viewer's own balance.")
class AddBalanceInput:
    amount: Decimal = strawberry.field(description="In whole units of the currency.")
    idempotency_key: str = strawberry.field(description=_KEY.format("adds"))
    metadata: list[MetadataEntryInput] | None = strawberry.field(
        default=strawberry.UNSET, description=_METADATA
    )
    not_after: datetime | None = strawberry.field(default=strawberry.UNSET, description=_NOT_AFTER)


@strawberry.input(description="Exactly one field must be set.", one_of=True)
class RecipientInput:
    user_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A `User.id`."
    )
    email: str | None = strawberry.field(
        default=strawberry.UNSET, description="A complete email address."
    )
    handle: str | None = strawberry.field(
        default=strawberry.UNSET, description='A `User.handle`, with or without "@" in front.'
    )


@strawberry.input(description="Money to send, and to whom.")
class SendMoneyInput:
    recipient: RecipientInput = strawberry.field(description="The recipient.")
    amount: Decimal = strawberry.field(
        description="In whole units of the currency; the fee is added."
    )
    note: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Up to 140 characters, visible to both sides.",
    )
    idempotency_key: str = strawberry.field(description=_KEY.format("sends"))
    metadata: list[MetadataEntryInput] | None = strawberry.field(
        default=strawberry.UNSET, description=_METADATA
    )
    not_after: datetime | None = strawberry.field(default=strawberry.UNSET, description=_NOT_AFTER)
    confirmation: ConfirmationInput | None = strawberry.field(
        default=strawberry.UNSET, description=CONFIRMATION
    )


@strawberry.input(description="The key whose outcome is to become final.")
class CloseIdempotencyKeyInput:
    kind: kinds.Kind = strawberry.field(
        description="Which operation the key was for: a key belongs to one."
    )
    idempotency_key: str = strawberry.field(description="The key as it was sent.")


@strawberry.input(description="A new API token.")
class CreateApiTokenInput:
    name: str = strawberry.field(
        description="A name to recognise the token by, 1 to 80 characters."
    )
    scopes: list[Scope] = strawberry.field(description="What the token may do; at least one scope.")
    daily_limit: Decimal | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "The most that the token can send in any 24 hours, amounts and fees together; no "
            "limit if omitted."
        ),
    )
    expires_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When the token expires; never if omitted.",
    )


@strawberry.input(description="The API token to end.")
class RevokeApiTokenInput:
    api_token_id: strawberry.ID = strawberry.field(description="An `ApiToken.id` of the viewer.")


@strawberry.input(description="A new webhook.")
class CreateWebhookInput:
    url: str = strawberry.field(description="A public HTTPS address.")
    stream: WebhookStream = strawberry.field(description="The stream to deliver.")
    document: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Defaults to a document that selects all scalar fields of the event and its transaction. "
            "One subscription with the stream's field as its only root field; variables need default "
            "values."
        ),
    )
    after_number: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Deliver events after this number; defaults to future events only.",
    )


@strawberry.input(description="Omitted fields remain unchanged.")
class UpdateWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description="A `Webhook.id` of the viewer.")
    url: str | None = strawberry.field(
        default=strawberry.UNSET, description="A public HTTPS address."
    )
    document: str | None = strawberry.field(
        default=strawberry.UNSET, description="As for `createWebhook`."
    )
    status: WebhookStatus | None = strawberry.field(
        default=strawberry.UNSET, description="ACTIVE or PAUSED."
    )


@strawberry.input(description="The webhook to delete.")
class DeleteWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description="A `Webhook.id` of the viewer.")


@strawberry.input(description="The webhook that is to get another signing secret.")
class RotateWebhookSecretInput:
    webhook_id: strawberry.ID = strawberry.field(description="A `Webhook.id` of the viewer.")
    overlap_seconds: int = strawberry.field(
        default=86_400,
        description=(
            "How long the old secret keeps signing, up to 30 days; 0 ends it immediately."
        ),
    )


@strawberry.input(description="The webhook whose events are to be delivered again.")
class ReplayWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description="A `Webhook.id` of the viewer.")
    after_number: int = strawberry.field(
        description="The number of the last event that is not delivered again; 0 for all events."
    )


@strawberry.input(description="The webhook to try out.")
class TestWebhookInput:
    webhook_id: strawberry.ID = strawberry.field(description="A `Webhook.id` of the viewer.")
    document: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "A document to preview, without `send`; the webhook's own document if omitted."
        ),
    )
    send: bool = strawberry.field(
        default=False,
        description=(
            "Whether to send a request, or only to show it. While events wait to be delivered, the first "
            "of them is sent instead of the latest event, so that the receiver misses none."
        ),
    )


@strawberry.input(description="Up to where notifications are read.")
class MarkNotificationsReadInput:
    through: int = strawberry.field(
        description="Marks all notifications up to and including this number."
    )


@strawberry.input(description="Security notifications are always sent by email.")
class SetMailedNotificationsInput:
    kinds: list[NotificationKind] = strawberry.field(
        description=(
            "Each kind once; all others are no longer sent, except `NEW_SIGN_IN` and "
            "`SECURITY_CHANGED`, which always are, named here or not."
        )
    )
