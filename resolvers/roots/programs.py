"""Mutations of API tokens, webhooks and notifications."""

import strawberry

from domain.people.sessions import Scope
from resolvers import api_tokens, notifications, webhooks
from resolvers.guards import person, scope
from resolvers.limits import CHANGES, WEBHOOK_CHANGES, WEBHOOK_TESTS
from resolvers.operations import operation

WEBHOOKS = scope(Scope.MANAGE_WEBHOOKS)
_CONFIRMED = (
    "A session must have been confirmed within the last hour; otherwise the answer is `FORBIDDEN` with the "
    "`reason` `CONFIRM_SESSION`."
)


@strawberry.type
class ProgramMutations:
    create_api_token = operation(
        api_tokens.create_api_token, person, CHANGES,
        description=(
            "Creates an API token for a program and tells its owner by mail. Requires a session "
            "confirmed within the last hour: otherwise `FORBIDDEN` with the `reason` "
            "`CONFIRM_SESSION`."
        ),
    )  # fmt: skip
    revoke_api_token = operation(
        api_tokens.revoke_api_token, person, CHANGES,
        description=(
            "Revokes an API token permanently. Requires a session confirmed within the last hour: "
            "otherwise `FORBIDDEN` with the `reason` `CONFIRM_SESSION`."
        ),
    )  # fmt: skip
    create_webhook = operation(
        webhooks.create_webhook, WEBHOOKS, WEBHOOK_CHANGES,
        description=(
            "Creates a webhook: an endpoint that the events of a stream are delivered to, in order and "
            "each at least once. At most 10 per user. Created with an API token, it ends with the "
            "token. A session must have been confirmed within the last hour, also to change or delete it."
        ),
    )  # fmt: skip
    update_webhook = operation(
        webhooks.update_webhook, WEBHOOKS, WEBHOOK_CHANGES,
        description=(
            "Changes a webhook. Delivery continues where it stopped; a pending retry is made at once. "
            f"{_CONFIRMED}"
        ),
    )  # fmt: skip
    delete_webhook = operation(
        webhooks.delete_webhook, WEBHOOKS, WEBHOOK_CHANGES,
        description=f"Deletes a webhook. {_CONFIRMED}",
    )  # fmt: skip
    rotate_webhook_secret = operation(
        webhooks.rotate_webhook_secret, WEBHOOKS, WEBHOOK_CHANGES,
        description=(
            "Creates a new signing secret. Deliveries are signed with both until the old one expires. "
            f"{_CONFIRMED}"
        ),
    )  # fmt: skip
    replay_webhook = operation(
        webhooks.replay_webhook, WEBHOOKS, WEBHOOK_CHANGES,
        description=(
            "Delivers all events after the given number again, also if the webhook was paused or "
            f"disabled. {_CONFIRMED}"
        ),
    )  # fmt: skip
    test_webhook = operation(
        webhooks.test_webhook, WEBHOOKS, WEBHOOK_TESTS,
        description=(
            "Renders the delivery of the latest event and, if `send` is true, sends it immediately, "
            "outside the ordered stream."
        ),
    )  # fmt: skip
    mark_notifications_read = operation(
        notifications.mark_notifications_read, person, CHANGES,
        description=(
            "Marks notifications as read, on all devices. Not for API tokens: a program keeps its own"
            " position, and hides nothing from the user."
        ),
    )  # fmt: skip
    set_mailed_notifications = operation(
        notifications.set_mailed_notifications, person, CHANGES,
        description="Chooses the kinds of notification that are also sent by mail.",
    )  # fmt: skip
